// Looking at a running server in SQL: who is connected, who is slow, and KILL.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Server } from '../support/server.mjs';
import { publish, refusal, rows } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const KEY = 'Developer15+key';

let server;
let root;
let fifteen;
before(async () => {
  server = await Server.start({ devs: { 15: KEY, 16: 'Developer16+key' }, args: ['--http-tls', 'offered'] });
  root = await server.sql();
  fifteen = await server.sql({ user: 15 });
});
after(() => server?.stop());

/** The row of `connections` for a raw client. */
async function connectionOf(sql, client) {
  const found = await rows(sql, 'SELECT * FROM connections WHERE uuid = ?', [client.uuid]);
  return found[0];
}

const ROADS = {
  'with a plain handshake': {},
  'with a handshake that only the HTTP library reads': { headers: { 'Content-Length': '0' } },
  'with TLS': { secure: true },
};
for (const [road, options] of Object.entries(ROADS)) {
  test(`a connection ${road} counts what it was sent and what it said, to the byte`, async () => {
    const browser = await server.browser({ devId: 15, ...options });
    const handshake = browser.raw.indexOf('\r\n\r\n') + 4;
    await browser.subscribe('web_counted');
    for (let n = 0; n < 20; n += 1) await publish(fifteen, 'web_counted', 'e', `message ${n}`);
    await until('all are there', () => browser.waitingOn('web_counted').length === 20);
    const row = await connectionOf(fifteen, browser);
    const messages = browser.frames.filter((frame) => frame.opcode === 1).length;
    assert.equal(Number(row.messages_out), messages);
    assert.equal(Number(row.bytes_out), browser.raw.length - handshake);
    assert.equal(Number(row.messages_in), 2, 'the subscription and the question after it');
    assert.ok(Number(row.bytes_in) > 0);
    assert.deepEqual(
      [row.dev_id, row.user_id, row.pipes, row.ip, row.client, row.state, row.queued_bytes, row.lag],
      ['15', '0', '1', '127.0.0.1', 'js/4.08', 'active', '0', '0'],
    );
    browser.destroy();
    await until('it is gone', async () => !(await connectionOf(fifteen, browser)));
  });
}

test('a reader that stops reading shows as blocked, with what waits for it', async () => {
  const stuck = await server.browser({ devId: 15 });
  await stuck.subscribe('web_stuck');
  stuck.socket.pause();
  const text = 'x'.repeat(60_000);
  const row = await until('something waits', async () => {
    await publish(fifteen, 'web_stuck', 'e', text);
    const row = await connectionOf(fifteen, stuck);
    return row.state === 'blocked' && row;
  });
  assert.ok(Number(row.queued_bytes) > 0);
  await until('its oldest byte ages', async () => Number((await connectionOf(fifteen, stuck)).lag) > 0);
  const slow = await rows(fifteen, "SELECT ID FROM information_schema.PROCESSLIST WHERE STATE = 'blocked'");
  assert.deepEqual(slow, [{ ID: row.id }]);
  stuck.socket.resume();
  await until('it has caught up', async () => (await connectionOf(fifteen, stuck)).state === 'active');
  stuck.destroy();
});

test('KILL closes a browser: an original client without a Close, another with one', async () => {
  const original = await server.browser({ devId: 15 });
  const modern = await server.browser({ devId: 15, api: 'test' });
  for (const client of [original, modern]) {
    const { id } = await connectionOf(fifteen, client);
    await fifteen.query(`KILL ${id}`);
    await client.waitUntilDropped();
    await until('it is gone', async () => !(await connectionOf(fifteen, client)));
  }
  assert.deepEqual(original.closeFrames, []);
  const [close] = modern.closeFrames;
  assert.equal(close.payload.readUInt16BE(0), 1008);
  assert.equal(close.payload.subarray(2).toString(), 'killed');
});

test('KILL ends a session, KILL QUERY its statement alone', async () => {
  const victim = await server.sql({ user: 15 });
  const id = victim.threadId;
  const sleeping = refusal(victim, 'SELECT SLEEP(25)');
  await until('the statement runs', async () => {
    const found = await rows(fifteen, 'SELECT COMMAND FROM information_schema.PROCESSLIST WHERE ID = ?', [id]);
    return found[0]?.COMMAND === 'Query';
  });
  await publish(fifteen, 'web_meanwhile', 'e', 'nothing waits for a SELECT');
  await fifteen.query(`KILL QUERY ${id}`);
  assert.equal((await sleeping).errno, 1317);
  assert.deepEqual(await rows(victim, 'SELECT 1 AS one'), [{ one: '1' }]);

  const closed = new Promise((resolve) => victim.connection.stream.once('close', resolve));
  await fifteen.query(`KILL ${id}`);
  await closed;
  await until('it is unknown', async () => (await refusal(fifteen, `KILL ${id}`)).errno === 1094);
});

test('KILL takes a running statement along', async () => {
  const victim = await server.sql({ user: 15 });
  const sleeping = refusal(victim, 'SELECT SLEEP(25)').catch((error) => error);
  await until('the statement runs', async () => {
    const found = await rows(root, 'SELECT COMMAND FROM information_schema.PROCESSLIST WHERE ID = ?', [victim.threadId]);
    return found[0]?.COMMAND === 'Query';
  });
  await root.query(`KILL ${victim.threadId}`);
  assert.equal((await sleeping).errno, 1317);
});

test('nobody sees or ends what belongs to another developer', async () => {
  const browser = await server.browser({ devId: 15 });
  await browser.subscribe('web_private_party');
  const sixteen = await server.sql({ user: 16 });
  const { id } = await connectionOf(fifteen, browser);
  assert.equal(await connectionOf(sixteen, browser), undefined);
  for (const sql of [
    `SELECT * FROM connections WHERE id = ${id}`,
    'SELECT * FROM connections WHERE dev_id = 15',
    `SELECT * FROM subscriptions WHERE connection = ${id}`,
    "SELECT * FROM subscriptions WHERE pipe = 'web_private_party'",
    `SELECT * FROM information_schema.PROCESSLIST WHERE ID = ${id}`,
  ]) {
    assert.deepEqual(await rows(sixteen, sql), [], sql);
    assert.equal((await rows(root, sql)).length > 0, true, sql);
  }
  assert.equal((await refusal(sixteen, `KILL ${id}`)).errno, 1095);
  assert.equal((await refusal(sixteen, `KILL ${fifteen.threadId}`)).errno, 1095);
  assert.equal((await refusal(fifteen, `KILL ${root.threadId}`)).errno, 1095);
  assert.equal((await refusal(sixteen, 'KILL 999999')).errno, 1094);
  assert.ok(await connectionOf(fifteen, browser), 'it is still there');
  await root.query(`KILL ${id}`);
  await browser.waitUntilDropped();
});
