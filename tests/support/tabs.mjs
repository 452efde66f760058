// Pages with our own client that keep what they hear: several of one context are tabs of one browser.

import assert from 'node:assert/strict';
import { openTab } from './browser.mjs';
import { publish, rows } from './sql.mjs';
import { until } from './until.mjs';

/** A tab that is connected and keeps what it hears of `pipes`, under each pipe's name. */
export async function openClient(server, context, pipes = [], options = {}) {
  const page = await openTab(context, `${server.origin}/examples/`);
  await page.addScriptTag({ url: `${server.origin}/CometServerApi.js` });
  await page.evaluate(
    ([pipes, options]) => {
      globalThis.heard = {};
      globalThis.gaps = 0;
      const client = CometServer();
      client.onGap(() => globalThis.gaps++);
      for (const pipe of pipes) {
        globalThis.heard[pipe] = [];
        client.subscription(pipe, (message) => globalThis.heard[pipe].push(message.data));
      }
      client.start({ nostat: true, reconnectDelay: 50, reconnectDelayMax: 200, ...options });
    },
    [pipes, options],
  );
  await connected(page);
  return page;
}

/** Connected, and everything this tab said has been carried out. */
export function connected(page) {
  return until('the server answers the tab', () =>
    page.evaluate(() => CometServer().isConnected() && CometServer().count_users_in_pipe('web_nobody')));
}

export const heard = (page, pipe) => page.evaluate((pipe) => globalThis.heard[pipe], pipe);

export const leads = (page) => page.evaluate(() => CometServer().isMaster());

/** Waits until exactly one of the tabs leads. */
export async function leaderAndFollowers(pages) {
  const roles = await until('one tab leads', async () => {
    const roles = await Promise.all(pages.map(leads));
    return roles.filter(Boolean).length === 1 && roles;
  }, { within: 40_000 });
  return [pages[roles.indexOf(true)], pages.filter((_, index) => !roles[index])];
}

/** Waits until the server has so many connections from browsers, or from the one with this `uuid`. */
export function haveConnections(sql, expected, uuid) {
  return until(`${expected} connections`, async () => {
    const [row] = await rows(sql, 'SELECT COUNT(*) AS count FROM connections WHERE uuid = IFNULL(?, uuid)', [uuid ?? null]);
    return Number(row.count) === expected;
  }, { within: 40_000 });
}

/** Waits until every tab has heard the numbers from 1 to `last`, each once and in order, and no gap. */
export async function heardAll(pages, pipe, last) {
  const expected = Array.from({ length: last }, (_, index) => index + 1);
  for (const page of pages) {
    await until(`${last} arrives`, async () => (await heard(page, pipe)).at(-1) === last, { within: 60_000 });
    assert.deepEqual(await heard(page, pipe), expected);
    assert.equal(await page.evaluate(() => globalThis.gaps), 0);
  }
}

export async function keepHistory(sql, pipe) {
  await sql.query('INSERT INTO pipes_settings (name, length) VALUES (?, 900)', [pipe]);
}

export async function publishNumbers(sql, pipe, from, to) {
  for (let number = from; number <= to; number++) {
    await publish(sql, pipe, 'number', String(number));
  }
}
