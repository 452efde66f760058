// The prompts people type SQL into: `mariadb`, `mysql`, and mycli. Each reads and publishes in
// batch mode, as scripts use it, and is driven as a person drives it, on a terminal.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { PYTHON, temporaryDirectory } from '../support/paths.mjs';
import { attempt, run } from '../support/program.mjs';
import { Server } from '../support/server.mjs';
import { rows } from '../support/sql.mjs';
import { Terminal } from '../support/terminal.mjs';

const KEY = 'Developer\'15 "key"';
const TEXT = 'it\'s "q" \\ line\nfeed Привет 😀';
const MYCLI = join(dirname(PYTHON), 'mycli');
/** mycli keeps its configuration, its history and its log in the home directory. */
const HOME = temporaryDirectory();
const ENVIRONMENT = { ...process.env, HOME, XDG_CONFIG_HOME: HOME, XDG_STATE_HOME: HOME, TERM: 'xterm', PAGER: 'cat' };

let server;
let sql;
before(async () => {
  server = await Server.start({ devs: { 15: KEY } });
  sql = await server.sql({ user: 15 });
});
after(() => server?.stop());

const login = (key = KEY, user = '15') => [`-h${server.host}`, `-P${server.cometqlPort}`, `-u${user}`, `-p${key}`];

/** Runs statements with a prompt in batch mode, and returns what it printed. */
const PROMPTS = {
  mariadb: batch('mariadb', ['--protocol=tcp', '--default-character-set=utf8mb4']),
  mysql: batch('mysql', ['--protocol=tcp', '--default-character-set=utf8mb4']),
  'mysql with caching_sha2_password': batch('mysql', [
    '--protocol=tcp',
    '--default-character-set=utf8mb4',
    '--default-auth=caching_sha2_password',
  ]),
  mycli: {
    run: async (...statements) => (await run(MYCLI, [...login(), 'CometQL_v1', '--batch=-'], {
      env: ENVIRONMENT,
      input: statements.join('\n'),
    })).stdout,
    refused: (...args) => attempt(MYCLI, [...login(...args), '-e', 'SELECT DATABASE()'], { env: ENVIRONMENT }),
    message: /^\(16, "Access denied for user /m,
  },
};

function batch(program, options) {
  return {
    run: async (...statements) => (await run(program, [...login(), ...options, 'CometQL_v1'], {
      input: statements.join('\n'),
    })).stdout,
    refused: (...args) => attempt(program, [...login(...args), ...options, '-e', 'SELECT DATABASE()']),
    message: /^ERROR 16 \(28000\): Access denied for user /m,
  };
}

for (const [index, [name, prompt]] of Object.entries(PROMPTS).entries()) {
  describe(`${name}, in batch mode,`, () => {
    test('reads what the server has', async () => {
      assert.equal(await prompt.run('SELECT * FROM users_time WHERE id IN (2,3);'), 'id\ttime\n2\t-1\n3\t-1\n');
      const listed = await prompt.run('SHOW TABLES;', 'SHOW DATABASES;', 'DESCRIBE users_auth;', 'SELECT DATABASE();');
      assert.match(listed, /^pipes_messages$/m);
      assert.match(listed, /^Database\n(?:.*\n)*?CometQL_v1$/m);
      assert.match(listed, /^Field\tType\tNull\tKey\tDefault\tExtra\nid\t.*\nhash\t/m);
      assert.match(listed, /^DATABASE\(\)\nCometQL_v1$/m);
    });

    test('publishes what a browser receives exactly, and reads it back', async () => {
      const pipe = `prompt_${index}`;
      await sql.query('INSERT INTO pipes_settings (name, length) VALUES (?, 9)', [pipe]);
      const browser = await server.browser({ devId: 15 });
      await browser.subscribe(pipe);
      const literal = TEXT.replace(/[\\'"]/g, '\\$&');
      await prompt.run(`INSERT INTO pipes_messages (name, event, message) VALUES ('${pipe}', '', '${literal}');`);
      assert.equal(JSON.parse((await browser.takeFrom(pipe)).data), TEXT);
      assert.deepEqual(await rows(sql, 'SELECT message FROM pipes_messages WHERE name = ?', [pipe]), [{ message: TEXT }]);
      browser.destroy();
    });

    test('publishes as the one-line shell programs do', async () => {
      const browser = await server.browser({ devId: 15 });
      await browser.subscribe('web_MainPageChat');
      const json = '{"text":"from a shell","name":"cron"}';
      await prompt.run(`INSERT INTO pipes_messages (name, event, message)VALUES('web_MainPageChat', '', '${json}' );`);
      assert.equal((await browser.takeFrom('web_MainPageChat')).data, json);
      browser.destroy();
    });

    test('is told 16 with a wrong key and as an unknown user', async () => {
      const wrong = [['wrong'], [KEY, '16'], [KEY, 'bob'], ['wrong', 'root']];
      for (const { code, stdout, stderr } of await Promise.all(wrong.map((words) => prompt.refused(...words)))) {
        assert.equal(code, 1);
        assert.match(stdout + stderr, prompt.message);
      }
    });
  });
}

test('mariadb, on a terminal, completes names, switches database and shows its status', async (t) => {
  const terminal = Terminal.start('mariadb', [...login(), 'CometQL_v1']);
  t.after(() => terminal.close());
  await terminal.shows(/CometQL_v1\]> $/);
  await terminal.answers('SHOW TABLES;', /users_in_pipes/);
  await terminal.answers('DESCRIBE pipes;', /\| name +\|/);
  await terminal.answers('use CometQL_v1', /Database changed/);
  await terminal.answers('status', /Uptime:/);
  await terminal.answers('SELECT users FROM pipes WHERE name = "web_none";', /\| users \|/);
  await terminal.answers('SELECT * FROM no_such_table;', /ERROR 15 \(42S02\)/);
  terminal.type('SELECT id FROM users_au\t WHERE id = 7;\r');
  await terminal.shows(/SELECT id FROM users_auth WHERE id = 7;[^]*Empty set/);
  await terminal.leave('exit');
});

test('mycli, on a terminal, completes names, selects, publishes and tells an error', async (t) => {
  const browser = await server.browser({ devId: 15 });
  await browser.subscribe('web_mycli');
  const terminal = Terminal.start(MYCLI, [...login(), 'CometQL_v1'], { env: ENVIRONMENT });
  t.after(() => terminal.close());
  await terminal.shows(/CometQL_v1>/);
  await terminal.answers('\\dt', /Tables_in_CometQL_v1/);
  await terminal.answers('SELECT * FROM users_time WHERE id IN (2,3);', /2 rows in set/);
  await terminal.answers("INSERT INTO pipes_messages (name, event, message) VALUES ('web_mycli', '', 'typed');", /Query OK/);
  assert.equal((await browser.takeFrom('web_mycli')).data, 'typed');
  await terminal.answers('SELECT nope FROM users_time;', /\(14, "Unknown column 'nope' in 'field list'"\)/);
  terminal.type('SELECT * FROM users_in_\t');
  await terminal.shows(/users_in_pipes/);
  terminal.type('\x15');
  await terminal.leave('exit');
  assert.doesNotMatch(readFileSync(join(HOME, '.mycli.log'), 'utf8'), /No .* completions/, 'what it asks for at its start');
  browser.destroy();
});
