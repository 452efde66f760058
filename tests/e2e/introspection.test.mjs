// What clients ask about the server: every SHOW and every table of information_schema answers with
// MySQL's columns, and all of them say the same of every table.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SHOWS, SYSTEM_VARIABLES, TABLES_AS_IN_MARIADB, TABLES_OF_MYSQL } from '../comparison/introspection.mjs';
import { MariaDb } from '../support/mariadb.mjs';
import { MysqlWire } from '../support/mysql-wire.mjs';
import { Server } from '../support/server.mjs';

let server;
let mariadb;
let ours;
let theirs;
before(async () => {
  [server, mariadb] = await Promise.all([Server.start(), MariaDb.start()]);
  ours = await server.sql();
  theirs = await mariadb.sql();
  const [[{ 'Create Table': create }]] = await ours.query('SHOW CREATE TABLE users_auth');
  await theirs.query(create.replace('ENGINE=CometWire', 'ENGINE=InnoDB'));
});
after(async () => {
  theirs?.destroy();
  await mariadb?.stop();
  await server?.stop();
});

test('every SHOW answers with the columns of MySQL', async (t) => {
  for (const [statement, expected, reason] of SHOWS) {
    await t.test(statement, () => answersWith(statement, expected, reason));
  }
  await t.test('SHOW GRANTS', async () => {
    assert.equal(await names(ours, 'SHOW GRANTS'), 'Grants for root@%');
    assert.equal(await names(ours, 'SHOW GRANTS FOR CURRENT_USER()'), 'Grants for root@%');
  });
});

test('every table of information_schema has the columns of MySQL', async (t) => {
  for (const [table, expected, reason] of TABLES_OF_MYSQL) {
    await t.test(table, () => answersWith(`SELECT * FROM information_schema.${table} LIMIT 1`, expected, reason));
  }
  for (const table of TABLES_AS_IN_MARIADB) {
    await t.test(table, async () => {
      const statement = `SELECT * FROM information_schema.${table} LIMIT 1`;
      assert.equal(await names(ours, statement), await names(theirs, statement));
    });
  }
  const listed = [...TABLES_OF_MYSQL.map(([table]) => table), ...TABLES_AS_IN_MARIADB];
  const tables = await column("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'information_schema'");
  assert.deepEqual(tables.sort(), listed.sort(), 'none is left out here');
});

test('everything that tells of a table tells the same', async (t) => {
  const [tables] = await ours.query('SELECT TABLE_SCHEMA AS home, TABLE_NAME AS name FROM information_schema.TABLES');
  assert.ok(tables.length > 40);
  for (const { home, name } of tables) {
    await t.test(`${home}.${name}`, () => agreesWithItself(home, name));
  }
});

async function agreesWithItself(home, name) {
  const [described] = await ours.query(`DESCRIBE ${home}.${name}`);
  const [shown] = await ours.query(`SHOW COLUMNS FROM ${name} FROM ${home}`);
  assert.deepEqual(shown, described, 'SHOW COLUMNS and DESCRIBE');
  const [full] = await ours.query(`SHOW FULL COLUMNS FROM ${home}.${name}`);
  assert.deepEqual(full.map(({ Collation, Privileges, Comment, ...rest }) => rest), described, 'SHOW FULL COLUMNS');

  const [columns] = await ours.query(
    'SELECT COLUMN_NAME AS Field, COLUMN_TYPE AS Type, IS_NULLABLE AS `Null`, COLUMN_KEY AS `Key` FROM information_schema.COLUMNS' +
      ' WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION',
    [home, name],
  );
  assert.deepEqual(columns, described.map(({ Field, Type, Null, Key }) => ({ Field, Type, Null, Key })), 'information_schema.COLUMNS');

  const [, fields] = await ours.query(`SELECT * FROM ${home}.${name} LIMIT 1`);
  assert.deepEqual(fields.map((field) => field.name), described.map((column) => column.Field), 'the result itself');
  for (const field of fields) assert.equal(field.table, name);

  const [[{ 'Create Table': create }]] = await ours.query(`SHOW CREATE TABLE ${home}.${name}`);
  const defined = [...create.matchAll(/^  `([^`]+)` (\S+)/gm)].map(([, Field, Type]) => ({ Field, Type }));
  assert.deepEqual(defined, described.map(({ Field, Type }) => ({ Field, Type })), 'SHOW CREATE TABLE');

  const primary = described.filter((column) => column.Key === 'PRI').map((column) => column.Field);
  const values = [home, name];
  assert.deepEqual(await keyOf('information_schema.STATISTICS', "INDEX_NAME = 'PRIMARY'", 'SEQ_IN_INDEX', values), primary);
  assert.deepEqual(await keyOf('information_schema.KEY_COLUMN_USAGE', "CONSTRAINT_NAME = 'PRIMARY'", 'ORDINAL_POSITION', values), primary);
  const [keys] = await ours.query(`SHOW INDEX FROM ${home}.${name}`);
  const keyed = described.filter((column) => column.Key !== '').map((column) => column.Field);
  assert.deepEqual(keys.map((key) => key.Column_name), keyed, 'SHOW INDEX');
  const [[status]] = await ours.query(`SHOW TABLE STATUS FROM ${home} WHERE Name = '${name}'`);
  assert.equal(status.Name, name);
  const listed = await column(`SHOW TABLES FROM ${home}`);
  assert.ok(listed.includes(name), 'SHOW TABLES');
}

const keyOf = (table, which, order, values) =>
  column(`SELECT COLUMN_NAME FROM ${table} WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND ${which} ORDER BY ${order}`, values);

test('COM_FIELD_LIST tells the columns of each table of the language', async () => {
  const wire = await MysqlWire.login(server, { database: 'CometQL_v1' });
  for (const table of await column('SHOW TABLES')) {
    const described = await column(`DESCRIBE ${table}`);
    assert.deepEqual((await wire.fieldList(table)).map((field) => field.name), described, table);
  }
  assert.equal((await wire.fieldList('no_such_table')).code, 15);
  wire.destroy();
});

test('every system variable clients read has one value, however it is asked for', async () => {
  const [variables] = await ours.query('SHOW VARIABLES');
  const shown = new Map(variables.map((row) => [row.Variable_name, row.Value]));
  for (const name of SYSTEM_VARIABLES) {
    const [[row]] = await ours.query(
      `SELECT @@${name} AS bare, @@session.${name} AS session, @@global.${name} AS global, @@LOCAL.${name.toUpperCase()} AS local`,
    );
    for (const form of ['session', 'global', 'local']) assert.equal(row[form], row.bare, `@@${form}.${name}`);
    if (row.bare !== null) {
      assert.ok(shown.has(name), `SHOW VARIABLES has ${name}`);
      // As in MySQL a flag is a number here and a word there.
      const word = { 0: 'OFF', 1: 'ON' }[row.bare];
      assert.ok([row.bare, word].includes(shown.get(name)), `${name}: ${row.bare} and ${shown.get(name)}`);
    }
  }
});

async function answersWith(statement, expected, reason) {
  assert.equal(await names(ours, statement), expected);
  const there = await names(theirs, statement);
  if (reason) assert.notEqual(there, expected, `no longer differs; listed because: ${reason}`);
  else assert.equal(there, expected, 'MariaDB');
}

/** The names of the columns, or the number of the error. */
async function names(connection, statement) {
  try {
    const [, fields] = await connection.query(statement);
    return fields.map((field) => field.name).join();
  } catch (error) {
    if (error.errno === undefined) throw error;
    return `ERROR ${error.errno}`;
  }
}

async function column(statement, values) {
  const [found] = await ours.query(statement, values);
  return found.map((row) => Object.values(row)[0]);
}
