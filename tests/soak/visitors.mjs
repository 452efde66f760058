// Those who come and go during a soak: browsers and backends, each doing a little of
// everything and leaving in some way or other.

import { rows } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const USERS = 50;
const KEPT_PIPES = 8;
const REFUSED = ['SELECT nothing', 'INSERT INTO pipes (name) VALUES (1)', 'SELEC 1', 'SELECT * FROM pipes WHERE (1'];

/** One browser's visit. Names of pipes are new ones, so that what remembers names shows. */
export async function visit(server, random, isOver, tally) {
  const user = random.chance(0.6) ? { userId: random.between(1, USERS), userKey: 'key' } : {};
  const client = await server.browser({ ...user, api: random.chance(0.3) ? 'cometwire' : 'js', version: random.chance(0.2) ? '3.25' : '4.08' });
  const own = `web_${random.between(0, 1e9)}`;
  client.command('subscription', 'web_room', 'track_hall', own, `kept_${random.between(0, KEPT_PIPES - 1)}`);
  if (client.path.includes('cometwire')) client.command('resume', `kept_0`, 0, 0);
  const things = random.between(1, 20);
  for (let count = 0; count < things && !isOver() && !client.ended; count += 1) {
    const kind = random.between(0, 6);
    if (kind === 0) client.publish('web_room', 'e', 'x'.repeat(random.between(1, 2000)));
    if (kind === 1) client.publish(own, 'e', '"to itself"');
    if (kind === 2) client.command('subscription', 'web_room', `web_${random.between(0, 1e9)}`);
    if (kind === 3) client.command('pipe_log', 'kept_0', 'm');
    if (kind === 4) client.command('track_pipe_users', 'track_hall', 'm');
    if (kind === 5) client.command('user_data', 'm', String(random.between(1, USERS)));
    if (kind === 6) client.command('no such command', 'x');
    await client.processed().catch(() => {});
  }
  const ends = [() => client.destroy(), () => client.socket.resetAndDestroy(), () => client.sendFrame({ opcode: 8 }), () => client.sendBytes(Buffer.alloc(20, 0xff))];
  random.pick(ends)();
  client.socket.end();
  client.destroy();
  tally.visits += 1;
}

/** One backend's session. */
export async function session(server, random, isOver, tally) {
  const sql = await server.sql();
  const things = random.between(1, 30);
  for (let count = 0; count < things && !isOver(); count += 1) {
    const user = random.between(1, USERS);
    const pipe = `kept_${random.between(0, KEPT_PIPES - 1)}`;
    const text = 'x'.repeat(random.between(1, 3000));
    const kind = random.between(0, 11);
    if (kind === 0) await sql.execute('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)', [pipe, 'e', text]);
    if (kind === 1) await sql.query("INSERT INTO pipes_messages (name, event, message) VALUES ('web_room', 'e', ?)", [text]);
    if (kind === 2) await sql.query("INSERT INTO users_messages (id, event, message) VALUES (?, 'e', ?)", [user, text]);
    if (kind === 3) await sql.query('SELECT p.name, COUNT(*) AS n FROM pipes p JOIN users_in_pipes u ON u.name = p.name GROUP BY p.name ORDER BY n DESC LIMIT 5');
    if (kind === 4) await sql.query(random.pick(REFUSED)).catch(() => {});
    if (kind === 5) await sql.query('INSERT INTO users_auth (id, hash) VALUES (?, ?)', [user, 'key']);
    if (kind === 6) await sql.query('DELETE FROM users_auth WHERE id = ?', [user]);
    if (kind === 7) await sql.query('INSERT INTO revoked_tokens (token) VALUES (?)', [`token.${random.between(1, 100)}`]);
    if (kind === 8) await sql.query('INSERT INTO users_data (id, data) VALUES (?, ?)', [user, text]);
    if (kind === 9) await sql.query('INSERT INTO pipes_settings (name, length) VALUES (?, ?)', [pipe, random.between(1, 50)]);
    if (kind === 10) await sql.query('DELETE FROM pipes_settings WHERE name = ?', [pipe]);
    if (kind === 11) {
      await sql.query('BEGIN');
      await sql.query("INSERT INTO pipes_messages (name, event, message) VALUES (?, 'e', ?)", [pipe, text]);
      if (random.chance(0.6)) await sql.query(random.pick(['COMMIT', 'ROLLBACK']));
    }
  }
  sql.destroy();
  tally.sessions += 1;
}

/** Takes away all that visitors leave on purpose, so that what is left is left by mistake. */
export async function cleanUp(sql) {
  await sql.query('BEGIN');
  for (const [table, column] of [['users_auth', 'id'], ['users_data', 'id'], ['revoked_tokens', 'token'], ['pipes_settings', 'name']]) {
    const names = await rows(sql, `SELECT ${column} AS name FROM ${table}`);
    for (const { name } of names) await sql.query(`DELETE FROM ${table} WHERE ${column} = ?`, [name]);
  }
  for (let user = 1; user <= USERS; user += 1) await sql.query('DELETE FROM users_messages WHERE id = ?', [user]);
  await sql.query('COMMIT');
  await until('nobody is connected', async () => (await rows(sql, 'SELECT id FROM connections')).length === 0, { within: 60_000 });
}
