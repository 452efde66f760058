// Disks that are full, read-only, slow or failing: a start that says what to do, and
// a running server that refuses what it cannot keep, serves what needs no disk, and
// goes on as before when the disk does.

import assert from 'node:assert/strict';
import { readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fill, inject, readOnlyDisk, smallDisk } from '../support/disk.mjs';
import { BINARY, temporaryDirectory } from '../support/paths.mjs';
import { attempt, Program, run } from '../support/program.mjs';
import { Server } from '../support/server.mjs';
import { publish, refusal, rows } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const LARGE = 'x'.repeat(100_000);
const STORE_FAILED = 500;

async function start(t, options) {
  const server = await Server.start(options);
  t.after(() => server.kill9());
  return server;
}

/** A server on a file system of four megabytes. */
function startOnSmallDisk(t) {
  const dataDir = temporaryDirectory();
  return start(t, { dataDir, wrapper: smallDisk(dataDir, 4 << 20) });
}

/** What a start says that comes to nothing: one sentence and exit code 1. */
async function startFails(wrapper, dataDir) {
  const [command, ...args] = [...wrapper, BINARY, '--http', '127.0.0.1:0', '--cometql', '127.0.0.1:0', '--data', dataDir];
  const { code, stdout, stderr } = await attempt(command, args, { env: { ...process.env, COMETWIRE_ROOT_KEY: 'k' } });
  assert.equal(code, 1, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /^cometwire: .+\n$/);
  return stderr;
}

/** What needs no disk is served: a message on an ordinary pipe, a question, a login by key. */
async function servesTheRest(server, sql) {
  const browser = await server.browser({ userId: 42, userKey: 'key' });
  assert.equal(browser.greeting.authorized, 'true');
  await browser.subscribe('web_plain', 'kept');
  await publish(sql, 'web_plain', 'e', 'still served');
  assert.equal((await browser.takeFrom('web_plain')).data, 'still served');
  assert.deepEqual(await rows(sql, 'SELECT hash FROM users_auth WHERE id = 42'), [{ hash: 'key' }]);
  return browser;
}

async function stillShowsHistory(sql) {
  const history = await rows(sql, "SELECT message FROM pipes_messages WHERE name = 'kept'");
  assert.deepEqual(history, [{ message: 'before' }]);
}

async function prepared(server) {
  const sql = await server.sql();
  await sql.query("INSERT INTO pipes_settings (name, length) VALUES ('kept', 100)");
  await publish(sql, 'kept', 'e', 'before');
  await sql.query("INSERT INTO users_auth (id, hash) VALUES (42, 'key')");
  return sql;
}

const everyDurableStatement = {
  'a message with history': ["INSERT INTO pipes_messages (name, event, message) VALUES ('kept', 'e', ?)", [LARGE]],
  'a private message': ["INSERT INTO users_messages (id, event, message) VALUES (42, 'e', ?)", [LARGE]],
  'a key': ["INSERT INTO users_auth (id, hash) VALUES (43, 'key')", []],
  data: ['INSERT INTO users_data (id, data) VALUES (43, ?)', [LARGE.slice(0, 60_000)]],
  'a setting': ["INSERT INTO pipes_settings (name, length) VALUES ('more', 10)", []],
  'a revoked token': ["INSERT INTO revoked_tokens (token) VALUES ('a.b')", []],
};

test('on a full disk what needs it is refused, the rest is served, and all goes on when there is room', async (t) => {
  const server = await startOnSmallDisk(t);
  const sql = await prepared(server);
  const makeRoom = fill(server, server.dataDir);
  for (const [name, [statement, values]] of Object.entries(everyDurableStatement)) {
    const error = await refusal(sql, statement, values);
    assert.equal(error.errno, STORE_FAILED, name);
    assert.match(error.message, /disk is full/, name);
  }
  await sql.query('BEGIN');
  await publish(sql, 'web_plain', 'e', 'not without the rest');
  await publish(sql, 'kept', 'e', LARGE);
  assert.equal((await refusal(sql, 'COMMIT')).errno, STORE_FAILED);
  const browser = await servesTheRest(server, sql);
  await stillShowsHistory(sql);

  makeRoom();
  for (const [statement, values] of Object.values(everyDurableStatement)) await sql.query(statement, values);
  assert.equal((await browser.takeFrom('kept')).data, LARGE);
  await browser.takeFrom('msg');
  assert.deepEqual([browser.waitingOn('kept'), browser.waitingOn('web_plain')], [[], []]);
  const kept = await rows(sql, "SELECT `index`, LENGTH(message) AS length FROM pipes_messages WHERE name = 'kept'");
  assert.deepEqual(kept, [{ index: '0', length: '6' }, { index: '1', length: String(LARGE.length) }]);

  const said = (words) => server.output.split(words).length - 1;
  await until('the log says that it is over', async () => {
    await sql.query("INSERT INTO users_auth (id, hash) VALUES (44, 'key')");
    return said('disk_takes_writes_again') > 0;
  });
  assert.deepEqual([said('disk_refuses_writes'), said('disk_takes_writes_again')], [1, 1]);
});

test('a disk that fails to sync stops all writing until a restart, and nothing acknowledged is lost', async (t) => {
  const server = await start(t);
  const sql = await prepared(server);
  const heal = await inject(server, 'fdatasync,fsync', 'error=EIO');
  const error = await refusal(sql, "INSERT INTO users_auth (id, hash) VALUES (43, 'key')");
  assert.equal(error.errno, STORE_FAILED);
  await servesTheRest(server, sql);
  await stillShowsHistory(sql);
  assert.match(await heal(), /EIO.*INJECTED/);
  // A later sync that succeeds says nothing about what the failed one left.
  const [statement, values] = everyDurableStatement['a message with history'];
  assert.match((await refusal(sql, statement, values)).message, /check the disk and restart/);
  await server.restart();
  const after = await server.sql();
  assert.deepEqual(await rows(after, 'SELECT id FROM users_auth WHERE id = 42'), [{ id: '42' }]);
  await after.query(statement, values);
});

test('a write that fails is an error, and the next one that succeeds is none', async (t) => {
  const server = await start(t);
  const sql = await prepared(server);
  const heal = await inject(server, 'pwrite64', 'error=EIO');
  for (const [statement, values] of Object.values(everyDurableStatement)) {
    assert.equal((await refusal(sql, statement, values)).errno, STORE_FAILED);
  }
  await servesTheRest(server, sql);
  await stillShowsHistory(sql);
  assert.match(await heal(), /EIO.*INJECTED/);
  for (const [statement, values] of Object.values(everyDurableStatement)) await sql.query(statement, values);
  await server.kill9();
  await server.restart();
  const kept = await rows(await server.sql(), "SELECT LENGTH(message) AS length FROM pipes_messages WHERE name = 'kept'");
  assert.deepEqual(kept, [{ length: '6' }, { length: String(LARGE.length) }]);
});

test('a slow disk holds up what waits for it and nothing else', async (t) => {
  const server = await start(t);
  const sql = await prepared(server);
  const other = await server.sql();
  const heal = await inject(server, 'fdatasync,fsync', 'delay_enter=60s');
  let isKept = false;
  const keeping = publish(sql, 'kept', 'e', 'slowly').then(() => (isKept = true));
  // Only who reads a history waits for the sync that runs.
  await servesTheRest(server, other);
  assert.equal(isKept, false);
  await heal();
  await keeping;
  assert.equal((await rows(other, "SELECT message FROM pipes_messages WHERE name = 'kept'")).length, 2);
});

test('somebody who locks the tables with another program is waited for', async (t) => {
  const server = await start(t);
  const sql = await prepared(server);
  const other = await server.sql();
  const script = 'import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute("BEGIN IMMEDIATE"); print("locked", flush=True); input()';
  const tool = Program.start('python3', ['-c', script, join(server.dataDir, 'cometwire.db')], { keepInputOpen: true });
  await until('the tables are locked', () => tool.stdout.includes('locked'));
  const keeping = publish(sql, 'kept', 'e', 'after the lock');
  await servesTheRest(server, other);
  tool.child.stdin.end('\n');
  await keeping;
  assert.equal((await rows(other, "SELECT message FROM pipes_messages WHERE name = 'kept'")).length, 2);
});

test('a disk without any room stops the start with a sentence', async () => {
  const dataDir = temporaryDirectory();
  const sentence = await startFails(smallDisk(dataDir, 16_384), dataDir);
  assert.match(sentence, /full|No space left/);
  assert.ok(sentence.includes(dataDir), sentence);
});

test('a disk that became full or read-only stops the next start, and nothing is changed', async (t) => {
  const server = await Server.start();
  t.after(() => server.kill9());
  await prepared(server);
  await server.kill9();
  const files = ['cometwire.db', 'cometwire.db-wal'].map((name) => join(server.dataDir, name));
  const before = files.map((file) => readFileSync(file));
  const sentence = await startFails(readOnlyDisk(server.dataDir), server.dataDir);
  assert.match(sentence, /cannot be written: Read-only file system.*check its owner, its mode and its disk/);
  assert.deepEqual(files.map((file) => readFileSync(file)), before);
  await server.restart();
  assert.equal((await rows(await server.sql(), "SELECT * FROM pipes_messages WHERE name = 'kept'")).length, 1);
});

const python = (script, file) => run('python3', ['-c', `import sqlite3, sys\nd = sqlite3.connect(sys.argv[1])\n${script}\nd.commit()\nd.close()`, file]);

const damages = {
  'half of it': { harm: (file) => truncateSync(file, statSync(file).size / 2), sentence: /is truncated: it has \d+ bytes of \d+; restore it from a backup/ },
  nothing: { harm: (file) => truncateSync(file, 0), sentence: /is empty \(0 bytes\).*restore it from a backup/ },
  'no database': { harm: (file) => writeFileSync(file, 'x'.repeat(10_000)), sentence: /is not a database.*restore it from a backup/ },
  'pages of noughts': {
    harm: (file) => writeFileSync(file, readFileSync(file).fill(0, 4096, 12_288)),
    sentence: /is damaged \(.+\); restore it from a backup, or save what can be saved/,
  },
  "another program's tables": {
    harm: (file) => python('d.execute("PRAGMA application_id = 7")', file),
    sentence: /is a database of another program; name another data directory/,
  },
  'the tables of a newer version': {
    harm: (file) => python('d.execute("PRAGMA user_version = 99")', file),
    sentence: /has schema version 99, this program knows up to \d+; use the version that wrote it/,
  },
};
for (const [name, { harm, sentence }] of Object.entries(damages)) {
  test(`a file with ${name} in it stops the start, says what to do, and stays as it is`, async () => {
    const server = await Server.start();
    await prepared(server);
    await server.stop();
    const file = join(server.dataDir, 'cometwire.db');
    await harm(file);
    const before = readFileSync(file);
    const said = await startFails([], server.dataDir);
    assert.match(said, sentence);
    assert.ok(said.includes(file), said);
    assert.deepEqual(readFileSync(file), before);
  });
}
