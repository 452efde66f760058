// A real MariaDB on a directory and a port of its own, to compare answers with.

import { createServer } from 'node:net';
import { join } from 'node:path';
import mysql from 'mysql2/promise';
import { Program, run } from './program.mjs';
import { temporaryDirectory } from './paths.mjs';
import { until } from './until.mjs';

const HOST = '127.0.0.1';
const USER = 'comparison';
const DATABASE = 'CometQL_v1';

export class MariaDb {
  static async start() {
    const directory = temporaryDirectory();
    const data = join(directory, 'data');
    // As root the server insists on being told so.
    const user = process.getuid() === 0 ? ['--user=root'] : [];
    await run('mariadb-install-db', [
      '--no-defaults',
      `--datadir=${data}`,
      '--auth-root-authentication-method=normal',
      '--skip-test-db',
      ...user,
    ]);
    const server = new MariaDb();
    server.port = await freePort();
    server.program = Program.start('mariadbd', [
      '--no-defaults',
      `--datadir=${data}`,
      `--socket=${join(directory, 'socket')}`,
      `--pid-file=${join(directory, 'pid')}`,
      `--port=${server.port}`,
      `--bind-address=${HOST}`,
      '--character-set-server=utf8mb4',
      '--collation-server=utf8mb4_general_ci',
      '--default-time-zone=+00:00',
      '--innodb-buffer-pool-size=8M',
      '--sql-mode=',
      ...user,
    ]);
    await until('MariaDB takes connections', () => server.program.exit || server.#connect('root'), {
      within: 60_000,
    });
    if (server.program.exit) throw new Error(`MariaDB ended while starting:\n${server.program.output}`);
    return server;
  }

  /** A connection to the database that has our database's name. */
  async sql() {
    const root = await this.#connect('root');
    await root.query(`CREATE DATABASE IF NOT EXISTS ${DATABASE}`);
    await root.query(`CREATE USER IF NOT EXISTS '${USER}'@'%'`);
    await root.query(`GRANT ALL ON *.* TO '${USER}'@'%'`);
    await root.end();
    return this.#connect(USER, DATABASE);
  }

  /** How MariaDB's own programs log in. */
  login() {
    return [`-h${HOST}`, `-P${this.port}`, `-u${USER}`];
  }

  async stop() {
    if (this.program.exit) return;
    this.program.signal('SIGTERM');
    await this.program.finished();
  }

  #connect(user, database) {
    return mysql.createConnection({ host: HOST, port: this.port, user, database, charset: 'utf8mb4' });
  }
}

/** A port nobody listens on now; mariadbd cannot pick one by itself. */
function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, HOST, () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
