// The article's programs: the first users. Real PHP, the real server, Chromium.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ARTICLE_KEY, serveArticle } from '../support/article.mjs';
import { launchBrowser, openPage } from '../support/browser.mjs';
import { Server } from '../support/server.mjs';
import { publish, rows, subscribers } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const CHAT_KEY = 'a-key-no-page-needs';
const TEXTS = {
  Cyrillic: 'Привет, Оля',
  emoji: 'smile 😀 family 👨‍👩‍👧',
  apostrophes: "it's Ann's, isn't it'",
  quotes: 'she said "hello" and ""',
  backslashes: "C:\\temp\\new \\\\server\\n \\u0041 \\'",
  'line feeds': 'one\ntwo\n\nfour',
};

let browser;
before(async () => {
  browser = await launchBrowser();
});
after(() => browser?.close());

describe('chat.html', () => {
  let server;
  let site;
  let sql;
  before(async () => {
    server = await Server.start({ devs: { 1: CHAT_KEY, 15: ARTICLE_KEY } });
    site = await serveArticle(server);
    sql = await server.sql({ user: 1 });
  });
  after(async () => {
    await site?.stop();
    await server?.stop();
  });

  async function openChat(count) {
    const pages = [];
    for (let index = 0; index < count; index += 1) {
      pages.push(await openPage(browser, `${site.origin}/chat.html`));
    }
    await until(
      `${count} pages are subscribed`,
      async () => (await subscribers(sql, 'web_chat_pipe')) === count,
    );
    return pages;
  }

  async function closeChat(pages) {
    for (const page of pages) {
      assert.deepEqual(page.scriptErrors, []);
      await page.context().close();
    }
    await until('the pages are gone', async () => (await subscribers(sql, 'web_chat_pipe')) === 0);
  }

  async function say(page, name, text) {
    await page.fill('#WebChatNameID', name);
    await page.fill('#WebChatTextID', text);
    await page.click('input[type=button]');
  }

  test('two anonymous pages talk, and the sender draws its own message once', async () => {
    const [ann, boris] = await openChat(2);
    await say(ann, 'Ann', 'hello');
    await until('Boris sees the message', async () => (await talk(boris)).length === 1);
    await say(boris, 'Boris', 'hello yourself');
    await until('Ann sees the answer', async () => (await talk(ann)).includes('Boris: hello yourself'));
    await publish(sql, 'web_chat_pipe', 'fence', '{"name":"server","text":"end"}');
    for (const page of [ann, boris]) {
      await until('the last message', async () => (await talk(page)).includes('server: end'));
      assert.deepEqual(await talk(page), ['Ann: hello', 'Boris: hello yourself', 'server: end']);
    }
    await closeChat([ann, boris]);
  });

  test('the delivery report shows the true number of receivers and an empty error', async () => {
    const pages = await openChat(3);
    await say(pages[0], 'Ann', 'to two others');
    await until('the report is drawn', async () => (await report(pages[0])) !== '');
    assert.equal(await report(pages[0]), 'Message has delivered2 получателям. ');
    assert.equal(await report(pages[1]), '');
    await closeChat(pages);

    const [alone] = await openChat(1);
    await say(alone, 'Ann', 'to nobody');
    await until('the report is drawn', async () => (await report(alone)) !== '');
    assert.equal(await report(alone), 'Message has delivered0 получателям. ');
    await closeChat([alone]);
  });

  for (const [what, text] of Object.entries(TEXTS)) {
    test(`${what} arrive exactly`, async () => {
      const [ann, boris] = await openChat(2);
      await say(ann, 'Энн O\'Neil "\\"', text);
      await until('the message', async () => (await talk(boris)).length === 1);
      assert.deepEqual(await talk(boris), [`Энн O'Neil "\\": ${text}`]);
      await closeChat([ann, boris]);
    });
  }

  test('dev_id 1 and dev_id 15 do not hear each other', async () => {
    const [ann] = await openChat(1);
    const fifteen = await server.browser({ devId: 15, version: '4.08' });
    await fifteen.subscribe('web_chat_pipe');
    const sqlOfFifteen = await server.sql({ user: 15 });

    fifteen.publish('web_chat_pipe', 'undefined', '{"name":"15","text":"from another house"}');
    const { data } = await fifteen.takeFrom('_answer_to_web_chat_pipe');
    assert.equal(data.number_messages, 0);
    await publish(sqlOfFifteen, 'web_chat_pipe', 'x', '{"name":"15","text":"from its backend"}');
    await fifteen.takeFrom('web_chat_pipe');

    await say(ann, 'Ann', 'only to my own');
    await until('the report is drawn', async () => (await report(ann)) !== '');
    assert.equal(await report(ann), 'Message has delivered0 получателям. ');
    await publish(sql, 'web_chat_pipe', 'x', '{"name":"1","text":"end"}');
    await publish(sqlOfFifteen, 'web_chat_pipe', 'x', '"end"');
    await until('the last message', async () => (await talk(ann)).includes('1: end'));
    assert.deepEqual(await talk(ann), ['Ann: only to my own', '1: end']);
    assert.equal((await fifteen.takeFrom('web_chat_pipe')).data, '"end"');
    await closeChat([ann]);
  });
});

for (const persistent of [false, true]) {
  describe(`authChat.php${persistent ? ' with persistent connections' : ''}`, () => {
    let server;
    let site;
    let sql;
    before(async () => {
      server = await Server.start({ devs: { 1: CHAT_KEY, 15: ARTICLE_KEY } });
      site = await serveArticle(server, { cometqlHost: `${persistent ? 'p:' : ''}${server.host}` });
      sql = await server.sql({ user: 15 });
    });
    after(async () => {
      await site?.stop();
      await server?.stop();
    });

    async function logIn(login) {
      const page = await openPage(browser, site.origin);
      await page.fill('input[name=login]', login);
      await page.click('input[type=submit]');
      await page.click('text=Go to a chat');
      await page.waitForSelector('#WebChatTextID');
      await online(page);
      return page;
    }

    async function online(page) {
      await page.waitForFunction(() => CometServer().isAuthorized() !== undefined);
      const [uuid, id] = await page.evaluate(() => [
        CometServer().getUUID(),
        CometServer().isAuthorized() ? String(CometServer().getUserId()) : '0',
      ]);
      await until('this page, and not the one before it, is subscribed', async () => {
        const all = await rows(sql, "SELECT * FROM users_in_pipes WHERE name = 'web_php_chat'");
        const own = all.filter((row) => row.user_uuid === uuid);
        return own.length === 1 && own[0].user_id === id;
      });
    }

    async function say(page, text) {
      await page.fill('#WebChatTextID', text);
      await page.click('input[type=button]');
    }

    async function close(...pages) {
      for (const page of pages) {
        assert.deepEqual(page.scriptErrors, []);
        await page.context().close();
      }
      await until('the pages are gone', async () => (await subscribers(sql, 'web_php_chat')) === 0);
    }

    test('victor and olga enter, talk under checked names, and leave', async () => {
      const victor = await logIn('victor');
      const olga = await logIn('olga');
      assert.equal(await victor.evaluate(() => CometServer().isAuthorized()), true);
      await until('victor sees olga enter', async () =>
        (await talk(victor)).includes('User Оля entered a chat'),
      );

      await say(victor, 'Привет, it\'s "me" \\ 😀\nhere');
      await until('olga sees it', async () => (await talk(olga)).length > 0);
      assert.deepEqual(await talk(olga), ['Victor: Привет, it\'s "me" \\ 😀\nhere']);
      await until('the report', async () => (await report(victor)) !== '');
      assert.equal(await report(victor), 'The message was received by 1 people ');

      await say(olga, 'and me');
      await until('victor sees it', async () => (await talk(victor)).includes('Olya: and me'));

      const kate = await logIn('kate');
      for (const page of [victor, olga]) {
        await until('kate is announced', async () => (await talk(page)).includes('User Катя entered a chat'));
      }
      await kate.click('text=Exit');
      await kate.waitForSelector('text=If you left a php chat');
      for (const page of [victor, olga]) {
        await until('kate is gone', async () => (await talk(page)).includes('User Катя left a chat'));
      }
      assert.deepEqual(await talk(victor), [
        'User Оля entered a chat',
        'Виктор: Привет, it\'s "me" \\ 😀\nhere',
        'Olya: and me',
        'User Катя entered a chat',
        'User Катя left a chat',
      ]);
      await close(victor, olga, kate);
    });

    test("a page that presents victor's id with a wrong key is anonymous", async () => {
      const victor = await logIn('victor');
      const olga = await logIn('olga');
      await sql.query("INSERT INTO users_auth (id, hash) VALUES (1, 'the_key_of_another_session')");
      await victor.reload();
      await online(victor);
      assert.equal(await victor.evaluate(() => CometServer().isAuthorized()), false);
      assert.equal(await victor.evaluate(() => String(CometServer().getUserId())), '1');
      await say(victor, 'who am I');
      await until('olga sees it', async () => (await talk(olga)).length > 0);
      assert.deepEqual(await talk(olga), ['Anonymus: who am I']);
      await close(victor, olga);
    });

    test('a browser cannot publish to loginPipe', async () => {
      const victor = await logIn('victor');
      const olga = await logIn('olga');
      await until('victor sees olga', async () => (await talk(victor)).length === 1);
      await victor.evaluate(() => {
        window.refusals = [];
        CometServer().subscription('sys.error', (message) => window.refusals.push(message.data));
        CometServer().web_pipe_send('loginPipe', 'userLogin', { name: 'Mallory' });
        CometServer().send_msg('web_pipe2\nloginPipe\nuserLogin\n*\n{"name":"Mallory"}');
      });
      await victor.waitForFunction(() => window.refusals.length > 0);
      const [refusal] = await victor.evaluate(() => window.refusals);
      assert.equal(refusal.number_messages, -1);
      assert.match(refusal.error, /\S/);
      await publish(sql, 'loginPipe', 'userLogin', '{"name":"the backend"}');
      for (const page of [victor, olga]) {
        await until('the last message', async () =>
          (await talk(page)).includes('User the backend entered a chat'),
        );
        assert.equal((await talk(page)).join().includes('Mallory'), false);
      }
      await close(victor, olga);
    });
  });
}

test('a password the article does not know opens nothing', async (t) => {
  const server = await Server.start({ devs: { 15: ARTICLE_KEY } });
  t.after(() => server.stop());
  const site = await serveArticle(server);
  t.after(() => site.stop());
  const page = await openPage(browser, `${site.origin}/?login=victor&pass=wrong`);
  await page.waitForSelector('input[name=pass]');
  const sql = await server.sql({ user: 15 });
  assert.deepEqual(await rows(sql, 'SELECT hash FROM users_auth WHERE id = 1'), []);
  await page.context().close();
});

function talk(page) {
  return page.$$eval('#WebChatFormForm p', (all) => all.map((p) => p.textContent));
}

function report(page) {
  return page.textContent('#answer_div');
}
