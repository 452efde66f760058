// Who is in a track_ pipe and who is online, as pages are told: joins and leaves,
// a list that fits the changes after it, pages that come back, and churn.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Server } from '../support/server.mjs';
import { rows, subscribers } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const OWN = { api: 'cometwire' };

let server;
let sql;
before(async () => {
  server = await Server.start({ args: ['--presence-grace-seconds', '2'] });
  sql = await server.sql();
  await sql.query("INSERT INTO users_auth (id, hash) VALUES (42, 'key42'), (43, 'key43')");
});
after(() => server?.stop());

const uuid = () => randomBytes(16).toString('hex');

/** A page of a user, in a pipe. */
async function page(pipe, options = {}) {
  const client = await server.browser({ ...OWN, ...options });
  await client.subscribe(pipe);
  return client;
}

/** Asks for the list of a pipe's users. */
async function list(client, pipe) {
  const marker = randomBytes(6).toString('hex');
  client.command('track_pipe_users', pipe, marker);
  return client.take((message) => message.marker === marker, 'a list of users');
}

const users = (answer) => answer.data.map((member) => member.user_id).sort();

test('our own client hears connections and users, an original one what it always heard', async () => {
  const pipe = 'track_two_tabs';
  const [own, original] = [await page(pipe), await server.browser()];
  await original.subscribe(pipe);
  const joined = await own.takeFrom(pipe);
  assert.deepEqual([joined.event, joined.data.first, joined.data.user_id], ['subscription', true, 0]);
  const tabs = [];
  for (const first of [true, false]) {
    const tab = await page(pipe, { userId: 42, userKey: 'key42' });
    tabs.push(tab);
    const { data, presence } = await own.takeFrom(pipe);
    assert.deepEqual([data.user_id, data.uuid, data.first], [42, tab.uuid, first]);
    assert.equal(presence.epoch, joined.presence.epoch);
    const old = await original.takeFrom(pipe);
    assert.deepEqual(Object.keys(old), ['data', 'event', 'message_send_time', 'pipe']);
    assert.deepEqual(old.data, { user_id: 42, uuid: tab.uuid });
  }
  for (const [tab, last] of [[tabs[0], false], [tabs[1], true]]) {
    tab.command('subscription');
    const { event, data } = await own.takeFrom(pipe);
    assert.deepEqual([event, data.user_id, data.last], ['unsubscription', 42, last]);
  }
});

test('a page that leads to the next one is not told to leave, and one that stays away is', async () => {
  const pipe = 'track_navigation';
  const watcher = await page(pipe);
  await watcher.subscribe(pipe, 'user_status_43');
  const options = { userId: 43, userKey: 'key43', uuid: uuid() };
  let visitor = await page(pipe, options);
  assert.equal((await watcher.takeFrom('user_status_43')).event, 'online');
  const { data: { member } } = await watcher.takeFrom(pipe);
  for (let click = 0; click < 5; click += 1) {
    visitor.destroy();
    await until('it is gone', async () => (await subscribers(sql, pipe)) === 1);
    visitor = await page(pipe, options);
  }
  const { data } = await list(watcher, pipe);
  assert.deepEqual(data.filter(({ user_id: id }) => id === 43), [{ member, user_id: 43, uuid: options.uuid }]);
  assert.deepEqual([...watcher.waitingOn(pipe), ...watcher.waitingOn('user_status_43')], []);
  visitor.destroy();
  assert.equal((await watcher.takeFrom('user_status_43')).event, 'offline');
  const left = await watcher.takeFrom(pipe);
  assert.deepEqual([left.event, left.data.member, left.data.last], ['unsubscription', member, true]);
});

test('a list and the changes after it are every later list, in the middle of churn', async () => {
  const pipe = 'track_churn';
  const watcher = await page(pipe);
  let running = true;
  const churn = Array.from({ length: 8 }, async (_, index) => {
    const login = index % 2 ? { userId: 42, userKey: 'key42' } : {};
    for (let turn = 0; running || turn < 4; turn += 1) {
      const client = await page(pipe, login);
      if (turn % 2) client.command('subscription');
      await client.processed();
      client.destroy();
    }
  });
  await watcher.takeFrom(pipe);
  const first = await list(watcher, pipe);
  const known = new Map(first.data.map((entry) => [entry.member, entry]));
  let { version } = first.presence;
  const lists = [];
  for (let round = 0; round < 20; round += 1) lists.push(await list(watcher, pipe));
  running = false;
  await Promise.all(churn);
  await until('all have left', async () => (await list(watcher, pipe)).data.length === 1);
  lists.push(await list(watcher, pipe));

  const changes = watcher.lines.map((line) => line.message)
    .filter((message) => message.pipe === pipe && message.marker === undefined);
  for (const { data, presence } of changes) {
    assert.equal(presence.epoch, first.presence.epoch);
    if (presence.version <= version) continue;
    assert.equal(presence.version, version + 1, 'none is missing and none comes twice');
    version = presence.version;
    if ('first' in data) {
      assert.equal(known.has(data.member), false);
      known.set(data.member, data);
    } else {
      assert.equal(known.delete(data.member), true);
    }
    for (const later of lists.filter((list) => list.presence.version === version)) {
      assert.deepEqual(later.data.map(({ member }) => member).sort(), [...known.keys()].sort());
    }
  }
  assert.equal(version, lists.at(-1).presence.version);
  assert.equal(known.size, 1);
});

test('after churn every count is back where it was', async () => {
  const quiet = await rows(sql, 'SELECT connections, users, pipes, subscriptions FROM nodes');
  const pipe = 'track_crowd';
  for (let round = 0; round < 3; round += 1) {
    const crowd = await Promise.all(Array.from({ length: 20 }, (_, index) =>
      page(pipe, index % 2 ? { userId: 43, userKey: 'key43' } : {})));
    assert.equal(users(await list(crowd[0], pipe)).length >= 20, true);
    for (const client of crowd) client.destroy();
  }
  await until('the counts are back', async () => {
    const now = await rows(sql, 'SELECT connections, users, pipes, subscriptions FROM nodes');
    return JSON.stringify(now) === JSON.stringify(quiet);
  });
  const empty = await list(await server.browser(OWN), pipe);
  assert.deepEqual([empty.data, empty.presence], [[], { epoch: 0, version: 0 }]);
});
