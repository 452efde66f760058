// The systemd unit: systemd accepts it, finds it tight, and nothing the server does is
// outside what the unit allows.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BINARY, REPOSITORY, temporaryDirectory } from '../support/paths.mjs';
import { run } from '../support/program.mjs';
import { Server } from '../support/server.mjs';
import { publish, rows } from '../support/sql.mjs';

const UNIT = join(REPOSITORY, 'packaging', 'cometwire.service');
const MOST_EXPOSURE = 1.5;

test('systemd accepts the unit, and calls it OK to expose', async () => {
  const unit = join(temporaryDirectory(), 'cometwire.service');
  writeFileSync(unit, readFileSync(UNIT, 'utf8').replaceAll('/usr/local/bin/cometwire', BINARY));
  const { stdout, stderr } = await run('systemd-analyze', ['verify', unit]);
  assert.equal(stdout + stderr, '');
  const { stdout: report } = await run('systemd-analyze', ['security', '--offline=true', unit]);
  const exposure = Number(/Overall exposure level for .*: ([\d.]+)/.exec(report)[1]);
  assert.ok(exposure <= MOST_EXPOSURE, report);
});

test('every system call of a busy server passes the unit\'s filter', async (t) => {
  const trace = join(temporaryDirectory(), 'calls');
  const server = await Server.start({
    wrapper: ['strace', '-D', '-f', '-qq', '-e', 'signal=none', '-o', trace],
    args: ['--cometql-socket', join(temporaryDirectory(), 'socket')],
  });
  t.after(() => server.kill9());
  const sql = await server.sql({ ssl: { rejectUnauthorized: false } });
  await sql.query("INSERT INTO pipes_settings (name, length) VALUES ('news', 10)");
  await sql.query("INSERT INTO users_auth (id, hash) VALUES (42, 'key')");
  const browser = await server.browser({ userId: 42, userKey: 'key' });
  await browser.subscribe('news');
  await publish(sql, 'news', 'e', 'x'.repeat(50_000));
  await browser.takeFrom('news');
  await rows(sql, 'SELECT name, COUNT(*) AS n FROM pipes_messages GROUP BY name ORDER BY n DESC');
  server.program.signal('SIGHUP');
  await run(BINARY, ['backup', '--data', server.dataDir, join(server.workDirectory, 'copy.db')]);
  await server.stop();

  const used = new Set([...readFileSync(trace, 'utf8').matchAll(/^\d+ +(?:<\.\.\. )?(\w+)[( ]/gm)].map((match) => match[1]));
  assert.ok(used.has('epoll_wait') && used.has('fdatasync'), [...used].join(' '));
  const { allowed, refused } = await filter();
  const outside = [...used].filter((call) => !allowed.has(call) || refused.has(call));
  // Only where the tests run as root: SQLite gives the files it makes to the owner of the first.
  assert.deepEqual(outside.filter((call) => call !== 'fchown'), []);
});

/** What the lines SystemCallFilter= of the unit come to. */
async function filter() {
  const { stdout } = await run('systemd-analyze', ['syscall-filter']);
  const sets = new Map();
  let members;
  for (const line of stdout.split('\n').filter((text) => !text.trimStart().startsWith('#'))) {
    if (line.startsWith('@')) sets.set(line.trim(), (members = []));
    else if (line.trim()) members?.push(line.trim());
  }
  const expand = (name) => (name.startsWith('@') ? sets.get(name).flatMap(expand) : [name]);
  const lines = [...readFileSync(UNIT, 'utf8').matchAll(/^SystemCallFilter=(~?)(.*)$/gm)];
  const of = (sign) => new Set(lines.filter((line) => line[1] === sign).flatMap((line) => line[2].split(' ').flatMap(expand)));
  return { allowed: of(''), refused: of('~') };
}
