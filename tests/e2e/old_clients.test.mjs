// The acceptance list for the old JavaScript clients, run with a model of each.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { OldClient } from '../support/old-client.mjs';
import { Server } from '../support/server.mjs';
import { publish, rows, subscribers } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const PAYLOADS = [
  { t: "it's" },
  { t: "\\'" },
  { t: "'\\''\\\\'" },
  { path: 'C:\\dir', twice: 'C:\\\\dir' },
  { q: '"q"' },
  { text: 'line\nfeed\r\n\ttab' },
  { separators: '\u2028\u2029' },
  { emoji: '😀👨‍👩‍👧', cyrillic: 'Привет' },
  { nested: JSON.stringify({ t: 'it\'s \\ "x"' }) },
  { forged: 'A::7;text;' },
  'A::7;text;',
  "it's",
  "\\'",
  'C:\\dir',
  '"q"',
  'plain text',
  5,
  null,
  true,
  '',
  '5',
  'null',
  [],
  [1, "it's", null],
  ['A::7;x'],
  ...Array.from({ length: 12 }, (_, index) => 'x'.repeat(30 + index)),
  { long: "70 kB of it's ".repeat(5000) },
];

let server;
let sql;
before(async () => {
  server = await Server.start();
  sql = await server.sql();
  await sql.query("INSERT INTO users_auth (id, hash) VALUES (42, 'key_of_42')");
});
after(() => server?.stop());

const user42 = { user_id: '42', user_key: 'key_of_42' };

for (const version of ['3.25', '4.08']) {
  describe(`client ${version}`, () => {
    /** Starts a client that is checked for Close frames and lost lines at the end. */
    function client(t, options = {}, target = server) {
      const one = new OldClient(target, version);
      t.after(() => {
        one.destroy();
        assert.deepEqual(one.closeFrames, [], 'a Close frame left the server');
        assert.deepEqual(one.undelivered, [], 'a line the client could not read');
      });
      return one.start(options);
    }

    function heardBy(one, name) {
      const heard = [];
      one.subscription(name, (message) => heard.push(message));
      return heard;
    }

    async function reconnected(one, connections) {
      await until(
        `connection number ${connections}`,
        () => one.transports.length >= connections && one.isOpen,
      );
      await one.settle();
    }

    test('is anonymous without a key, itself with one, anonymous with a wrong one', async (t) => {
      for (const [options, authorized] of [
        [{}, false],
        [user42, true],
        [{ user_id: '42', user_key: 'wrong' }, false],
        [{ user_id: '43', user_key: 'key_of_42' }, false],
        [{ user_id: '', user_key: '' }, false],
      ]) {
        const one = client(t, options);
        await one.settle();
        assert.equal(one.isAuthorized(), authorized, JSON.stringify(options));
        assert.equal(one.authSuccesses, authorized ? 1 : 0);
        assert.equal(one.authFailures, authorized ? 0 : 1);
      }
    });

    test('logs in by restarting', async (t) => {
      const one = client(t);
      const heard = heardBy(one, 'web_restarted');
      await one.settle();
      assert.equal(one.isAuthorized(), false);
      one.restart(user42);
      await reconnected(one, 2);
      assert.equal(one.isAuthorized(), true);
      await publish(sql, 'web_restarted', 'e', '1');
      await until('the message', () => heard.length === 1);
    });

    test('is back after the server restarts, subscriptions restored', async (t) => {
      const fragile = await Server.start();
      t.after(() => fragile.stop());
      const one = client(t, {}, fragile);
      const heard = heardBy(one, 'web_back');
      await one.settle();
      await fragile.restart();
      await reconnected(one, 2);
      await publish(await fragile.sql(), 'web_back', 'e', '"again"');
      await until('the message', () => heard.length === 1);
      assert.equal(heard[0].data, 'again');
    });

    test('receives exactly what another page sent', async (t) => {
      const sender = client(t);
      const listener = client(t);
      const heard = heardBy(listener, 'web_echo.say');
      await listener.settle();
      await sender.settle();
      for (const [index, payload] of PAYLOADS.entries()) {
        sender.web_pipe_send('web_echo', 'say', payload);
        await until(`payload ${index}`, () => heard.length === index + 1);
        assert.deepEqual(heard[index].data, throughJson(payload));
        assert.equal(heard[index].server_info.user_id, 0);
      }
    });

    test('receives exactly what the backend sent, escaped or prepared', async (t) => {
      const one = client(t);
      const heard = heardBy(one, 'echo');
      await one.settle();
      let count = 0;
      for (const payload of PAYLOADS) {
        const text = JSON.stringify(payload);
        await publish(sql, 'echo', 'e', text);
        await sql.execute("INSERT INTO pipes_messages (name, event, message) VALUES ('echo', 'e', ?)", [
          text,
        ]);
        count += 2;
        await until(`${text.slice(0, 60)}`, () => heard.length === count);
        for (const message of heard.slice(-2)) assert.deepEqual(message.data, throughJson(payload));
      }
    });

    test('receives plain text from a backend that sends no JSON', async (t) => {
      const one = client(t);
      const heard = heardBy(one, 'plain');
      await one.settle();
      for (const text of [
        "it's",
        "\\'",
        'C:\\dir',
        '"q" and \'q\'',
        'a\nb',
        'A::7;x;',
        'Привет 😀',
        "'",
        '\\',
      ]) {
        await publish(sql, 'plain', 'e', text);
        await until(text, () => heard.length > 0);
        assert.equal(heard.shift().data, text);
      }
    });

    test('gets one true report, no copy, and its other tab gets the message', async (t) => {
      const sender = client(t, user42);
      const tab = client(t, user42);
      const copies = heardBy(sender, 'web_own');
      const reports = heardBy(sender, '#web_own');
      const heard = heardBy(tab, 'web_own');
      await tab.settle();
      await sender.settle();
      sender.web_pipe_send('web_own', 'e', { t: 'hi' });
      await until('the report and the message', () => reports.length > 0 && heard.length > 0);
      await publish(sql, 'web_own', 'end', '1');
      await until('the end', () => copies.length > 0);
      assert.deepEqual(
        copies.map((message) => message.server_info.event),
        ['end'],
      );
      assert.equal(reports.length, 1);
      assert.equal(reports[0].data.number_messages, 1);
      assert.equal(reports[0].data.error, '');
      assert.equal(heard[0].server_info.user_id, 42);
    });

    test('every form of a subscription fires exactly once', async (t) => {
      const one = client(t, user42);
      const heard = {};
      const names = [
        '#web_forms',
        '_answer_to_web_forms',
        'forms',
        'forms.ev',
        'forms.other',
        'msg',
        'msg.ev',
        'sys.error',
        '',
      ];
      for (const name of names) heard[name] = heardBy(one, name);
      await one.settle();
      one.web_pipe_send('web_forms', 'e', 1);
      one.web_pipe_send('not_allowed', 'e', 1);
      await publish(sql, 'forms', 'ev', '1');
      await sql.query("INSERT INTO users_messages (id, event, message) VALUES (42, 'ev', '1')");
      await until(
        'all of them',
        () =>
          heard['#web_forms'].length && heard['sys.error'].length && heard.msg.length && heard.forms.length,
      );
      await one.settle();
      const counts = Object.fromEntries(names.map((name) => [name, heard[name].length]));
      assert.deepEqual(counts, {
        '#web_forms': 1,
        _answer_to_web_forms: 1,
        forms: 1,
        'forms.ev': 1,
        'forms.other': 0,
        msg: 1,
        'msg.ev': 1,
        'sys.error': 1,
        '': 4,
      });
    });

    test('counts and lists subscribers, each callback once', async (t) => {
      const one = client(t, user42);
      one.subscription('track_room');
      await one.settle();
      const counts = [];
      const lists = [];
      one.count_users_in_pipe('track_room', (message) => counts.push(message.data));
      one.getTrackPipeUsers('track_room', (message) => lists.push(message.data));
      await one.settle();
      await until('both answers', () => counts.length && lists.length);
      assert.deepEqual(counts, [{ user_in_pipe: 1 }]);
      assert.deepEqual(lists, [[{ user_id: 42, uuid: one.uuid }]]);
    });

    test('hears an object that is sent several times once, and statistics disturb nobody', async (t) => {
      const sender = client(t);
      const listener = client(t);
      const heard = heardBy(listener, 'web_several');
      await listener.settle();
      await sender.settle();
      sender.sendStatistics('chat', '1.0', "it's");
      sender.multi_web_pipe_send('web_several', 'e', { t: 'once' });
      sender.web_pipe_send('web_several', 'end', 1);
      await until('the end', () => heard.at(-1)?.data === 1);
      assert.deepEqual(heard.map((message) => message.data), [{ t: 'once' }, 1]);
      assert.equal(sender.transports.length, 1);
    });

    test("reads a user's data as the text it is", async (t) => {
      const one = client(t);
      await one.settle();
      const text = JSON.stringify({ name: "Ann's", path: 'C:\\dir' });
      await sql.query('REPLACE INTO users_data (id, data) VALUES (42, ?)', [text]);
      const answers = [];
      one.getUserData(42, (message) => answers.push(message.data));
      one.getUserData(4242, (message) => answers.push(message.data));
      await until('both answers', () => answers.length === 2);
      assert.deepEqual(answers, [
        { user_data: text, user_id: 42 },
        { user_data: '', user_id: 4242 },
      ]);
    });

    test('reads history in order, and nobody else hears it', async (t) => {
      const pipe = `web_history_${version.replace('.', '_')}`;
      await sql.query('INSERT INTO pipes_settings (name, length) VALUES (?, 10)', [pipe]);
      for (let index = 0; index < 5; index += 1) await publish(sql, pipe, 'e', JSON.stringify({ index }));
      const reader = client(t);
      const other = client(t);
      const read = heardBy(reader, pipe);
      const heard = heardBy(other, pipe);
      await other.settle();
      await reader.settle();
      reader.get_pipe_log(pipe);
      await until('five entries', () => read.length === 5);
      assert.deepEqual(
        read.map((message) => message.data.index),
        [0, 1, 2, 3, 4],
      );
      assert.ok(read.every((message) => message.server_info.history));

      const called = [];
      reader.get_pipe_log(pipe, (message) => called.push(message.data.index));
      await until('the callback', () => called.length === (reader.isV3 ? 1 : 5));
      assert.deepEqual(called, reader.isV3 ? [0] : [0, 1, 2, 3, 4]);
      await publish(sql, pipe, 'e', '{"index":"live"}');
      await until('the live message', () => heard.length > 0);
      assert.deepEqual(
        heard.map((message) => message.data.index),
        ['live'],
      );
    });

    test('sees one join for a real join, none for a list sent again', async (t) => {
      const member = client(t);
      const events = heardBy(member, 'track_joins');
      const id = version === '3.25' ? 3325 : 3408;
      await sql.query('INSERT INTO users_auth (id, hash) VALUES (?, ?)', [id, 'key']);
      const status = heardBy(member, `user_status_${id}`);
      await member.settle();
      const guests = [
        client(t, { user_id: id, user_key: 'key' }),
        client(t, { user_id: id, user_key: 'key' }),
      ];
      for (const guest of guests) {
        guest.subscription('track_joins');
        await guest.settle();
        guest.subscription('web_something_else');
        await guest.settle();
      }
      for (const guest of guests) guest.destroy();
      await until('both have left', () => events.length >= 4);
      await until('the user is offline', () => status.length >= 2);
      await publish(sql, 'track_joins', 'end', '1');
      await until('the end', () => events.at(-1).server_info.event === 'end');
      assert.deepEqual(
        events.map((message) => message.server_info.event),
        ['subscription', 'subscription', 'unsubscription', 'unsubscription', 'end'],
      );
      assert.deepEqual(
        status.map((message) => message.data),
        ['online', 'offline'],
      );
      assert.equal(events[0].data.user_id, id);
    });

    test('sixty private messages stored while away arrive once, in order', async (t) => {
      const id = version === '3.25' ? 325 : 408;
      await sql.query('INSERT INTO users_auth (id, hash) VALUES (?, ?)', [id, 'key']);
      const sent = [];
      for (let index = 0; index < 60; index += 1) {
        sent.push({ index, t: "it's" });
        await sql.query("INSERT INTO users_messages (id, event, message) VALUES (?, 'e', ?)", [
          id,
          JSON.stringify(sent[index]),
        ]);
      }
      const one = new OldClient(server, version);
      t.after(() => one.destroy());
      const heard = heardBy(one, 'msg.e');
      one.start({ user_id: id, user_key: 'key' });
      await until('all of them', () => heard.length >= 60);
      await until('what was handed over is removed', async () => {
        const [waiting] = await sql.query('SELECT id FROM users_messages WHERE id = ?', [id]);
        return waiting.length === 0;
      });
      const tab = client(t, { user_id: id, user_key: 'key' });
      const onTab = heardBy(tab, 'msg');
      await tab.settle();
      await sql.query("INSERT INTO users_messages (id, event, message) VALUES (?, 'e', '\"now\"')", [id]);
      await until('the last on both tabs', () => heard.length > 60 && onTab.length > 0);
      assert.deepEqual(
        heard.map((message) => message.data),
        [...sent, 'now'],
      );
      assert.deepEqual(
        onTab.map((message) => message.data),
        ['now'],
      );
    });

    test('from a forbidden origin it hears one error and never comes back', async (t) => {
      const strict = await Server.start({ args: ['--allow-origin', 'shop.example'] });
      t.after(() => strict.stop());
      const one = client(t, { origin: 'https://evil.example' }, strict);
      const errors = heardBy(one, 'sys.error');
      await until('it is dropped', () => one.transport?.ended);
      assert.equal(errors.length, 1);
      assert.equal(one.fatal, true);
      const welcome = client(t, { origin: 'https://shop.example' }, strict);
      await welcome.settle();
      assert.equal(one.transports.length, 1);
    });

    test('with its key deleted it returns as anonymous', async (t) => {
      const id = version === '3.25' ? 1325 : 1408;
      await sql.query('INSERT INTO users_auth (id, hash) VALUES (?, ?)', [id, 'key']);
      const one = client(t, { user_id: id, user_key: 'key' });
      await one.settle();
      assert.equal(one.isAuthorized(), true);
      await sql.query('DELETE FROM users_auth WHERE id = ?', [id]);
      await reconnected(one, 2);
      assert.equal(one.isAuthorized(), false);
    });

    test('bad names in a list of forty do not hurt the good ones', async (t) => {
      const one = client(t);
      await until('it is greeted', () => one.isOpen);
      const names = Array.from({ length: 40 }, (_, index) => `bad_names_${index}`);
      one.serverSubscriptions = ['x', ...names, 'y'.repeat(65), 'private_x'];
      const heard = heardBy(one, 'the_last_name');
      await one.settle();
      await publish(sql, 'the_last_name', 'e', '1');
      await until('the message', () => heard.length === 1);
      assert.equal(await subscribers(sql, 'bad_names_39'), 1);
      assert.equal(one.transports.length, 1);
    });

    test('stopping takes the user offline', async (t) => {
      const id = version === '3.25' ? 2325 : 2408;
      await sql.query('INSERT INTO users_auth (id, hash) VALUES (?, ?)', [id, 'key']);
      const one = client(t, { user_id: id, user_key: 'key' });
      await one.settle();
      one.stop();
      await until(
        'offline',
        async () => (await rows(sql, 'SELECT time FROM users_time WHERE id = ?', [id]))[0].time > 0,
      );
    });
  });
}

/** A v4 client sees JSON values; what JSON cannot say is not sent. */
function throughJson(value) {
  return JSON.parse(JSON.stringify(value));
}
