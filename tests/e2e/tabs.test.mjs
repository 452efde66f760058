// Several tabs of one browser behind one connection: what each of them hears, and what it is told.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { launchBrowser } from '../support/browser.mjs';
import { Server } from '../support/server.mjs';
import { publish } from '../support/sql.mjs';
import { connected, haveConnections, heard, keepHistory, leaderAndFollowers, leads, openClient as open } from '../support/tabs.mjs';
import { until } from '../support/until.mjs';

let browser;
let server;
let sql;
before(async () => {
  [browser, server] = await Promise.all([launchBrowser(), Server.start()]);
  sql = await server.sql();
});
after(async () => {
  await browser?.close();
  await server?.stop();
});

const contexts = [];
afterEach(async () => {
  for (const context of contexts.splice(0)) {
    const pages = context.pages();
    await context.close();
    for (const page of pages) assert.deepEqual(page.scriptErrors, []);
  }
});

async function newContext() {
  const context = await browser.newContext();
  contexts.push(context);
  return context;
}

function openClient(context, pipes, options) {
  return open(server, context, pipes, options);
}

test('what a page loads by itself is under 12 KB', async () => {
  const page = await openClient(await newContext(), ['web_small']);
  const loaded = await page.evaluate(() => performance.getEntriesByType('resource')
    .filter(({ name }) => /\/CometServer\w+\.m?js$/.test(name))
    .map(({ name, encodedBodySize }) => [new URL(name).pathname, encodedBodySize]));
  assert.deepEqual(loaded.map(([name]) => name), ['/CometServerApi.js', '/CometServerTabs.mjs']);
  const bytes = loaded.reduce((sum, [, size]) => sum + size, 0);
  assert.ok(bytes > 1000 && bytes < 12 * 1024, `${bytes} bytes`);
});

describe('tabs of one login', () => {
  test('know who is here: their browser counts once, and both hear of others, also after the leading one closed', async () => {
    const context = await newContext();
    const tabs = [await openClient(context), await openClient(context)];
    for (const tab of tabs) {
      await tab.evaluate(() => CometServer().presence('track_tabs', ({ count }) => { globalThis.here = count; }).ready);
    }
    const everybodyHears = (tabs, count) => Promise.all(tabs.map((tab) =>
      until(`${count} are here`, async () => (await tab.evaluate(() => globalThis.here)) === count)));
    await everybodyHears(tabs, 1);
    const [leader, followers] = await leaderAndFollowers(tabs);
    const visitor = await openClient(await newContext(), ['track_tabs']);
    await everybodyHears(tabs, 2);
    await leader.close();
    await visitor.evaluate(() => CometServer().stop());
    await everybodyHears(followers, 1);
  });

  test('share one connection, and each hears only its own pipes, once', async () => {
    const context = await newContext();
    const first = await openClient(context, ['web_common', 'web_first']);
    const second = await openClient(context, ['web_common', 'web_second']);
    const third = await openClient(context, ['web_common']);
    await haveConnections(sql, 1);
    await leaderAndFollowers([first, second, third]);
    await publish(sql, 'web_first', 'e', '1');
    await publish(sql, 'web_second', 'e', '2');
    await publish(sql, 'web_common', 'e', '3');
    for (const page of [first, second, third]) {
      await until('3 arrives', async () => (await heard(page, 'web_common')).length > 0);
    }
    const all = (page) => page.evaluate(() => globalThis.heard);
    assert.deepEqual(await all(first), { web_common: [3], web_first: [1] });
    assert.deepEqual(await all(second), { web_common: [3], web_second: [2] });
    assert.deepEqual(await all(third), { web_common: [3] });
  });

  test('hear what another of them sends, in its place, and its promise is kept', async () => {
    await keepHistory(sql, 'web_talk');
    const context = await newContext();
    const pages = [];
    for (let tab = 0; tab < 3; tab++) pages.push(await openClient(context, ['web_talk']));
    const outside = await openClient(await newContext(), ['web_talk']);
    for (const [index, page] of pages.entries()) {
      const report = await page.evaluate((n) => CometServer().send('web_talk', 'say', { n }), index);
      assert.deepEqual(report, { error: '', message: `{"n":${index}}`, number_messages: 1 });
    }
    await publish(sql, 'web_talk', 'say', '"end"');
    for (const [index, page] of [...pages, outside].entries()) {
      await until('the end arrives', async () => (await heard(page, 'web_talk')).at(-1) === 'end');
      const others = [{ n: 0 }, { n: 1 }, { n: 2 }].filter(({ n }) => n !== index);
      assert.deepEqual(await heard(page, 'web_talk'), [...others, 'end']);
    }
  });

  test('get the answers to their own questions, the histories and the errors of their own', async () => {
    await keepHistory(sql, 'web_log');
    await publish(sql, 'web_log', 'e', '1');
    const context = await newContext();
    const pages = [await openClient(context, ['web_log', 'sys.error']), await openClient(context, ['web_log', 'sys.error'])];
    const answers = await Promise.all(
      pages.map((page, index) =>
        page.evaluate(async (index) => {
          const outcome = (promise) => promise.then((value) => value, (error) => error.message);
          const client = CometServer();
          return Promise.all([
            outcome(client.count_users_in_pipe('web_log')),
            outcome(client.history('web_log')).then((entries) => entries.map(({ data }) => data)),
            index ? outcome(client.send('webauth_x', 'e', 1)) : outcome(client.getUserData(42)).then((data) => data.user_id),
          ]);
        }, index),
      ),
    );
    assert.deepEqual(answers[0], [{ user_in_pipe: 1 }, [1], 42]);
    assert.deepEqual(answers[1].slice(0, 2), [{ user_in_pipe: 1 }, [1]]);
    assert.match(answers[1][2], /webauth_/);
    assert.deepEqual(await heard(pages[0], 'sys.error'), []);
    assert.equal((await heard(pages[1], 'sys.error')).length, 1);
    assert.deepEqual(await heard(pages[0], 'web_log'), []);
  });

  test('end their connection with the last of them', async () => {
    const context = await newContext();
    const pages = [await openClient(context), await openClient(context)];
    await pages[0].evaluate(() => CometServer().stop());
    assert.equal(await leads(pages[0]), undefined);
    await until('the other leads', () => leads(pages[1]));
    await connected(pages[1]);
    await haveConnections(sql, 1);
    await pages[1].close();
    await haveConnections(sql, 0);
  });

  test('of other users, and those that do not want to, have connections of their own', async () => {
    await sql.query("INSERT INTO users_auth (id, hash) VALUES (41, 'key41'), (42, 'key42')");
    const context = await newContext();
    const login = (id) => ({ user_id: id, user_key: `key${id}` });
    const ann = [await openClient(context, ['msg'], login(41)), await openClient(context, ['msg'], login(41))];
    const boris = await openClient(context, ['msg'], login(42));
    await openClient(context);
    await haveConnections(sql, 3);
    const alone = await openClient(context, ['msg'], { ...login(42), shareTabs: false });
    await haveConnections(sql, 4);
    await sql.query("INSERT INTO users_messages (id, event, message) VALUES (41, 'e', '41'), (42, 'e', '42')");
    for (const [page, number] of [[ann[0], 41], [ann[1], 41], [boris, 42], [alone, 42]]) {
      await until('the message arrives', async () => (await heard(page, 'msg')).length > 0);
      assert.deepEqual(await heard(page, 'msg'), [number]);
    }
    await ann[1].evaluate((login) => CometServer().restart(login), login(42));
    await connected(ann[1]);
    await haveConnections(sql, 4);
  });
});
