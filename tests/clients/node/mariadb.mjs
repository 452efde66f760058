// The package mariadb, of MariaDB's own making: `query` fills parameters in itself,
// `execute` prepares statements.

import mariadb from 'mariadb';
import { exercise, host, password, port, say, user } from './steps.mjs';

say('version', 'mariadb', mariadb.version);
const method = process.argv[2];

await exercise({
  async connect() {
    // docs: connect
    const connection = await mariadb.createConnection({ host, port, user, password, database: 'CometQL_v1' });
    // docs: end
    return connection;
  },
  async query(connection, sql, values) {
    const answer = await connection[method](sql, values);
    return Array.isArray(answer) ? answer : [];
  },
  names: async (connection, sql, values) =>
    (await connection[method](sql, values)).meta.map((column) => column.name()),
  begin: (connection) => connection.beginTransaction(),
  commit: (connection) => connection.commit(),
  rollback: (connection) => connection.rollback(),
  close: (connection) => connection.end(),
});
