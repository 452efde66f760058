// Transactions through the real server: browsers hear nothing before COMMIT and
// everything in order after it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PYTHON } from '../support/paths.mjs';
import { run } from '../support/program.mjs';
import { Server } from '../support/server.mjs';
import { publish, rows } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

let server;
before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

const KEYS = 'SELECT id FROM users_auth WHERE id = 42';

/** What the browser heard from these pipes up to and with the message `end`. */
async function heardUntil(browser, end) {
  const heard = [];
  while (heard.at(-1) !== end) {
    heard.push((await browser.take((message) => message.pipe?.startsWith('tx_'))).data);
  }
  return heard;
}

test('browsers hear nothing before COMMIT and everything in order after it', async () => {
  const [mine, other] = [await server.sql(), await server.sql()];
  const browser = await server.browser();
  await browser.subscribe('tx_a', 'tx_b');
  await mine.beginTransaction();
  await publish(mine, 'tx_a', 'e', '1');
  await publish(mine, 'tx_b', 'e', '2');
  await mine.query("INSERT INTO users_auth (id, hash) VALUES (42, 'key')");
  await publish(mine, 'tx_a', 'e', '3');
  assert.deepEqual(await rows(mine, KEYS), [{ id: '42' }]);
  assert.deepEqual(await rows(other, KEYS), []);
  // Published later, heard first: nothing of the transaction is out.
  await publish(other, 'tx_a', 'e', 'between');
  const [done] = await mine.query('COMMIT');
  assert.match(done.info, /Receivers: 3/);
  assert.deepEqual(await heardUntil(browser, '3'), ['between', '1', '2', '3']);
  assert.deepEqual(await rows(other, KEYS), [{ id: '42' }]);
  await other.query('DELETE FROM users_auth WHERE id = 42');
});

test('ROLLBACK and a lost connection leave nothing', async () => {
  const [rolled, lost, other] = [await server.sql(), await server.sql(), await server.sql()];
  const browser = await server.browser();
  await browser.subscribe('tx_a');
  for (const sql of [rolled, lost]) {
    await sql.beginTransaction();
    await publish(sql, 'tx_a', 'e', 'never');
    await sql.query("INSERT INTO users_auth (id, hash) VALUES (42, 'never')");
  }
  await rolled.rollback();
  const [{ id }] = await rows(lost, 'SELECT CONNECTION_ID() AS id');
  lost.destroy();
  await until('the lost session is gone', async () => {
    const sessions = await rows(other, 'SHOW PROCESSLIST');
    return sessions.every((session) => session.Id !== id);
  });
  await publish(other, 'tx_a', 'e', 'end');
  assert.deepEqual(await heardUntil(browser, 'end'), ['end']);
  assert.deepEqual(await rows(other, KEYS), []);
});

test('what COMMIT answered is there after a kill', async (t) => {
  const killed = await Server.start();
  t.after(() => killed.stop());
  const sql = await killed.sql();
  await sql.query("INSERT INTO pipes_settings (name, length) VALUES ('tx_kept', 9)");
  await sql.beginTransaction();
  await publish(sql, 'tx_kept', 'e', '1');
  await sql.query("INSERT INTO users_auth (id, hash) VALUES (42, 'key')");
  await publish(sql, 'tx_kept', 'e', '2');
  await sql.commit();
  await sql.beginTransaction();
  await publish(sql, 'tx_kept', 'e', 'never committed');
  await killed.kill9();
  await killed.restart();
  const again = await killed.sql();
  assert.deepEqual(await rows(again, KEYS), [{ id: '42' }]);
  assert.deepEqual(
    await rows(again, "SELECT message FROM pipes_messages WHERE name = 'tx_kept'"),
    [{ message: '1' }, { message: '2' }],
  );
});

const PHP = `
$pdo = new PDO("mysql:host={$argv[1]};port={$argv[2]};dbname=CometQL_v1", 'root', $argv[3]);
$pdo->setAttribute(PDO::ATTR_ERRMODE, PDO::ERRMODE_EXCEPTION);
$say = $pdo->prepare("INSERT INTO pipes_messages (name, event, message) VALUES ('tx_a', 'e', ?)");
$pdo->beginTransaction();
$say->execute(['never']);
$pdo->rollBack();
$pdo->beginTransaction();
$say->execute(['1']);
$say->execute(['2']);
$pdo->commit();
`;

const PYTHON_PROGRAM = `
import sys, pymysql
connection = pymysql.connect(host=sys.argv[1], port=int(sys.argv[2]), user='root', password=sys.argv[3])
cursor = connection.cursor()
say = "INSERT INTO CometQL_v1.pipes_messages (name, event, message) VALUES ('tx_a', 'e', %s)"
cursor.execute(say, ('never',))
connection.rollback()
cursor.execute(say, ('1',))
cursor.execute(say, ('2',))
connection.commit()
cursor.execute(say, ('never',))
connection.close()
`;

for (const [name, program, options] of [
  ['PDO', 'php', ['-r', PHP, '--']],
  ['PyMySQL, which switches autocommit off', PYTHON, ['-c', PYTHON_PROGRAM]],
]) {
  test(`${name} rolls back and commits`, async () => {
    const browser = await server.browser();
    await browser.subscribe('tx_a');
    await run(program, [...options, server.host, String(server.cometqlPort), server.rootKey]);
    const sql = await server.sql();
    await publish(sql, 'tx_a', 'e', 'end');
    assert.deepEqual(await heardUntil(browser, 'end'), ['1', '2', 'end']);
  });
}
