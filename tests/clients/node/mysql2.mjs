// The package mysql2: `query` fills parameters in itself, `execute` prepares statements.

import { createRequire } from 'node:module';
import mysql from 'mysql2/promise';
import { exercise, host, password, port, say, user } from './steps.mjs';

say('version', 'mysql2', createRequire(import.meta.url)('mysql2/package.json').version);
const method = process.argv[2];

await exercise({
  async connect() {
    // docs: connect
    const connection = await mysql.createConnection({ host, port, user, password, database: 'CometQL_v1' });
    // docs: end
    return connection;
  },
  query: async (connection, sql, values) => (await connection[method](sql, values))[0],
  names: async (connection, sql, values) => (await connection[method](sql, values))[1].map((field) => field.name),
  begin: (connection) => connection.beginTransaction(),
  commit: (connection) => connection.commit(),
  rollback: (connection) => connection.rollback(),
  close: (connection) => connection.end(),
});
