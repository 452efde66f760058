// What was answered OK is there after SIGKILL.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Server } from '../support/server.mjs';
import { publish, rows } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const LAST_SEEN_MILLISECONDS = 1000;

/** Kills the server right after `work` has its OK, starts it again, returns a new connection. */
async function killedAfter(server, work) {
  const sql = await server.sql();
  await work(sql);
  await server.kill9();
  await server.restart();
  return server.sql();
}

async function start(t) {
  const server = await Server.start({ devs: { 15: 'key_of_developer_15' } });
  t.after(() => server.stop());
  return server;
}

test('a key', async (t) => {
  const server = await start(t);
  const sql = await killedAfter(server, (before) =>
    before.query("INSERT INTO users_auth (id, hash) VALUES (42, 'k3yOfUser42')"),
  );
  assert.deepEqual(await rows(sql, 'SELECT * FROM users_auth WHERE id = 42'), [
    { id: '42', hash: 'k3yOfUser42' },
  ]);
  const browser = await server.browser({ userId: 42, userKey: 'k3yOfUser42' });
  assert.equal(browser.greeting.authorized, 'true');
});

test('a deleted key stays deleted', async (t) => {
  const server = await start(t);
  const sql = await killedAfter(server, async (before) => {
    await before.query("INSERT INTO users_auth (id, hash) VALUES (42, 'k3yOfUser42')");
    await before.query('DELETE FROM users_auth WHERE id = 42');
  });
  assert.deepEqual(await rows(sql, 'SELECT * FROM users_auth WHERE id = 42'), []);
});

test('a setting', async (t) => {
  const server = await start(t);
  const sql = await killedAfter(server, (before) =>
    before.query("INSERT INTO pipes_settings (name, length) VALUES ('kept', 7)"),
  );
  assert.deepEqual(await rows(sql, "SELECT name, length FROM pipes_settings WHERE name = 'kept'"), [
    { name: 'kept', length: '7' },
  ]);
});

test("a user's data, and a revoked token", async (t) => {
  const server = await start(t);
  const sql = await killedAfter(server, async (before) => {
    await before.query("INSERT INTO users_data (id, data) VALUES (42, ?)", ['{"name":"Аня 😀"}']);
    await before.query("INSERT INTO revoked_tokens (token) VALUES ('0.123')");
  });
  assert.deepEqual(await rows(sql, 'SELECT * FROM users_data WHERE id = 42'), [
    { id: '42', data: '{"name":"Аня 😀"}' },
  ]);
  assert.deepEqual(await rows(sql, 'SELECT * FROM revoked_tokens'), [{ token: '0.123' }]);
});

test('queued private messages, in order', async (t) => {
  const server = await start(t);
  const texts = ['first', 'Привет 😀', 'it\'s \\ "third"\n'];
  await killedAfter(server, async (before) => {
    await before.query("INSERT INTO users_auth (id, hash) VALUES (42, 'key')");
    for (const text of texts) {
      await before.query("INSERT INTO users_messages (id, event, message) VALUES (42, 'order', ?)", [text]);
    }
  });
  const browser = await server.browser({ userId: 42, userKey: 'key' });
  for (const text of texts) {
    const { data, fromQueue } = await browser.takeFrom('msg');
    assert.equal(text.includes('\\') ? JSON.parse(data) : data, text);
    assert.equal(fromQueue, true);
  }
});

test('a private message that was handed over is not handed over again', async (t) => {
  const server = await start(t);
  await killedAfter(server, async (before) => {
    await before.query("INSERT INTO users_auth (id, hash) VALUES (42, 'key')");
    await before.query("INSERT INTO users_messages (id, event, message) VALUES (42, 'e', 'once')");
    const browser = await server.browser({ userId: 42, userKey: 'key' });
    await browser.takeFrom('msg');
    await until(
      'the queue is empty',
      async () => (await rows(before, 'SELECT * FROM users_messages WHERE id = 42')).length === 0,
    );
  });
  const browser = await server.browser({ userId: 42, userKey: 'key' });
  await browser.processed();
  assert.deepEqual(browser.waitingOn('msg'), []);
});

test('history, the same messages with the same ids at the same places', async (t) => {
  const server = await start(t);
  let before;
  const sql = await killedAfter(server, async (connection) => {
    await connection.query("INSERT INTO pipes_settings (name, length) VALUES ('web_kept', 5)");
    for (let index = 0; index < 8; index += 1) await publish(connection, 'web_kept', 'e', `"${index}"`);
    const browser = await server.browser();
    await browser.publishAndReport('web_kept', 'say', '{"from":"a browser"}');
    before = await rows(connection, "SELECT * FROM pipes_messages WHERE name = 'web_kept'");
  });
  assert.equal(before.length, 5);
  assert.deepEqual(await rows(sql, "SELECT * FROM pipes_messages WHERE name = 'web_kept'"), before);
  await publish(sql, 'web_kept', 'e', '"after"');
  const after = await rows(sql, "SELECT * FROM pipes_messages WHERE name = 'web_kept'");
  assert.deepEqual(
    after.map((row) => row.id),
    [...before.slice(1).map((row) => row.id), after.at(-1).id],
  );
  assert.equal(
    before.some((row) => row.id === after.at(-1).id),
    false,
  );
});

test('every one of many statements answered OK while the kill came', async (t) => {
  const server = await start(t);
  const sql = await server.sql();
  await sql.query("INSERT INTO pipes_settings (name, length) VALUES ('storm', 1000)");
  const writers = await Promise.all(Array.from({ length: 8 }, () => server.sql()));
  const acknowledged = [];
  const storm = Promise.allSettled(
    writers.map(async (writer, who) => {
      for (let index = 0; index < 120; index += 1) {
        await publish(writer, 'storm', 'e', `${who}:${index}`);
        acknowledged.push(`${who}:${index}`);
      }
    }),
  );
  await until('some are acknowledged', () => acknowledged.length >= 100);
  await server.kill9();
  await storm;
  await server.restart();
  const kept = (
    await rows(await server.sql(), "SELECT message FROM pipes_messages WHERE name = 'storm' LIMIT 1000")
  ).map((row) => row.message);
  const newest = new Set(kept);
  assert.equal(newest.size, kept.length);
  // Only as many as a SELECT shows can be looked at: the newest acknowledged ones.
  for (const text of acknowledged.slice(-Math.min(50, kept.length - writers.length))) {
    assert.ok(newest.has(text), `${text} was acknowledged and is gone`);
  }
});

test('when a user was last seen, within a second', async (t) => {
  const server = await start(t);
  const sql = await server.sql();
  await sql.query("INSERT INTO users_auth (id, hash) VALUES (42, 'key')");
  const browser = await server.browser({ userId: 42, userKey: 'key' });
  browser.destroy();
  const [seen] = await until('the user is offline', async () => {
    const answer = await rows(sql, 'SELECT * FROM users_time WHERE id = 42');
    return answer[0].time > 0 && answer;
  });
  const deadline = Date.now() + LAST_SEEN_MILLISECONDS;
  await until('the promised second is over', () => Date.now() >= deadline);
  await server.kill9();
  await server.restart();
  assert.deepEqual(await rows(await server.sql(), 'SELECT * FROM users_time WHERE id = 42'), [seen]);
});
