// A TCP proxy that cuts each connection after a random number of bytes from the server: in the handshake, in the
// middle of a frame, between two. The same seed gives the same numbers.

import { once } from 'node:events';
import net from 'node:net';

export class CuttingProxy {
  cuts = 0;
  #isSevered = false;
  #isCutting = true;
  #sockets = new Set();

  /** Listens in front of `server`'s door for browsers; cuts after less than `most` bytes. */
  static async start(server, { seed, most }) {
    const proxy = new CuttingProxy();
    const random = randomNumbers(seed);
    proxy.listener = net.createServer((page) => proxy.#serve(page, server, random() * most));
    proxy.listener.listen(0, server.host);
    await once(proxy.listener, 'listening');
    proxy.address = `${server.host}:${proxy.listener.address().port}`;
    return proxy;
  }

  /** From now on connections live; those that have been counted down to their cut are still cut. */
  stopCutting() {
    this.#isCutting = false;
  }

  /** Cuts every connection, and lets none through until it is mended. */
  sever() {
    this.#isSevered = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  mend() {
    this.#isSevered = false;
  }

  close() {
    this.listener.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #serve(page, { host, httpPort }, bytes) {
    if (this.#isSevered) {
      page.destroy();
      return;
    }
    const inner = net.connect({ host, port: httpPort });
    let left = this.#isCutting ? bytes : Infinity;
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
    page.on('data', (data) => inner.write(data));
    inner.on('data', (data) => {
      if (data.length < left) {
        left -= data.length;
        page.write(data);
      } else {
        this.cuts++;
        page.write(data.subarray(0, Math.floor(left)), end);
      }
    });
  }
}

/** mulberry32: small, and the same everywhere. */
function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
