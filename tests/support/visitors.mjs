// A program: users who connect, say they are there, and wait. Run where the server's
// network is; see tests/e2e/peers.test.mjs.

import { WebSocketClient } from './websocket.mjs';

const [port, count] = process.argv.slice(2).map(Number);
const server = { host: '127.0.0.1', httpPort: port };
const clients = [];
for (let user = 1; user <= count; user += 1) {
  const client = await WebSocketClient.open(server, { userId: user, userKey: `key${user}` });
  await client.subscribe('web_room');
  clients.push(client);
}
console.log('all are there');
