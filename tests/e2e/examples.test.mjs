// The examples people copy, in headless Chromium.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { launchBrowser, openPage, openTab } from '../support/browser.mjs';
import { REPOSITORY, temporaryDirectory } from '../support/paths.mjs';
import { phpServer } from '../support/php.mjs';
import { run } from '../support/program.mjs';
import { Server } from '../support/server.mjs';
import { publish, rows, subscribers } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const INJECTION = '<img src=x onerror="window.injected=1"><script>window.injected=1</script> & "it\'s"';

let browser;
before(async () => {
  browser = await launchBrowser();
});
after(() => browser?.close());

/** The messages of a list, as `who: text`. */
function messages(page, list) {
  return page.$$eval(`${list} .message`, (all) =>
    all.map((one) => `${one.querySelector('.who').textContent}: ${one.querySelector('.text').textContent}`),
  );
}

async function shows(page, list, expected) {
  await until(`the page shows ${expected}`, async () => (await messages(page, list)).includes(expected));
}

async function nothingWasInjected(...pages) {
  for (const page of pages) {
    assert.equal(await page.evaluate(() => window.injected), undefined);
    assert.deepEqual(await page.$$eval('.message img, .message script', (all) => all.length), 0);
    assert.deepEqual(page.scriptErrors, []);
  }
}

for (const devs of [{}, { 15: 'key_of_15' }]) {
  const tenants = Object.keys(devs).length ? 'beside another developer' : 'on a server as it comes';
  describe(`simple-chat ${tenants}`, () => {
    let server;
    let sql;
    before(async () => {
      server = await Server.start({ devs });
      sql = await server.sql();
    });
    after(() => server?.stop());

    async function openChat() {
      const page = await openPage(browser, `${server.origin}/examples/simple-chat/`);
      await until('the page is connected', async () => (await page.textContent('#state')) === 'connected');
      return page;
    }

    async function say(page, name, text) {
      await page.fill('#name', name);
      await page.fill('#text', text);
      await page.click('#send');
    }

    test('two windows chat, and a message from the mysql prompt appears in both', async () => {
      const ann = await openChat();
      const boris = await openChat();
      await until('both are subscribed', async () => (await subscribers(sql, 'web_simple_chat')) === 2);
      await until('the pages know it', async () => (await boris.textContent('#people')) === '2');

      await say(ann, 'Ann', 'Привет, it\'s "me" \\n 😀');
      await shows(boris, '#messages', 'Ann: Привет, it\'s "me" \\n 😀');
      await until('the report', async () => /\b1\b/.test(await ann.textContent('#report')));
      await say(boris, 'Boris', INJECTION);
      await shows(ann, '#messages', `Boris: ${INJECTION}`);

      await run(
        'mysql',
        [`-h${server.host}`, `-P${server.cometqlPort}`, '-uroot', `-p${server.rootKey}`, 'CometQL_v1'],
        {
          input: await ann.textContent('#sql'),
        },
      );
      for (const page of [ann, boris]) await shows(page, '#messages', 'SQL: hello');
      for (const text of ['"plain"', '42', 'null', '[]', '{"text":{"deep":1}}', 'not json <b>']) {
        await publish(sql, 'web_simple_chat', 'message', text);
      }
      await publish(sql, 'web_simple_chat', 'message', JSON.stringify({ name: INJECTION, text: INJECTION }));
      for (const page of [ann, boris]) await shows(page, '#messages', `${INJECTION}: ${INJECTION}`);
      await nothingWasInjected(ann, boris);
      assert.equal((await messages(ann, '#messages')).filter((line) => line.startsWith('Ann:')).length, 1);
      for (const page of [ann, boris]) await page.context().close();
    });

    test('two tabs of one browser both chat', async () => {
      const first = await openChat();
      const second = await openTab(first.context(), `${server.origin}/examples/simple-chat/`);
      await until('it is connected', async () => (await second.textContent('#state')) === 'connected');
      await publish(sql, 'web_simple_chat', 'message', '{"name":"SQL","text":"to both tabs"}');
      for (const tab of [first, second]) await shows(tab, '#messages', 'SQL: to both tabs');
      await say(first, 'Ann', 'to my other tab');
      await shows(second, '#messages', 'Ann: to my other tab');
      await first.context().close();
    });

    test('comes back by itself after the server restarts', async () => {
      const page = await openChat();
      await server.restart();
      sql = await server.sql();
      await until(
        'the page is subscribed again',
        async () => (await subscribers(sql, 'web_simple_chat')) === 1,
        {
          within: 30_000,
        },
      );
      await publish(sql, 'web_simple_chat', 'message', '{"name":"SQL","text":"welcome back"}');
      await shows(page, '#messages', 'SQL: welcome back');
      await page.context().close();
    });
  });
}

test('the start-up line leads to the examples', async (t) => {
  const server = await Server.start();
  t.after(() => server.stop());
  const [, url] = /Examples\s+(http\S+)/.exec(server.program.stdout);
  const page = await openPage(browser, url);
  await page.click('a[href*="simple-chat"]');
  await until('the page is connected', async () => (await page.textContent('#state')) === 'connected');
  await page.context().close();
});

for (const user of ['root', '15']) {
  describe(`php-chat as ${user}`, () => {
    let server;
    let site;
    let sql;
    before(async () => {
      server = await Server.start({ devs: { 15: 'key_of_15' } });
      site = await phpServer(join(REPOSITORY, 'examples', 'php-chat'), {
        env: {
          COMETWIRE_HOST: server.host,
          COMETWIRE_PORT: String(server.cometqlPort),
          COMETWIRE_USER: user,
          COMETWIRE_KEY: server.keyOf(user),
          COMETWIRE_URL: server.origin,
          PHP_CHAT_DATA: temporaryDirectory(),
        },
      });
      sql = await server.sql({ user });
    });
    after(async () => {
      await site?.stop();
      await server?.stop();
    });

    async function logIn(login, password = `${login}-demo-password`) {
      const page = await openPage(browser, site.origin);
      await page.fill('input[name=login]', login);
      await page.fill('input[name=password]', password);
      await page.click('#log-in');
      return page;
    }

    async function enter(login) {
      const page = await logIn(login);
      await until('the page is connected', async () => (await page.textContent('#state')) === 'connected');
      return page;
    }

    function statusOf(page, name) {
      return page.$$eval(
        '#online [data-user-id]',
        (all, who) => all.find((one) => one.textContent.trim() === who)?.className,
        name,
      );
    }

    async function sees(page, name, status) {
      await until(`${name} is ${status}`, async () => (await statusOf(page, name)) === status);
    }

    test('a wrong password opens nothing', async () => {
      const page = await logIn('ann', 'wrong-password');
      await page.waitForSelector('#error');
      assert.equal(await page.$('#messages'), null);
      await page.context().close();
    });

    test('two users see each other, talk in the room and in private, and leave', async () => {
      const ann = await enter('ann');
      await sees(ann, 'Ann', 'online');
      await sees(ann, 'Bob', 'offline');
      const bob = await enter('bob');
      await sees(ann, 'Bob', 'online');
      await sees(bob, 'Ann', 'online');

      await until('both are in the room', async () => (await subscribers(sql, 'webauth_php_chat')) === 2);
      await ann.fill('#text', INJECTION);
      await ann.click('#send');
      await shows(bob, '#messages', `Ann: ${INJECTION}`);

      await bob.selectOption('#private-to', { label: 'Ann' });
      await bob.fill('#private-text', 'только тебе: it\'s "q" \\ 😀');
      await bob.click('#private-send');
      await shows(ann, '#private-messages', 'Bob: только тебе: it\'s "q" \\ 😀');
      assert.deepEqual(await messages(ann, '#messages'), [`Ann: ${INJECTION}`]);

      await bob.context().close();
      await sees(ann, 'Bob', 'offline');
      await ann.selectOption('#private-to', { label: 'Bob' });
      await ann.fill('#private-text', 'read this later');
      await ann.click('#private-send');
      await until(
        'it is queued',
        async () => (await rows(sql, 'SELECT * FROM users_messages WHERE id = 2')).length === 1,
      );
      const bobAgain = await enter('bob');
      await shows(bobAgain, '#private-messages', 'Ann: read this later');
      await nothingWasInjected(ann, bobAgain);
      await ann.context().close();
      await bobAgain.context().close();
    });

    test('keys are random, and logging out makes them worthless', async () => {
      const page = await enter('kate');
      const [{ hash }] = await rows(sql, 'SELECT hash FROM users_auth WHERE id = 3');
      assert.match(hash, /^[0-9a-f]{32}$/);
      await page.click('#logout');
      await page.waitForSelector('input[name=password]');
      assert.deepEqual(await rows(sql, 'SELECT hash FROM users_auth WHERE id = 3'), []);
      await page.context().close();
    });
  });
}
