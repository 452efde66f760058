// The Unix socket beside the port: `localhost` as PHP and the prompt mean it.

import assert from 'node:assert/strict';
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../support/paths.mjs';
import { run } from '../support/program.mjs';
import { ROOT_KEY, Server } from '../support/server.mjs';
import { rows } from '../support/sql.mjs';

async function start(t, socket) {
  const server = await Server.start({ args: ['--cometql-socket', socket] });
  t.after(() => server.stop());
  return server;
}

const newSocket = () => join(temporaryDirectory(), 'cometql.sock');

test('PHP reaches the server as localhost, with mysqli and PDO', async (t) => {
  const socket = newSocket();
  const server = await start(t, socket);
  assert.equal(statSync(socket).mode & 0o777, 0o666);
  const script = `
    $m = new mysqli('localhost', 'root', getenv('KEY'), 'CometQL_v1', 0, getenv('SOCKET'));
    echo $m->query('SELECT @@socket')->fetch_row()[0], "\\n";
    $p = new PDO('mysql:unix_socket=' . getenv('SOCKET') . ';dbname=CometQL_v1', 'root', getenv('KEY'));
    echo $p->query('SELECT 1 + 1')->fetchColumn(), "\\n";
    try { new mysqli('localhost', 'root', 'wrong', '', 0, getenv('SOCKET')); }
    catch (mysqli_sql_exception $e) { echo $e->getCode(), ' ', $e->getMessage(), "\\n"; }`;
  const { stdout } = await run('php', ['-r', script], { env: { ...process.env, SOCKET: socket, KEY: ROOT_KEY } });
  const [path, two, refusal] = stdout.split('\n');
  assert.deepEqual([path, two], [socket, '2']);
  assert.match(refusal, /^16 Access denied for user 'root'@'localhost'/);
  assert.equal((await rows(await server.sql(), 'SELECT 1 one')).length, 1, 'the port works besides');
});

test('the mariadb prompt reaches it with -S', async (t) => {
  const socket = newSocket();
  await start(t, socket);
  const login = ['--no-defaults', '-S', socket, '-uroot', `-p${ROOT_KEY}`, 'CometQL_v1'];
  const { stdout } = await run('mariadb', [...login, '-N', '-e', 'SELECT 40 + 2; SHOW PROCESSLIST']);
  assert.match(stdout, /^42\n/);
  assert.match(stdout, /localhost/);
});

test('the file goes with the server, and what a crash left is replaced', async (t) => {
  const socket = newSocket();
  const server = await start(t, socket);
  await server.kill9();
  assert.ok(existsSync(socket), 'a crash leaves the file');
  await server.restart();
  await server.stop();
  assert.equal(existsSync(socket), false);
});

test('a file that is no socket, or somebody else\'s, stops the start', async (t) => {
  const socket = newSocket();
  writeFileSync(socket, 'precious');
  await assert.rejects(Server.start({ args: ['--cometql-socket', socket] }), /no socket is there/);
  const taken = newSocket();
  await start(t, taken);
  await assert.rejects(Server.start({ args: ['--cometql-socket', taken] }), /another program answers there/);
});
