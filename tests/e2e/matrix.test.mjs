// The client matrix: one program for each client (tests/clients), which connects with the
// client's defaults, looks around as that client does, reads, publishes a difficult text, is
// refused, commits and rolls back, and connects again; and each is refused with a wrong key.
// Its table is docs/clients.md.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ClientProgram } from '../support/client-program.mjs';
import { buildGoProgram } from '../support/go.mjs';
import { PYTHON, REPOSITORY, TESTS } from '../support/paths.mjs';
import { buildRustPrograms } from '../support/rust.mjs';
import { Server } from '../support/server.mjs';
import { snippetsOf } from '../support/snippets.mjs';
import { publish, rows } from '../support/sql.mjs';

const TEXT = 'it\'s "q" \\ line\nfeed Привет 😀';
/** The connector's last version whose C extension runs with Debian 12's OpenSSL. */
const C_EXTENSION = join(dirname(dirname(PYTHON)), 'connector-c');
const CONNECTOR_J = '/usr/share/java/mariadb-java-client.jar';

const program = (...path) => join(TESTS, 'clients', ...path);
const python = (script, ...args) => [PYTHON, program('python', script), ...args];
const php = (script, ...args) => ['php', '-d', 'display_errors=stderr', program('php', script), ...args];
const node = (script, ...args) => [process.execPath, program('node', script), ...args];
const java = (...args) => ['java', '-cp', CONNECTOR_J, program('java', 'Client.java'), ...args];
// Where these are is known when they are built.
const go = (...args) => [() => goProgram, ...args];
const rust = (name) => [() => rustProgram(name)];

/** A client that does not tell the SQLSTATE of a refusal tells `-`. */
const CLIENTS = {
  'PHP mysqli': php('mysqli.php', 'plain'),
  'PHP mysqli, persistent': php('mysqli.php', 'persistent'),
  'PHP mysqli, prepared': php('mysqli.php', 'prepared'),
  'PHP mysqli, several statements at once': php('mysqli.php', 'several'),
  'PHP PDO, emulated': php('pdo.php', 'emulated'),
  'PHP PDO, native': php('pdo.php', 'native'),
  'PHP PDO, persistent': php('pdo.php', 'persistent'),
  PyMySQL: python('with_pymysql.py'),
  mysqlclient: python('with_mysqlclient.py'),
  'MySQL Connector/Python': python('with_mysql_connector.py', 'pure'),
  'MySQL Connector/Python, prepared': python('with_mysql_connector.py', 'pure', 'prepared'),
  'MySQL Connector/Python, C extension': python('with_mysql_connector.py', 'c'),
  'MySQL Connector/Python, C extension, prepared': python('with_mysql_connector.py', 'c', 'prepared'),
  'MariaDB Connector/Python': python('with_mariadb.py'),
  aiomysql: python('with_asyncio.py', 'aiomysql'),
  asyncmy: python('with_asyncio.py', 'asyncmy'),
  SQLAlchemy: python('with_sqlalchemy.py'),
  Django: python('with_django.py'),
  'Node mysql': node('mysql.mjs'),
  'Node mysql2, query': node('mysql2.mjs', 'query'),
  'Node mysql2, execute': node('mysql2.mjs', 'execute'),
  'Node mariadb, query': node('mariadb.mjs', 'query'),
  'Node mariadb, execute': node('mariadb.mjs', 'execute'),
  'go-sql-driver, prepared': go('prepared'),
  'go-sql-driver, interpolated': go('interpolated'),
  'MariaDB Connector/J': java('text'),
  'MariaDB Connector/J, prepared': java('prepared'),
  mysql_async: rust('with_mysql_async'),
  sqlx: rust('with_sqlx'),
};
/** The sources of the programs that are built. */
const SOURCES = {
  'go-sql-driver, prepared': program('go', 'main.go'),
  'go-sql-driver, interpolated': program('go', 'main.go'),
  mysql_async: program('rust', 'src', 'bin', 'with_mysql_async.rs'),
  sqlx: program('rust', 'src', 'bin', 'with_sqlx.rs'),
};

let server;
let sql;
let goProgram;
let goDriverVersion;
let rustProgram;
before(async () => {
  server = await Server.start({ devs: { 15: 'Developer\'15 "key"' } });
  sql = await server.sql({ user: 15 });
  goProgram = buildGoProgram(program('go', 'main.go'));
  rustProgram = buildRustPrograms();
  goDriverVersion = execFileSync('dpkg-query', ['-W', '-f=${Version}', 'golang-github-go-sql-driver-mysql-dev'], {
    encoding: 'utf8',
  });
});
after(() => server?.stop());

describe('each client is at home', { concurrency: 2 }, () => {
  for (const [index, [name, command]] of Object.entries(CLIENTS).entries()) {
    test(name, async () => {
      const pipe = `matrix_${index}`;
      await sql.query('INSERT INTO pipes_settings (name, length) VALUES (?, 9)', [pipe]);
      const browser = await server.browser({ devId: 15 });
      await browser.subscribe(pipe);

      const client = startClient(name, { pipe });
      await client.waits();
      const difficult = await browser.takeFrom(pipe);
      assert.equal(difficult.event, 'text');
      assert.equal(textOf(difficult), TEXT, 'what the browser received');
      // It has published inside a transaction and waits: what others say now comes first.
      await publish(sql, pipe, 'meanwhile', 'x');
      client.goOn();
      const heard = [];
      for (let count = 0; count < 3; count += 1) {
        const message = await browser.takeFrom(pipe);
        heard.push([message.event, textOf(message)]);
      }
      assert.deepEqual(
        heard,
        [
          ['meanwhile', 'x'],
          ['inside', 'committed'],
          ['after', 'again'],
        ],
        'what it committed, after COMMIT, and nothing of what it rolled back',
      );
      checkWhatItTold(await client.finished(), await everyTable());
      browser.destroy();
    });
  }
});

describe('each driver says why a wrong key is refused', { concurrency: 2 }, () => {
  const drivers = new Map(Object.keys(CLIENTS).map((name) => [name.split(',')[0], name]));
  for (const [driver, name] of drivers) {
    test(driver, async () => {
      const client = startClient(name, { pipe: 'matrix_refused', env: { COMET_KEY: 'wrong' } });
      const { code } = await client.program.finished();
      assert.notEqual(code, 0);
      assert.match(client.program.output, /Access denied for user '15'@'127\.0\.0\.1'/);
    });
  }
});

function startClient(name, { pipe, env }) {
  const command = CLIENTS[name].map((word) => (typeof word === 'function' ? word() : word));
  return ClientProgram.start(server, command, {
    user: 15,
    pipe,
    text: TEXT,
    env: {
      COMET_DRIVER_VERSION: goDriverVersion,
      ...(name.includes('C extension') && { PYTHONPATH: C_EXTENSION }),
      ...env,
    },
  });
}

function checkWhatItTold(told, tables) {
  assert.ok(told.version?.length >= 2, JSON.stringify(told.version));
  assert.ok(told.databases.includes('CometQL_v1'), JSON.stringify(told.databases));
  assert.deepEqual([...told.tables].sort(), tables);
  assert.deepEqual(told.columns, ['id', 'hash']);
  assert.deepEqual(told.names, ['id', 'time']);
  assert.deepEqual(told.times, ['2', '-1', '3', '-1']);
  assert.equal(Buffer.from(told.message[0], 'hex').toString(), TEXT, 'what it read back');
  const [number, sqlState] = told.error;
  assert.equal(number, '15');
  assert.ok(['42S02', '-'].includes(sqlState), sqlState);
  if (told.primary_key) assert.deepEqual(told.primary_key, ['id']);
  if (told.reflected) assert.deepEqual(told.reflected, tables);
  if (told.models) assert.equal(told.models.length, tables.length);
  assert.ok(told.done, 'it came to its end');
}

/** Text travels to browsers as a JSON string when it has backslashes. */
function textOf({ data }) {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}

async function everyTable() {
  const found = await rows(sql, 'SHOW TABLES');
  return found.map((row) => Object.values(row)[0]).sort();
}

test('the connection lines of docs/clients.md are those of the programs', () => {
  const page = readFileSync(join(REPOSITORY, 'docs', 'clients.md'), 'utf8');
  const source = ([name, command]) => SOURCES[name] ?? command.find((word) => word.startsWith(program()));
  for (const file of new Set(Object.entries(CLIENTS).map(source))) {
    for (const snippet of snippetsOf(file)) assert.ok(page.includes(snippet), `${file}:\n${snippet}`);
  }
});
