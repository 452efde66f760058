// The rows of each table, and how they follow what happens.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MysqlWire } from '../support/mysql-wire.mjs';
import { Server } from '../support/server.mjs';
import { rows } from '../support/sql.mjs';
import { until } from '../support/until.mjs';
import { randomUuid } from '../support/websocket.mjs';

const VAR_STRING = 253;
const NOT_NULL = 1;

let server;
let sql;
before(async () => {
  server = await Server.start();
  sql = await server.sql();
});
after(() => server?.stop());

const SHAPES = {
  pipes_messages: ['id', 'time', 'name', 'index', 'event', 'message', 'user_id'],
  pipes: ['name', 'users'],
  users_in_pipes: ['name', 'user_id', 'user_uuid', 'user_agent', 'ip', 'origin', 'language'],
  pipes_settings: ['name', 'length', 'age', 'subscribe', 'publish', 'history', 'user_ids', 'events', 'rate'],
  users_messages: ['id', 'index', 'event', 'message'],
  users_time: ['id', 'time'],
  users_auth: ['id', 'hash'],
  users_data: ['id', 'data'],
  conference: ['name', 'user_id', 'caller_id', 'message', 'profile', 'stream', 'node'],
  conference_members: ['name', 'user_id', 'join_time', 'last_talking'],
};

for (const [table, columns] of Object.entries(SHAPES)) {
  test(`${table} has its columns in order, every one a string`, async () => {
    const key = columns.includes('name') ? "name = 'shape'" : 'id = 4';
    const wire = await MysqlWire.login(server);
    const answer = await wire.query(`SELECT * FROM ${table} WHERE ${key}`);
    assert.equal(answer.kind, 'rows', answer.message);
    assert.deepEqual(
      answer.columns.slice(0, columns.length).map((column) => column.name),
      columns,
    );
    for (const column of answer.columns) {
      assert.equal(column.type, VAR_STRING, column.name);
      assert.equal(column.flags & NOT_NULL, NOT_NULL, column.name);
      assert.equal(column.schema, 'CometQL_v1');
      assert.equal(column.table, table);
    }
    const described = await rows(sql, `DESCRIBE ${table}`);
    assert.deepEqual(
      described.slice(0, columns.length).map((row) => row.Field),
      columns,
    );
    assert.deepEqual(Object.keys(described[0]), ['Field', 'Type', 'Null', 'Key', 'Default', 'Extra']);
    wire.destroy();
  });
}

test('SHOW TABLES lists them all', async () => {
  const listed = (await rows(sql, 'SHOW TABLES')).map((row) => Object.values(row)[0]);
  for (const table of Object.keys(SHAPES)) assert.ok(listed.includes(table), table);
  const databases = (await rows(sql, 'SHOW DATABASES')).map((row) => Object.values(row)[0]);
  assert.ok(databases.includes('CometQL_v1'));
});

test('pipes answers for every valid name, subscribed or not', async () => {
  const browser = await server.browser();
  await browser.subscribe('web_admins');
  assert.deepEqual(await rows(sql, 'SELECT * FROM pipes WHERE name IN("web_admins","ab","web_x")'), [
    { name: 'web_admins', users: '1' },
    { name: 'web_x', users: '0' },
  ]);
  browser.destroy();
});

test('users_in_pipes shows one row per connection, newest first, with its handshake', async () => {
  await sql.query("INSERT INTO users_auth (id, hash) VALUES (42, 'key_of_42')");
  const first = await server.browser();
  await first.subscribe('web_p20');
  const uuid = randomUuid();
  const second = await server.browser({
    userId: 42,
    userKey: 'key_of_42',
    uuid,
    headers: {
      'User-Agent': `Mozilla/5.0 ${'u'.repeat(300)}`,
      Origin: 'http://example.org',
      'Accept-Language': 'en-US,en',
    },
  });
  await second.subscribe('web_p20');
  const [newest, oldest, ...none] = await rows(sql, "SELECT * FROM users_in_pipes WHERE name = 'web_p20'");
  assert.deepEqual(none, []);
  assert.deepEqual(newest, {
    name: 'web_p20',
    user_id: '42',
    user_uuid: uuid,
    user_agent: `Mozilla/5.0 ${'u'.repeat(300)}`.slice(0, 250),
    ip: '127.0.0.1',
    origin: 'http://example.org',
    language: 'en-US,en',
  });
  assert.equal(oldest.user_id, '0');
  assert.equal(oldest.user_uuid, first.uuid);
  first.destroy();
  second.destroy();
});

test('users_time is 0 online, the time of leaving, and -1 for the unknown, in the order asked', async () => {
  await sql.query("INSERT INTO users_auth (id, hash) VALUES (142, 'key_of_142')");
  await sql.query("INSERT INTO users_auth (id, hash) VALUES (143, 'key_of_143')");
  const online = await server.browser({ userId: 142, userKey: 'key_of_142' });
  const gone = await server.browser({ userId: 143, userKey: 'key_of_143' });
  const before = Math.floor(Date.now() / 1000);
  gone.destroy();
  const answer = await until('143 is offline', async () => {
    const all = await rows(sql, 'SELECT * FROM users_time WHERE id IN (142, 143, 107)');
    return all[1].time !== '0' && all;
  });
  assert.deepEqual(answer[0], { id: '142', time: '0' });
  assert.equal(answer[1].id, '143');
  assert.ok(Number(answer[1].time) >= before && Number(answer[1].time) <= Date.now() / 1000 + 1);
  assert.deepEqual(answer[2], { id: '107', time: '-1' });
  online.destroy();
});

test('conditions mean what they say', async () => {
  await sql.query("INSERT INTO users_auth (id, hash) VALUES (12, 'twelve')");
  await sql.query("INSERT INTO users_auth (id, hash) VALUES (13, 'thirteen')");
  assert.deepEqual(await rows(sql, "SELECT hash FROM users_auth WHERE id = 12 AND hash = 'nope'"), []);
  assert.deepEqual(await rows(sql, 'SELECT id FROM users_auth WHERE id IN (12, 13) AND id != 12'), [
    { id: '13' },
  ]);
  assert.deepEqual(
    await rows(sql, 'SELECT id FROM users_auth WHERE id IN (12, 13) ORDER BY id DESC LIMIT 1'),
    [{ id: '13' }],
  );
  assert.deepEqual(await rows(sql, 'SELECT id FROM users_auth WHERE id IN (12, 13) LIMIT 1, 1'), [
    { id: '13' },
  ]);
});

test('each statement that writes tells its affected rows and its insert id', async () => {
  const wire = await MysqlWire.login(server);
  for (const [statement, affectedRows, insertId] of [
    ["INSERT INTO pipes_settings (name, length) VALUES ('counts', 9)", 1, 0],
    ["INSERT INTO pipes_settings (name, length) VALUES ('counts', 8)", 1, 0],
    ["INSERT INTO pipes_messages (name, event, message) VALUES ('counts', 'e', 'm')", 0, 0],
    ["INSERT INTO users_messages (id, event, message) VALUES (70001, 'e', 'm')", 0, 70_001],
    ["INSERT INTO users_auth (id, hash) VALUES (100000, 'key')", 1, 100_000],
    ["INSERT INTO users_auth (id, hash) VALUES (100000, 'another')", 1, 100_000],
    ["INSERT INTO users_data (id, data) VALUES (16777215, 'text')", 1, 16_777_215],
    ["INSERT INTO revoked_tokens (token) VALUES ('a.b.c')", 1, 1],
    ["DELETE FROM pipes_messages WHERE name = 'counts'", 0, 0],
    ["DELETE FROM pipes_settings WHERE name = 'counts'", 0, 0],
    ['DELETE FROM users_messages WHERE id = 70001', 0, 0],
    ['DELETE FROM users_auth WHERE id = 100000', 0, 0],
    ['DELETE FROM users_data WHERE id = 16777215', 0, 0],
    ["DELETE FROM revoked_tokens WHERE token = 'a.b.c'", 0, 0],
    ["DELETE FROM conference WHERE name = 'nobody' AND user_id = 1", 0, 0],
  ]) {
    const answer = await wire.query(statement);
    assert.equal(answer.kind, 'ok', `${statement}: ${answer.message}`);
    assert.deepEqual([answer.affectedRows, answer.insertId], [affectedRows, insertId], statement);
  }
  wire.destroy();
});

test('rows come in the order of the list of keys, by every table that has one', async () => {
  for (const [table, key, value] of [
    ['pipes_settings', 'name', (number) => [`order_${number}`, number]],
    ['users_auth', 'id', (number) => [900 + number, `key${number}`]],
    ['users_data', 'id', (number) => [900 + number, `data ${number}`]],
  ]) {
    const values = [1, 2, 3].map(value);
    await sql.query(`INSERT INTO ${table} VALUES ?`, [values]);
    const [first, second, third] = values.map((row) => row[0]);
    const [found] = await sql.query(`SELECT ${key} AS found FROM ${table} WHERE ${key} IN (?)`, [[third, first, second]]);
    assert.deepEqual(found.map((row) => row.found), [third, first, second].map(String), table);
  }
});

test('no OK packet ever switches backslash escapes off', async () => {
  const wire = await MysqlWire.login(server);
  for (const statement of [
    'SET NAMES utf8mb4',
    "INSERT INTO pipes_messages (name, event, message) VALUES ('status', 'e', 'm')",
    'DELETE FROM users_messages WHERE id = 70001',
  ]) {
    const answer = await wire.query(statement);
    assert.equal(answer.kind, 'ok', answer.message);
    assert.equal(answer.status & 0x0200, 0, statement);
    assert.equal(answer.status & 0x0002, 0x0002, statement);
  }
  assert.equal(wire.greeting.status, 0x0002);
  assert.match(wire.greeting.version, /^\d+\.\d+\.\d+/);
  wire.destroy();
});
