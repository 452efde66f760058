// phpMyAdmin, served by PHP and driven in a browser as a person drives it: log in, look at the
// databases, the tables and their rows, run a statement, and publish by its form for a new row.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { launchBrowser, openPage } from '../support/browser.mjs';
import { phpMyAdmin } from '../support/phpmyadmin.mjs';
import { Server } from '../support/server.mjs';
import { rows } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const TEXT = 'it\'s "q" and Привет 😀';
const DATABASE = 'db=CometQL_v1';
/** Its other pages: what it is called, where it is, and something it shows. */
const PAGES = [
  ['Status: Processes', '/server/status/processes', /Sleep|Query/],
  ['Status: Query statistics', '/server/status/queries', /Questions since startup/],
  ['Status: All status variables', '/server/status/variables', /Threads.connected/],
  ['Status: Monitor', '/server/status/monitor', /Start Monitor|Settings/],
  ['SQL', '/server/sql', /Run SQL query\/queries on server/],
  ['Export', '/server/export', /Export method/],
  ['Table: Search', '/table/search', DATABASE, 'table=users_auth', /hash\s+varchar\(32\)/],
  ['Table: Operations', '/table/operations', DATABASE, 'table=users_auth', /Table maintenance/],
];
/** It asks for `*` and for names that differ from those in case only, which get a number here. */
const KNOWN_ALERT = /^\s*Unknown table status: Create_time\s*$/;

let server;
let site;
let chromium;
let page;
before(async () => {
  server = await Server.start({ devs: { 15: 'Developer-15-key' } });
  site = await phpMyAdmin(server);
  chromium = await launchBrowser();
  const sql = await server.sql({ user: 15 });
  await sql.query("INSERT INTO pipes_settings (name, length) VALUES ('chat', 9)");
  await sql.query("INSERT INTO users_auth (id, hash) VALUES (2, 'hashoftwo')");
  await sql.query("INSERT INTO users_auth (id, hash) VALUES (3, 'hashofthree')");
  page = await openPage(chromium, `${site.origin}/index.php`);
  await page.fill('#input_username', '15');
  await page.fill('#input_password', 'Developer-15-key');
  await page.click('#input_go');
  await page.waitForSelector('#pma_navigation_tree');
});
after(async () => {
  await chromium?.close();
  await site?.stop();
  await server?.stop();
});

test('it tells what server it talks to', async () => {
  await open('/');
  await shows(/Server version: 8\.0\.\d+-CometWire/);
  await shows(/User: 15@127\.0\.0\.1/);
});

test('it lists the databases', async () => {
  await open('/server/databases');
  await shows(/CometQL_v1\s+utf8mb4_general_ci/);
});

test('it lists every table', async () => {
  await open('/database/structure', DATABASE);
  const sql = await server.sql({ user: 15 });
  const tables = (await rows(sql, 'SHOW TABLES')).map((row) => Object.values(row)[0]);
  for (const table of tables) await shows(new RegExp(`\\b${table}\\b.+CometWire`));
});

test('it describes a table with its key', async () => {
  await open('/table/structure', DATABASE, 'table=users_auth');
  await shows(/hash\s+varchar\(32\)/);
  await shows(/PRIMARY\s+HASH\s+Yes\s+No\s+id/);
});

test('it browses the rows of a table', async () => {
  await open('/sql', DATABASE, 'table=users_auth', 'pos=0');
  await shows(/2 total/);
  assert.deepEqual(await cells(), [
    ['2', 'hashoftwo'],
    ['3', 'hashofthree'],
  ]);
});

test('it runs a statement', async () => {
  await open('/database/sql', DATABASE);
  await page.locator('#sqlqueryform .CodeMirror').first().click();
  await page.keyboard.press('Control+A');
  await page.keyboard.insertText("SELECT id FROM users_auth WHERE hash LIKE '%three%'");
  await page.click('#button_submit_query');
  await shows(/1 total/);
  assert.deepEqual(await cells(), [['3']]);
});

test('a row saved in its form reaches the browsers', async () => {
  const subscriber = await server.browser({ devId: 15 });
  await subscriber.subscribe('chat');
  await open('/table/change', DATABASE, 'table=pipes_messages');
  const values = page.locator('#insertForm table').first().locator('[name^="fields[multi_edit][0]"]');
  await values.nth(2).fill('chat');
  await values.nth(4).fill('text');
  await values.nth(5).fill(TEXT);
  await page.locator('#buttonYes').click();
  await shows(/rows inserted/);
  const message = await subscriber.takeFrom('chat');
  assert.equal(message.event, 'text');
  assert.equal(message.data, TEXT);
});

test('it shows the variables, the engines and the character sets', async () => {
  await open('/server/variables');
  await shows(/collation.server\s+utf8mb4_general_ci/);
  await open('/server/engines');
  await shows(/CometWire/);
  await open('/server/collations');
  await shows(/utf8mb4_general_ci/);
});

test('the page of server status counts', async () => {
  await open('/server/status');
  await shows(/Network traffic since startup: [\d,.]+ /);
  await shows(/This MySQL server has been running for 0 days, 0 hours/);
  await shows(/Max\. concurrent connections\s+\d+/);
  await shows(/Failed attempts\s+0/);
});

for (const [name, route, ...rest] of PAGES) {
  test(`its page ${name} opens`, async () => {
    const pattern = rest.pop();
    await open(route, ...rest);
    await shows(pattern);
  });
}

test('it exports a table', async () => {
  await open('/table/export', DATABASE, 'table=users_auth', 'single_table=1');
  const download = page.waitForEvent('download');
  await page.click('#buttonGo');
  const exported = readFileSync(await (await download).path(), 'utf8');
  assert.match(exported, /CREATE TABLE `users_auth`/);
  assert.match(exported, /\('?2'?, 'hashoftwo'\)/);
});

test('it searches the whole database', async () => {
  await open('/database/search', DATABASE);
  await page.fill('input[name=criteriaSearchString]', 'hashofthree');
  await page.locator('#criteriaTables option').evaluateAll((options) => {
    for (const option of options) option.selected = true;
  });
  await page.click('#buttonGo');
  await shows(/1 match(?:es)? in users_auth/);
});

/** One of its pages; an error on it, or one of PHP or of a script, fails the test. */
async function open(route, ...parameters) {
  await page.goto(`${site.origin}/index.php?${[`route=${route}`, ...parameters].join('&')}`);
  await page.waitForLoadState('networkidle');
  const alerts = await page.locator('.alert-danger').allInnerTexts();
  assert.deepEqual(alerts.filter((alert) => !KNOWN_ALERT.test(alert)), []);
  assert.deepEqual(page.scriptErrors, []);
}

const text = () => page.locator('body').innerText();

async function shows(pattern) {
  let seen;
  await until(`the page shows ${pattern}`, async () => pattern.test((seen = await text()))).catch((error) => {
    throw new Error(`${error.message}\n${seen}`);
  });
}

/** The rows of the result it shows. */
function cells() {
  return page.locator('table.table_results tbody tr').evaluateAll((found) =>
    found.map((row) => [...row.querySelectorAll('td.data')].map((cell) => cell.innerText.trim())),
  );
}
