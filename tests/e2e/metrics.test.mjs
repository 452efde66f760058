// The metrics page, the monitoring script of the original, and the tables that
// show the same figures.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { run } from '../support/program.mjs';
import { Server, ROOT_KEY } from '../support/server.mjs';
import { publish, refusal, rows } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

let server;
let root;
let page;
before(async () => {
  server = await Server.start({
    devs: { 15: 'Developer15+key' },
    args: ['--metrics', '127.0.0.1:0', '--max-subscriptions', '2'],
  });
  root = await server.sql();
  [, page] = /^\s*Metrics\s+(\S+)/m.exec(server.program.stdout);
});
after(() => server?.stop());

/** The page as a map from names with their labels to numbers, checked line by line. */
async function metrics() {
  const answer = await fetch(page);
  assert.equal(answer.status, 200);
  assert.match(answer.headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
  const kinds = new Map();
  const values = new Map();
  for (const line of (await answer.text()).trimEnd().split('\n')) {
    const comment = /^# (HELP|TYPE) (\w+) (.+)$/.exec(line);
    if (comment) {
      if (comment[1] === 'TYPE') kinds.set(comment[2], comment[3]);
      continue;
    }
    const sample = /^((\w+)(?:\{\w+="[^"\\]*"\})?) (\d+)$/.exec(line);
    assert.ok(sample, `a line of the format: ${line}`);
    const [, name, family, value] = sample;
    assert.equal(kinds.get(family), family.endsWith('_total') ? 'counter' : 'gauge', line);
    assert.equal(values.has(name), false, `once: ${name}`);
    values.set(name.replace(/^cometwire_/, ''), Number(value));
  }
  return values;
}

test('what happens moves the figures', async () => {
  const quiet = await metrics();
  const browser = await server.browser();
  await browser.subscribe('web_a', 'web_b');
  await publish(root, 'web_a', 'e', 'one');
  await publish(root, 'web_a', 'e', 'two');
  await until('both are there', () => browser.waitingOn('web_a').length === 2);
  assert.equal((await refusal(root, 'SELECT nothing')).errno, 14);
  const busy = await metrics();
  const grown = (name) => busy.get(name) - (quiet.get(name) ?? 0);
  assert.equal(grown('messages_total'), 2);
  assert.equal(grown('connections'), 1);
  assert.equal(grown('subscriptions'), 2);
  assert.equal(grown('pipes'), 2);
  assert.equal(grown('browser_sockets'), 1);
  assert.equal(grown('messages_in_total'), 2, 'the subscription and the question after it');
  assert.ok(grown('bytes_out_total') > 0);
  assert.equal(grown('errors_total{error="14 UnknownColumn"}'), 1);
  assert.equal(busy.get('backends'), 1);
  assert.equal(busy.get('limit{name="max_subscriptions"}'), 2);
  assert.ok(busy.get('memory') > 1_000_000);

  browser.command('subscription', 'web_a', 'web_b', 'web_c');
  await until('a name too many is counted', async () => (await metrics()).get('subscriptions_refused_total') === 1);
  browser.destroy();
  await until('it is gone', async () => (await metrics()).get('connections') === quiet.get('connections'));
  const after = await metrics();
  assert.ok(after.get('bytes_out_total') >= busy.get('bytes_out_total'), 'what it took stays counted');
});

test('the page, SHOW GLOBAL STATUS and nodes agree', async () => {
  const values = await metrics();
  const status = await rows(root, 'SHOW GLOBAL STATUS');
  const byName = new Map(status.map((row) => [row.Variable_name, row.Value]));
  for (const name of ['messages', 'private_messages', 'slow_readers', 'subscriptions_refused']) {
    assert.equal(Number(byName.get(name)), values.get(`${name}_total`), name);
  }
  const [node] = await rows(root, 'SELECT * FROM nodes');
  for (const name of ['connections', 'users', 'pipes', 'subscriptions', 'sessions']) {
    assert.equal(Number(node[name]), values.get(name), name);
  }
  for (const name of ['messages', 'private_messages', 'messages_out', 'bytes_in']) {
    assert.equal(Number(node[name]), values.get(`${name}_total`), name);
  }
  assert.equal(`http://${node.metrics}/metrics`, page);
});

test('the page is on its own port and answers nothing else', async () => {
  assert.equal((await fetch(`${server.origin}/metrics`)).status, 404);
  assert.equal((await fetch(page.replace('/metrics', '/'))).status, 404);
  assert.equal((await fetch(page, { method: 'POST' })).status, 405);
});

test('the monitoring script of the original reads its figures by name', async () => {
  const { stdout } = await run('bash', ['-c', 'echo "show global status" | mysql --skip-column-names -s "$@"', 'script',
    '-h', server.host, '-P', String(server.cometqlPort), '-uroot', `-p${ROOT_KEY}`, '-DCometQL_v1']);
  const lines = stdout.trimEnd().split('\n').map((line) => line.split('\t'));
  assert.ok(lines.every((line) => line.length === 2), stdout);
  const names = ['stat_interval', 'online', 'messages', 'add_client', 'delete_client', 'messages_ps', 'add_client_ps', 'delete_client_ps'];
  const expected = ['uptime', 'uptime_in_hours', 'uptime_in_days', 'network_events'];
  for (const name of names) expected.push(`frontend_${name}`, `backend_${name}`);
  const figures = new Map(lines);
  for (const name of expected) assert.match(figures.get(name) ?? '', /^\d+(\.\d\d)?$/, name);
});

test('the machine tells of itself, to a developer too', async () => {
  const fifteen = await server.sql({ user: 15 });
  const names = async (scope) => (await rows(fifteen, `SHOW ${scope} STATUS`)).map((row) => row.Variable_name);
  assert.deepEqual(await names('AVG'), ['load_avg_1', 'load_avg_2', 'load_avg_3', 'running_processes', 'total_processes']);
  assert.deepEqual(await names('UPTIME'), ['os_uptime', 'os_idle']);
  assert.deepEqual(await names('FILESYSTEM'), ['flag', 'filesystem', 'size', 'used', 'available', 'use']);
  const memory = await names('RAM');
  assert.equal(memory[0], 'MemTotal');
  assert.ok(memory.length > 10 && memory.length <= 34);
});
