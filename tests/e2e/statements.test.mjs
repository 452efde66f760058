// The statements real programs send, literally, through every kind of PHP
// connection, and what a browser hears of them.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { PHP_CLIENTS, nameOf, php } from '../support/php.mjs';
import { Server } from '../support/server.mjs';
import { publish, subscribers } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const MD5 = '5d41402abc4b2a76b9719d911017c592';

let server;
let sql;
before(async () => {
  server = await Server.start();
  sql = await server.sql();
});
after(() => server?.stop());

for (const client of PHP_CLIENTS) {
  describe(`PHP ${nameOf(client)}`, () => {
    const ask = (...steps) => php(server, client, steps);

    test('publishes what the article publishes, without a blank before VALUES', async () => {
      const browser = await server.browser();
      await browser.subscribe('loginPipe');
      const message = '{"name":"\\u0412\\u0438\\u043a\\u0442\\u043e\\u0440"}';
      const [outcome] = await ask({
        escaped: [
          "INSERT INTO pipes_messages (name, event, message)VALUES('loginPipe', 'userLogin', ?)",
          [message],
        ],
      });
      assert.equal(outcome.errno, undefined, outcome.error);
      const heard = await browser.takeFrom('loginPipe');
      assert.equal(heard.data, message);
      assert.equal(heard.event, 'userLogin');
      assert.equal(JSON.parse(heard.data).name, 'Виктор');
      browser.destroy();
    });

    test('escapes the second statement of a connection like the first', async () => {
      const browser = await server.browser();
      await browser.subscribe('web_twice');
      const text = 'it\'s "q" \\ line\nПривет 😀';
      const statement = "INSERT INTO pipes_messages (name, event, message)VALUES('web_twice', 'e', ?)";
      await ask(
        { escaped: [statement, [text]] },
        { escaped: [statement, [text]] },
        { reconnect: true },
        {
          escaped: [statement, [text]],
        },
      );
      for (let round = 0; round < 3; round += 1) {
        assert.equal(JSON.parse((await browser.takeFrom('web_twice')).data), text);
      }
      browser.destroy();
    });

    test('stores a key and reads it back, and the malformed INSERT is a clean syntax error', async () => {
      const [stored, read, malformed, still, number, text] = await ask(
        `INSERT INTO users_auth (id, hash)VALUES (3, '${MD5}')`,
        'SELECT hash FROM users_auth WHERE id = 3',
        `INSERT INTO users_auth (id, hash)VALUES (, '${MD5}')`,
        'SELECT hash FROM users_auth WHERE id = 7001',
        "INSERT INTO users_auth (id, hash)VALUES('5', 'key' );",
        'SELECT id, hash FROM users_auth WHERE id IN(5)',
      );
      assert.equal(stored.insertId, 3);
      assert.deepEqual(read.rows, [{ hash: MD5 }]);
      assert.equal(malformed.errno, 3);
      assert.equal(malformed.sqlState, '42000');
      assert.deepEqual(still.rows, []);
      assert.equal(number.insertId, 5);
      assert.deepEqual(text.rows, [{ id: '5', hash: 'key' }]);
    });

    test('asks who is online, id to time', async () => {
      const [answer] = await ask('SELECT id, time FROM users_time WHERE id IN( 8001,8002,8007);');
      assert.deepEqual(answer.rows, [
        { id: '8001', time: '-1' },
        { id: '8002', time: '-1' },
        { id: '8007', time: '-1' },
      ]);
    });

    test('an empty list of users is an empty answer or a syntax error, never a broken connection', async () => {
      const [empty, next] = await ask(
        'SELECT id, time FROM users_time WHERE id IN( );',
        'SELECT id, time FROM users_time WHERE id IN(9)',
      );
      if (empty.errno === undefined) assert.deepEqual(empty.rows, []);
      else assert.equal(empty.errno, 3);
      assert.equal(next.rows.length, 1);
    });

    test('sends a private message of several kilobytes', async () => {
      await sql.query("INSERT INTO users_auth (id, hash) VALUES (7, 'key_of_seven')");
      const browser = await server.browser({ userId: 7, userKey: 'key_of_seven' });
      const message = JSON.stringify({ text: Buffer.alloc(6000, 'ж').toString('base64'), from: 1 });
      const [outcome] = await ask({
        escaped: ["INSERT INTO users_messages (id, event, message)VALUES (7, 'newMessage', ?)", [message]],
      });
      assert.equal(outcome.insertId, 7);
      const heard = await browser.takeFrom('msg');
      assert.equal(heard.data, message);
      assert.equal(heard.event, 'newMessage');
      browser.destroy();
    });

    test('deleting a key drops the browser without a Close frame', async () => {
      await sql.query("INSERT INTO users_auth (id, hash) VALUES (77, 'key_of_77')");
      const browser = await server.browser({ userId: 77, userKey: 'key_of_77' });
      assert.equal(browser.greeting.authorized, 'true');
      const [outcome, read] = await ask(
        'DELETE FROM users_auth WHERE id = 77',
        'SELECT hash FROM users_auth WHERE id = 77',
      );
      assert.equal(outcome.errno, undefined, outcome.error);
      assert.deepEqual(read.rows, []);
      await browser.waitUntilDropped();
      assert.deepEqual(browser.closeFrames, []);
      const again = await server.browser({ userId: 77, userKey: 'key_of_77' });
      assert.equal(again.greeting.authorized, 'false');
      again.destroy();
    });

    test('an odd quote after the last semicolon is ignored', async () => {
      const browser = await server.browser();
      await browser.subscribe('iziMessages');
      const [published, queued] = await ask(
        {
          escaped: [
            "INSERT INTO pipes_messages (name, event, message)VALUES('iziMessages', 'msg', ?);'",
            ['{"a":"it\'s"}'],
          ],
        },
        { escaped: ["INSERT INTO users_messages (id, event, message)VALUES('5', 'msg', ?);'", ['{"a":1}']] },
        'DELETE FROM users_messages WHERE id = 5',
      );
      assert.equal(published.errno, undefined, published.error);
      assert.equal(queued.errno, undefined, queued.error);
      assert.deepEqual(JSON.parse((await browser.takeFrom('iziMessages')).data), { a: "it's" });
      browser.destroy();
    });

    test('raw UTF-8 survives whatever character set the client declared', async () => {
      await sql.query("INSERT INTO users_auth (id, hash) VALUES (55, 'key_of_55')");
      const browser = await server.browser({ userId: 55, userKey: 'key_of_55' });
      const [outcome] = await ask(
        "INSERT INTO users_messages (id, event, message)VALUES('55', 'message', 'Привет')",
      );
      assert.equal(outcome.errno, undefined, outcome.error);
      assert.equal((await browser.takeFrom('msg')).data, 'Привет');
      browser.destroy();
    });

    test('JSON arrives intact although nobody escaped it', async () => {
      const browser = await server.browser();
      await browser.subscribe('re_messages_7', 'plugin');
      const outcomes = await ask(
        'INSERT INTO pipes_messages (name, event, message) VALUES ("re_messages_7", "read", \'{"identifier": "id5"}\')',
        `INSERT INTO pipes_messages (name, event, message) VALUES ('plugin', 'e', '{"t":"\\u0412 \\"x\\" \\/"}')`,
      );
      for (const outcome of outcomes) assert.equal(outcome.errno, undefined, outcome.error);
      assert.equal((await browser.takeFrom('re_messages_7')).data, '{"identifier": "id5"}');
      assert.equal((await browser.takeFrom('plugin')).data, '{"t":"\\u0412 \\"x\\" \\/"}');
      browser.destroy();
    });

    test('lists who is in a pipe, the user id in the second column', async () => {
      await sql.query("INSERT INTO users_auth (id, hash) VALUES (61, 'key_of_61')");
      const browser = await server.browser({ userId: 61, userKey: 'key_of_61' });
      await browser.subscribe('track_online');
      const [answer] = await ask('SELECT * FROM users_in_pipes WHERE name = "track_online"');
      assert.equal(answer.rows.length, 1);
      assert.equal(Object.values(answer.rows[0])[1], '61');
      browser.destroy();
      await until('the pipe is empty', async () => (await subscribers(sql, 'track_online')) === 0);
    });

    test('prepares statements that mix literals and parameters', async () => {
      const browser = await server.browser();
      await browser.subscribe('business', 'web_other');
      const json = '{"text":"it\'s \\"q\\" \\\\ \\n Привет 😀"}';
      const mysqli = client.driver === 'mysqli';
      const prepare = (statement, values) =>
        mysqli
          ? { sql: statement.replace(/:\w+/g, '?'), values: Object.values(values) }
          : { sql: statement, values };
      const [published, listed] = await ask(
        prepare("INSERT INTO pipes_messages (name, event, message) VALUES (:channelName, 'newChat', :json)", {
          channelName: 'business',
          json,
        }),
        prepare('SELECT * FROM users_in_pipes WHERE name = :channelName', { channelName: 'business' }),
      );
      assert.equal(published.errno, undefined, published.error);
      const heard = await browser.takeFrom('business');
      assert.deepEqual(JSON.parse(heard.data), JSON.parse(json));
      assert.equal(heard.event, 'newChat');
      assert.deepEqual(
        listed.rows.map((row) => [row.name, row.user_id, row.user_uuid]),
        [['business', '0', browser.uuid]],
      );
      browser.destroy();
    });

    test('logs base64 between double quotes', async () => {
      const browser = await server.browser();
      await browser.subscribe('time');
      const [outcome] = await ask(
        'INSERT INTO pipes_messages (name, event, message)VALUES("time", "event_name", "aGVsbG8+d29ybGQ/IQ==")',
      );
      assert.equal(outcome.errno, undefined, outcome.error);
      assert.equal((await browser.takeFrom('time')).data, 'aGVsbG8+d29ybGQ/IQ==');
      browser.destroy();
    });

    test('the oldest programs: bare words, quoted column names, a leading blank, deliberate mistakes', async () => {
      const outcomes = await ask(
        'DELETE FROM pipes_messages WHERE name = p23',
        "INSERT INTO pipes_settings (name, length )VALUES ('p23', 0);",
        "INSERT INTO pipes_settings ('name', 'length') VALUES ('p23', 3)",
        'INSERT INTO pipes_settings ("name", \'length\') VALUES ("p23", "4")',
        " INSERT INTO pipes_messages (name, event, message) VALUES ('p23', '', 'text message1')",
        'SELECT * FROM pipes_messages WHERE name = p23',
        'SELECT name, length FROM pipes_settings WHERE name = p23',
        'DELETE FROM pipes_settings WHERE name = p23',
        'SELECT * FROM pipes_messages WHERE name = p23',
        "INSERT INTO pipes_messages (name, event, message) VALUES ('ab', 'e', 'too short')",
        "INSERT INTO pipes_messages (name, event, message) VALUES ('with blank', 'e', 'bad')",
        `INSERT INTO pipes_messages (name, event, message) VALUES ('p23', '${'e'.repeat(65)}', 'long event')`,
      );
      const [, , , , , history, setting, , emptied, short, bad, long] = outcomes;
      for (const outcome of outcomes.slice(0, 9)) assert.equal(outcome.errno, undefined, outcome.error);
      assert.deepEqual(setting.rows, [{ name: 'p23', length: '4' }]);
      assert.equal(history.rows.length, 1);
      assert.equal(history.rows[0].message, 'text message1');
      assert.deepEqual(emptied.rows, []);
      assert.deepEqual([short.errno, bad.errno, long.errno], [17, 12, 11]);
    });

    test('column names of every answer are unique and not empty', async () => {
      await sql.query("INSERT INTO pipes_settings (name, length) VALUES ('console', 5)");
      await publish(sql, 'console', 'e', 'x');
      const answers = await ask(
        "SELECT * FROM pipes_messages WHERE name = 'console'",
        "SELECT * FROM pipes WHERE name = 'console'; ",
        'select * from users_time where id in(1, 3, 99996);',
        'SELECT @@version_comment LIMIT 1',
        'SHOW TABLES',
        'DESCRIBE users_auth',
      );
      for (const answer of answers) {
        assert.ok(answer.rows.length > 0);
        assert.ok(Object.keys(answer.rows[0]).every((name) => name !== ''));
      }
      assert.deepEqual(Object.keys(answers[0].rows[0]), [
        'id',
        'time',
        'name',
        'index',
        'event',
        'message',
        'user_id',
      ]);
    });
  });
}
