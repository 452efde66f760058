// Tenant isolation, statement by statement: whatever developer 16 asks of whichever
// table, nothing of developer 15 shows; whatever it writes, nothing of 15 changes.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Server } from '../support/server.mjs';
import { connectSql, publish, refusal, rows } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

/** In everything that belongs to 15, and in nothing else. */
const SECRET = 'secret15';
const PIPE = `web_${SECRET}`;
const USER = 42;
const KEPT = {
  users_auth: 'SELECT * FROM users_auth ORDER BY id',
  users_data: 'SELECT * FROM users_data ORDER BY id',
  users_messages: `SELECT * FROM users_messages WHERE id IN (${USER}, 43)`,
  users_time: `SELECT * FROM users_time WHERE id IN (${USER}, 43)`,
  pipes_settings: 'SELECT * FROM pipes_settings ORDER BY name',
  pipes_messages: 'SELECT * FROM pipes_messages',
  revoked_tokens: 'SELECT * FROM revoked_tokens',
  users_in_pipes: `SELECT * FROM users_in_pipes WHERE name = '${PIPE}'`,
  pipes: `SELECT * FROM pipes WHERE name = '${PIPE}'`,
};

let server;
let fifteen;
let sixteen;
let page;

before(async () => {
  server = await Server.start({ devs: { 15: `key_${SECRET}`, 16: 'key_of_16' } });
  fifteen = await server.sql({ user: 15 });
  sixteen = await server.sql({ user: 16 });
  await fifteen.query('INSERT INTO users_auth (id, hash) VALUES (?, ?), (43, ?)', [USER, SECRET, SECRET]);
  await fifteen.query('INSERT INTO users_data (id, data) VALUES (?, ?)', [USER, SECRET]);
  await fifteen.query("INSERT INTO users_messages (id, event, message) VALUES (43, 'e', ?)", [SECRET]);
  await fifteen.query('INSERT INTO pipes_settings (name, length) VALUES (?, 100)', [PIPE]);
  await fifteen.query('INSERT INTO revoked_tokens (token) VALUES (?)', [`${SECRET}.token`]);
  await publish(fifteen, PIPE, SECRET, SECRET);
  page = await server.browser({
    userId: USER,
    userKey: SECRET,
    devId: 15,
    uuid: SECRET.padEnd(32, '_'),
    headers: { 'User-Agent': SECRET, Origin: `http://${SECRET}.example`, 'Accept-Language': SECRET },
  });
  await page.subscribe(PIPE, 'track_hall');
});
after(() => server?.stop());

const stateOf = async (sql) => {
  const state = {};
  for (const [table, statement] of Object.entries(KEPT)) state[table] = await rows(sql, statement);
  return state;
};

/** The answer or the error, as text. */
async function said(sql, statement, values) {
  const [outcome] = await Promise.allSettled([sql.query({ sql: statement, rowsAsArray: true }, values)]);
  return JSON.stringify(outcome.status === 'fulfilled' ? outcome.value[0] : `${outcome.reason.errno} ${outcome.reason.message}`);
}

test('what belongs to 15 shows to 15, in every table it is in', async () => {
  for (const [table, answer] of Object.entries(await stateOf(fifteen))) {
    assert.ok(answer.length > 0, table);
    if (table !== 'users_time') assert.ok(JSON.stringify(answer).includes(SECRET), `${table}: ${JSON.stringify(answer)}`);
  }
  for (const table of ['connections', 'subscriptions']) {
    assert.match(await said(fifteen, `SELECT * FROM ${table}`), new RegExp(SECRET));
  }
});

test('no SELECT on any table shows 16 anything of 15', async () => {
  const tables = (await rows(sixteen, 'SELECT TABLE_SCHEMA AS home, TABLE_NAME AS name FROM information_schema.TABLES')).map(
    ({ home, name }) => (home === 'CometQL_v1' ? name : `${home}.${name}`),
  );
  for (const table of Object.keys(KEPT)) assert.ok(tables.includes(table), table);
  assert.ok(tables.length > 20, tables.join());
  for (const table of tables) {
    const columns = (await sixteen.query(`SELECT * FROM ${table} LIMIT 0`))[1].map(({ name }) => name);
    const statements = [
      `SELECT * FROM ${table}`,
      `SELECT COUNT(*) FROM ${table} WHERE CONCAT_WS(' ', ${columns.map((name) => `\`${name}\``).join(', ')}) LIKE '%${SECRET}%'`,
      `SELECT * FROM ${table} t JOIN pipes_settings s ON 1 = 1 LIMIT 50`,
      ...(columns.includes('dev_id') ? [`SELECT * FROM ${table} WHERE dev_id = 15`, `SELECT * FROM ${table} WHERE dev_id <> 16`] : []),
      ...(columns.includes('name') ? [`SELECT * FROM ${table} WHERE name = '${PIPE}' AND 1 = 1`] : []),
      ...(columns.includes('id') ? [`SELECT * FROM ${table} WHERE id = ${USER} OR id = '${USER}'`] : []),
    ];
    for (const statement of statements) {
      const answer = (await said(sixteen, statement)).replaceAll(statement, '');
      assert.ok(!answer.includes(SECRET) || isEcho(statement, answer), `${statement}\n${answer}`);
      if (statement.includes('LIKE')) assert.match(answer, /^(\[\["0"\]\]|"\d+ )/, `${statement}\n${answer}`);
      if (/WHERE dev_id/.test(statement)) assert.match(answer, /^(\[\]|"\d+ )/, `${statement}\n${answer}`);
    }
  }
});

/** A pipe asked for by name has a row that repeats the name, subscribed or not. */
function isEcho(statement, answer) {
  return statement.includes(`= '${PIPE}'`) && answer === JSON.stringify([[PIPE, '0']]);
}

test('no other statement shows 16 anything of 15', async () => {
  const statements = [
    'SHOW FULL PROCESSLIST',
    'SHOW GLOBAL STATUS',
    'SHOW VARIABLES',
    'SHOW TABLE STATUS',
    'SHOW DATABASES',
    'SHOW GRANTS',
    'SHOW WARNINGS',
    'USE db_15',
    'SELECT * FROM db_15.users_auth',
    'SELECT * FROM `15`.users_auth',
    'SELECT CURRENT_USER(), USER(), DATABASE(), CONNECTION_ID()',
    "EXPLAIN INSERT INTO users_messages (id, event, message) VALUES (42, 'e', 'x')",
    `INSERT INTO pipes_messages (name, event, message) SELECT 'web_16', 'e', hash FROM users_auth`,
    `INSERT INTO users_messages (id, event, message) SELECT 42, 'e', message FROM pipes_messages`,
    'SELECT * FROM pipes_messages',
    `SELECT * FROM users_messages WHERE id = ${USER}`,
  ];
  for (const statement of statements) {
    const answer = (await said(sixteen, statement)).replaceAll('db_15', '');
    assert.ok(!answer.includes(SECRET), `${statement}\n${answer}`);
  }
  const [explained] = await rows(sixteen, `EXPLAIN INSERT INTO pipes_messages (name, event, message) VALUES ('${PIPE}', 'e', 'x')`);
  assert.match(JSON.stringify(explained), /"0"/);
  assert.equal((await refusal(sixteen, 'USE db_15')).errno > 0, true);
});

test('nothing 16 writes changes anything of 15, or is heard there', async () => {
  const state = await stateOf(fifteen);
  const statements = [
    [`INSERT INTO users_auth (id, hash) VALUES (${USER}, 'other')`],
    [`UPDATE users_auth SET hash = 'other2' WHERE id = ${USER}`],
    ["UPDATE users_auth SET hash = 'other3' WHERE id > 0"],
    [`DELETE FROM users_auth WHERE id = ${USER}`],
    [`INSERT INTO users_data (id, data) VALUES (${USER}, 'other')`],
    [`DELETE FROM users_data WHERE id = ${USER}`],
    [`INSERT INTO users_messages (id, event, message) VALUES (${USER}, 'e', 'other'), (43, 'e', 'other')`],
    ['DELETE FROM users_messages WHERE id = 43'],
    [`INSERT INTO pipes_settings (name, length) VALUES ('${PIPE}', 1)`],
    [`UPDATE pipes_settings SET length = 2 WHERE name LIKE '%'`],
    [`INSERT INTO pipes_messages (name, event, message) VALUES ('${PIPE}', 'e', 'other')`],
    [`DELETE FROM pipes_messages WHERE name = '${PIPE}'`],
    [`DELETE FROM pipes_messages WHERE message = '${SECRET}'`],
    [`DELETE FROM pipes_messages WHERE id = ?`, [state.pipes_messages[0].id]],
    [`DELETE FROM pipes_settings WHERE name = '${PIPE}'`],
    [`INSERT INTO revoked_tokens (token) VALUES ('${SECRET}.other')`],
    [`DELETE FROM revoked_tokens WHERE token = '${SECRET}.token'`],
    ["DELETE FROM conference WHERE name = 'x'"],
    ['FLUSH TABLES'],
  ];
  for (const [statement, values] of statements) {
    await sixteen.query(statement, values);
    assert.deepEqual(await stateOf(fifteen), state, statement);
  }
  const [{ id: browser }] = await rows(fifteen, 'SELECT id FROM connections');
  const [{ id: session }] = await rows(fifteen, 'SELECT CONNECTION_ID() AS id');
  for (const victim of [browser, session]) {
    for (const kill of ['KILL', 'KILL QUERY']) assert.ok((await refusal(sixteen, `${kill} ${victim}`)).errno > 0);
  }
  await page.processed();
  assert.deepEqual(page.waitingOn(PIPE), []);
  assert.deepEqual(page.waitingOn('msg'), []);
  assert.deepEqual(await stateOf(fifteen), state);
});

test('a page of 16 sees and disturbs nothing of 15', async () => {
  const exp = Math.floor(Date.now() / 1000) + 600;
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = (secret) => {
    const text = `${part({ alg: 'HS256' })}.${part({ user_id: USER, exp })}`;
    return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`;
  };
  const proofs = { "15's user key": SECRET, "a token signed by 15": signed(`key_${SECRET}15`), "a token with 16's key for 15": signed('key_of_1615') };
  for (const [name, userKey] of Object.entries(proofs)) {
    const intruder = await server.browser({ userId: USER, userKey, devId: 16 });
    assert.equal(intruder.greeting.authorized, 'false', name);
    intruder.destroy();
  }
  const forged = await server.browser({ userId: USER, userKey: signed('key_of_1616'), devId: 15 });
  assert.equal(forged.greeting.authorized, 'false', "a token of 16's in 15");
  forged.destroy();

  const stranger = await server.browser({ devId: 16, userId: USER, userKey: signed('key_of_1616') });
  assert.equal(stranger.greeting.authorized, 'true');
  await stranger.subscribe(PIPE, `user_status_${USER}`, 'track_hall');
  stranger.command('pipe_log', PIPE, 'm1');
  stranger.command('track_pipe_users', 'track_hall', 'm2');
  stranger.command('user_data', 'm3', String(USER));
  const report = await stranger.publishAndReport(PIPE, 'e', 'from 16');
  assert.match(JSON.stringify(report), /"number_messages":0/);
  await publish(fifteen, PIPE, 'e', `${SECRET} again`);
  assert.equal((await page.takeFrom(PIPE)).data, `${SECRET} again`);
  await stranger.processed();
  await page.processed();
  const heard = stranger.lines.map(({ text }) => text).filter((text) => text.replaceAll(PIPE, '').includes(SECRET));
  assert.deepEqual(heard, []);
  assert.deepEqual(page.waitingOn(PIPE), []);
});

test('the key of one developer opens no other', async () => {
  for (const [user, password] of [['15', 'key_of_16'], ['16', `key_${SECRET}`], ['root', 'key_of_16'], ['0', `key_${SECRET}`], ['17', 'key_of_16'], ['15', '']]) {
    await assert.rejects(connectSql(server, { user, password }), ({ errno, message }) => errno > 0 && !message.includes(SECRET));
  }
  await until('15 and 16 are still served', async () => (await rows(fifteen, 'SELECT 1 AS one')).length + (await rows(sixteen, 'SELECT 1 AS one')).length === 2);
});

test('queries of 16 that take for ever leave a turn to 15', async () => {
  const greedy = await Promise.all(Array.from({ length: 8 }, () => server.sql({ user: 16 })));
  let over = 0;
  for (const sql of greedy) sql.query('SELECT SLEEP(25)').then(() => (over += 1), () => {});
  // 16 itself would have to wait for a turn of its own.
  const root = await server.sql();
  const running = async () => (await rows(root, 'SHOW PROCESSLIST')).filter(({ User, Command }) => User === '16' && Command === 'Query').length;
  await until('as many run as may', async () => (await running()) >= 3);
  assert.deepEqual(await rows(fifteen, "SELECT COUNT(*) AS count FROM information_schema.TABLES WHERE TABLE_NAME = 'pipes'"), [{ count: '1' }]);
  assert.equal(over, 0, 'nobody had to end first');
  greedy.forEach((sql) => sql.destroy());
});
