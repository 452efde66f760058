// What a client program is given, and how it tells what it saw: one line a step.

import { once } from 'node:events';

const { COMET_HOST, COMET_PORT, COMET_USER, COMET_KEY, COMET_PIPE, COMET_TEXT } = process.env;

export const host = COMET_HOST;
export const port = Number(COMET_PORT);
export const user = COMET_USER;
export const password = COMET_KEY;
export const pipe = COMET_PIPE;
export const text = COMET_TEXT;

export const PUBLISH = 'INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)';

export function say(step, ...words) {
  process.stdout.write([step, ...words].join('\t') + '\n');
}

/** Stops until the runner has seen that nothing uncommitted arrives. */
export async function waitForRunner() {
  say('waiting');
  process.stdin.resume();
  await once(process.stdin, 'data');
  process.stdin.pause();
}

/**
 * The steps of a driver given as promises: `query(connection, sql, values)` gives the rows,
 * `names(connection, sql)` the columns' names.
 */
export async function exercise({ connect, query, names, begin, commit, rollback, close }) {
  let connection = await connect();
  const column = async (sql, values) => (await query(connection, sql, values)).map((row) => Object.values(row)[0]);

  say('databases', ...(await column('SHOW DATABASES')));
  say('tables', ...(await column('SHOW TABLES')));
  say('columns', ...(await column('SHOW COLUMNS FROM users_auth')));

  const times = 'SELECT * FROM users_time WHERE id IN (?, ?)';
  say('names', ...(await names(connection, times, [2, 3])));
  say('times', ...(await query(connection, times, [2, 3])).flatMap((row) => Object.values(row)));

  await query(connection, PUBLISH, [pipe, 'text', text]);
  const [message] = await column('SELECT message FROM pipes_messages WHERE name = ?', [pipe]);
  say('message', Buffer.from(message).toString('hex'));

  try {
    await query(connection, 'SELECT * FROM no_such_table', []);
  } catch (error) {
    say('error', error.errno, error.sqlState);
  }

  await begin(connection);
  await query(connection, PUBLISH, [pipe, 'inside', 'committed']);
  await waitForRunner();
  await commit(connection);
  await begin(connection);
  await query(connection, PUBLISH, [pipe, 'inside', 'undone']);
  await rollback(connection);
  await close(connection);

  connection = await connect();
  await query(connection, PUBLISH, [pipe, 'after', 'again']);
  await close(connection);
  say('done');
}
