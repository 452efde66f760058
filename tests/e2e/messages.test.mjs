// Every message a browser can get, field by field, in both envelopes: live and
// from history, reports, answers, tracking, presence, errors.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Server } from '../support/server.mjs';
import { publish, rows, subscribers } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const VERSIONS = ['3.25', '4.08'];

let server;
let sql;
before(async () => {
  server = await Server.start();
  sql = await server.sql();
  for (const id of [7, 42]) {
    await sql.query('INSERT INTO users_auth (id, hash) VALUES (?, ?)', [id, `key_of_${id}`]);
  }
});
after(() => server?.stop());

const userOf = (id) => ({ userId: id, userKey: `key_of_${id}` });
const isOld = (version) => Number.parseInt(version, 10) < 4;

/** A message without the fields that differ from run to run or are optional for v4. */
function exact(message, version) {
  const { message_send_time: sent, event_name: eventName, ...rest } = message;
  assert.ok(Number.isInteger(sent) && Math.abs(sent - Date.now() / 1000) < 60, `sent at ${sent}`);
  if (isOld(version)) assert.equal(eventName, message.event);
  if (eventName !== undefined) assert.equal(eventName, message.event);
  return rest;
}

/** What `data` looks like to a client of this version: an object is text for v3. */
function inEnvelope(data, version) {
  return isOld(version) ? JSON.parse(data) : data;
}

async function sysError(client) {
  const message = await client.take((one) => one.pipe === 'sys' && one.event === 'error', 'a sys error');
  assert.equal(message.error, undefined, 'not fatal');
  return message;
}

for (const version of VERSIONS) {
  describe(`to a ${version} client`, () => {
    const old = isOld(version);

    test("a browser's message has these fields", async () => {
      const sender = await server.browser(userOf(42));
      const listener = await server.browser({ version });
      await listener.subscribe('web_room');
      sender.publish('web_room', 'move', '{"x":3,"who":"Ann"}');
      assert.deepEqual(exact(await listener.takeFrom('web_room'), version), {
        data: '{"x":3,"who":"Ann"}',
        event: 'move',
        pipe: 'web_room',
        user_id: 42,
      });
      sender.publish('web_room', 'undefined', '"plain text"');
      assert.deepEqual(exact(await listener.takeFrom('web_room'), version), {
        data: '"plain text"',
        event: 'undefined',
        pipe: 'web_room',
        user_id: 42,
      });
      sender.publish('@web_room', 'move', '1');
      assert.deepEqual(exact(await listener.takeFrom('web_room'), version), {
        data: '1',
        event: 'move',
        pipe: 'web_room',
        user_id: 0,
      });
      sender.destroy();
      listener.destroy();
    });

    test("a backend's message names no user", async () => {
      const listener = await server.browser({ version });
      await listener.subscribe('news');
      await publish(sql, 'news', 'added', '{"id":9}');
      assert.deepEqual(exact(await listener.takeFrom('news'), version), {
        data: '{"id":9}',
        event: 'added',
        pipe: 'news',
      });
      listener.destroy();
    });

    test('a private message is on pipe msg', async () => {
      const listener = await server.browser({ version, ...userOf(42) });
      await sql.query("INSERT INTO users_messages (id, event, message) VALUES (42, 'order', '{\"n\":7}')");
      assert.deepEqual(exact(await listener.takeFrom('msg'), version), {
        data: '{"n":7}',
        event: 'order',
        pipe: 'msg',
      });
      listener.destroy();
    });

    test('the sender gets one true report and no copy, subscribed or not', async () => {
      const sender = await server.browser({ version, ...userOf(42) });
      const listeners = [await server.browser(userOf(42)), await server.browser({ version: '3.25' })];
      await sender.subscribe('web_report', '_answer_to_web_report', 'sys', 'subscription');
      for (const listener of listeners) await listener.subscribe('web_report');
      const report = exact(await sender.publishAndReport('web_report', 'say', '{"t":"it\'s"}'), version);
      assert.deepEqual(
        { ...report, data: inEnvelope(report.data, version) },
        {
          data: { error: '', message: '{"t":"it\'s"}', number_messages: 2 },
          event: 'answer',
          pipe: '_answer_to_web_report',
        },
      );
      assert.equal(typeof report.data, old ? 'string' : 'object');
      for (const listener of listeners) await listener.takeFrom('web_report');
      await publish(sql, 'web_report', 'e', 'end');
      assert.equal((await sender.takeFrom('web_report')).data, 'end');
      assert.deepEqual(sender.waitingOn('_answer_to_web_report'), []);
      sender.command('subscription');
      const lonely = await sender.publishAndReport('web_nobody_here', 'e', '1');
      assert.equal(inEnvelope(lonely.data, version).number_messages, 0);
      for (const client of [sender, ...listeners]) client.destroy();
    });

    test('the number of subscribers is an object on _answer_pipe_count', async () => {
      const client = await server.browser({ version });
      await client.subscribe('web_counted');
      client.command('pipe_count', 'web_counted', '4471902263', '');
      const answer = exact(await client.take((one) => one.marker === '4471902263'), version);
      assert.deepEqual(
        { ...answer, data: inEnvelope(answer.data, version) },
        {
          data: { user_in_pipe: 1 },
          event: 'user_in_pipe',
          marker: '4471902263',
          pipe: '_answer_pipe_count',
        },
      );
      client.destroy();
    });

    test('the list of subscribers is on the tracked pipe with its marker', async () => {
      const first = await server.browser(userOf(42));
      await first.subscribe('track_hall');
      const second = await server.browser({ version });
      await second.subscribe('track_hall');
      second.command('track_pipe_users', 'track_hall', '9920013746');
      const answer = exact(await second.take((one) => one.marker === '9920013746'), version);
      if (old) assert.equal(answer.pipe, 'track_hall');
      else assert.ok(['_answer', 'track_hall'].includes(answer.pipe));
      assert.equal(answer.event, 'answer');
      assert.deepEqual(
        inEnvelope(answer.data, version).sort((a, b) => b.user_id - a.user_id),
        [
          { user_id: 42, uuid: first.uuid },
          { user_id: 0, uuid: second.uuid },
        ],
      );
      second.command('track_pipe_users', 'track_empty', '1', '');
      assert.deepEqual(inEnvelope((await second.take((one) => one.marker === '1')).data, version), []);
      first.destroy();
      second.destroy();
      await until('the hall is empty', async () => (await subscribers(sql, 'track_hall')) === 0);
    });

    test('joins and leaves are announced once to those who were there', async () => {
      const member = await server.browser({ version });
      await member.subscribe('track_door');
      const guest = await server.browser(userOf(42));
      await guest.subscribe('track_door', 'web_more');
      const joined = exact(await member.takeFrom('track_door'), version);
      assert.deepEqual(
        { ...joined, data: inEnvelope(joined.data, version) },
        { data: { user_id: 42, uuid: guest.uuid }, event: 'subscription', pipe: 'track_door' },
      );
      await guest.subscribe('track_door', 'web_other');
      await guest.subscribe('web_other', 'track_door');
      guest.command('subscription', 'web_other');
      const left = exact(await member.takeFrom('track_door'), version);
      assert.deepEqual(
        { ...left, data: inEnvelope(left.data, version) },
        { data: { user_id: 42, uuid: guest.uuid }, event: 'unsubscription', pipe: 'track_door' },
      );
      await guest.subscribe('track_door');
      assert.equal((await member.takeFrom('track_door')).event, 'subscription');
      guest.destroy();
      assert.equal((await member.takeFrom('track_door')).event, 'unsubscription');
      await publish(sql, 'track_door', 'e', 'end');
      assert.equal((await member.takeFrom('track_door')).data, 'end');
      assert.deepEqual(guest.waitingOn('track_door'), [], 'nobody is told of himself');
      member.destroy();
    });

    test('user_status is published on the first connection and the last one only', async () => {
      await until(
        '7 is offline',
        async () => (await rows(sql, 'SELECT time FROM users_time WHERE id = 7'))[0].time !== '0',
      );
      const watcher = await server.browser({ version });
      await watcher.subscribe('user_status_7', 'web_watch');
      const first = await server.browser(userOf(7));
      assert.deepEqual(exact(await watcher.takeFrom('user_status_7'), version), {
        data: 'online',
        event: 'online',
        pipe: 'user_status_7',
      });
      const second = await server.browser(userOf(7));
      await second.subscribe('web_watch');
      first.destroy();
      await second.publishAndReport('web_watch', 'e', 'still here');
      await watcher.takeFrom('web_watch');
      second.destroy();
      assert.deepEqual(exact(await watcher.takeFrom('user_status_7'), version), {
        data: 'offline',
        event: 'offline',
        pipe: 'user_status_7',
      });
      assert.deepEqual(watcher.waitingOn('user_status_7'), []);
      watcher.destroy();
    });

    test('user_status answers 0 online, an age offline, -1 unknown', async () => {
      const client = await server.browser({ version, ...userOf(42) });
      for (const [id, expected] of [
        [42, 0],
        [4242, -1],
      ]) {
        client.command('user_status', String(id));
        const answer = exact(await client.takeFrom('_answer_user_status'), version);
        assert.equal(answer.event, `user_status_${id}`);
        assert.equal(answer.marker, undefined);
        assert.deepEqual(inEnvelope(answer.data, version), { data: expected, last_online_time: expected });
      }
      const guest = await server.browser(userOf(7));
      guest.destroy();
      await until(
        '7 is offline',
        async () => (await rows(sql, 'SELECT time FROM users_time WHERE id = 7'))[0].time > 0,
      );
      client.command('user_status', '7');
      const { data } = await client.takeFrom('_answer_user_status');
      const { last_online_time: age } = inEnvelope(data, version);
      assert.ok(age >= 0 && age < 60, String(age));
      client.destroy();
    });

    test('history comes oldest first, flagged, and to the one who asked', async () => {
      const pipe = `web_log_${old ? 3 : 4}`;
      await sql.query('INSERT INTO pipes_settings (name, length) VALUES (?, 10)', [pipe]);
      const sender = await server.browser(userOf(42));
      await sender.publishAndReport(pipe, 'say', '{"t":"it\'s"}');
      await publish(sql, pipe, 'note', 'C:\\temp');
      const client = await server.browser({ version });
      const other = await server.browser({ version });
      await client.subscribe(pipe);
      await other.subscribe(pipe);
      client.command('pipe_log', pipe, '5520918347', '');
      const expected = [
        { data: '{"t":"it\\u0027s"}', event: 'say', user_id: 42 },
        { data: '"C:\\\\temp"', event: 'note', user_id: 0 },
      ];
      for (const entry of expected) {
        const marker = old ? { marker: '5520918347' } : {};
        assert.deepEqual(exact(await client.takeFrom(pipe), version), {
          ...entry,
          ...marker,
          fromQueue: true,
          history: true,
          pipe,
        });
      }
      client.command('pipe_log', pipe, 'undefined', '');
      for (const entry of expected) {
        const heard = await client.takeFrom(pipe);
        assert.equal(heard.marker, undefined);
        assert.equal(heard.data, entry.data);
      }
      client.command('pipe_log', 'web_no_history', '1', '');
      await client.processed();
      await publish(sql, pipe, 'e', 'end');
      assert.equal((await other.takeFrom(pipe)).data, 'end');
      assert.equal((await client.takeFrom(pipe)).data, 'end');
      assert.deepEqual(client.waitingOn('web_no_history'), []);
      for (const one of [sender, client, other]) one.destroy();
    });

    test('a refused command is a sys error, and the connection lives', async () => {
      const client = await server.browser({ version });
      client.publish('news', 'x', '1');
      const error = exact(await sysError(client), version);
      const data = inEnvelope(error.data, version);
      assert.equal(data.number_messages, -1);
      assert.match(data.error, /\w+ \w+/);
      client.command('subscription', ...Array.from({ length: 5000 }, (_, index) => `room_${index}`));
      const limit = inEnvelope((await sysError(client)).data, version);
      assert.equal(limit.code, '403');
      await client.processed();
      client.destroy();
    });

    test('no line holds a raw apostrophe escape or a raw line feed', async () => {
      const client = await server.browser({ version });
      const sender = await server.browser();
      await client.subscribe('web_quote');
      for (const payload of ['{"t":"it\'s"}', "it's", "\\'", '"\\\\\'"', '{"t":"\\\\\'"}']) {
        sender.publish('web_quote', 'e', payload);
        await client.takeFrom('web_quote');
        await client.publishAndReport('web_quote2', 'e', payload);
        await publish(sql, 'web_quote', 'e', payload);
        await client.takeFrom('web_quote');
      }
      for (const { text } of client.lines) assert.equal(text.includes("'"), false, text);
      for (const frame of client.frames) assert.equal(frame.opcode, 1);
      client.destroy();
      sender.destroy();
    });
  });
}
