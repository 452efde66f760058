// `mariadb-dump` (`mysqldump`): what it writes of this server is read back by a real MariaDB, and by this
// server itself, and the rows are the same.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { MariaDb } from '../support/mariadb.mjs';
import { run } from '../support/program.mjs';
import { Server } from '../support/server.mjs';
import { rows } from '../support/sql.mjs';

const TEXT = 'it\'s "q" \\ line\nfeed \0 Привет 😀';
/** Of these every value is compared; others count while they are looked at, and have as many rows. */
const STILL = ['pipes_settings', 'pipes_messages', 'users_auth', 'users_data', 'users_messages', 'revoked_tokens', 'users_in_pipes', 'subscriptions'];

let server;
let mariadb;
let ours;
let theirs;
before(async () => {
  [server, mariadb] = await Promise.all([
    Server.start({ devs: { 15: 'Developer-15-key', 16: 'Developer-16-key' } }),
    MariaDb.start(),
  ]);
  ours = await server.sql({ user: 15 });
  theirs = await mariadb.sql();
  const browser = await server.browser({ devId: 15 });
  await browser.subscribe('chat');
  for (const [table, columns, ...values] of [
    ['pipes_settings', ['name', 'length'], ['chat', 9], ['news', 20]],
    ['pipes_messages', ['name', 'event', 'message'], ['chat', 'text', TEXT], ['chat', '', '']],
    ['users_auth', ['id', 'hash'], [2, 'hashoftwo'], [3, 'aa/+=_']],
    ['users_data', ['id', 'data'], [2, TEXT]],
    ['users_messages', ['id', 'event', 'message'], [2, 'text', TEXT]],
    ['revoked_tokens', ['token'], ['no.such.token']],
  ]) {
    await ours.query(`INSERT INTO ${table} (??) VALUES ?`, [columns, values]);
  }
});
after(async () => {
  theirs?.destroy();
  await mariadb?.stop();
  await server?.stop();
});

test('a dump of every table is read by MariaDB, row by row the same', async () => {
  const dump = await dumped();
  await run('mariadb', [...mariadb.login(), 'CometQL_v1'], { input: dump });
  const names = (await rows(ours, 'SHOW TABLES')).map((row) => Object.values(row)[0]);
  const there = (await rows(theirs, 'SHOW TABLES')).map((row) => Object.values(row)[0]);
  assert.deepEqual(there.sort(), [...names].sort());
  for (const name of names) {
    const [here, read] = [await everything(ours, name), await everything(theirs, name)];
    assert.equal(read.length, here.length, name);
    if (STILL.includes(name)) {
      assert.notEqual(here.length, 0, name);
      assert.deepEqual(read, here, name);
    }
  }
});

test('keys, data and settings are moved to another developer', async () => {
  const tables = ['users_auth', 'users_data', 'pipes_settings', 'revoked_tokens'];
  const dump = await dumped('--no-create-info', ...tables);
  await run('mariadb', [...login(16), 'CometQL_v1'], { input: dump });
  const other = await server.sql({ user: 16 });
  for (const name of tables) assert.deepEqual(await everything(other, name), await everything(ours, name), name);
});

test('every way to ask for a dump is answered', async () => {
  for (const options of [
    ['--databases', 'CometQL_v1', '--single-transaction', '--routines', '--events', '--triggers', '--complete-insert'],
    ['--all-databases'],
    ['--xml', 'CometQL_v1'],
    ['--no-data', 'CometQL_v1'],
    ['--where=id=2', 'CometQL_v1', 'users_auth'],
  ]) {
    const { stdout } = await run('mysqldump', [...login(15), ...options]);
    assert.match(stdout, /users_auth/, options.join(' '));
  }
});

async function dumped(...options) {
  const [tables, flags] = [options.filter((word) => !word.startsWith('-')), options.filter((word) => word.startsWith('-'))];
  return (await run('mariadb-dump', [...login(15), ...flags, 'CometQL_v1', ...tables])).stdout;
}

function login(user) {
  return [`-h${server.host}`, `-P${server.cometqlPort}`, `-u${user}`, `-p${server.keyOf(user)}`];
}

/** All rows as text, in one order whoever gives them. */
async function everything(connection, table) {
  const [found] = await connection.query({ sql: `SELECT * FROM \`${table}\``, typeCast: (field) => field.string() });
  return found.map((row) => JSON.stringify(row)).sort();
}
