// A TCP proxy that lets HTTP through and no WebSocket, as some companies' do. It looks at the beginning of every
// request; connections may be cut, and the way closed for a while.

import { once } from 'node:events';
import net from 'node:net';

export class BlockingProxy {
  /** Handshakes of WebSockets that were refused. */
  refused = 0;
  isBlocking = true;
  #isSevered = false;
  #sockets = new Set();

  /** Listens in front of `server`'s door for browsers. */
  static async start(server) {
    const proxy = new BlockingProxy();
    proxy.listener = net.createServer((page) => proxy.#serve(page, server));
    proxy.listener.listen(0, server.host);
    await once(proxy.listener, 'listening');
    proxy.address = `${server.host}:${proxy.listener.address().port}`;
    return proxy;
  }

  /** Cuts every connection, and lets none through until it is mended. */
  sever() {
    this.#isSevered = true;
    this.cut();
  }

  mend() {
    this.#isSevered = false;
  }

  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }

  close() {
    this.listener.close();
    this.cut();
  }

  #serve(page, { host, httpPort }) {
    if (this.#isSevered) {
      page.destroy();
      return;
    }
    const inner = net.connect({ host, port: httpPort });
    const end = () => {
      page.destroy();
      inner.destroy();
      this.#sockets.delete(page);
      this.#sockets.delete(inner);
    };
    for (const socket of [page, inner]) {
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', end);
    }
    page.on('data', (data) => {
      if (this.isBlocking && /^GET [^]*\r\nUpgrade: websocket/i.test(data.toString('latin1'))) {
        this.refused++;
        page.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
        return;
      }
      inner.write(data);
    });
    inner.on('data', (data) => page.write(data));
  }
}
