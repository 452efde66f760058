// A numbered stream in three tabs that share a connection, while the tab that holds it closes, crashes, freezes or hangs,
// or the connection or the server goes: it arrives complete, in order and once in every tab that lives.

import { after, afterEach, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { launchBrowser, launchEverydayBrowser } from '../support/browser.mjs';
import { CuttingProxy } from '../support/cutting-proxy.mjs';
import { Server } from '../support/server.mjs';
import { rows } from '../support/sql.mjs';
import {
  connected, haveConnections, heard, heardAll, keepHistory, leaderAndFollowers, openClient, publishNumbers,
} from '../support/tabs.mjs';
import { until } from '../support/until.mjs';

const TABS = 3;

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

/** Tabs of one context that have heard the first numbers. */
async function openTabs(context, pipe, options) {
  await keepHistory(sql, pipe);
  const pages = [];
  pages.push(await openClient(server, context, [pipe], options));
  const others = Array.from({ length: TABS - 1 }, () => openClient(server, context, [pipe], options));
  pages.push(...(await Promise.all(others)));
  await publishNumbers(sql, pipe, 1, 20);
  await heardAll(pages, pipe, 20);
  return pages;
}

/** Something happens while numbers are published; the tabs `disturb` gives must hear them all. */
function disturbed(title, pipe, disturb, prepare) {
  test(title, async () => {
    const context = await browser.newContext();
    await prepare?.(context);
    const pages = await openTabs(context, pipe);
    const publishing = publishNumbers(sql, pipe, 21, 60);
    const survivors = await disturb(pages);
    await publishing;
    await allHear(survivors, pipe, 61, 70);
    await context.close();
    for (const page of survivors) assert.deepEqual(page.scriptErrors, []);
  });
}

/** The tabs of this browser give a silent one up four times as soon. */
async function impatient(context) {
  await context.route('**/CometServerTabs.mjs', async (route) => {
    const source = await (await fetch(`${server.origin}/CometServerTabs.src.mjs`)).text();
    const times = /^const (BEAT|SILENCE|ANSWER) = (\d+);$/gm;
    assert.equal(source.match(times).length, 3);
    const body = source.replace(times, (_, name, time) => `const ${name} = ${time / 4};`);
    await route.fulfill({ body, contentType: 'text/javascript' });
  });
}

async function allHear(pages, pipe, from, to) {
  await publishNumbers(sql, pipe, from, to);
  await heardAll(pages, pipe, to);
  await haveConnections(sql, 1, await pages[0].evaluate(() => CometServer().getUUID()));
  await leaderAndFollowers(pages);
}

describe('the leading tab', { concurrency: 3 }, () => {
  disturbed('is closed', 'web_closed', async (pages) => {
    const [leader, followers] = await leaderAndFollowers(pages);
    await leader.close();
    return followers;
  });

  disturbed('crashes', 'web_crashed', async (pages) => {
    const [leader, followers] = await leaderAndFollowers(pages);
    const devtools = await leader.context().newCDPSession(leader);
    devtools.send('Page.crash').catch(() => {});
    await leader.waitForEvent('crash');
    return followers;
  });

  disturbed('goes to another page', 'web_navigated', async (pages) => {
    const [leader, followers] = await leaderAndFollowers(pages);
    await leader.goto('about:blank');
    return followers;
  });

  disturbed('stops its client, and starts it again', 'web_stopped', async (pages) => {
    const [leader, followers] = await leaderAndFollowers(pages);
    await leader.evaluate(() => CometServer().stop());
    await leaderAndFollowers(followers);
    await leader.evaluate(() => CometServer().start());
    return pages;
  });

  disturbed('hangs, and goes on after the others gave it up', 'web_hung', async (pages) => {
    const [leader, followers] = await leaderAndFollowers(pages);
    await leader.evaluate(() => {
      setTimeout(() => { for (const end = Date.now() + 8000; Date.now() < end;); });
    });
    await leaderAndFollowers(followers);
    return pages;
  }, impatient);
});

test('a follower that crashes is forgotten', async () => {
  const context = await browser.newContext();
  const pages = await openTabs(context, 'web_follower');
  const [leader, [first, second]] = await leaderAndFollowers(pages);
  await first.evaluate(() => CometServer().subscription('web_only_here'));
  const subscribers = (count) => until(`${count} subscribers`, () =>
    leader.evaluate((count) => CometServer().count_users_in_pipe('web_only_here').then((got) => got.user_in_pipe === count), count));
  await subscribers(1);
  const devtools = await context.newCDPSession(first);
  devtools.send('Page.crash').catch(() => {});
  await first.waitForEvent('crash');
  await subscribers(0);
  await allHear([leader, second], 'web_follower', 21, 40);
  await context.close();
});

describe('in an everyday browser', () => {
  let everyday;
  let pages;
  const pipe = 'web_everyday';
  before(async () => {
    everyday = await launchEverydayBrowser();
    pages = await openTabs(everyday.context, pipe);
  });
  after(() => everyday?.close());

  test('the leading tab freezes in the background, and hears all once it wakes', async () => {
    const [leader, followers] = await leaderAndFollowers(pages);
    await followers[0].bringToFront();
    const devtools = await everyday.context.newCDPSession(leader);
    await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
    await publishNumbers(sql, pipe, 21, 60);
    await heardAll(followers, pipe, 60);
    await leaderAndFollowers(followers);
    await devtools.send('Page.setWebLifecycleState', { state: 'active' });
    await allHear(pages, pipe, 61, 80);
  });

  test('a follower freezes in the background, and hears all once it wakes', async () => {
    const [leader, [follower, other]] = await leaderAndFollowers(pages);
    await leader.bringToFront();
    const devtools = await everyday.context.newCDPSession(follower);
    await devtools.send('Page.setWebLifecycleState', { state: 'frozen' });
    await publishNumbers(sql, pipe, 81, 100);
    await heardAll([leader, other], pipe, 100);
    await devtools.send('Page.setWebLifecycleState', { state: 'active' });
    await allHear(pages, pipe, 101, 120);
  });

  test('the leading tab goes to another page and comes back as it was', async () => {
    const [leader, followers] = await leaderAndFollowers(pages);
    await leader.bringToFront();
    await leader.goto(`${server.origin}/info`);
    await publishNumbers(sql, pipe, 121, 140);
    await heardAll(followers, pipe, 140);
    await leader.goBack({ waitUntil: 'commit' });
    assert.equal(await leader.evaluate(() => globalThis.heard !== undefined), true, 'it was kept, not loaded again');
    await allHear(pages, pipe, 141, 160);
  });
});

describe('the way to the server', { concurrency: 3 }, () => {
  for (const seed of [4, 50]) {
    test(`is cut at random (seed ${seed})`, async () => {
      const pipe = `web_cut_${seed}`;
      const proxy = await CuttingProxy.start(server, { seed, most: 8000 });
      const context = await browser.newContext();
      const pages = await openTabs(context, pipe, { node: proxy.address });
      await publishNumbers(sql, pipe, 21, 200);
      await until('connections were cut', () => proxy.cuts >= 3);
      proxy.stopCutting();
      await allHear(pages, pipe, 201, 210);
      await context.close();
      proxy.close();
    });
  }

  test('is gone for a while, and the browser says so', async () => {
    const pipe = 'web_offline';
    const proxy = await CuttingProxy.start(server, { seed: 1, most: Infinity });
    const context = await browser.newContext();
    const pages = await openTabs(context, pipe, { node: proxy.address, reconnectDelay: 60_000, reconnectDelayMax: 60_000 });
    await context.setOffline(true);
    proxy.sever();
    await publishNumbers(sql, pipe, 21, 60);
    proxy.mend();
    await context.setOffline(false);
    await allHear(pages, pipe, 61, 80);
    await context.close();
    proxy.close();
  });
});

for (const [title, pipe, end] of [
  ['is restarted', 'web_restarted', () => server.stop()],
  ['is killed with -9', 'web_killed', () => server.kill9()],
]) {
  test(`the server ${title}`, async () => {
    const context = await browser.newContext();
    const pages = await openTabs(context, pipe);
    const publishing = publishNumbers(sql, pipe, 21, 10_000).catch(() => {});
    await until('the stream is running', async () => (await heard(pages[0], pipe)).at(-1) > 40);
    await end();
    await publishing;
    await server.restart();
    sql = await server.sql();
    // What was committed and not acknowledged counts too.
    const stored = await rows(sql, 'SELECT message FROM pipes_messages WHERE name = ?', [pipe]);
    const last = Math.max(...stored.map((row) => Number(row.message)));
    await publishNumbers(sql, pipe, last + 1, last + 20);
    await heardAll(pages, pipe, last + 20);
    for (const page of pages) await connected(page);
    await haveConnections(sql, 1);
    await context.close();
  });
}
