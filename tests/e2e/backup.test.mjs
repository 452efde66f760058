// Backing up a server that is being written to, and starting from the copy.

import assert from 'node:assert/strict';
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Follower } from '../crash/follower.mjs';
import { BINARY, temporaryDirectory } from '../support/paths.mjs';
import { attempt, run } from '../support/program.mjs';
import { environmentWithoutSettings, Server } from '../support/server.mjs';
import { publish, rows } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const WRITERS = 4;
const options = { env: environmentWithoutSettings() };

/** Ends with one sentence and exit code 1; gives the sentence. */
async function refused(...args) {
  const { code, stdout, stderr } = await attempt(BINARY, args, options);
  assert.equal(code, 1, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /^cometwire: .+\n$/);
  return stderr;
}

test('a copy made under load is whole: all from before it, transactions complete, nothing out of order', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const sql = await server.sql();
  const pipes = Array.from({ length: WRITERS }, (_, index) => `stream_${index}`);
  for (const pipe of pipes) await sql.query('INSERT INTO pipes_settings (name, length) VALUES (?, 1000)', [pipe]);
  const acknowledged = pipes.map(() => 0);
  let isOver = false;
  const load = pipes.map(async (pipe, writer) => {
    const connection = await server.sql();
    for (let number = 1; !isOver; number += 1) {
      // The private message and the message are one transaction, in a copy too.
      await connection.query('BEGIN');
      await connection.query("INSERT INTO users_messages (id, event, message) VALUES (?, 'e', ?)", [writer + 1, String(number)]);
      await publish(connection, pipe, 'e', String(number));
      await connection.query('COMMIT');
      acknowledged[writer] = number;
    }
  });
  const copies = [];
  for (let index = 0; index < 3; index += 1) {
    const before = [...acknowledged];
    await until('everybody goes on', () => acknowledged.every((count, writer) => count > before[writer]));
    const known = [...acknowledged];
    const file = join(server.workDirectory, `copy-${index}.db`);
    const { stdout } = await run(BINARY, ['backup', '--data', server.dataDir, file], options);
    assert.match(stdout, /^backed up into .+copy-\d\.db: schema version \d+, \d+ messages, \d+ private messages, 4 settings, 0 keys\n$/);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    copies.push({ file, known });
  }
  await run(BINARY, ['check', '--data', server.dataDir], options);
  isOver = true;
  await Promise.all(load);

  for (const { file, known } of copies) {
    await run(BINARY, ['check', file], options);
    const dataDir = join(temporaryDirectory(), 'data');
    await run(BINARY, ['restore', file, '--data', dataDir], options);
    const restored = await Server.start({ dataDir, args: ['--history-read', '1000'] });
    const connection = await restored.sql();
    for (const [writer, pipe] of pipes.entries()) {
      const messages = await rows(connection, 'SELECT message FROM pipes_messages WHERE name = ?', [pipe]);
      const letters = await rows(connection, 'SELECT message FROM users_messages WHERE id = ?', [writer + 1]);
      const numbers = messages.map(({ message }) => Number(message));
      assert.ok(numbers.length >= known[writer], `${numbers.length} of ${known[writer]} messages of ${pipe}`);
      assert.deepEqual(numbers, numbers.map((_, index) => index + 1));
      assert.deepEqual(letters, messages);
    }
    await restored.stop();
  }
});

test('a page that comes back after a restore is told of a gap, never given other messages for those it had', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const sql = await server.sql();
  await sql.query("INSERT INTO pipes_settings (name, length) VALUES ('news', 100)");
  await publish(sql, 'news', 'e', 'in the backup');
  const copy = join(server.workDirectory, 'copy.db');
  await run(BINARY, ['backup', '--data', server.dataDir, copy], options);
  const page = new Follower(server, 'the page', ['news']);
  await page.connect();
  await until('the page is up to date', () => page.isUpToDate);
  for (let number = 0; number < 5; number += 1) await publish(sql, 'news', 'e', `undone ${number}`);
  await until('the page has seen all', () => page.seen.size === 5);

  await server.stop();
  assert.match(await refused('restore', copy, '--data', server.dataDir), /has a store already; .*--replace/);
  const { stdout } = await run(BINARY, ['restore', copy, '--replace', '--data', server.dataDir], options);
  const aside = /the store that was there is in (\S+)\n/.exec(stdout)[1];
  assert.ok(existsSync(join(aside, 'cometwire.db')));

  await server.restart();
  const after = await server.sql();
  // As many as were undone, so that offsets alone would show nothing.
  for (let number = 0; number < 9; number += 1) await publish(after, 'news', 'e', `new ${number}`);
  await page.connect();
  await until('the page is up to date', () => page.isUpToDate);
  assert.deepEqual(page.violations, []);
  assert.equal(page.gaps.length, 1);
  await publish(after, 'news', 'e', 'live');
  await until('the page goes on', () => [...page.seen.values()].includes('live'));
});

test('what cannot be backed up, restored or checked is one sentence', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const copy = join(server.workDirectory, 'copy.db');
  await run(BINARY, ['backup', copy], { env: { ...options.env, COMETWIRE_DATA: server.dataDir } });
  assert.match(await refused('backup', '--data', server.dataDir, copy), /is there already/);
  assert.match(await refused('restore', copy, '--replace', '--data', server.dataDir), /in use by another process/);
  assert.match(await refused('check', join(server.dataDir, 'cometwire.lock')), /is empty/);
  assert.match(await refused('backup', '--data', server.workDirectory, join(server.workDirectory, 'x')), /is not there/);
});
