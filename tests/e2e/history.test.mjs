// What is kept: the history of pipes, and the queue of private messages.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Server } from '../support/server.mjs';
import { publish, rows } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const KEY = 'Developer15+key';

let server;
let sql;
before(async () => {
  server = await Server.start({ devs: { 15: KEY } });
  sql = await server.sql();
});
after(() => server?.stop());

describe('history', () => {
  const history = (pipe) => rows(sql, 'SELECT * FROM pipes_messages WHERE name = ?', [pipe]);
  const texts = async (pipe) => (await history(pipe)).map((row) => row.message);
  const keep = (pipe, length) =>
    sql.query('INSERT INTO pipes_settings (name, length) VALUES (?, ?)', [pipe, length]);

  test('a pipe keeps the newest messages its setting asks for, in the order of insertion', async () => {
    await keep('keeps', 3);
    for (const text of ['a', 'b', 'c', 'd']) await publish(sql, 'keeps', 'e', text);
    const all = await history('keeps');
    assert.deepEqual(
      all.map((row) => row.message),
      ['b', 'c', 'd'],
    );
    assert.deepEqual(
      all.map((row) => row.index),
      ['0', '1', '2'],
    );
    assert.deepEqual(
      all.map((row) => row.user_id),
      ['0', '0', '0'],
    );
    assert.equal(new Set(all.map((row) => row.id)).size, 3);
  });

  test('a pipe without a setting keeps nothing, and has no row', async () => {
    await publish(sql, 'keeps_not', 'e', 'a');
    assert.deepEqual(await history('keeps_not'), []);
    assert.deepEqual(await rows(sql, "SELECT * FROM pipes_settings WHERE name = 'keeps_not'"), []);
  });

  test('a shorter length trims at once', async () => {
    await keep('shrinks', 5);
    for (const text of ['a', 'b', 'c']) await publish(sql, 'shrinks', 'e', text);
    await keep('shrinks', 2);
    assert.deepEqual(await texts('shrinks'), ['b', 'c']);
  });

  test('length 0 stores nothing more and keeps what there is', async () => {
    await keep('zero', 5);
    await publish(sql, 'zero', 'e', 'a');
    await keep('zero', 0);
    await publish(sql, 'zero', 'e', 'b');
    assert.deepEqual(await texts('zero'), ['a']);
    assert.deepEqual(await rows(sql, "SELECT name, length FROM pipes_settings WHERE name = 'zero'"), [
      { name: 'zero', length: '0' },
    ]);
  });

  test('deleting the setting deletes the history', async () => {
    await keep('forgets', 5);
    await publish(sql, 'forgets', 'e', 'a');
    await sql.query("DELETE FROM pipes_settings WHERE name = 'forgets'");
    assert.deepEqual(await history('forgets'), []);
    await keep('forgets', 5);
    assert.deepEqual(await history('forgets'), []);
  });

  test('a length beyond a thousand is a thousand, and an omitted one is 0', async () => {
    await keep('capped', 5000);
    await sql.query("INSERT INTO pipes_settings (name) VALUES ('default')");
    assert.deepEqual(await rows(sql, "SELECT name, length FROM pipes_settings WHERE name IN ('capped', 'default')"), [
      { name: 'capped', length: '1000' },
      { name: 'default', length: '0' },
    ]);
  });

  test('messages are deleted by pipe and one by one', async () => {
    await keep('deletes', 9);
    for (const text of ['a', 'b', 'c']) await publish(sql, 'deletes', 'e', text);
    const [, second] = await history('deletes');
    await sql.query('DELETE FROM pipes_messages WHERE id = ?', [second.id]);
    assert.deepEqual(await texts('deletes'), ['a', 'c']);
    await sql.query("DELETE FROM pipes_messages WHERE name = 'deletes'");
    assert.deepEqual(await texts('deletes'), []);
  });

  test('trust pipes always keep history', async () => {
    await publish(sql, 'trust_log', 'e', 'a');
    assert.deepEqual(await texts('trust_log'), ['a']);
  });

  test("a browser's message is kept with its user and an event that says what subscribers heard", async () => {
    await keep('web_kept', 5);
    await sql.query("INSERT INTO users_auth (id, hash) VALUES (21, 'key_of_21')");
    const sender = await server.browser({ userId: 21, userKey: 'key_of_21' });
    const listener = await server.browser();
    await listener.subscribe('web_kept');
    await sender.publishAndReport('web_kept', '', '{"t":"it\'s"}');
    const live = await listener.takeFrom('web_kept');
    const [row] = await history('web_kept');
    assert.equal(row.user_id, '21');
    assert.equal(row.message, '{"t":"it\'s"}');
    assert.equal(row.event, live.event);
    await publish(sql, 'web_kept', '', 'x');
    assert.equal((await listener.takeFrom('web_kept')).event, (await history('web_kept'))[1].event);
    sender.destroy();
    listener.destroy();
  });
});

describe('private messages', () => {
  test('sixty queued while the user is away all arrive once, in order, and are gone', async () => {
    await sql.query("INSERT INTO users_auth (id, hash) VALUES (60, 'key_of_60')");
    const queued = Array.from({ length: 60 }, (_, index) => `message ${index}`);
    await Promise.all(
      queued.map((text) =>
        sql.query("INSERT INTO users_messages (id, event, message) VALUES (60, 'e', ?)", [text]),
      ),
    );
    const waiting = await rows(sql, 'SELECT * FROM users_messages WHERE id = 60');
    assert.deepEqual(
      waiting.map((row) => row.message),
      queued,
    );
    assert.deepEqual(
      waiting.map((row) => row.index),
      queued.map((_, index) => String(index)),
    );

    const browser = await server.browser({ userId: 60, userKey: 'key_of_60' });
    const heard = [];
    for (let count = 0; count < 60; count += 1) heard.push(await browser.takeFrom('msg'));
    assert.deepEqual(
      heard.map((message) => message.data),
      queued,
    );
    assert.ok(heard.every((message) => message.fromQueue === true && message.event === 'e'));
    await until(
      'the queue is empty',
      async () => (await rows(sql, 'SELECT * FROM users_messages WHERE id = 60')).length === 0,
    );
    browser.destroy();
    await until(
      '60 is offline',
      async () => (await rows(sql, 'SELECT time FROM users_time WHERE id = 60'))[0].time !== '0',
    );
    await sql.query("INSERT INTO users_messages (id, event, message) VALUES (60, 'e', 'one more')");
    const again = await server.browser({ userId: 60, userKey: 'key_of_60' });
    assert.equal((await again.takeFrom('msg')).data, 'one more');
    again.destroy();
  });

  test('an online user gets them on every device, and nothing is queued', async () => {
    await sql.query("INSERT INTO users_auth (id, hash) VALUES (62, 'key_of_62')");
    const devices = [];
    for (let count = 0; count < 20; count += 1) {
      devices.push(await server.browser({ userId: 62, userKey: 'key_of_62' }));
    }
    await sql.query("INSERT INTO users_messages (id, event, message) VALUES (62, 'order', '{\"n\":7}')");
    for (const device of devices) {
      const heard = await device.takeFrom('msg');
      assert.equal(heard.data, '{"n":7}');
      assert.equal(heard.fromQueue, undefined);
      device.destroy();
    }
    // What was handed over is removed once the kernel has it, a moment after the browser may have it.
    await until(
      'nothing waits for 62',
      async () => (await rows(sql, 'SELECT * FROM users_messages WHERE id = 62')).length === 0,
    );
  });

  test('a queue can be deleted in the second it was written', async () => {
    await sql.query("INSERT INTO users_messages (id, event, message) VALUES (63, 'e', 'm')");
    await sql.query('DELETE FROM users_messages WHERE id = 63');
    assert.deepEqual(await rows(sql, 'SELECT * FROM users_messages WHERE id = 63'), []);
  });

  test("another developer's user of the same number hears nothing", async () => {
    const other = await server.sql({ user: 15 });
    for (const link of [sql, other]) {
      await link.query("INSERT INTO users_auth (id, hash) VALUES (64, 'the_same_key')");
    }
    const ours = await server.browser({ userId: 64, userKey: 'the_same_key', devId: 0 });
    const theirs = await server.browser({ userId: 64, userKey: 'the_same_key', devId: 15 });
    await sql.query("INSERT INTO users_messages (id, event, message) VALUES (64, 'e', 'ours')");
    await other.query("INSERT INTO users_messages (id, event, message) VALUES (64, 'e', 'theirs')");
    assert.equal((await ours.takeFrom('msg')).data, 'ours');
    assert.equal((await theirs.takeFrom('msg')).data, 'theirs');
    await other.query('DELETE FROM users_auth WHERE id = 64');
    await theirs.waitUntilDropped();
    await ours.processed();
    assert.deepEqual(await rows(other, 'SELECT hash FROM users_auth WHERE id = 64'), []);
    assert.deepEqual(await rows(sql, 'SELECT hash FROM users_auth WHERE id = 64'), [
      { hash: 'the_same_key' },
    ]);
    ours.destroy();
  });
});
