// A program: readers who keep up, and tell how old each message was when it came.

import { createInterface } from 'node:readline';
import { WebSocketClient } from '../support/websocket.mjs';

const [port, count] = process.argv.slice(2).map(Number);
let latencies = [];
const onText = (text) => {
  const now = process.hrtime.bigint();
  const sent = /"data":"t(\d+)"/.exec(text)?.[1];
  if (sent) latencies.push(Number(now - BigInt(sent)) / 1e6);
};
const server = { host: '127.0.0.1', httpPort: port };
for (let number = 0; number < count; number += 1) {
  const client = await WebSocketClient.open(server);
  await client.subscribe('web_stream');
  client.keeps = false;
  client.onText = onText;
}
console.log('all are there');
for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'listen') latencies = [];
  // What is on its way when the last statement is answered.
  if (line === 'tell') setTimeout(() => console.log(JSON.stringify(latencies)), 500);
}
