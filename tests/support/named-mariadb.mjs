// Somebody between a client and the server who calls the server a MariaDB 11.4: some of
// MariaDB's clients ask only such servers for the proof of their certificate. With a
// certificate of his own he opens the TLS and reads along.

import { once } from 'node:events';
import net from 'node:net';
import tls from 'node:tls';

const VERSION = '11.4.2-MariaDB';
const HEADER = 4;
const SSL_REQUEST = HEADER + 32;

export class NamedMariaDb {
  /** Without an `identity` (`key` and `cert`) he passes TLS through as it is. */
  static async start(server, identity) {
    const between = new NamedMariaDb(server, identity);
    between.listener.listen(0, server.host);
    await once(between.listener, 'listening');
    return between;
  }

  constructor(server, identity) {
    this.identity = identity;
    this.loggedIn = false;
    this.sockets = new Set();
    this.listener = net.createServer((client) => this.#join(client, net.connect(server.cometqlPort, server.host)));
  }

  get port() {
    return this.listener.address().port;
  }

  stop() {
    this.listener.close();
    for (const socket of this.sockets) socket.destroy();
  }

  #join(client, server) {
    this.#endTogether(client, server);
    server.once('data', (greeting) => {
      client.write(renamed(greeting));
      if (this.identity) client.once('data', (request) => this.#open(client, server, request));
      else client.pipe(server).pipe(client);
    });
  }

  #open(client, server, request) {
    // What follows in the same segment is for TLS to read.
    client.pause();
    server.write(request.subarray(0, SSL_REQUEST));
    if (request.length > SSL_REQUEST) client.unshift(request.subarray(SSL_REQUEST));
    const fromClient = new tls.TLSSocket(client, { isServer: true, ...this.identity });
    const toServer = tls.connect({ socket: server, rejectUnauthorized: false });
    this.#endTogether(fromClient, toServer);
    toServer.once('data', (answer) => (this.loggedIn = answer[HEADER] === 0));
    fromClient.pipe(toServer).pipe(fromClient);
  }

  #endTogether(...pair) {
    for (const socket of pair) {
      this.sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        for (const other of pair) other.destroy();
      });
    }
  }
}

/** The greeting with another version in it. */
function renamed(greeting) {
  const end = greeting.indexOf(0, HEADER + 1);
  const payload = Buffer.concat([greeting.subarray(HEADER, HEADER + 1), Buffer.from(VERSION), greeting.subarray(end)]);
  const header = Buffer.alloc(HEADER);
  header.writeUIntLE(payload.length, 0, 3);
  return Buffer.concat([header, payload]);
}
