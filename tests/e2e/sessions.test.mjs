// One connection of a backend: whose it is, and several statements at once.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MysqlWire } from '../support/mysql-wire.mjs';
import { Server } from '../support/server.mjs';
import { publish, refusal, rows } from '../support/sql.mjs';

const KEY = 'Developer15+key';

let server;
let sql;
before(async () => {
  server = await Server.start({ devs: { 15: KEY } });
  sql = await server.sql();
});
after(() => server?.stop());

test('COM_CHANGE_USER authenticates again and moves to the new developer', async () => {
  const wire = await MysqlWire.login(server);
  const moved = await wire.changeUser({ user: '15', password: KEY, database: 'CometQL_v1' });
  assert.equal(moved.kind, 'ok', moved.message);
  assert.equal(wire.switchedTo, 'mysql_native_password');
  await wire.query("INSERT INTO users_auth (id, hash) VALUES (900, 'of_15')");
  assert.deepEqual(await rows(sql, 'SELECT hash FROM users_auth WHERE id = 900'), []);
  const refused = await wire.changeUser({ user: 'root', password: 'wrong' });
  assert.equal(refused.code, 16);
  await wire.waitUntilClosed();
});

test('only root may look into another developer', async () => {
  const fifteen = await server.sql({ user: 15 });
  await fifteen.query("INSERT INTO users_auth (id, hash) VALUES (901, 'of_15')");
  const error = await refusal(fifteen, 'USE db_0');
  assert.ok([15, 403].includes(error.errno), error.message);
  const root = await server.sql();
  await root.query('USE db_15');
  assert.deepEqual(await rows(root, 'SELECT hash FROM users_auth WHERE id = 901'), [{ hash: 'of_15' }]);
});

test('several statements in one packet only for a client that asked for it', async () => {
  const plain = await MysqlWire.login(server);
  const refused = await plain.query(
    "INSERT INTO users_auth (id, hash) VALUES (902, 'a'); INSERT INTO users_auth (id, hash) VALUES (903, 'b')",
  );
  assert.equal(refused.code, 3);
  assert.deepEqual(await rows(sql, 'SELECT * FROM users_auth WHERE id IN (902, 903)'), []);
  plain.destroy();
  const many = await server.sql({ multipleStatements: true });
  const [answers] = await many.query(
    "INSERT INTO users_auth (id, hash) VALUES (902, 'a'); SELECT hash FROM users_auth WHERE id = 902",
  );
  assert.equal(answers[0].affectedRows, 1);
  assert.deepEqual(
    answers[1].map((row) => row.hash),
    ['a'],
  );
});

test('one INSERT of several rows arrives together and in order', async () => {
  const browser = await server.browser();
  await browser.subscribe('batch_a', 'batch_b');
  await sql.query(
    "INSERT INTO pipes_messages (name, event, message) VALUES ('batch_a', 'e', '1'), ('batch_b', 'e', '2'), ('batch_a', 'e', '3')",
  );
  const heard = [];
  for (let count = 0; count < 3; count += 1) {
    heard.push((await browser.take((message) => message.pipe?.startsWith('batch_'))).data);
  }
  assert.deepEqual(heard, ['1', '2', '3']);
  const error = await refusal(
    sql,
    "INSERT INTO pipes_messages (name, event, message) VALUES ('batch_a', 'e', '4'), ('x', 'e', '5')",
  );
  assert.equal(error.errno, 17);
  await publish(sql, 'batch_a', 'e', 'end');
  assert.equal((await browser.takeFrom('batch_a')).data, 'end');
  browser.destroy();
});

test('hundreds of short connections each publish one message', async () => {
  const WORKERS = 40;
  const EACH = 15;
  const browser = await server.browser();
  await browser.subscribe('short_lives');
  const workers = Array.from({ length: WORKERS }, async (_, worker) => {
    for (let index = 0; index < EACH; index += 1) {
      const link = await server.sql();
      await publish(link, 'short_lives', 'e', `${worker}:${index}`);
      await link.end();
    }
  });
  await Promise.all(workers);
  const heard = new Set();
  while (heard.size < WORKERS * EACH) {
    const { data } = await browser.takeFrom('short_lives');
    assert.equal(heard.has(data), false, `${data} arrived twice`);
    heard.add(data);
  }
  browser.destroy();
});

test('nothing of one developer is shown to another by any statement', async () => {
  const fifteen = await server.sql({ user: 15 });
  const marker = 'only_for_root';
  await sql.query('INSERT INTO users_auth (id, hash) VALUES (950, ?)', [marker]);
  await sql.query("INSERT INTO pipes_settings (name, length) VALUES ('only_for_root', 5)");
  await publish(sql, 'only_for_root', 'e', marker);
  await sql.query("INSERT INTO users_messages (id, event, message) VALUES (951, 'e', ?)", [marker]);
  const browser = await server.browser({ userId: 950, userKey: marker });
  await browser.subscribe('only_for_root');
  const KEYS = {
    users_auth: 'id = 950',
    users_time: 'id = 950',
    users_messages: 'id = 951',
    pipes_messages: "name = 'only_for_root'",
    pipes_settings: "name = 'only_for_root'",
    users_in_pipes: "name = 'only_for_root'",
    pipes: "name = 'only_for_root'",
  };
  const EMPTY = { users_time: [{ id: '950', time: '-1' }], pipes: [{ name: 'only_for_root', users: '0' }] };
  for (const [table, key] of Object.entries(KEYS)) {
    assert.deepEqual(await rows(fifteen, `SELECT * FROM ${table} WHERE ${key}`), EMPTY[table] ?? [], table);
    const listing = await Promise.allSettled([rows(fifteen, `SELECT * FROM ${table}`)]);
    assert.equal(JSON.stringify(listing).includes(marker), false, table);
    assert.notDeepEqual(await rows(sql, `SELECT * FROM ${table} WHERE ${key}`), EMPTY[table] ?? [], table);
  }
  for (const table of ['users_auth', 'users_messages', 'pipes_messages', 'pipes_settings']) {
    await fifteen.query(`DELETE FROM ${table} WHERE ${KEYS[table]}`);
    assert.equal((await rows(sql, `SELECT * FROM ${table} WHERE ${KEYS[table]}`)).length, 1, table);
  }
  await browser.processed();
  browser.destroy();
});
