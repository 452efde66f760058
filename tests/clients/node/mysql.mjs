// The package mysql, the oldest of Node's drivers; it fills parameters in itself.

import { createRequire } from 'node:module';
import { exercise, host, password, port, say, user } from './steps.mjs';

const require = createRequire(import.meta.url);
const mysql = require('mysql');
say('version', 'mysql', require('mysql/package.json').version);

const ask = (connection, method, ...given) =>
  new Promise((resolve, reject) =>
    connection[method](...given, (error, rows, fields) => (error ? reject(error) : resolve({ rows, fields }))),
  );

await exercise({
  async connect() {
    // docs: connect
    const connection = mysql.createConnection({ host, port, user, password, database: 'CometQL_v1', charset: 'utf8mb4' });
    // docs: end
    await ask(connection, 'connect');
    return connection;
  },
  query: async (connection, sql, values) => (await ask(connection, 'query', sql, values)).rows,
  names: async (connection, sql, values) =>
    (await ask(connection, 'query', sql, values)).fields.map((field) => field.name),
  begin: (connection) => ask(connection, 'beginTransaction'),
  commit: (connection) => ask(connection, 'commit'),
  rollback: (connection) => ask(connection, 'rollback'),
  close: (connection) => ask(connection, 'end'),
});
