// The statements tests are arranged with, through mysql2.

import mysql from 'mysql2/promise';

/** Opens a connection; `destroy()` closes it at once. */
export async function connectSql(server, { user, password, database = 'CometQL_v1', ...options }) {
  const connection = await mysql.createConnection({
    host: server.host,
    port: server.cometqlPort,
    user,
    password,
    database,
    ...options,
  });
  connection.connection.on('error', () => {});
  return connection;
}

/** Publishes to a pipe and waits for the OK. */
export async function publish(connection, name, event, message) {
  await connection.query('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)', [
    name,
    event,
    message,
  ]);
}

/** The rows of a SELECT as plain objects. */
export async function rows(connection, statement, values) {
  const [result] = await connection.query(statement, values);
  return result.map((row) => ({ ...row }));
}

/** Runs a statement that must be refused, and returns the driver's error. */
export async function refusal(connection, statement, values) {
  try {
    await connection.query(statement, values);
  } catch (error) {
    if (error.errno === undefined) throw error;
    return error;
  }
  throw new Error(`this statement was accepted: ${statement}`);
}

/** How many connections are subscribed to a pipe. */
export async function subscribers(connection, pipe) {
  const [row] = await rows(connection, 'SELECT users FROM pipes WHERE name = ?', [pipe]);
  return Number(row.users);
}
