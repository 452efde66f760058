// Reads everything back: what the server holds after a crash, by SQL and by
// asking for histories the way our own client does.

import { settled } from '../support/until.mjs';
import { clientPath, WebSocketClient } from '../support/websocket.mjs';
import { rows } from '../support/sql.mjs';
import { nothing } from './model.mjs';

/** All there is in the tables, and where `pipes` stand: `positions`, pipe -> `epoch:offset`. */
export async function inspect(server, pipes, users) {
  const sql = await server.sql();
  const found = nothing();
  for (const { id, hash } of await rows(sql, 'SELECT id, hash FROM users_auth')) found.keys[id] = hash;
  for (const { id, data } of await rows(sql, 'SELECT id, data FROM users_data')) found.data[id] = data;
  for (const { token } of await rows(sql, 'SELECT token FROM revoked_tokens')) found.tokens[token] = true;
  for (const { name, length } of await rows(sql, 'SELECT name, length FROM pipes_settings')) {
    found.settings[name] = Number(length);
  }
  const mail = await rows(sql, `SELECT id, message FROM users_messages WHERE id IN (${users.join(', ')})`);
  for (const { id, message } of mail) (found.mail[id] ??= []).push(message);
  const kept = await rows(sql, 'SELECT name, message FROM pipes_messages');
  sql.destroy();
  return { found, kept, ...(await histories(server, pipes)) };
}

/** Every history from its beginning, with offsets. */
async function histories(server, pipes) {
  const history = {};
  const positions = new Map();
  let finished;
  const complete = new Promise((resolve) => (finished = resolve));
  const client = await WebSocketClient.upgrade(server, {
    path: clientPath({ api: 'cometwire' }),
    keeps: false,
    onText: (text) => {
      for (const line of text.split('\n').filter((part) => part.trim() !== '')) {
        const { pipe, event, epoch, offset, data, resumed } = JSON.parse(line);
        if (!resumed) continue;
        if (pipe !== 'sys') {
          (history[pipe] ??= []).push([offset, data]);
        } else if (event === 'resumed') {
          positions.set(data.pipe, { epoch, offset });
          if (positions.size === pipes.length) finished();
        }
      }
    },
  });
  client.command('resume', ...pipes.flatMap((pipe) => [pipe, 0, 0]));
  await settled('all histories are read', complete);
  client.destroy();
  return { history, positions };
}
