// Bounds of one backend's connection as an operator sets them: what is told of
// them is what holds.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Server } from '../support/server.mjs';
import { rows } from '../support/sql.mjs';
import { MysqlWire } from '../support/mysql-wire.mjs';
import { until } from '../support/until.mjs';

async function start(t, args) {
  const server = await Server.start({ args });
  t.after(() => server.stop());
  return server;
}

test('the variables tell the bounds that were set', async (t) => {
  const server = await start(t, [
    ...['--login-seconds', '7', '--idle-seconds', '90', '--write-seconds', '8', '--max-prepared', '5'],
  ]);
  const [told] = await rows(
    await server.sql(),
    `SELECT @@connect_timeout a, @@wait_timeout b, @@interactive_timeout c, @@net_write_timeout d,
       @@max_prepared_stmt_count e`,
  );
  assert.deepEqual(Object.values(told).map(Number), [7, 90, 90, 8, 5]);
});

test('a connection without a statement is closed after --idle-seconds', async (t) => {
  const server = await start(t, ['--idle-seconds', '1']);
  const wire = await MysqlWire.login(server);
  await until('the idle connection is closed', () => wire.ended);
});

test('a session may want to be kept for less, never for more', async (t) => {
  const server = await start(t, ['--idle-seconds', '90']);
  const sql = await server.sql();
  await sql.query('SET SESSION wait_timeout = 31536000');
  const [{ seconds }] = await rows(sql, 'SELECT @@wait_timeout seconds');
  assert.equal(Number(seconds), 90);
  const wire = await MysqlWire.login(server);
  await wire.query('SET wait_timeout = 1');
  await until('the idle connection is closed', () => wire.ended);
});

test('a client that never logs in is closed after --login-seconds', async (t) => {
  const server = await start(t, ['--login-seconds', '1']);
  const wire = await MysqlWire.connect(server);
  await until('the silent connection is closed', () => wire.ended);
});

test('rows, statements and prepared statements are bounded as told', async (t) => {
  const server = await start(t, [
    ...['--max-query-rows', '3', '--max-statements', '2', '--max-prepared', '1', '--max-pipe-settings', '1'],
  ]);
  const sql = await server.sql({ multipleStatements: true });
  const refused = (number) => (error) => error.errno === number;
  await sql.query('SELECT 1; SELECT 2');
  await assert.rejects(sql.query('SELECT 1; SELECT 2; SELECT 3'), refused(1153));
  await assert.rejects(sql.query('SELECT table_name FROM information_schema.tables'), /rows/);
  await sql.execute('SELECT ?', [1]);
  await assert.rejects(sql.execute('SELECT ?, ?', [1, 2]), refused(1461));
  await sql.query("INSERT INTO pipes_settings (name, length) VALUES ('web_one', 5)");
  await assert.rejects(sql.query("INSERT INTO pipes_settings (name, length) VALUES ('web_two', 5)"));
});

test('one connection more than --max-backends is told 1040, and one that goes makes room', async (t) => {
  const server = await start(t, ['--max-backends', '2']);
  const first = await server.sql();
  await server.sql();
  await assert.rejects(server.sql(), { errno: 1040, sqlState: '08004' });
  await first.end();
  await until('there is room again', () => server.sql());
});

test('a bound of no time at all is refused at the start', async () => {
  await assert.rejects(Server.start({ args: ['--idle-seconds', '0'] }), /idle-seconds/);
});

const FOR_EVER = 'WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n) SELECT MAX(i) FROM n';

test('a query that would run for ever ends by its rows or its time, and says by which', async (t) => {
  const server = await start(t, ['--query-seconds', '1']);
  const sql = await server.sql();
  await assert.rejects(sql.query(FOR_EVER), (error) => {
    return [1205, 19].includes(error.errno) && /rows|seconds/.test(error.message);
  });
  await assert.rejects(sql.query('SELECT SLEEP(60)'), { errno: 1205, message: /longer than 1 seconds/ });
  // What backtracking engines never finish is answered at once.
  const pattern = "SELECT CONCAT(REPEAT('a', 5000), 'b') REGEXP '^(a+)+$' AS matches";
  assert.equal(Number((await rows(sql, pattern))[0].matches), 0);
  assert.equal(Number((await rows(sql, 'SELECT 1 AS one'))[0].one), 1);
});

test('a result or a value past the memory a query may have is refused', async (t) => {
  const server = await start(t, []);
  const sql = await server.sql();
  const rows200 = 'WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 200) ';
  await assert.rejects(sql.query(`${rows200} SELECT REPEAT('x', 1000000) FROM n`), { errno: 19, message: /bytes/ });
  await assert.rejects(sql.query("SELECT REPEAT('x', 100000000)"), { errno: 19 });
  assert.equal((await rows(sql, `${rows200} SELECT i FROM n`)).length, 200);
});

test('KILL QUERY ends a query that would run for ever, and its session goes on', async (t) => {
  const server = await start(t, []);
  const [victim, killer] = [await server.sql(), await server.sql()];
  const [{ id }] = await rows(victim, 'SELECT CONNECTION_ID() AS id');
  const ended = assert.rejects(victim.query('SELECT SLEEP(3600)'), { errno: 1317 });
  await until('the query runs', async () =>
    (await rows(killer, 'SHOW PROCESSLIST')).some((row) => String(row.Id) === String(id) && row.Command === 'Query'));
  await killer.query(`KILL QUERY ${id}`);
  await ended;
  assert.equal(Number((await rows(victim, 'SELECT 1 AS one'))[0].one), 1);
});
