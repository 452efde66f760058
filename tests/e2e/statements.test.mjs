// The statements real programs send, literally, through PHP; the rows and error
// codes they get; and what a browser hears of it.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { MysqlWire } from '../support/mysql-wire.mjs';
import { PHP_CLIENTS, nameOf, php } from '../support/php.mjs';
import { Server } from '../support/server.mjs';
import { publish, refusal, rows, subscribers } from '../support/sql.mjs';
import { until } from '../support/until.mjs';
import { randomUuid } from '../support/websocket.mjs';

const VAR_STRING = 253;
const NOT_NULL = 1;
const KEY = 'Developer15+key';
const MD5 = '5d41402abc4b2a76b9719d911017c592';

let server;
let sql;
before(async () => {
  server = await Server.start({ devs: { 15: KEY } });
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
      await ask({ escaped: [statement, [text]] }, { escaped: [statement, [text]] }, { reconnect: true }, {
        escaped: [statement, [text]],
      });
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
        'SELECT * FROM pipes_settings WHERE name = p23',
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
        'id', 'time', 'name', 'index', 'event', 'message', 'user_id',
      ]);
    });
  });
}

describe('literals', () => {
  // The statement's bytes as some program writes them, and the message it means.
  const LITERALS = [
    [`'{\\"name\\":\\"\\\\u0412\\"}'`, '{"name":"\\u0412"}', 'escaped json_encode'],
    [`'{"name":"\\u0412"}'`, '{"name":"\\u0412"}', 'unescaped JSON'],
    [`'{"t":"say \\"hi\\"\\n"}'`, '{"t":"say \\"hi\\"\\n"}', 'unescaped JSON with escapes'],
    [`'a\\nb'`, 'a\nb', 'escaped plain text'],
    [`'it''s'`, "it's", 'a doubled quote'],
    [`'it\\'s'`, "it's", 'an escaped quote'],
    [`"it's"`, "it's", 'the other quotes'],
    [`'a\\\\'`, 'a\\', 'an escaped backslash at the end'],
    [`'\\% \\_ \\0 \\Z \\b \\x'`, '\\% \\_ \0 \x1a \b x', 'the rarer escapes'],
    [`'{"url":"http:\\/\\/a"}'`, '{"url":"http:\\/\\/a"}', "PHP's escaped slashes"],
    [`''`, '', 'nothing at all'],
  ];

  for (const [literal, message, name] of LITERALS) {
    test(`${name}: ${literal}`, async (t) => {
      const wire = await MysqlWire.login(server);
      t.after(() => wire.destroy());
      const browser = await server.browser();
      await browser.subscribe('literal');
      await sql.query("INSERT INTO pipes_settings (name, length) VALUES ('literal', 1)");
      const answer = await wire.query(
        `INSERT INTO pipes_messages (name, event, message) VALUES ('literal', 'e', ${literal})`,
      );
      assert.equal(answer.kind, 'ok', answer.message);
      assert.equal(shownText((await browser.takeFrom('literal')).data, message), message);
      const { rows: history } = await wire.query("SELECT message FROM pipes_messages WHERE name = 'literal'");
      assert.deepEqual(history, [[message]]);
      browser.destroy();
    });
  }

  test('escaped, unescaped and prepared, every JSON document arrives the same', async () => {
    const documents = [
      { t: 'Привет "мир" / it\'s' },
      { t: 'line\nfeed\ttab\u2028', list: [1, null, true, 'x\\'] },
      ['emoji 😀', ''],
      'a text with "quotes"',
    ].map((value) => phpJson(value));
    const browser = await server.browser();
    await browser.subscribe('documents');
    for (const document of documents) {
      const forms = [`'${escapeLiteral(document)}'`];
      if (!document.includes("'") && !document.includes('\\\\')) forms.push(`'${document}'`);
      for (const form of forms) {
        await sql.query(`INSERT INTO pipes_messages (name, event, message) VALUES ('documents', 'e', ${form})`);
        assert.equal(shown(await browser.takeFrom('documents')), document);
      }
      await sql.execute("INSERT INTO pipes_messages (name, event, message) VALUES ('documents', 'e', ?)", [
        document,
      ]);
      assert.equal(shown(await browser.takeFrom('documents')), document);
    }
    browser.destroy();
  });

  /** JSON as PHP's json_encode writes it. */
  function phpJson(value) {
    return JSON.stringify(value)
      .replaceAll('/', '\\/')
      .replace(/[^\x00-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  }

  function escapeLiteral(text) {
    return text.replace(/[\\'"]/g, '\\$&').replaceAll('\n', '\\n').replaceAll('\0', '\\0');
  }

  function shown(message) {
    return message.data.replaceAll('\\u0027', "'");
  }

  /** Plain text with a backslash travels as a JSON string (protocol reference, 4.2). */
  function shownText(data, message) {
    if (isJson(message)) return data;
    return message.includes('\\') ? JSON.parse(data) : data;
  }

  function isJson(text) {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  }
});

describe('error codes', () => {
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
    ['DELETE FROM users_messages', 13],
    ['DELETE FROM pipes_settings', 13],
    ["INSERT INTO users_auth (id, id) VALUES (1, 'key')", 13],
    ['SELECT nonsense FROM pipes_messages WHERE name = "abc"', 14, '42S22'],
    ["INSERT INTO users_auth (id, password) VALUES (1, 'key')", 14, '42S22'],
    ["INSERT INTO users_auth (id, hash) VALUES (1)", 14],
    ['SELECT * FROM nonsense', 15, '42S02'],
    ["INSERT INTO nonsense (a) VALUES (1)", 15, '42S02'],
    ["DELETE FROM nonsense WHERE a = 1", 15, '42S02'],
    ["INSERT INTO pipes_messages (name, event, message) VALUES ('ab', 'e', 'm')", 17],
    ["INSERT INTO pipes_settings (name, length) VALUES ('ab', 1)", 17],
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
    if (answer.status === 'rejected') assert.ok([2, 3, 18].includes(answer.reason.errno), answer.reason.message);
    assert.equal((await rows(sql, 'SELECT * FROM users_time WHERE id = 1')).length, 1);
  });
});

describe('rows', () => {
  const SHAPES = {
    pipes_messages: ['id', 'time', 'name', 'index', 'event', 'message', 'user_id'],
    pipes: ['name', 'users'],
    users_in_pipes: ['name', 'user_id', 'user_uuid', 'user_agent', 'ip', 'origin', 'language'],
    pipes_settings: ['name', 'length'],
    users_messages: ['id', 'index', 'event', 'message'],
    users_time: ['id', 'time'],
    users_auth: ['id', 'hash'],
  };

  for (const [table, columns] of Object.entries(SHAPES)) {
    test(`${table} has its columns in order, every one a string`, async () => {
      const key = columns.includes('name') ? "name = 'shape'" : 'id = 4';
      const wire = await MysqlWire.login(server);
      const answer = await wire.query(`SELECT * FROM ${table} WHERE ${key}`);
      assert.equal(answer.kind, 'rows', answer.message);
      assert.deepEqual(answer.columns.slice(0, columns.length).map((column) => column.name), columns);
      for (const column of answer.columns) {
        assert.equal(column.type, VAR_STRING, column.name);
        assert.equal(column.flags & NOT_NULL, NOT_NULL, column.name);
        assert.equal(column.schema, 'CometQL_v1');
        assert.equal(column.table, table);
      }
      const described = await rows(sql, `DESCRIBE ${table}`);
      assert.deepEqual(described.slice(0, columns.length).map((row) => row.Field), columns);
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
    assert.deepEqual(await rows(sql, 'SELECT id FROM users_auth WHERE id IN (12, 13) ORDER BY id DESC LIMIT 1'), [
      { id: '13' },
    ]);
    assert.deepEqual(await rows(sql, 'SELECT id FROM users_auth WHERE id IN (12, 13) LIMIT 1, 1'), [
      { id: '13' },
    ]);
  });

  test('an INSERT reports the user as insert id', async () => {
    const [auth] = await sql.query("INSERT INTO users_auth (id, hash) VALUES (100000, 'key')");
    assert.equal(auth.insertId, 100_000);
    assert.equal(auth.affectedRows, 1);
    const [message] = await sql.query("INSERT INTO users_messages (id, event, message) VALUES (70001, 'e', 'm')");
    assert.equal(message.insertId, 70_001);
    await sql.query('DELETE FROM users_messages WHERE id = 70001');
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
});

describe('history', () => {
  const history = (pipe) => rows(sql, 'SELECT * FROM pipes_messages WHERE name = ?', [pipe]);
  const texts = async (pipe) => (await history(pipe)).map((row) => row.message);
  const keep = (pipe, length) =>
    sql.query('INSERT INTO pipes_settings (name, length) VALUES (?, ?)', [pipe, length]);

  test('a pipe keeps the newest messages its setting asks for, in the order of insertion', async () => {
    await keep('keeps', 3);
    for (const text of ['a', 'b', 'c', 'd']) await publish(sql, 'keeps', 'e', text);
    const all = await history('keeps');
    assert.deepEqual(all.map((row) => row.message), ['b', 'c', 'd']);
    assert.deepEqual(all.map((row) => row.index), ['0', '1', '2']);
    assert.deepEqual(all.map((row) => row.user_id), ['0', '0', '0']);
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
    assert.deepEqual(await rows(sql, "SELECT * FROM pipes_settings WHERE name = 'zero'"), [
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
    assert.deepEqual(await rows(sql, "SELECT * FROM pipes_settings WHERE name IN ('capped', 'default')"), [
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
    assert.deepEqual(waiting.map((row) => row.message), queued);
    assert.deepEqual(waiting.map((row) => row.index), queued.map((_, index) => String(index)));

    const browser = await server.browser({ userId: 60, userKey: 'key_of_60' });
    const heard = [];
    for (let count = 0; count < 60; count += 1) heard.push(await browser.takeFrom('msg'));
    assert.deepEqual(heard.map((message) => message.data), queued);
    assert.ok(heard.every((message) => message.fromQueue === true && message.event === 'e'));
    await until('the queue is empty', async () =>
      (await rows(sql, 'SELECT * FROM users_messages WHERE id = 60')).length === 0,
    );
    browser.destroy();
    await until('60 is offline', async () =>
      (await rows(sql, 'SELECT time FROM users_time WHERE id = 60'))[0].time !== '0',
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
    assert.deepEqual(await rows(sql, 'SELECT * FROM users_messages WHERE id = 62'), []);
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
    assert.deepEqual(await rows(sql, 'SELECT hash FROM users_auth WHERE id = 64'), [{ hash: 'the_same_key' }]);
    ours.destroy();
  });
});

describe('sessions', () => {
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
    assert.deepEqual(answers[1].map((row) => row.hash), ['a']);
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
});
