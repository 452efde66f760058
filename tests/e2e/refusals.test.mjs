// Every published error code, reached by a statement or a login.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MysqlWire } from '../support/mysql-wire.mjs';
import { Server } from '../support/server.mjs';
import { refusal, rows } from '../support/sql.mjs';

const KEY = 'Developer15+key';

let server;
let sql;
before(async () => {
  server = await Server.start({ devs: { 15: KEY } });
  sql = await server.sql();
});
after(() => server?.stop());

const long = 'x'.repeat(65);
const REFUSED = [
  ['SELEC * FROM pipes', 3, '42000'],
  ["INSERT INTO pipes_messages (name, event, message) VALUES ('abc', 'e', 'open", 3, '42000'],
  ["INSERT INTO pipes (name, users) VALUES ('abc', 1)", 10],
  ["DELETE FROM pipes WHERE name = 'abc'", 10],
  ["INSERT INTO users_in_pipes (nonsense) VALUES ('abc')", 10],
  ["DELETE FROM users_in_pipes WHERE name = 'abc'", 10],
  ['INSERT INTO users_time (id, time) VALUES (1, 1)', 10],
  ['DELETE FROM users_time WHERE id = 1', 10],
  [`INSERT INTO pipes_messages (name, event, message) VALUES ('${long}', 'e', 'm')`, 11, '22001'],
  [`INSERT INTO pipes_messages (name, event, message) VALUES ('abc', '${long}', 'm')`, 11, '22001'],
  [`INSERT INTO pipes_settings (name, length) VALUES ('${long}', 1)`, 11, '22001'],
  [`INSERT INTO users_messages (id, event, message) VALUES (1, '${long}', 'm')`, 11, '22001'],
  [`INSERT INTO users_auth (id, hash) VALUES (1, '${'k'.repeat(33)}')`, 11, '22001'],
  ["INSERT INTO pipes_messages (name, event) VALUES ('abc', 'e')", 12],
  ["INSERT INTO pipes_messages (event, message) VALUES ('e', 'm')", 12],
  ["INSERT INTO pipes_messages (name, event, message) VALUES ('a.bc', 'e', 'm')", 12],
  ["INSERT INTO pipes_messages (name, event, message) VALUES ('abc', 'e e', 'm')", 12],
  ["INSERT INTO users_auth (id, hash) VALUES (0, 'key')", 12],
  ["INSERT INTO users_auth (id, hash) VALUES (-3, 'key')", 12],
  ["INSERT INTO users_auth (id, hash) VALUES (99999999999, 'key')", 12],
  ["INSERT INTO users_auth (id, hash) VALUES ('12abc', 'key')", 12],
  ["INSERT INTO users_auth (id, hash) VALUES (1, 'a-b')", 12],
  ["INSERT INTO users_auth (id, hash) VALUES (1, '')", 12],
  ["INSERT INTO users_messages (id, event, message) VALUES (-1, 'e', 'm')", 12],
  ["INSERT INTO pipes_settings (name, length) VALUES ('abc', '-5')", 12],
  ['DELETE FROM pipes_messages', 13],
  ['DELETE FROM users_auth', 13],
  ['DELETE FROM users_auth WHERE 1 = 1', 13],
  ['DELETE FROM users_messages', 13],
  ['DELETE FROM pipes_settings', 13],
  ["INSERT INTO users_auth (id, id) VALUES (1, 'key')", 13],
  ['SELECT nonsense FROM pipes_messages WHERE name = "abc"', 14, '42S22'],
  ["INSERT INTO users_auth (id, password) VALUES (1, 'key')", 14, '42S22'],
  ['INSERT INTO users_auth (id, hash) VALUES (1)', 14],
  ['SELECT * FROM nonsense', 15, '42S02'],
  ['INSERT INTO nonsense (a) VALUES (1)', 15, '42S02'],
  ['DELETE FROM nonsense WHERE a = 1', 15, '42S02'],
  ["INSERT INTO pipes_messages (name, event, message) VALUES ('ab', 'e', 'm')", 17],
  ["INSERT INTO pipes_settings (name, length) VALUES ('ab', 1)", 17],
  ['cometqlcluster_v1 set dev_id=7;', 403],
  ["cometqlcluster_v1 set dev_id=7; SELECT * FROM pipes WHERE name = 'abc'", 403],
];

for (const [statement, code, sqlState] of REFUSED) {
  const name = statement.length > 90 ? `${statement.slice(0, 87)}...` : statement;
  test(`${code}: ${name}`, async () => {
    const error = await refusal(sql, statement);
    assert.equal(error.errno, code, error.message);
    if (sqlState) assert.equal(error.sqlState, sqlState);
    assert.match(error.sqlMessage, /\w+ \w+/, 'a sentence for a person');
    assert.equal((await rows(sql, 'SELECT * FROM users_time WHERE id = 1')).length, 1);
  });
}

test('15: an unknown database, which leaves the connection as it was', async () => {
  const error = await refusal(sql, 'USE nonsense');
  assert.equal(error.errno, 15);
  const [row] = await rows(sql, 'SELECT DATABASE()');
  assert.deepEqual(row, { 'DATABASE()': 'CometQL_v1' });
  await assert.rejects(server.sql({ database: 'nonsense' }), { errno: 15 });
});

test('16: a wrong password, an unknown user, no password', async () => {
  for (const [user, password] of [
    ['root', 'wrong'],
    ['root', ''],
    ['15', server.rootKey],
    ['bob', server.rootKey],
    ['16', KEY],
  ]) {
    const wire = await MysqlWire.connect(server);
    const answer = await wire.logIn({ user, password });
    assert.equal(answer.code, 16, `${user}: ${JSON.stringify(answer)}`);
    assert.equal(answer.sqlState, '28000');
    assert.match(answer.message, /\w+ \w+ \w+/);
    if (password) assert.equal(answer.message.includes(password), false);
    await wire.waitUntilClosed();
  }
});

test('an INSERT of very many values is refused or done, and the connection lives', async () => {
  const columns = Array.from({ length: 500 }, (_, index) => `c${index}`).join(', ');
  const error = await refusal(sql, `INSERT INTO pipes_messages (${columns}) VALUES (${columns})`);
  assert.ok([14, 19, 20].includes(error.errno), error.message);
  const conditions = Array.from({ length: 5000 }, (_, index) => `id = ${index + 1}`).join(' OR ');
  const [answer] = await Promise.allSettled([rows(sql, `SELECT * FROM users_time WHERE ${conditions}`)]);
  if (answer.status === 'rejected')
    assert.ok([2, 3, 18].includes(answer.reason.errno), answer.reason.message);
  assert.equal((await rows(sql, 'SELECT * FROM users_time WHERE id = 1')).length, 1);
});

test('LIMIT and ORDER BY in a DELETE are obeyed', async () => {
  for (const id of [801, 802])
    await sql.query('INSERT INTO users_auth (id, hash) VALUES (?, ?)', [id, 'key']);
  for (const clause of ['LIMIT 0', 'ORDER BY id LIMIT 0']) {
    const statement = `DELETE FROM users_auth WHERE id IN (801, 802) ${clause}`;
    await sql.query(statement);
    assert.equal((await rows(sql, 'SELECT * FROM users_auth WHERE id IN (801, 802)')).length, 2);
  }
});
