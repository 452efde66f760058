// What the text between two quotes means: escaped by a driver, by hand, or not at all.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MysqlWire } from '../support/mysql-wire.mjs';
import { Server } from '../support/server.mjs';

let server;
let sql;
before(async () => {
  server = await Server.start();
  sql = await server.sql();
});
after(() => server?.stop());

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
  return text
    .replace(/[\\'"]/g, '\\$&')
    .replaceAll('\n', '\\n')
    .replaceAll('\0', '\\0');
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

test('every spelling of an INSERT publishes the same', async (t) => {
  const SPELLINGS = [
    "INSERT INTO pipes_messages (name, event, message) VALUES ('spelling', 'e', '?')",
    "insert into pipes_messages(message,event,name)values('?','e','spelling');",
    'INSERT INTO `pipes_messages` (`name`, "event", \'message\') VALUES ("spelling", `e`, "?")',
    "INSERT INTO pipes_messages (id, time, index, user_id, name, event, message) VALUES (1, 2, 3, 4, 'spelling', 'e', '?')",
    "INSERT INTO pipes_messages VALUES ('', '', 'spelling', '', 'e', '?', '')",
    '\n\tINSERT\nINTO pipes_messages\r\n(name, event, message)\nVALUES\n(spelling, e, ?)\n;;\n',
    "/* a */ INSERT INTO pipes_messages (name, event, message) -- b\n VALUES ('spelling', 'e', '?') # c",
    "INSERT INTO CometQL_v1.pipes_messages (name, event, message) VALUES ('spelling', 'e', '?'); '\"",
    "INSERT INTO pipes_messages SET name = 'spelling', event = 'e', message = '?'",
  ];
  const wire = await MysqlWire.login(server);
  t.after(() => wire.destroy());
  const browser = await server.browser();
  await browser.subscribe('spelling');
  for (const [index, spelling] of SPELLINGS.entries()) {
    const answer = await wire.query(spelling.replace('?', String(index)));
    assert.equal(answer.kind, 'ok', `${spelling}: ${answer.message}`);
    const heard = await browser.takeFrom('spelling');
    assert.equal(heard.data, String(index));
    assert.equal(heard.event, 'e');
  }
});

test('an INSERT tells how many received it, and where it is in the history', async (t) => {
  const wire = await MysqlWire.login(server);
  t.after(() => wire.destroy());
  const browsers = [await server.browser(), await server.browser()];
  for (const browser of browsers) await browser.subscribe('telling');
  const insert = "INSERT INTO pipes_messages (name, event, message) VALUES ('telling', 'e', 'm')";
  assert.match((await wire.query(insert)).info, /\b2\b/);
  await wire.query("INSERT INTO pipes_settings (name, length) VALUES ('telling', 5)");
  const offsets = [];
  for (let round = 0; round < 3; round += 1) {
    const { info } = await wire.query(insert);
    offsets.push(Number(/offset\D*(\d+)/i.exec(info)?.[1]));
  }
  assert.deepEqual(offsets, [offsets[0], offsets[0] + 1, offsets[0] + 2]);
  for (const browser of browsers) browser.destroy();
});
