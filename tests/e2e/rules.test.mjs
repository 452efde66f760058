// Rules of pipes_settings, set over MySQL, as pages meet them.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, test } from 'node:test';
import { run } from '../support/program.mjs';
import { Server } from '../support/server.mjs';
import { publish, refusal, rows, subscribers } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const KEY = 'key_of_developer_15';

let server;
let sql;
before(async () => {
  server = await Server.start({ devs: { 15: KEY, 16: 'key_of_developer_16' } });
  sql = await server.sql({ user: 15 });
  await sql.query("INSERT INTO users_auth (id, hash) VALUES (42, 'key42'), (43, 'key43')");
});
after(() => server?.stop());

const page = (userId, userKey = `key${userId}`) =>
  server.browser(userId ? { userId, userKey, devId: 15 } : { devId: 15 });

function token(claims) {
  const base64 = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${base64({ alg: 'HS256', typ: 'JWT' })}.${base64({ exp: Math.floor(Date.now() / 1000) + 3600, ...claims })}`;
  return `${text}.${createHmac('sha256', `${KEY}15`).update(text).digest('base64url')}`;
}

/** The error a page is told next. */
async function error(client) {
  const { data } = await client.take((message) => message.pipe === 'sys' && message.event === 'error', 'an error');
  return (typeof data === 'string' ? JSON.parse(data) : data).error;
}

test('the mysql client sets a rule; pages outside it are told, pages inside hear', async () => {
  const setting = "INSERT INTO pipes_settings (name, subscribe, publish, user_ids) VALUES ('web_team_*', 'listed,token', 'listed', '42')";
  await run('mysql', ['-h', server.host, '-P', String(server.cometqlPort), '-u15', `-p${KEY}`, '-e', setting, 'CometQL_v1']);
  const [listed, other, bearer] = await Promise.all([
    page(42), page(43), page(7, token({ user_id: 7, pipes: ['web_team_1'] })),
  ]);
  for (const client of [listed, other, bearer]) await client.subscribe('web_team_1', 'web_open');
  assert.match(await error(other), /^web_team_1: not everybody may subscribe to this pipe: it is for listed,token$/);
  assert.equal(await subscribers(sql, 'web_team_1'), 2);
  assert.equal(await subscribers(sql, 'web_open'), 3);

  const report = await listed.publishAndReport('web_team_1', 'say', '"hi"');
  assert.equal(report.data.number_messages, 1);
  assert.equal((await bearer.takeFrom('web_team_1')).data, '"hi"');
  bearer.publish('web_team_1', 'say', '"me too"');
  assert.match(await error(bearer), /not everybody may publish to this pipe: it is for listed/);
  await bearer.subscribe('web_team_2');
  assert.match(await error(bearer), /^web_team_2: /);
  other.command('pipe_count', 'web_team_1', 'm', '');
  assert.match(await error(other), /it is for listed,token/);
});

test('a changed rule puts subscribers out at once, old clients too, and tells them', async () => {
  const [modern, old] = [await page(42), await server.browser({ devId: 15, version: '3.25' })];
  for (const client of [modern, old]) await client.subscribe('web_room', 'web_hall');
  await sql.query("INSERT INTO pipes_settings (name, subscribe) VALUES ('web_room', 'authenticated')");
  assert.match(await error(old), /^web_room: not everybody may subscribe/);
  await publish(sql, 'web_room', 'e', 'inside');
  await publish(sql, 'web_hall', 'e', 'everybody');
  assert.equal((await modern.takeFrom('web_room')).data, 'inside');
  assert.equal((await old.takeFrom('web_hall')).data, 'everybody');
  assert.deepEqual(old.waitingOn('web_room'), []);
  assert.equal(await subscribers(sql, 'web_room'), 1);
});

test('a history is only for those who may subscribe, unless its row says otherwise', async () => {
  await sql.query("INSERT INTO pipes_settings (name, length, subscribe, user_ids) VALUES ('web_log', 5, 'listed', '42')");
  await publish(sql, 'web_log', 'e', 'kept');
  const [listed, other] = [await page(42), await page(43)];
  for (const client of [listed, other]) client.command('pipe_log', 'web_log', 'm', '');
  assert.equal((await listed.takeFrom('web_log')).data, 'kept');
  assert.match(await error(other), /not everybody may subscribe/);
  await sql.query("UPDATE pipes_settings SET history = 'anyone' WHERE name = 'web_log'");
  other.command('pipe_log', 'web_log', 'm', '');
  assert.equal((await other.takeFrom('web_log')).data, 'kept');
});

test('events that are not listed are refused to pages and backends, and EXPLAIN foretells it', async () => {
  await sql.query("INSERT INTO pipes_settings (name, events) VALUES ('web_typed_*', 'say,typing')");
  const client = await page();
  await client.publishAndReport('web_typed_1', 'say', '1');
  client.publish('web_typed_1', 'move', '1');
  assert.match(await error(client), /the event move is none of this pipe; its events are say, typing/);
  const insert = "INSERT INTO pipes_messages (name, event, message) VALUES ('web_typed_1', 'move', '1')";
  const [told] = await rows(sql, `EXPLAIN ${insert}`);
  assert.deepEqual([told.error, told.settings], ['12', 'web_typed_*']);
  const refused = await refusal(sql, insert);
  assert.deepEqual([refused.errno, refused.message], [12, told.reason]);
});

test('a page that publishes too fast is told so, and others go on', async () => {
  await sql.query("INSERT INTO pipes_settings (name, rate) VALUES ('web_slow_*', 3)");
  const [fast, calm] = [await page(42), await page(43)];
  for (const pipe of ['web_slow_1', 'web_slow_2', 'web_slow_1']) await fast.publishAndReport(pipe, 'e', '1');
  fast.publish('web_slow_2', 'e', '1');
  assert.match(await error(fast), /a connection may publish 3 messages a minute to web_slow_\*/);
  await calm.publishAndReport('web_slow_1', 'e', '1');
  const status = await rows(sql, "SHOW GLOBAL STATUS LIKE 'publications_refused'");
  assert.ok(Number(status[0].Value) > 0);
});

test('rules of one developer mean nothing to another, and outlive a restart', async () => {
  await sql.query("INSERT INTO pipes_settings (name, length, subscribe) VALUES ('track_*', 3, 'nobody')");
  const outside = await server.browser({ devId: 16 });
  await outside.subscribe('track_a');
  assert.deepEqual(await rows(await server.sql({ user: 16 }), 'SELECT * FROM pipes_settings'), []);
  assert.equal(await subscribers(await server.sql({ user: 16 }), 'track_a'), 1);
  await server.restart();
  sql = await server.sql({ user: 15 });
  const inside = await page(42);
  await inside.subscribe('track_a');
  assert.match(await error(inside), /^track_a: not everybody may subscribe to this pipe: it is for nobody/);
  await publish(sql, 'track_a', 'e', 'kept by the beginning');
  await until('it is in the history', async () => (await rows(sql, "SELECT * FROM pipes_messages WHERE name = 'track_a'")).length === 1);
});
