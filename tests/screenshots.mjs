// Takes the pictures of the examples that the documentation shows, into docs/images. By hand, after their look has
// changed: node tests/screenshots.mjs

import { join } from 'node:path';
import { launchBrowser, openPage } from './support/browser.mjs';
import { REPOSITORY, temporaryDirectory } from './support/paths.mjs';
import { phpServer } from './support/php.mjs';
import { Server } from './support/server.mjs';
import { publish, subscribers } from './support/sql.mjs';
import { until } from './support/until.mjs';

const WINDOW = { width: 820, height: 640 };

const browser = await launchBrowser();
const server = await Server.start();
const sql = await server.sql();

async function open(name) {
  const page = await openPage(browser, `${server.origin}/examples/${name}/`);
  await page.setViewportSize(WINDOW);
  await until('it is connected', async () => (await page.textContent('#state')) === 'connected');
  return page;
}

async function take(page, name) {
  const path = join(REPOSITORY, 'docs', 'images', `${name}.png`);
  // Only the card: the page around it is empty.
  await page.locator('main, body').last().screenshot({ path, animations: 'disabled' });
  console.log(path);
}

async function number(page, selector, expected) {
  await until(`${expected} ${selector}`, async () => (await page.$$(selector)).length === expected);
}

async function whoIsOnline() {
  const pages = [await open('who-is-online')];
  for (let more = 0; more < 4; more++) pages.push(await open('who-is-online'));
  await number(pages[0], '#people li', 5);
  await pages.pop().context().close();
  await number(pages[0], '#people li', 4);
  await take(pages[0], 'who-is-online');
  return pages;
}

async function privateMessages() {
  const page = await open('private-messages');
  await sql.query('INSERT INTO users_auth (id, hash) VALUES (7, ?)', [await page.inputValue('#key')]);
  for (const [from, text] of [
    ['Shop', 'Your parcel has left.'],
    ['Ann', 'Lunch at noon?'],
  ]) {
    await sql.query('INSERT INTO users_messages (id, event, message) VALUES (7, ?, ?)', [
      'note',
      JSON.stringify({ from, text }),
    ]);
  }
  await page.click('#log-in');
  await number(page, '.message', 2);
  await take(page, 'private-messages');
  return [page];
}

async function notifications() {
  const page = await open('notifications');
  await until('it is subscribed', async () => (await subscribers(sql, 'trust_notifications')) === 1);
  for (const [event, title, text] of [
    ['info', 'Maintenance tonight', 'The shop is closed from two to three.'],
    ['warning', 'Stock is low', 'Three lamps are left.'],
    ['success', 'Order 4711 is paid', 'The parcel leaves today.'],
  ]) {
    await publish(sql, 'trust_notifications', event, JSON.stringify({ title, text }));
  }
  await number(page, '.notification', 3);
  await take(page, 'notifications');
  return [page];
}

async function dashboard() {
  const page = await open('dashboard');
  await until('it is subscribed', async () => (await subscribers(sql, 'trust_dashboard')) === 1);
  for (let step = 0; step < 60; step++) {
    const wave = Math.sin(step / 7);
    const numbers = {
      connections: Math.round(1200 + 300 * wave + 4 * step),
      subscriptions: Math.round(5100 + 900 * Math.cos(step / 5)),
      pipes: 80 + Math.floor(step / 3),
      'orders today': 7 * step + Math.round(20 * wave),
    };
    await publish(sql, 'trust_dashboard', 'numbers', JSON.stringify(numbers));
  }
  await until('all is drawn', async () => {
    const points = await page.getAttribute('polyline', 'points').catch(() => null);
    return points?.split(' ').length === 60;
  });
  await take(page, 'dashboard');
  return [page];
}

async function cursors() {
  const pages = [];
  for (const [name, x, y] of [
    ['Me', 0.9, 0.9],
    ['Ann', 0.3, 0.35],
    ['Boris', 0.65, 0.6],
    ['Kate', 0.45, 0.75],
  ]) {
    const page = await open('cursors');
    pages.push(page);
    await until('all are subscribed', async () => (await subscribers(sql, 'web_cursors')) === pages.length);
    await page.fill('#name', name);
    const box = await page.locator('#field').boundingBox();
    await page.hover('#field', { position: { x: box.width * x, y: box.height * y } });
  }
  await number(pages[0], '.cursor', 3);
  await take(pages[0], 'cursors');
  return pages;
}

async function phpChat() {
  const site = await phpServer(join(REPOSITORY, 'examples', 'php-chat'), {
    env: {
      COMETWIRE_HOST: server.host,
      COMETWIRE_PORT: String(server.cometqlPort),
      COMETWIRE_KEY: server.rootKey,
      COMETWIRE_URL: server.origin,
      PHP_CHAT_DATA: temporaryDirectory(),
    },
  });
  const pages = [];
  for (const login of ['ann', 'bob']) {
    const page = await openPage(browser, site.origin);
    await page.setViewportSize({ width: 1000, height: 700 });
    await page.fill('input[name=login]', login);
    await page.fill('input[name=password]', `${login}-demo-password`);
    await page.click('#log-in');
    pages.push(page);
    await until('the page is in the room', async () => (await subscribers(sql, 'webauth_php_chat')) === pages.length);
  }
  const [ann, bob] = pages;
  await bob.fill('#text', 'Is anybody here?');
  await bob.click('#send');
  await number(ann, '#messages .message', 1);
  await ann.fill('#text', 'I am.');
  await ann.click('#send');
  await bob.selectOption('#private-to', { label: 'Ann' });
  await bob.fill('#private-text', 'The report is ready.');
  await bob.click('#private-send');
  await number(ann, '#private-messages .message', 1);
  await until('who is online is known', async () => (await ann.$$('#online .online')).length === 2);
  const path = join(REPOSITORY, 'docs', 'images', 'php-chat.png');
  await ann.screenshot({ path, animations: 'disabled' });
  console.log(path);
  await site.stop();
  return pages;
}

for (const picture of [whoIsOnline, privateMessages, notifications, dashboard, cursors, phpChat]) {
  for (const page of await picture()) await page.context().close();
}
const gallery = await openPage(browser, `${server.origin}/examples/`);
await gallery.setViewportSize({ width: 1100, height: 640 });
await gallery.screenshot({ path: join(REPOSITORY, 'docs', 'images', 'gallery.png'), fullPage: true });
await browser.close();
await server.stop();
