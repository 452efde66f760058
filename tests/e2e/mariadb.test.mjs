// The same statements, put to this server and to a real MariaDB by one client.
// What is answered differently is listed with its reason, and nothing else is.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DIFFERENCES } from '../comparison/differences.mjs';
import { ROWS, STATEMENTS } from '../comparison/statements.mjs';
import { WRITES } from '../comparison/writes.mjs';
import { MariaDb } from '../support/mariadb.mjs';
import { Server } from '../support/server.mjs';

let server;
let mariadb;
let ours;
let theirs;
before(async () => {
  [server, mariadb] = await Promise.all([Server.start(), MariaDb.start()]);
  ours = await server.sql();
  theirs = await mariadb.sql();
  await ours.query("SET cometwire_error_numbers = 'mysql'");
  for (const [table, rows] of Object.entries(ROWS)) {
    const [[{ 'Create Table': create }]] = await ours.query(`SHOW CREATE TABLE ${table}`);
    await theirs.query(create.replace('ENGINE=CometWire', 'ENGINE=InnoDB'));
    for (const connection of [ours, theirs]) {
      await connection.query(`INSERT INTO ${table} VALUES ?`, [rows]);
    }
  }
});
after(async () => {
  theirs?.destroy();
  await mariadb?.stop();
  await server?.stop();
});

test('every statement is answered as MariaDB answers it, or listed with a reason', async (t) => {
  const listed = new Map(DIFFERENCES.flatMap(({ reason, statements }) => statements.map((s) => [s, reason])));
  const asked = new Set(STATEMENTS);
  assert.equal(asked.size, STATEMENTS.length, 'a statement is there twice');
  assert.deepEqual([...listed.keys()].filter((statement) => !asked.has(statement)), [], 'listed but never asked');
  for (const statement of STATEMENTS) {
    await t.test(statement, async () => {
      const [here, there] = [await answer(ours, statement), await answer(theirs, statement)];
      if (listed.has(statement)) {
        assert.notDeepEqual(here, there, `no longer differs; listed because: ${listed.get(statement)}`);
      } else {
        assert.deepEqual(here, there);
      }
    });
  }
});

test('what is set in rows that are there is counted and stays as in MariaDB', async (t) => {
  const [[{ 'Create Table': create }]] = await ours.query('SHOW CREATE TABLE users_data');
  await theirs.query(create.replace('ENGINE=CometWire', 'ENGINE=InnoDB'));
  for (const statement of WRITES) {
    await t.test(statement, async () => {
      assert.deepEqual(await outcome(ours, statement), await outcome(theirs, statement));
    });
  }
});

/** How a statement that changes something was counted, and the rows it left. */
async function outcome(connection, statement) {
  let counted;
  try {
    const [done] = await connection.query(statement);
    if (!statement.startsWith('DELETE')) counted = [done.affectedRows, done.changedRows];
  } catch (error) {
    if (error.errno === undefined) throw error;
    counted = { error: error.errno, state: error.sqlState };
  }
  const [rows] = await connection.query('SELECT id, data FROM users_data ORDER BY id');
  return { counted, rows: rows.map(({ id, data }) => `${id} ${data}`) };
}

/** What a user sees of an answer: names and rows as text, or number and SQLSTATE. */
async function answer(connection, statement) {
  try {
    const [rows, fields] = await connection.query({
      sql: statement,
      rowsAsArray: true,
      typeCast: (field) => field.string(),
    });
    return fields ? { columns: fields.map((field) => field.name), rows } : 'OK';
  } catch (error) {
    if (error.errno === undefined) throw error;
    return { error: error.errno, state: error.sqlState };
  }
}
