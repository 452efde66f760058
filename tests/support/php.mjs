// Real PHP: statements through mysqli and PDO, and pages through `php -S`.

import { join } from 'node:path';
import { Program, run } from './program.mjs';
import { TESTS, temporaryDirectory } from './paths.mjs';
import { until } from './until.mjs';

/** The ways a PHP program may hold a connection. */
export const PHP_CLIENTS = [
  { driver: 'mysqli', persistent: false },
  { driver: 'mysqli', persistent: true },
  { driver: 'pdo-emulated', persistent: false },
  { driver: 'pdo-native', persistent: false },
  { driver: 'pdo-native', persistent: true },
];

export function nameOf({ driver, persistent }) {
  return persistent ? `${driver}, persistent` : driver;
}

/**
 * Runs steps on one PHP connection and returns one outcome for each:
 * `{rows}`, `{affected, insertId}` or `{errno, sqlState, error}`.
 * A step is a statement, or `{sql, values}` for a prepared one, or `{escaped: [sql, values]}`
 * where each `?` becomes a literal escaped by the driver, or `{reconnect: true}`.
 */
export async function php(server, { driver = 'mysqli', persistent = false, user = 'root', password }, steps) {
  const job = {
    driver,
    persistent,
    host: server.host,
    port: server.cometqlPort,
    user: String(user),
    password: password ?? server.keyOf(user),
    database: 'CometQL_v1',
    steps: steps.map((step) => (typeof step === 'string' ? { sql: step } : step)),
  };
  const { stdout } = await run('php', ['-d', 'display_errors=stderr', join(TESTS, 'php', 'statements.php')], {
    input: JSON.stringify(job),
  });
  return JSON.parse(stdout);
}

/** PHP's own web server over a directory, on a port the system picked. */
export async function phpServer(directory, { router, env } = {}) {
  const sessions = temporaryDirectory();
  const args = [
    '-d',
    `session.save_path=${sessions}`,
    '-d',
    'display_errors=1',
    '-d',
    'error_reporting=-1',
    '-S',
    '127.0.0.1:0',
    '-t',
    directory,
  ];
  if (router) args.push(router);
  const program = Program.start('php', args, { cwd: directory, env: { ...process.env, ...env } });
  const [, port] = await until('php -S prints its address', () =>
    /http:\/\/127\.0\.0\.1:(\d+)\) started/.exec(program.output),
  );
  return {
    origin: `http://127.0.0.1:${port}`,
    program,
    async stop() {
      program.signal('SIGTERM');
      await program.finished();
    },
  };
}
