// Keys that end while a page is open: it asks for another in time, is told when there is none, and is never anonymous
// without a word. Two tabs share the connection.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import { launchBrowser, openTab } from '../support/browser.mjs';
import { Server } from '../support/server.mjs';
import { haveConnections } from '../support/tabs.mjs';
import { until } from '../support/until.mjs';

const KEY = 'key_of_developer_15';

let browser;
let server;
let sql;
before(async () => {
  [browser, server] = await Promise.all([launchBrowser(), Server.start({ devs: { 15: KEY } })]);
  sql = await server.sql({ user: '15', password: KEY });
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const contexts = [];
afterEach(() => Promise.all(contexts.splice(0).map((context) => context.close())));

async function newContext() {
  contexts.push(await browser.newContext());
  return contexts.at(-1);
}

let issued = 0;

function token(userId, seconds) {
  const base64 = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { user_id: userId, exp: Math.floor(Date.now() / 1000) + seconds, jti: ++issued };
  const text = `${base64({ alg: 'HS256', typ: 'JWT' })}.${base64(claims)}`;
  return `${text}.${createHmac('sha256', `${KEY}15`).update(text).digest('base64url')}`;
}

/** A tab of `userId` that begins with `key` and gets others from `next`, which counts as the page's own server. */
async function openTabOf(context, userId, key, next) {
  const page = await openTab(context, `${server.origin}/examples/`);
  page.asked = 0;
  await page.exposeFunction('nextKey', () => {
    page.asked++;
    return next();
  });
  await page.addScriptTag({ url: `${server.origin}/CometServerApi.js` });
  await page.evaluate(
    (options) => {
      globalThis.told = [];
      globalThis.heard = [];
      const client = CometServer();
      client.onAuthSuccess(() => globalThis.told.push('success'));
      client.onAuthFail(() => globalThis.told.push('failure'));
      client.subscription('msg', (message) => globalThis.heard.push(message.data));
      client.start({ ...options, dev_id: 15, nostat: true, reconnectDelay: 50, get_user_key: () => globalThis.nextKey() });
    },
    { user_id: userId, user_key: key },
  );
  return page;
}

const authorized = (page) =>
  until('the tab is authorised', () => page.evaluate(() => CometServer().isConnected() && CometServer().isAuthorized()));
const told = (page) => page.evaluate(() => globalThis.told);
const keyOf = (page) => page.evaluate(() => CometServer().getUserKey());

test('a token is renewed before it ends, and nobody is logged out', async () => {
  const context = await newContext();
  const long = () => token(42, 3600);
  // Long enough to open two tabs on a busy machine.
  const keys = [token(42, 12), token(42, 12)];
  const first = await openTabOf(context, 42, keys[0], long);
  await authorized(first);
  const second = await openTabOf(context, 42, keys[1], long);
  await authorized(second);
  await haveConnections(sql, 1);
  for (const [index, page] of [first, second].entries()) {
    await until('the tab has a new key', async () => (await keyOf(page)) !== keys[index], { within: 30_000 });
    await authorized(page);
    assert.equal(page.asked, 1);
    assert.deepEqual(await told(page), ['success']);
  }
  await haveConnections(sql, 1);
  await sql.query("INSERT INTO users_messages (id, event, message) VALUES (42, 'e', '1')");
  for (const page of [first, second]) {
    await until('the message arrives', () => page.evaluate(() => globalThis.heard.length > 0));
    assert.deepEqual(await page.evaluate(() => globalThis.heard), [1]);
    assert.deepEqual(page.scriptErrors, []);
  }
});

test('a token that is revoked is told, and the page comes back with another', async () => {
  const context = await newContext();
  const revoked = token(43, 3600);
  const pages = [];
  for (let tab = 0; tab < 2; tab++) {
    pages.push(await openTabOf(context, 43, revoked, () => token(43, 3600)));
    await authorized(pages[tab]);
  }
  await sql.query('INSERT INTO revoked_tokens (token) VALUES (?)', [revoked]);
  // The other tab may come back to a connection that has a new token already.
  await until('a tab is told', async () => (await Promise.all(pages.map(told))).flat().includes('failure'));
  for (const page of pages) {
    await authorized(page);
    assert.equal((await told(page)).at(-1), 'success');
  }
  await haveConnections(sql, 1);
});

test('a page that has no other key is told once, and stays a visitor that hears what visitors hear', async () => {
  const context = await newContext();
  const page = await openTabOf(context, 44, 'no_such_key', () => null);
  await until('it is told', async () => (await told(page)).length > 0);
  assert.deepEqual(await told(page), ['failure']);
  assert.deepEqual(await page.evaluate(() => CometServer().count_users_in_pipe('web_nobody')), { user_in_pipe: 0 });
  assert.equal(page.asked, 1);
});
