// Our own client in Chromium while its connections are cut, and what it can await from the real server.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launchBrowser, openPage } from '../support/browser.mjs';
import { CuttingProxy } from '../support/cutting-proxy.mjs';
import { Server } from '../support/server.mjs';
import { publish } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const MESSAGES = 300;

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

/** A page that is connected through `node`. */
async function openClient(options = {}) {
  const page = await openPage(browser, `${server.origin}/examples/`);
  await page.addScriptTag({ url: `${server.origin}/CometServerApi.js` });
  await page.evaluate((options) => CometServer().start({ nostat: true, ...options }), options);
  return page;
}

for (const seed of [1, 20, 333]) {
  test(`a numbered stream arrives complete, in order and once, with cuts at random (seed ${seed})`, async () => {
    const pipe = `web_cut_${seed}`;
    await sql.query('INSERT INTO pipes_settings (name, length) VALUES (?, ?)', [pipe, MESSAGES + 1]);
    const proxy = await CuttingProxy.start(server, { seed, most: 5000 });
    try {
      const page = await openClient({ node: proxy.address, reconnectDelay: 20, reconnectDelayMax: 40 });
      await page.evaluate((pipe) => {
        globalThis.got = [];
        globalThis.gaps = 0;
        CometServer().onGap(() => { globalThis.gaps++; });
        CometServer().subscription(pipe, (message) => globalThis.got.push(message.data));
      }, pipe);
      const count = () => page.evaluate(() => globalThis.got.length);
      // The page counts from its first message on: what was before it is not missed.
      await until('the first message arrives', async () => {
        await publish(sql, pipe, 'number', '0');
        return (await count()) > 0;
      });
      for (let number = 1; number <= MESSAGES; number++) {
        await publish(sql, pipe, 'number', String(number));
      }
      await until('connections were cut', () => proxy.cuts >= 3);
      proxy.stopCutting();
      const numbers = () => page.evaluate(() => globalThis.got.filter((number) => number > 0));
      await until('the last message arrives', async () => (await numbers()).at(-1) === MESSAGES, { within: 60_000 });
      assert.deepEqual(await numbers(), Array.from({ length: MESSAGES }, (_, index) => index + 1));
      assert.equal(await page.evaluate(() => globalThis.gaps), 0);
      assert.deepEqual(page.scriptErrors, []);
      await page.context().close();
    } finally {
      proxy.close();
    }
  });
}

test('what a page awaits comes from the real server, or rejects with its words', async () => {
  await sql.query("INSERT INTO pipes_settings (name, length) VALUES ('web_log', 10)");
  await publish(sql, 'web_log', 'e', '"one"');
  const page = await openClient();
  const answers = await page.evaluate(async () => {
    const client = CometServer();
    client.subscription('web_log');
    client.subscription('track_hall');
    const outcome = (promise) => promise.then((value) => value, (error) => `rejected: ${error.message}`);
    return {
      count: await outcome(client.count_users_in_pipe('web_log')),
      users: (await outcome(client.getTrackPipeUsers('track_hall'))).length,
      user: (await outcome(client.getUserData(42))).user_id,
      sent: await outcome(client.send('web_log', 'e', 'two')),
      history: (await outcome(client.history('web_log'))).map((message) => message.data),
      empty: await outcome(client.history('web_nothing')),
      many: (await Promise.all(Array.from({ length: 50 }, (_, index) => client.send('web_many', 'e', index))))
        .map((report) => Number(report.message)),
      forbidden: await outcome(client.send('webauth_room', 'e', 1)),
      uncounted: await outcome(client.count_users_in_pipe('news')),
    };
  });
  assert.deepEqual(answers.count, { user_in_pipe: 1 });
  assert.equal(answers.users, 1);
  assert.equal(answers.user, 42);
  assert.deepEqual(answers.sent, { error: '', message: '"two"', number_messages: 0 });
  assert.deepEqual(answers.history, ['one', 'two']);
  assert.deepEqual(answers.empty, []);
  assert.deepEqual(answers.many, Array.from({ length: 50 }, (_, index) => index));
  assert.match(answers.forbidden, /^rejected: .*webauth_/);
  assert.match(answers.uncounted, /^rejected: ./);
  await page.context().close();
});

test('the module connects to the server it was imported from', async () => {
  const page = await openPage(browser, `${server.origin}/examples/`);
  const answer = await page.evaluate(async (address) => {
    const { CometServer } = await import(address);
    CometServer().start({ nostat: true });
    return [await CometServer().count_users_in_pipe('web_nobody'), CometServer() === cometApi, CometServer().getUrl()];
  }, `${server.origin}/CometServerApi.mjs`);
  assert.deepEqual(answer.slice(0, 2), [{ user_in_pipe: 0 }, true]);
  assert.ok(answer[2].startsWith(`ws://${server.host}:${server.httpPort}/ws/`), 'the server it came from');
  await page.context().close();
});
