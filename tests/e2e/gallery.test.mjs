// The examples that need no backend of their own, in headless Chromium: each does what its card in the gallery says.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { launchBrowser, openPage, openTab } from '../support/browser.mjs';
import { REPOSITORY } from '../support/paths.mjs';
import { run } from '../support/program.mjs';
import { Server } from '../support/server.mjs';
import { publish, rows, subscribers } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const INJECTION = '<img src=x onerror="window.injected=1"> & "it\'s"';

let browser;
let server;
let sql;
before(async () => {
  browser = await launchBrowser();
  server = await Server.start();
  sql = await server.sql();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

async function open(name) {
  const page = await openPage(browser, `${server.origin}/examples/${name}/`);
  await connected(page);
  return page;
}

async function connected(page) {
  await until('the page is connected', async () => (await page.textContent('#state')) === 'connected');
}

/** What a copied line of SQL does at the mysql prompt. */
async function atThePrompt(statement) {
  const login = [`-h${server.host}`, `-P${server.cometqlPort}`, '-uroot', `-p${server.rootKey}`, 'CometQL_v1'];
  await run('mysql', login, { input: `${statement};\n` });
}

async function showsText(page, selector, expected) {
  await until(`${selector} has ${expected}`, async () => (await page.textContent(selector)).includes(expected));
}

async function harmless(...pages) {
  for (const page of pages) {
    assert.equal(await page.evaluate(() => window.injected), undefined);
    assert.deepEqual(await page.$$('main img'), []);
    assert.deepEqual(page.scriptErrors, []);
    await page.context().close();
  }
}

test('every card of the gallery leads to a page that connects', async () => {
  const page = await openPage(browser, `${server.origin}/examples/`);
  const links = await page.$$eval('h2 a', (all) => all.map((link) => link.href));
  assert.equal(links.length, 6);
  for (const link of links) {
    await page.goto(link);
    await connected(page);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), true);
    await page.setViewportSize({ width: 320, height: 600 });
    assert.equal(
      await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
      true,
      `${link} fits on a telephone`,
    );
    await page.setViewportSize({ width: 1280, height: 720 });
  }
  await harmless(page);
});

test('who is online: people come and go, and the list is what SQL tells', async () => {
  const ann = await open('who-is-online');
  await showsText(ann, '#count', '1');
  const boris = await open('who-is-online');
  await until('both are there', async () => (await ann.textContent('#count')) === '2');
  await until('to the newcomer too', async () => (await boris.textContent('#count')) === '2');
  await showsText(ann, '#news', 'came');
  const members = await rows(sql, await ann.textContent('#sql'));
  assert.equal(members.length, 2);
  await boris.context().close();
  await until('one is left', async () => (await ann.textContent('#count')) === '1');
  await showsText(ann, '#news', 'went');
  await harmless(ann);
});

test('private messages: a key made in SQL opens the inbox, and what came before is there', async () => {
  const page = await open('private-messages');
  await page.fill('#user', '8');
  await page.fill('#key', 'wrong');
  await page.click('#log-in');
  await showsText(page, '#login-state', 'not the key');

  await page.fill('#key', 'aRandomKey');
  await atThePrompt(await page.textContent('#key-sql'));
  await atThePrompt(await page.textContent('#message-sql'));
  assert.equal((await rows(sql, 'SELECT * FROM users_messages WHERE id = 8')).length, 1);
  await page.click('#log-in');
  await showsText(page, '#login-state', 'user 8');
  await showsText(page, '#messages', 'only for you');
  await sql.query('INSERT INTO users_messages (id, event, message) VALUES (8, ?, ?)', [
    'note',
    JSON.stringify({ from: INJECTION, text: INJECTION }),
  ]);
  await showsText(page, '#messages', INJECTION);
  await page.click('#log-out');
  await showsText(page, '#login-state', 'not logged in');
  await sql.query('INSERT INTO users_messages (id, event, message) VALUES (8, ?, ?)', ['note', '"later"']);
  assert.equal((await rows(sql, 'SELECT * FROM users_messages WHERE id = 8')).length, 1);
  await harmless(page);
});

test('notifications: those sent while the page is away arrive after it, once and in order', async () => {
  const page = await open('notifications');
  const titles = () => page.$$eval('#notifications strong', (all) => all.map((one) => one.textContent));
  await until('it is subscribed', async () => (await subscribers(sql, 'trust_notifications')) === 1);
  await atThePrompt(await page.textContent('#sql'));
  await until('it is shown', async () => (await titles()).length === 1);
  assert.equal(await page.textContent('#unread'), '1');

  await page.click('#away');
  await until('it is away', async () => (await subscribers(sql, 'trust_notifications')) === 0);
  for (const title of ['second', 'third', INJECTION]) {
    await publish(sql, 'trust_notifications', 'warning', JSON.stringify({ title, text: INJECTION }));
  }
  await until('all are shown', async () => (await titles()).length === 4);
  assert.deepEqual(await titles(), [INJECTION, 'third', 'second', 'Order 4711 is paid']);
  assert.equal(await page.textContent('#unread'), '4');
  await page.click('#bell');
  assert.equal(await page.isVisible('#unread'), false);

  const again = await openTab(page.context(), `${server.origin}/examples/notifications/`);
  await until('a new page shows what was', async () => (await again.$$('#notifications li')).length === 4);
  assert.equal(await again.isVisible('#unread'), false);
  await harmless(page);
});

test('dashboard: one statement from bash draws the tiles, and the history fills a new page', async () => {
  const page = await open('dashboard');
  await until('it is subscribed', async () => (await subscribers(sql, 'trust_dashboard')) === 1);
  const feed = join(REPOSITORY, 'examples', 'dashboard', 'feed.sh');
  const env = {
    ...process.env,
    COMETWIRE_HOST: server.host,
    COMETWIRE_PORT: String(server.cometqlPort),
    COMETWIRE_KEY: server.rootKey,
  };
  await run('bash', [feed, '2'], { env });
  const tiles = (of) => of.$$eval('.tile', (all) => all.map((tile) => tile.textContent));
  await until('every number has a tile', async () => (await tiles(page)).length === 4);
  await until('the curve has two points', async () => {
    const points = await page.getAttribute('polyline', 'points');
    return points?.split(' ').length === 2;
  });
  assert.ok((await tiles(page)).includes('connections1'), String(await tiles(page)));

  await atThePrompt(await page.textContent('#sql'));
  const later = await open('dashboard');
  await until('the history draws three points', async () => {
    const points = await later.getAttribute('polyline', 'points').catch(() => null);
    return points?.split(' ').length === 3;
  });
  await publish(sql, 'trust_dashboard', 'numbers', JSON.stringify({ [INJECTION]: 5, text: INJECTION }));
  await until('any number gets a tile', async () => (await tiles(later)).includes(`${INJECTION}5`));
  await harmless(page, later);
});

test('cursors: each sees the others move, and nobody sees a cursor that is gone', async () => {
  const ann = await open('cursors');
  const boris = await open('cursors');
  await until('both are subscribed', async () => (await subscribers(sql, 'web_cursors')) === 2);
  await ann.fill('#name', INJECTION.slice(0, 24));
  await ann.hover('#field', { position: { x: 10, y: 10 } });
  await showsText(boris, '#field', INJECTION.slice(0, 24));
  const box = await ann.locator('#field').boundingBox();
  await ann.hover('#field', { position: { x: box.width / 2, y: box.height / 2 } });
  await until('it is in the middle', async () => {
    const left = await boris.$eval('.cursor', (cursor) => cursor.style.left);
    return Math.abs(parseFloat(left) - 50) < 2;
  });
  assert.deepEqual(await ann.$$('.cursor'), [], 'nobody sees their own cursor');

  await atThePrompt(await ann.textContent('#sql'));
  for (const page of [ann, boris]) await showsText(page, '#field', 'SQL');
  await publish(sql, 'web_cursors', 'move', '{"id":"far","x":1e99,"y":"nonsense"}');
  await until('a wild position stays inside', async () => {
    const places = await boris.$$eval('.cursor', (all) => all.map((one) => `${one.style.left} ${one.style.top}`));
    return places.includes('100% 0%');
  });
  await ann.close({ runBeforeUnload: true });
  await until('her cursor is gone', async () => !(await boris.textContent('#field')).includes('<img'));
  assert.deepEqual(ann.scriptErrors, []);
  await harmless(boris);
});
