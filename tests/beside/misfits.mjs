// A program: those who do not keep up. Whoever is let go comes back, so that there are
// always as many.

import { setTimeout as delay } from 'node:timers/promises';
import { ROOT_KEY } from '../support/server.mjs';
import { connectSql } from '../support/sql.mjs';
import { WebSocketClient } from '../support/websocket.mjs';

const [httpPort, cometqlPort, kind, count, pipes, vanishing] = process.argv.slice(2);
const server = { host: '127.0.0.1', httpPort: Number(httpPort), cometqlPort: Number(cometqlPort) };
const LARGE = "SELECT REPEAT('x', 1000000) AS text FROM information_schema.TABLES LIMIT 30";
const PONG = { opcode: 10 };
/** Longer than a backend may read nothing, by the settings this server has. */
const BACKEND_MILLISECONDS = 7000;

/** Reads nothing, or a byte a second; says a word each second, and so learns that it was let go. */
async function browser(number) {
  const client = await WebSocketClient.open(server, { localAddress: kind === 'vanished' ? vanishing : undefined });
  await client.subscribe(`web_flood${number % pipes}`);
  client.keeps = false;
  client.socket.pause();
  if (kind === 'vanished') return { left: client.dropped };
  const words = setInterval(() => {
    client.sendFrame(PONG);
    if (kind === 'trickling') client.socket.read(1);
  }, 1000);
  return { left: client.dropped.then(() => clearInterval(words)) };
}

/** Reads the first bytes of a large answer and no more, until it must have been closed. */
async function backend() {
  const sql = await connectSql(server, { user: 'root', password: ROOT_KEY });
  const { stream } = sql.connection;
  sql.connection.query(LARGE, () => {});
  await new Promise((resolve) => stream.once('data', resolve));
  stream.pause();
  const closed = new Promise((resolve) => stream.once('close', resolve));
  stream.once('error', () => console.log('closed'));
  return { left: Promise.race([closed, timeOut(stream)]) };
}

/** A closed connection shows only to who says something. */
async function timeOut(stream) {
  await delay(BACKEND_MILLISECONDS);
  for (let words = 0; words < 2 && !stream.destroyed; words += 1) {
    stream.write('?');
    await delay(200);
  }
  stream.destroy();
}

let missing = Number(count);

async function stay(number) {
  for (let isFirst = true; ; isFirst = false) {
    const { left } = await (kind === 'backends' ? backend() : browser(number));
    if (isFirst) arrived();
    await left;
  }
}

function arrived() {
  missing -= 1;
  if (missing === 0) console.log('all are there');
}

for (let number = 0; number < Number(count); number += 1) {
  stay(number).catch((error) => {
    console.error(error);
    process.exit(1);
  });
}
