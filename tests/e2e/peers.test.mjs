// Peers that are slow or dead, many at once: they are let go with a reason that can be
// asked for, and everybody else is served, completely and in order.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { inNetworkOf, ownNetwork, socketPath, switchOff } from '../support/network.mjs';
import { Program, run } from '../support/program.mjs';
import { Server } from '../support/server.mjs';
import { publish, rows } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const PATIENCE = { within: 60_000 };

async function status(sql, name) {
  const [row] = await rows(sql, `SHOW GLOBAL STATUS LIKE '${name}'`);
  return Number(row.Value);
}

/** What the metrics page says under a name. */
async function metric(server, name) {
  const port = /Metrics\s+http:\/\/[^:]+:(\d+)/.exec(server.program.stdout)[1];
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
}

test('a hundred readers that stop reading are dropped, and nobody else loses a message or its place', async (t) => {
  const server = await Server.start({ args: ['--max-queued-bytes', '65536', '--metrics', '127.0.0.1:0'] });
  t.after(() => server.stop());
  const sql = await server.sql();
  const stuck = await Promise.all(Array.from({ length: 100 }, () => server.browser()));
  const readers = await Promise.all(Array.from({ length: 5 }, () => server.browser()));
  await Promise.all([...stuck, ...readers].map((client) => client.subscribe('web_flood')));
  // Half of them read nothing, half of them a few bytes now and then.
  stuck.forEach((client) => client.socket.pause());
  const trickle = setInterval(() => stuck.slice(50).forEach((client) => client.socket.read(1)), 50);
  t.after(() => clearInterval(trickle));
  const text = 'x'.repeat(60_000);
  let published = 0;
  while ((await status(sql, 'slow_readers')) < stuck.length) {
    await publish(sql, 'web_flood', 'e', `${published}:${text}`);
    published += 1;
    // This process reads for all of them: it must not fall behind itself.
    await until('the readers have it', () => readers.every((reader) => reader.inbox.length === published));
    const [{ queued }] = await rows(sql, 'SELECT MAX(queued_bytes) AS queued FROM connections');
    // The bound, the message that is being sent, and the one that passes the bound.
    assert.ok(Number(queued) <= 65_536 + 2 * (text.length + 200), `${queued} bytes wait for one connection`);
    assert.ok(published < 2000, 'the stuck readers are never dropped');
  }
  for (const reader of readers) {
    for (let number = 0; number < published; number += 1) {
      const { data } = await reader.takeFrom('web_flood');
      assert.equal(data, `${number}:${text}`);
    }
  }
  assert.equal(await metric(server, 'cometwire_slow_readers_total'), stuck.length);
  assert.equal(await status(sql, 'silent_readers'), 0);
  await until('only readers are left', async () => (await rows(sql, 'SELECT id FROM connections')).length === readers.length);
  await until('nothing waits', async () => (await metric(server, 'cometwire_queued_bytes')) === 0);
});

test('hundreds of browsers that answer no ping are dropped, and their users are offline', async (t) => {
  const server = await Server.start({ args: ['--keep-alive-seconds', '1'] });
  t.after(() => server.stop());
  const sql = await server.sql();
  await sql.query(`INSERT INTO users_auth (id, hash) VALUES ${Array.from({ length: 20 }, (_, i) => `(${i + 1}, 'key')`).join(', ')}`);
  const alive = await server.browser({ userId: 1, userKey: 'key' });
  const silent = await Promise.all(
    Array.from({ length: 300 }, (_, index) => server.browser({ userId: (index % 20) + 1, userKey: 'key', answersPings: false })),
  );
  await Promise.all(silent.map((client) => client.waitUntilDropped()));
  const online = async () => (await rows(sql, 'SELECT id FROM users_time WHERE time = 0')).map(({ id }) => id);
  await until('only the living one is online', async () => (await online()).join() === '1');
  assert.equal(await status(sql, 'silent_readers'), silent.length);
  assert.equal((await rows(sql, 'SELECT id FROM connections')).length, 1);
  await alive.processed();
});

test('users whose network goes away without a word do not stay online', async (t) => {
  const socket = socketPath();
  const server = await Server.start({
    wrapper: ownNetwork(),
    args: ['--keep-alive-seconds', '1', '--cometql-socket', socket],
  });
  t.after(() => server.kill9());
  const sql = await server.sql({ socketPath: socket });
  for (let user = 1; user <= 10; user += 1) await sql.query('INSERT INTO users_auth (id, hash) VALUES (?, ?)', [user, `key${user}`]);
  const [command, ...words] = inNetworkOf(server);
  const script = new URL('../support/visitors.mjs', import.meta.url).pathname;
  const visitors = Program.start(command, [...words, process.execPath, script, String(server.httpPort), '10']);
  t.after(() => visitors.signal('SIGKILL'));
  await until('all are there', () => {
    if (visitors.exit) throw new Error(visitors.output);
    return visitors.stdout.includes('all are there');
  });
  const online = async () => (await rows(sql, 'SELECT id FROM users_time WHERE time = 0')).length;
  assert.equal(await online(), 10);
  await switchOff(server);
  await until('nobody is online', async () => (await online()) === 0);
  assert.equal(await status(sql, 'silent_readers'), 10);
  assert.deepEqual(await rows(sql, "SELECT users FROM pipes WHERE name = 'web_room'"), [{ users: '0' }]);
  assert.equal(visitors.exit, undefined);
});

test('backends that stop reading a large result are closed, and hold up no query of others', async (t) => {
  const server = await Server.start({ args: ['--write-seconds', '3'] });
  t.after(() => server.stop());
  const sql = await server.sql();
  const large = "SELECT REPEAT('x', 1000000) AS text FROM information_schema.TABLES LIMIT 16";
  const stuck = await Promise.all(Array.from({ length: 8 }, () => server.sql()));
  for (const connection of stuck) {
    const { stream } = connection.connection;
    // At the first bytes: on a quick machine all is read a moment later.
    const begun = once(stream, 'data');
    connection.connection.query(large, () => {});
    await begun;
    stream.pause();
  }
  // Each of these takes a turn among the queries, of which few run at once.
  for (let number = 0; number < 20; number += 1) {
    const [{ sum }] = await rows(sql, `SELECT COUNT(*) + ${number} AS sum FROM information_schema.TABLES t WHERE 1 = 0`);
    assert.equal(Number(sum), number);
  }
  const sessions = async () => (await rows(sql, "SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'root'")).length;
  await until('only we are left', async () => (await sessions()) === 1, PATIENCE);
  assert.deepEqual(await rows(sql, 'SELECT 1 AS one'), [{ one: '1' }]);
});

test('the system asks after quiet backends, so that one that vanished is closed', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const socket = net.connect(server.cometqlPort, server.host);
  await once(socket, 'data');
  const { stdout } = await run('ss', ['-tnoH', 'sport', '=', `:${server.cometqlPort}`]);
  assert.match(stdout, new RegExp(`:${socket.localPort}\\s.*timer:\\(keepalive,`));
  socket.destroy();
});
