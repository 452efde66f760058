// Starting and stopping, as an operator sees it.

import assert from 'node:assert/strict';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { run } from '../support/program.mjs';
import { Server } from '../support/server.mjs';
import { rows } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

async function start(t, options) {
  const server = await Server.start(options);
  t.after(() => server.stop());
  return server;
}

/** A server without COMETWIRE_ROOT_KEY makes a key of its own. */
const GENERATED = { rootKey: '' };

test('the start says where everything is, and how to log in', async (t) => {
  const server = await start(t, GENERATED);
  const lines = server.program.stdout.split('\n');
  assert.match(lines[0], /^CometWire \d+\.\d+\.\d+$/);
  const at = (label) => lines.find((line) => line.trimStart().startsWith(label));
  assert.match(at('CometQL'), new RegExp(`127\\.0\\.0\\.1:${server.cometqlPort}\\s+mysql -h`));
  assert.match(at('Browsers'), new RegExp(`http://127\\.0\\.0\\.1:${server.httpPort}`));
  assert.ok(at('Data').includes(server.dataDir));
  assert.match(at('Examples'), new RegExp(`http://127\\.0\\.0\\.1:${server.httpPort}/examples/`));
});

test('the mysql line can be pasted', async (t) => {
  const server = await start(t, GENERATED);
  const [, line] = /(mysql -h.*)$/m.exec(server.program.stdout);
  const { stdout } = await run('bash', ['-c', `${line} -e 'SHOW TABLES'`], { cwd: server.workDirectory });
  assert.match(stdout, /pipes_messages/);
});

test('a generated root key is shown once, kept for its owner only, and stays the same', async (t) => {
  const server = await start(t, GENERATED);
  const [, key] = /Root key\s+(\S+)/.exec(server.program.stdout);
  const file = join(server.dataDir, 'root.key');
  assert.equal(readFileSync(file, 'utf8').trim(), key);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  await (await server.sql({ password: key })).query("INSERT INTO users_auth (id, hash) VALUES (1, 'key')");
  await server.restart();
  assert.equal(server.program.output.includes(key), false);
  assert.equal(
    (await rows(await server.sql({ password: key }), 'SELECT * FROM users_auth WHERE id = 1')).length,
    1,
  );
});

test('two generated root keys differ', async (t) => {
  const keys = [];
  for (const server of [await start(t, GENERATED), await start(t, GENERATED)]) {
    keys.push(readFileSync(join(server.dataDir, 'root.key'), 'utf8').trim());
  }
  assert.notEqual(keys[0], keys[1]);
  assert.ok(keys[0].length >= 32);
});

test('a developer without a key in the command line has none', async (t) => {
  const server = await start(t, { devs: { 15: 'key_of_15' } });
  await assert.rejects(server.sql({ user: 16, password: 'key_of_15' }), { errno: 16 });
  await assert.rejects(server.sql({ user: 16, password: '' }), { errno: 16 });
});

test('SIGTERM ends with 0 although sessions and browsers are open', async (t) => {
  const server = await start(t);
  const sql = await server.sql();
  const browser = await server.browser();
  let ended = false;
  sql.connection.stream.on('close', () => (ended = true));
  server.connections = [];
  await server.stop();
  await browser.waitUntilDropped();
  await until('the session ends', () => ended);
  browser.destroy();
});

test('a stopped server starts again on the same addresses and data', async (t) => {
  const server = await start(t);
  await (await server.sql()).query("INSERT INTO pipes_settings (name, length) VALUES ('kept', 7)");
  for (let round = 0; round < 3; round += 1) {
    await server.restart();
    assert.deepEqual(
      await rows(await server.sql(), "SELECT length FROM pipes_settings WHERE name = 'kept'"),
      [{ length: '7' }],
    );
  }
});

test('two servers do not share a data directory', async (t) => {
  const server = await start(t);
  await assert.rejects(Server.start({ dataDir: server.dataDir }), /\w+ \w+ \w+/);
  await (await server.sql()).query("INSERT INTO users_auth (id, hash) VALUES (1, 'key')");
});

test('log lines are JSON objects when asked for', async (t) => {
  const server = await start(t, { args: ['--log-format', 'json', '--log', 'debug'] });
  (await server.sql()).destroy();
  const lines = await until('a log line', () => {
    const complete = server.program.stderr.split('\n').slice(0, -1);
    return complete.length > 0 && complete;
  });
  for (const line of lines) assert.equal(typeof JSON.parse(line), 'object', line);
});
