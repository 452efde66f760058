// Adminer, served by PHP and driven in a browser as a person drives it: log in, look at the
// tables and their rows, run a statement, and publish by its form for a new row.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launchBrowser, openPage } from '../support/browser.mjs';
import { phpServer } from '../support/php.mjs';
import { Server } from '../support/server.mjs';
import { rows } from '../support/sql.mjs';

const TEXT = 'it\'s "q" and Привет 😀';

let server;
let adminer;
let chromium;
let page;
before(async () => {
  server = await Server.start({ devs: { 15: 'Developer-15-key' } });
  adminer = await phpServer('/usr/share/adminer');
  chromium = await launchBrowser();
  const sql = await server.sql({ user: 15 });
  await sql.query("INSERT INTO pipes_settings (name, length) VALUES ('chat', 9)");
  await sql.query("INSERT INTO users_auth (id, hash) VALUES (2, 'hashoftwo')");
  await sql.query("INSERT INTO users_auth (id, hash) VALUES (3, 'hashofthree')");
  page = await openPage(chromium, `${adminer.origin}/adminer.php`);
  await page.fill('[name="auth[server]"]', `${server.host}:${server.cometqlPort}`);
  await page.fill('[name="auth[username]"]', '15');
  await page.fill('[name="auth[password]"]', 'Developer-15-key');
  await page.fill('[name="auth[db]"]', 'CometQL_v1');
  await page.click('input[type=submit]');
  await page.waitForSelector('#logout');
});
after(async () => {
  await chromium?.close();
  await adminer?.stop();
  await server?.stop();
});

test('it lists every table', async () => {
  await open('');
  const sql = await server.sql({ user: 15 });
  const tables = (await rows(sql, 'SHOW TABLES')).map((row) => Object.values(row)[0]);
  for (const table of tables) assert.equal(await page.locator(`#Table-${table}`).count(), 1, table);
  assert.match(await page.locator('#content').innerText(), /CometWire\tutf8mb4_general_ci/);
});

test('it describes a table with its key', async () => {
  await open('&table=users_auth');
  const text = await page.locator('#content').innerText();
  assert.match(text, /hash\tvarchar\(32\)/);
  assert.match(text, /PRIMARY\tid/);
});

test('it browses and searches the rows of a table', async () => {
  await open('&select=users_auth');
  assert.deepEqual(await cells(), [
    ['2', 'hashoftwo'],
    ['3', 'hashofthree'],
  ]);
  await open('&select=users_auth&where[0][col]=hash&where[0][op]=LIKE %%&where[0][val]=three');
  assert.deepEqual(await cells(), [['3', 'hashofthree']]);
});

test('it runs a statement', async () => {
  await open('&sql=SELECT id FROM users_auth WHERE id IN (3, 4)');
  await page.click('#form input[type=submit]');
  await page.waitForSelector('#content table');
  assert.match(await page.locator('#content').innerText(), /id\n3\n\s*1 row/);
});

test('a row saved in its form reaches the browsers', async () => {
  const subscriber = await server.browser({ devId: 15 });
  await subscriber.subscribe('chat');
  await open('&edit=pipes_messages');
  await page.fill('[name="fields[name]"]', 'chat');
  await page.fill('[name="fields[event]"]', 'text');
  await page.fill('[name="fields[message]"]', TEXT);
  await page.click('#form input[type=submit]');
  await page.waitForSelector('.message, .error');
  assert.equal(await page.locator('.error').count(), 0, await page.locator('#content').innerText());
  const message = await subscriber.takeFrom('chat');
  assert.equal(message.event, 'text');
  assert.equal(message.data, TEXT);
  await open('&select=pipes_messages');
  assert.ok((await cells())[0].includes(TEXT));
});

test('it tells who is connected and what the server is set to', async () => {
  await open('&processlist=');
  assert.match(await page.locator('#content').innerText(), /CometQL_v1\tQuery/);
  await open('&variables=');
  assert.match(await page.locator('#content').innerText(), /max_allowed_packet\t\d+/);
});

test('it exports the definition of a table', async () => {
  await open('&dump=users_auth');
  await page.check('[name=output][value=text]');
  await page.check('[name=format][value=sql]');
  await page.click('#content input[type=submit]');
  assert.match(await page.locator('body').innerText(), /CREATE TABLE `users_auth` \(\n {2}`id` int\(11\) NOT NULL/);
});

/** One of its pages for the database; a PHP warning on it fails the test. */
async function open(query) {
  const login = `server=${encodeURIComponent(`${server.host}:${server.cometqlPort}`)}&username=15&db=CometQL_v1`;
  await page.goto(`${adminer.origin}/adminer.php?${login}${query}`);
  assert.equal(await page.locator('.error').count(), 0, await page.locator('#content').innerText());
  assert.doesNotMatch(adminer.program.output, /PHP (?:Warning|Fatal|Deprecated)/);
  assert.deepEqual(page.scriptErrors, []);
}

/** The rows of the table it shows, without the column of check boxes. */
function cells() {
  return page.locator('#table tbody tr').evaluateAll((found) =>
    found.map((row) => [...row.querySelectorAll('td[id]')].map((cell) => cell.innerText)),
  );
}
