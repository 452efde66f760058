// With MySQL's error numbers, by the flag or for a session, SQLAlchemy and Django put refusals into their
// own classes, notice lost connections, and come back.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { PYTHON, TESTS } from '../support/paths.mjs';
import { Program } from '../support/program.mjs';
import { Server } from '../support/server.mjs';
import { rows } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const PER_SESSION = "SET cometwire_error_numbers = 'mysql'";

/** Class and number of what both are refused. */
const CLASSES = {
  'wrong key': ['OperationalError', 1045],
  'unknown database': ['OperationalError', 1049],
  'unknown table': ['ProgrammingError', 1146],
  'unknown column': ['OperationalError', 1054],
  syntax: ['ProgrammingError', 1064],
  NULL: ['IntegrityError', 1048],
  'too long': ['DataError', 1406],
  'bad value': ['DataError', 1366],
  'not offered': ['NotSupportedError', 1235],
};

const SQLALCHEMY = {
  ...CLASSES,
  has_table: [true, false],
  'reflecting an unknown table': ['NoSuchTableError', 'no_such_table'],
  killed: ['invalidated', true],
  'the same object afterwards': '1',
  'pool_pre_ping after KILL': ['another', true],
  'pool_pre_ping after WAIT': ['another', true],
};

const DJANGO = {
  ...CLASSES,
  is_usable: true,
  'is_usable after KILL': false,
  'a statement after KILL': ['OperationalError', 2006],
  'the next request after KILL': ['another', true],
  'the next request after WAIT': ['another', true],
};

/** mysqlclient does not count 1366 among the errors of data. */
const OF_MYSQLCLIENT = { 'bad value': ['OperationalError', 1366] };

const PROGRAMS = [
  ['SQLAlchemy on PyMySQL', 'with_sqlalchemy.py', ['pymysql'], SQLALCHEMY],
  ['SQLAlchemy on mysqlclient', 'with_sqlalchemy.py', ['mysqldb'], { ...SQLALCHEMY, ...OF_MYSQLCLIENT }],
  ['Django', 'with_django.py', [], { ...DJANGO, ...OF_MYSQLCLIENT }],
];

for (const [numbers, serverArguments, first] of [
  ['by the flag', ['--error-numbers', 'mysql'], []],
  ['for a session', [], [PER_SESSION]],
]) {
  describe(`MySQL's error numbers ${numbers}`, { concurrency: 3 }, () => {
    let server;
    let sql;
    before(async () => {
      server = await Server.start({ devs: { 15: 'Developer-15-key' }, args: serverArguments });
      sql = await server.sql({ user: 15 });
    });
    after(() => server?.stop());

    for (const [name, script, words, expected] of PROGRAMS) {
      test(name, async () => {
        const program = Program.start(PYTHON, [join(TESTS, 'clients', 'errors', script), ...words, ...first], {
          keepInputOpen: true,
          env: {
            ...process.env,
            COMET_HOST: server.host,
            COMET_PORT: String(server.cometqlPort),
            COMET_USER: '15',
            COMET_KEY: server.keyOf(15),
          },
        });
        assert.deepEqual(await outcomes(program, sql), refusedBeforeLogin(expected, first));
      });
    }
  });
}

/** A session chooses its numbers after the login; a login that fails has CometQL's. */
function refusedBeforeLogin(expected, first) {
  if (first.length === 0) return expected;
  return { ...expected, 'wrong key': ['InternalError', 16], 'unknown database': ['InternalError', 15] };
}

/** What a program tells until its end; connections are ended for it when it asks. */
async function outcomes(program, sql) {
  const told = {};
  for await (const [step, outcome] of lines(program)) {
    if (step === 'KILL' || step === 'WAIT') {
      if (step === 'KILL') await sql.query(`KILL ${outcome}`);
      await until('the connection is gone', async () => {
        const sessions = await rows(sql, 'SHOW PROCESSLIST');
        return sessions.every((session) => session.Id !== String(outcome));
      });
      program.child.stdin.write('gone\n');
    } else {
      told[step] = outcome;
    }
  }
  return told;
}

async function* lines(program) {
  for (let read = 0; ; read += 1) {
    const whole = () => program.stdout.split('\n').slice(0, -1);
    await until('the program goes on', () => whole().length > read || program.exit, { within: 60_000 });
    if (whole().length <= read) break;
    yield JSON.parse(whole()[read]);
  }
  assert.equal(program.exit.code, 0, program.output);
}
