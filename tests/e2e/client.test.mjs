// The browser client in Chromium, on pages of another origin, against the real server.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, afterEach, before, describe, test } from 'node:test';
import { launchBrowser, openTab } from '../support/browser.mjs';
import { Server } from '../support/server.mjs';
import { publish, rows, subscribers } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

// Every kind of character a key may have.
const KEY = 'k3y+Of/User=42_';

let browser;
let server;
let site;
let sql;
before(async () => {
  [browser, server] = await Promise.all([launchBrowser(), Server.start()]);
  site = await serveSite(server);
  sql = await server.sql();
});
after(async () => {
  await browser?.close();
  site?.close();
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

/** A page that keeps what `record` gets in `calls`; `start` are the options it connects with. */
async function openClient({ start = {}, path = '/', pages = site, subscribe = [], context } = {}) {
  const own = context ?? (await browser.newContext());
  if (!context) contexts.push(own);
  const page = await openTab(own, `${pages.origin}${path}`);
  page.attempts = [];
  page.on('websocket', (socket) => page.attempts.push(socket));
  if (start) {
    await page.evaluate((options) => CometServer().start(options), { nostat: true, ...start });
    await authorization(page, start.user_key !== undefined);
  }
  for (const name of subscribe) await subscription(page, name);
  return page;
}

/** Subscribes with a callback that records under the name, or another label. */
function subscription(page, name, label = name) {
  return page.evaluate(([name, label]) => CometServer().subscription(name, record(label)), [name, label]);
}

function send(page, ...args) {
  return page.evaluate((args) => CometServer().web_pipe_send(...args), args);
}

async function calls(page, label) {
  const all = await page.evaluate(() => calls);
  return all.filter((call) => call.label === label).map((call) => call.value);
}

async function data(page, label) {
  return (await calls(page, label)).map((message) => message.data);
}

/** Waits until a callback has been called `count` times, and returns what it got. */
async function received(page, label, count) {
  await until(`${count} calls of ${label}`, async () => (await calls(page, label)).length >= count);
  return calls(page, label);
}

function authorization(page, expected) {
  return until(`the greeting says ${expected}`, () =>
    page.evaluate((expected) => CometServer().isConnected() && CometServer().isAuthorized() === expected, expected),
  );
}

function subscribed(pipe, count) {
  return until(`${pipe} has ${count} subscribers`, async () => (await subscribers(sql, pipe)) === count);
}

/** Everything the server had for this page before has been delivered when this returns. */
async function fence(page) {
  const count = (await calls(page, 'fence')).length;
  await page.evaluate(() => CometServer().count_users_in_pipe('web_fence', record('fence')));
  await received(page, 'fence', count + 1);
}

describe('messages', () => {
  test('two pages of another origin talk, each message once and none to its sender', async () => {
    const ann = await openClient({ subscribe: ['web_talk', '#web_talk'] });
    const boris = await openClient({ subscribe: ['web_talk'] });
    assert.notEqual(await ann.evaluate(() => location.origin), server.origin);
    await subscribed('web_talk', 2);

    assert.equal(await send(ann, 'web_talk', 'say', { text: "it's Ann" }), true);
    const [heard] = await received(boris, 'web_talk', 1);
    assert.deepEqual(heard.data, { text: "it's Ann" });
    assert.equal(heard.server_info.user_id, 0);
    assert.equal(heard.server_info.pipe, 'web_talk');
    assert.equal(heard.server_info.event, 'say');
    assert.equal(heard.server_info.history, false);
    assert.equal(Number.isInteger(heard.server_info.message_send_time), true);
    await send(boris, 'web_talk', 'say', 'yourself');
    await received(ann, 'web_talk', 1);

    await fence(ann);
    await fence(boris);
    assert.deepEqual(await data(ann, 'web_talk'), ['yourself']);
    assert.deepEqual(await data(boris, 'web_talk'), [{ text: "it's Ann" }]);
    assert.deepEqual(await data(ann, '#web_talk'), [
      { error: '', message: '{"text":"it\'s Ann"}', number_messages: 1 },
    ]);
  });

  test('a second tab of the same browser with a connection of its own gets what the first one sends', async () => {
    const start = { shareTabs: false };
    const first = await openClient({ start, subscribe: ['web_tabs'] });
    const second = await openClient({ start, subscribe: ['web_tabs'], context: first.context() });
    await subscribed('web_tabs', 2);
    await send(first, 'web_tabs', 'hello');
    assert.equal((await received(second, 'web_tabs', 1))[0].data, 'hello');
    assert.deepEqual(await data(first, 'web_tabs'), []);
  });

  test('every form of web_pipe_send', async () => {
    await sql.query('INSERT INTO users_auth (id, hash) VALUES (?, ?)', [42, KEY]);
    const sender = await openClient({ start: { user_id: 42, user_key: KEY } });
    const anonymous = await openClient({ subscribe: ['sys.error'] });
    const reader = await openClient({ subscribe: ['web_forms', 'webauth_forms'] });
    await subscribed('webauth_forms', 1);
    await send(sender, 'web_forms', 'move', { x: 3 });
    await send(sender, 'web_forms', { x: 4 });
    await send(sender, 'web_forms.move', 'dotted');
    await send(sender, '@web_forms', 'secret', 'unsigned');
    await send(sender, 'web_forms', 'last', 'end');
    const seen = (await received(reader, 'web_forms', 5)).map(({ data, server_info: info }) => [
      data,
      info.event,
      info.user_id,
    ]);
    assert.deepEqual(seen, [
      [{ x: 3 }, 'move', 42],
      [{ x: 4 }, 'undefined', 42],
      ['dotted', 'move', 42],
      ['unsigned', 'secret', 0],
      ['end', 'last', 42],
    ]);

    await send(anonymous, 'webauth_forms', 'e', 'not allowed');
    assert.equal((await received(anonymous, 'sys.error', 1))[0].data.number_messages, -1);
    await send(sender, 'webauth_forms', 'e', 'allowed');
    await received(reader, 'webauth_forms', 1);
    assert.deepEqual(await data(reader, 'webauth_forms'), ['allowed']);
    const refused = await sender.evaluate(() => [
      CometServer().web_pipe_send('news', 'e', 1),
      CometServer().web_pipe_send('web_forms'),
    ]);
    assert.deepEqual(refused, [undefined, false]);
  });

  test('every form of subscription hears exactly its messages', async () => {
    await sql.query('INSERT INTO users_auth (id, hash) VALUES (?, ?)', [43, KEY]);
    const page = await openClient({ start: { user_id: 43, user_key: KEY } });
    const ids = await page.evaluate(() => {
      const names = ['web_all', 'web_all.added', '#web_all', '_answer_to_web_all', '#web_all.answer'];
      names.push('msg', 'msg.order', 'sys.error', '', 'comet_server_msg', 'web_one\nweb_two');
      const given = names.map((name) => CometServer().subscription(name, record(name)));
      const both = record('one function, two names');
      CometServer().subscription('#web_all', both);
      CometServer().subscription('_answer_to_web_all', both);
      given.push(CometServer().subscription(record('function')));
      CometServer().subscription('web_silent');
      CometServer().Subscription('web_capital', record('web_capital'));
      given.push(CometServer().subscription('x', record('x')));
      return given;
    });
    assert.match(ids[0], /^web_all&&sig\d+$/);
    assert.equal(ids[10], undefined);
    assert.match(ids[11], /&&sig\d+$/);
    assert.equal(ids[12], false);
    for (const pipe of ['web_all', 'web_one', 'web_two', 'web_silent', 'web_capital']) await subscribed(pipe, 1);

    await publish(sql, 'web_all', 'added', '1');
    await publish(sql, 'web_all', 'removed', '2');
    for (const pipe of ['web_one', 'web_two', 'web_silent', 'web_capital']) await publish(sql, pipe, 'e', `"${pipe}"`);
    const order = 'INSERT INTO users_messages (id, event, message) VALUES (43, ?, ?)';
    await sql.query(order, ['order', '3']);
    await sql.query(order, ['other', '4']);
    await send(page, 'web_all', 'e', 5);
    await page.evaluate(() => CometServer().send_msg('web_pipe2\nnews\ne\n*\n6'));
    await received(page, 'sys.error', 1);
    await fence(page);

    const report = { error: '', message: '5', number_messages: 0 };
    assert.deepEqual(await data(page, 'web_all'), [1, 2]);
    assert.deepEqual(await data(page, 'web_all.added'), [1]);
    assert.deepEqual(await data(page, 'msg'), [3, 4]);
    assert.deepEqual(await data(page, 'msg.order'), [3]);
    assert.deepEqual(await data(page, 'web_one\nweb_two'), ['web_one', 'web_two']);
    assert.deepEqual(await data(page, 'web_capital'), ['web_capital']);
    for (const label of ['#web_all', '_answer_to_web_all', '#web_all.answer', 'one function, two names']) {
      assert.deepEqual(await data(page, label), [report], label);
    }
    const everything = [1, 2, 'web_one', 'web_two', 'web_silent', 'web_capital', 3, 4, report];
    for (const label of ['', 'comet_server_msg', 'function']) {
      assert.deepEqual((await data(page, label)).slice(0, -1), everything, label);
      assert.equal((await calls(page, label)).at(-1).server_info.pipe, 'sys');
    }
    assert.deepEqual(await data(page, 'x'), []);
  });

  test('names that mean something to JavaScript objects are ordinary pipes', async () => {
    const names = ['length', 'push', 'constructor', '__proto__', 'hasOwnProperty', 'toString'];
    const page = await openClient({ subscribe: names });
    for (const name of names) {
      await subscribed(name, 1);
      await publish(sql, name, 'constructor', `"${name}"`);
    }
    for (const name of names) {
      assert.equal((await received(page, name, 1))[0].data, name);
      assert.equal((await calls(page, name)).length, 1);
    }
  });

  test('a long list with bad names in it keeps the connection and every good name', async () => {
    const good = Array.from({ length: 40 }, (_, number) => `web_many_${number}`);
    const bad = ['q.e', 'x'.repeat(65), 'private_x'];
    const page = await openClient({ subscribe: ['sys.error', good[0], ...bad, ...good.slice(1)] });
    await subscribed(good.at(-1), 1);
    await publish(sql, good.at(-1), 'e', '"still here"');
    assert.equal((await received(page, good.at(-1), 1))[0].data, 'still here');
    assert.ok((await calls(page, 'sys.error')).length >= bad.length);
    assert.equal(page.attempts.length, 1);
    for (const pipe of good) assert.equal(await subscribers(sql, pipe), 1, pipe);
  });
});

describe('payloads', () => {
  const VALUES = [
    "it's",
    "\\'",
    'C:\\dir',
    'C:\\temp\\new \\\\server\\n \\u0041',
    '"q"',
    'line\nfeed\r\n\tand tab',
    '\u2028\u2029\u0000\u001f\u007f',
    'smile 😀 Привет',
    'A::7;text',
    '<b>&amp;</b>',
    '5',
    'null',
    '{"a":1}',
    5,
    -1.5e-7,
    true,
    false,
    null,
    '',
    [],
    {},
    [1, ['A::7;text', null], { deep: ["it's", { error: 500, pipe: 'x', authorized: true }] }],
    { error: 401, marker: 'm', uuid: 'u', jscode: 'pwned = 1', data: 'd', history: true },
    { "it's": '\\\'"', '': 0 },
    ...Array.from({ length: 60 }, (_, length) => 'x'.repeat(length)),
    'ж'.repeat(35_000),
    { long: "it's \\ ".repeat(10_000) },
  ];
  const TEXTS = ["it's", "\\'", 'C:\\dir', 'one\ntwo\tthree', '\u2028', '😀', 'A::7;text', '"unfinished', '{broken', ''];

  function checkFrames(frames) {
    for (const bytes of [123, 124, 125]) assert.ok(frames.has(bytes), `a frame of ${bytes} bytes was received`);
  }

  async function openReader(pipe) {
    const page = await openClient({ start: null });
    page.frames = new Set();
    page.on('websocket', (socket) => {
      socket.on('framereceived', ({ payload }) => page.frames.add(Buffer.byteLength(payload)));
    });
    await page.evaluate(() => CometServer().start({ nostat: true }));
    await subscription(page, pipe);
    await subscribed(pipe, 1);
    return page;
  }

  test('what web_pipe_send sends is what the other page receives', async () => {
    const reader = await openReader('web_echo');
    const sender = await openClient({ subscribe: ['#web_echo'] });
    await sender.evaluate((values) => {
      for (const value of values) CometServer().web_pipe_send('web_echo', 'e', value);
    }, VALUES);
    await received(reader, 'web_echo', VALUES.length);
    assert.deepEqual(await data(reader, 'web_echo'), VALUES);
    const reports = await received(sender, '#web_echo', VALUES.length);
    assert.deepEqual(
      reports.map((report) => report.data),
      VALUES.map((value) => ({ error: '', message: JSON.stringify(value), number_messages: 1 })),
    );
    assert.equal(await reader.evaluate(() => typeof pwned), 'undefined');
    checkFrames(reader.frames);
  });

  test('what SQL inserts is what the page receives: JSON as its value, other text as it is', async () => {
    const reader = await openReader('sql_echo');
    for (const value of VALUES) await publish(sql, 'sql_echo', 'e', JSON.stringify(value));
    for (const text of TEXTS) await publish(sql, 'sql_echo', 'e', text);
    await received(reader, 'sql_echo', VALUES.length + TEXTS.length);
    assert.deepEqual(await data(reader, 'sql_echo'), [...VALUES, ...TEXTS]);
    checkFrames(reader.frames);
  });
});

describe('questions', () => {
  test('each is answered once, to its own callback', async () => {
    await sql.query('INSERT INTO users_auth (id, hash) VALUES (?, ?)', [44, KEY]);
    const ann = await openClient({ start: { user_id: 44, user_key: KEY }, subscribe: ['web_ask', 'track_ask'] });
    await subscribed('track_ask', 1);
    const boris = await openClient({ subscribe: ['track_ask', '_answer', '_answer_pipe_count', ''] });
    await received(ann, 'track_ask', 1);
    await boris.evaluate(() => {
      CometServer().subscription('web_ask', () => {});
      CometServer().count_users_in_pipe('web_ask', record('count'));
      CometServer().getTrackPipeUsers('track_ask', record('users'));
      CometServer().getUserData(44, record('data'));
    });
    await received(boris, 'data', 1);
    await fence(boris);
    assert.deepEqual(await data(boris, 'count'), [{ user_in_pipe: 2 }]);
    const [users, ...more] = await data(boris, 'users');
    assert.deepEqual(more, []);
    const uuids = [await ann.evaluate(() => CometServer().getUUID()), await boris.evaluate(() => CometServer().getUUID())];
    // Which number a member has is the server's: one for each connection.
    assert.equal(new Set(users.map(({ member }) => member)).size, 2);
    const numberOf = Object.fromEntries(users.map(({ user_id, member }) => [user_id, member]));
    assert.deepEqual(
      users.map(({ user_id, uuid }) => ({ user_id, uuid })).sort((one, other) => other.user_id - one.user_id),
      [{ user_id: 44, uuid: uuids[0] }, { user_id: 0, uuid: uuids[1] }],
    );
    assert.deepEqual(await data(boris, 'data'), [{ user_data: '', user_id: 44 }]);
    for (const label of ['track_ask', '_answer', '_answer_pipe_count', '']) {
      assert.deepEqual(await calls(boris, label), [], label);
    }
    assert.deepEqual(
      (await calls(ann, 'track_ask')).map(({ data, server_info: info }) => [data, info.event]),
      [[{ first: true, member: numberOf[0], user_id: 0, uuid: uuids[1] }, 'subscription']],
    );
  });

  test('get_pipe_log gives the history in order to the page that asked, then live messages', async () => {
    await sql.query("INSERT INTO pipes_settings (name, length) VALUES ('web_log', 10)");
    for (const number of [1, 2, 3]) await publish(sql, 'web_log', 'old', `{"n":${number}}`);
    const other = await openClient({ subscribe: ['web_log'] });
    const page = await openClient();
    await page.evaluate(() => CometServer().get_pipe_log('web_log', record('log')));
    await received(page, 'log', 3);
    await subscribed('web_log', 2);
    await publish(sql, 'web_log', 'new', '{"n":4}');
    await received(page, 'log', 4);
    assert.deepEqual(
      (await calls(page, 'log')).map(({ data, server_info: info }) => [data.n, info.history, info.event]),
      [[1, true, 'old'], [2, true, 'old'], [3, true, 'old'], [4, false, 'new']],
    );
    await received(other, 'web_log', 1);
    assert.deepEqual(await data(other, 'web_log'), [{ n: 4 }]);
  });

  test('copies of multi_web_pipe_send are one message, live and in the history', async () => {
    await sql.query("INSERT INTO pipes_settings (name, length) VALUES ('web_multi', 10)");
    const reader = await openClient({ subscribe: ['web_multi'] });
    await subscribed('web_multi', 1);
    const sender = await openClient({ subscribe: ['#web_multi'] });
    await sender.evaluate(() => CometServer().multi_web_pipe_send('web_multi', 'e', { x: 1 }, 3, 1));
    await received(sender, '#web_multi', 3);
    await fence(reader);
    assert.deepEqual(await data(reader, 'web_multi'), [{ x: 1 }]);
    await reader.evaluate(() => CometServer().get_pipe_log('web_multi'));
    await fence(reader);
    assert.deepEqual(
      (await calls(reader, 'web_multi')).map(({ data, server_info: info }) => [data, info.history]),
      [[{ x: 1 }, false], [{ x: 1 }, true]],
    );
  });
});

describe('users', () => {
  async function withCallbacks(page) {
    await page.evaluate(() => {
      CometServer().onAuthSuccess(record('success'));
      CometServer().onAuthFalill(record('fail'));
      CometServer().onConnectionChange(record('connected'));
    });
    return page;
  }

  test('restart logs in and out, and a wrong key is told to onAuthFalill', async () => {
    await sql.query('INSERT INTO users_auth (id, hash) VALUES (?, ?)', [50, KEY]);
    const page = await withCallbacks(await openClient({ start: null }));
    await subscription(page, 'web_login');
    await page.evaluate(() => CometServer().start({ nostat: true }));
    await received(page, 'fail', 1);
    await subscribed('web_login', 1);

    const restart = (options) => page.evaluate((options) => CometServer().restart(options), options);
    await restart({ user_id: '50', user_key: KEY });
    await received(page, 'success', 1);
    assert.equal(await page.evaluate(() => CometServer().getRealUserKey()), KEY);
    await restart({ user_id: 50, user_key: 'wrong' });
    await received(page, 'fail', 2);
    await restart({ user_id: 50, user_key: KEY });
    await received(page, 'success', 2);
    await restart({ user_id: '', user_key: '' });
    await received(page, 'fail', 3);
    assert.equal((await calls(page, 'success')).length, 2);

    await subscribed('web_login', 1);
    await publish(sql, 'web_login', 'e', '"still subscribed"');
    await received(page, 'web_login', 1);
    assert.deepEqual(await data(page, 'web_login'), ['still subscribed']);
    assert.equal(page.attempts.length, 5);
  });

  test('a user is announced online and offline once, with two tabs open in between', async () => {
    await sql.query('INSERT INTO users_auth (id, hash) VALUES (?, ?)', [51, KEY]);
    const watcher = await openClient({ subscribe: ['user_status_51'] });
    await subscribed('user_status_51', 1);
    const first = await openClient({ start: { user_id: 51, user_key: KEY } });
    const second = await openClient({ start: { user_id: 51, user_key: KEY } });
    await first.evaluate(() => CometServer().stop());
    await second.evaluate(() => CometServer().stop());
    await received(watcher, 'user_status_51', 2);
    await fence(watcher);
    assert.deepEqual(await data(watcher, 'user_status_51'), ['online', 'offline']);
  });

  test('private messages reach all tabs of a user, and wait for a user who is away', async () => {
    await sql.query('INSERT INTO users_auth (id, hash) VALUES (?, ?)', [52, KEY]);
    const order = 'INSERT INTO users_messages (id, event, message) VALUES (52, ?, ?)';
    for (let number = 0; number < 60; number += 1) await sql.query(order, ['order', String(number)]);
    const numbers = Array.from({ length: 60 }, (_, number) => number);

    const first = await openClient({ start: null, subscribe: ['msg', 'msg.order'] });
    await first.evaluate((key) => CometServer().start({ user_id: 52, user_key: key, nostat: true }), KEY);
    await received(first, 'msg', 60);
    const second = await openClient({ start: null, subscribe: ['msg'] });
    await second.evaluate((key) => CometServer().start({ user_id: 52, user_key: key, nostat: true }), KEY);
    await authorization(second, true);
    const stranger = await openClient({ subscribe: ['msg'] });
    await sql.query(order, ['live', '"now"']);
    await received(second, 'msg', 1);
    await received(first, 'msg', 61);
    await fence(stranger);
    assert.deepEqual(await data(first, 'msg'), [...numbers, 'now']);
    assert.deepEqual(await data(first, 'msg.order'), numbers);
    assert.deepEqual(await data(second, 'msg'), ['now']);
    assert.deepEqual(await data(stranger, 'msg'), []);
    const [{ server_info: info }] = await calls(second, 'msg');
    assert.deepEqual([info.pipe, info.event, info.user_id], ['msg', 'live', 0]);
  });

  test('a user whose key is deleted comes back as an anonymous visitor', async () => {
    await sql.query('INSERT INTO users_auth (id, hash) VALUES (?, ?)', [53, KEY]);
    const page = await withCallbacks(await openClient({ start: { user_id: 53, user_key: KEY }, subscribe: ['web_key'] }));
    await subscribed('web_key', 1);
    await sql.query('DELETE FROM users_auth WHERE id = 53');
    await received(page, 'fail', 1);
    await authorization(page, false);
    await subscribed('web_key', 1);
    await publish(sql, 'web_key', 'e', '1');
    await received(page, 'web_key', 1);
    assert.deepEqual(await calls(page, 'connected'), [false, true]);
    assert.equal(page.attempts.length, 2);
  });
});

describe('connections', () => {
  test('what is asked and sent before start happens in order once there is a connection', async () => {
    const reader = await openClient({ subscribe: ['web_early'] });
    await subscribed('web_early', 1);
    const page = await openClient({ start: null });
    const written = await page.evaluate(() => {
      const client = CometServer();
      client.subscription('web_early', record('web_early'));
      const results = [client.web_pipe_send('web_early', 'e', 1), client.count_users_in_pipe('web_early', record('count'))];
      client.start({ nostat: true });
      client.subscription('web_late', record('web_late'));
      results.push(client.web_pipe_send('web_early', 'e', 2), client.count_users_in_pipe('web_late', record('late')));
      return results;
    });
    assert.deepEqual(written, [false, false, false, false]);
    assert.deepEqual((await received(page, 'count', 1))[0].data, { user_in_pipe: 2 });
    assert.deepEqual((await received(page, 'late', 1))[0].data, { user_in_pipe: 1 });
    await received(reader, 'web_early', 2);
    assert.deepEqual(await data(reader, 'web_early'), [1, 2]);
  });

  test('the last callback of a pipe takes the page out of it', async () => {
    const page = await openClient();
    const first = await subscription(page, 'web_leave', 'first');
    const second = await subscription(page, 'web_leave.said', 'second');
    await subscribed('web_leave', 1);
    assert.equal(await page.evaluate((id) => CometServer().unsubscription(id), first), true);
    await publish(sql, 'web_leave', 'said', '1');
    await received(page, 'second', 1);
    assert.deepEqual(await calls(page, 'first'), []);
    assert.equal(await subscribers(sql, 'web_leave'), 1);
    assert.equal(await page.evaluate((id) => CometServer().unsubscription(id), second), true);
    await subscribed('web_leave', 0);
    assert.equal(await page.evaluate((id) => CometServer().unsubscription(id), second), false);

    await subscription(page, 'web_leave');
    await subscription(page, 'web_other');
    await subscribed('web_other', 1);
    await page.evaluate(() => CometServer().unsubscriptionAll());
    await subscribed('web_leave', 0);
    await subscribed('web_other', 0);
  });

  test('stop leaves the server, start comes back with the same subscriptions', async () => {
    const page = await openClient({ subscribe: ['web_pause'] });
    await subscribed('web_pause', 1);
    await page.evaluate(() => CometServer().stop());
    assert.equal(await page.evaluate(() => CometServer().isConnected()), false);
    await subscribed('web_pause', 0);
    assert.equal(await send(page, 'web_pause', 'said while stopped'), false);
    await page.evaluate(() => CometServer().start());
    await subscribed('web_pause', 1);
    assert.equal(page.attempts.length, 2);
  });

  test('a page that may not use localStorage is served like any other', async () => {
    const page = await openClient({ path: '/sandboxed', subscribe: ['web_private_mode'] });
    await assert.rejects(page.evaluate(() => localStorage.length), /SecurityError/);
    await subscribed('web_private_mode', 1);
    await publish(sql, 'web_private_mode', 'e', '1');
    await received(page, 'web_private_mode', 1);
    const [row] = await rows(sql, "SELECT * FROM users_in_pipes WHERE name = 'web_private_mode'");
    assert.equal(row.user_uuid, await page.evaluate(() => CometServer().getUUID()));
  });

  for (const [how, end] of [['an orderly stop', (own) => own.stop()], ['kill -9', (own) => own.kill9()]]) {
    test(`after ${how} and a start the page is back, subscribed, and sends what it had to say`, async (t) => {
      const own = await Server.start();
      t.after(() => own.stop());
      const pages = await serveSite(own);
      t.after(() => pages.close());
      let backend = await own.sql();
      await backend.query('INSERT INTO users_auth (id, hash) VALUES (?, ?)', [7, KEY]);
      await backend.query("INSERT INTO pipes_settings (name, length) VALUES ('web_back', 10)");
      const page = await openClient({
        pages,
        start: { user_id: 7, user_key: KEY, reconnectDelay: 50, reconnectDelayMax: 200 },
        subscribe: ['news', '#web_back'],
      });
      await page.evaluate(() => CometServer().onConnectionChange(record('connected')));
      await until('the page is subscribed', async () => (await subscribers(backend, 'news')) === 1);

      await end(own);
      await received(page, 'connected', 1);
      const written = await page.evaluate(() =>
        ['one', "two's", 'three'].map((text) => CometServer().web_pipe_send('web_back', 'e', text)));
      assert.deepEqual(written, [false, false, false]);
      const failed = page.attempts.length;
      await until('the page has tried in vain', () => page.attempts.length > failed);
      await own.restart();
      backend = await own.sql();

      await until('the page is subscribed again', async () => (await subscribers(backend, 'news')) === 1);
      await publish(backend, 'news', 'e', '"back"');
      assert.equal((await received(page, 'news', 1))[0].data, 'back');
      const reports = await received(page, '#web_back', 3);
      assert.deepEqual(reports.map((report) => report.data.message), ['"one"', '"two\'s"', '"three"']);
      const stored = await rows(backend, "SELECT * FROM pipes_messages WHERE name = 'web_back'");
      assert.deepEqual(stored.map((row) => row.message).sort(), ['"one"', '"three"', '"two\'s"']);
      assert.deepEqual(await calls(page, 'connected'), [false, true]);
      assert.equal(await page.evaluate(() => CometServer().isAuthorized()), true);
    });
  }

  test('a stream goes on complete, in order and once, through cut sockets, a restart and kill -9', async (t) => {
    const own = await Server.start();
    t.after(() => own.stop());
    const pages = await serveSite(own);
    t.after(() => pages.close());
    let backend = await own.sql();
    await backend.query("INSERT INTO pipes_settings (name, length) VALUES ('web_stream', 1000)");
    const page = await openClient({
      pages,
      start: { reconnectDelay: 50, reconnectDelayMax: 200 },
      subscribe: ['web_stream', 'sys.gap'],
    });
    await until('the page is subscribed', async () => (await subscribers(backend, 'web_stream')) === 1);
    let published = 0;
    const say = async (count) => {
      for (let left = count; left > 0; left -= 1) await publish(backend, 'web_stream', 'n', String((published += 1)));
    };
    await say(5);
    await received(page, 'web_stream', 5);
    const breaks = [
      () => page.evaluate(() => CometServer().socketArray.forEach((socket) => socket.close())),
      async () => { await own.kill9(); await own.restart(); backend = await own.sql(); },
      async () => { await own.stop(); await own.restart(); backend = await own.sql(); },
      async () => { await own.kill9(); await own.restart(); backend = await own.sql(); },
    ];
    for (const breakIt of breaks) {
      const before = page.evaluate(() => CometServer().stop());
      await before;
      await say(20);
      await page.evaluate(() => CometServer().start());
      await say(10);
      await breakIt();
      await say(20);
    }
    await received(page, 'web_stream', published);
    await page.evaluate(() => CometServer().count_users_in_pipe('web_stream', record('fence')));
    await received(page, 'fence', 1);
    assert.deepEqual(await data(page, 'web_stream'), Array.from({ length: published }, (_, index) => index + 1));
    assert.deepEqual(await calls(page, 'sys.gap'), []);
  });

  test('a history too short for what was missed is told as a gap, then goes on', async () => {
    await sql.query("INSERT INTO pipes_settings (name, length) VALUES ('web_short', 3)");
    const page = await openClient({ subscribe: ['web_short', 'sys.gap'] });
    await subscribed('web_short', 1);
    await publish(sql, 'web_short', 'n', '1');
    await received(page, 'web_short', 1);
    await page.evaluate(() => CometServer().stop());
    for (let number = 2; number <= 9; number += 1) await publish(sql, 'web_short', 'n', String(number));
    await page.evaluate(() => CometServer().start());
    await received(page, 'web_short', 4);
    assert.deepEqual(await data(page, 'web_short'), [1, 7, 8, 9]);
    assert.deepEqual(await data(page, 'sys.gap'), [{ pipe: 'web_short' }]);
  });

  test('a page that comes back does not hear what it said itself', async () => {
    await sql.query("INSERT INTO pipes_settings (name, length) VALUES ('web_echoless', 10)");
    const page = await openClient({ subscribe: ['web_echoless', '#web_echoless'] });
    await subscribed('web_echoless', 1);
    await publish(sql, 'web_echoless', 'n', '"first"');
    await received(page, 'web_echoless', 1);
    await send(page, 'web_echoless', 'n', 'mine');
    await received(page, '#web_echoless', 1);
    await page.evaluate(() => CometServer().stop());
    await publish(sql, 'web_echoless', 'n', '"second"');
    await page.evaluate(() => CometServer().start());
    await received(page, 'web_echoless', 2);
    assert.deepEqual(await data(page, 'web_echoless'), ['first', 'second']);
  });

  test('a page of a forbidden origin hears so once and never tries again', async (t) => {
    const own = await Server.start({ args: ['--allow-origin', 'shop.example'] });
    t.after(() => own.stop());
    const pages = await serveSite(own);
    t.after(() => pages.close());
    const page = await openClient({ pages, start: null, subscribe: ['sys.error', 'sys', 'web_any', ''] });
    await page.clock.install();
    await page.evaluate(() => CometServer().start({ nostat: true }));
    const [error] = await received(page, 'sys.error', 1);
    assert.equal(error.data.error_code, 423);
    assert.match(error.data.error, /\S/);
    await until('the socket is closed', () => page.attempts.every((socket) => socket.isClosed()));

    await page.clock.runFor('01:00:00');
    await page.evaluate(() => window.dispatchEvent(new Event('online')));
    await page.clock.runFor('01:00:00');
    assert.equal(page.attempts.length, 1);
    assert.equal(await page.evaluate(() => CometServer().isConnected()), false);
    for (const label of ['sys.error', 'sys', '']) assert.equal((await calls(page, label)).length, 1, label);
  });

  test('a user with too many connections is told so, and is let in with its login when there is room', async (t) => {
    const own = await Server.start({ args: ['--max-user-connections', '1'] });
    t.after(() => own.stop());
    const pages = await serveSite(own);
    t.after(() => pages.close());
    await (await own.sql()).query("INSERT INTO users_auth (id, hash) VALUES (42, 'key42')");
    const other = await own.browser({ userId: 42, userKey: 'key42' });
    const page = await openClient({ pages, start: null, subscribe: ['sys.error'] });
    await page.evaluate(() => {
      CometServer().onAuthFail(record('anonymous'));
      CometServer().onTerminalError(record('terminal'));
      CometServer().start({ nostat: true, user_id: 42, user_key: 'key42', reconnectDelayMax: 100 });
    });
    const [error] = await received(page, 'sys.error', 1);
    assert.equal(error.data.error_code, 429);
    other.destroy();
    await authorization(page, true);
    for (const label of ['anonymous', 'terminal']) assert.deepEqual(await calls(page, label), [], label);
  });
});

/** A page on an origin of its own that loads the client from the server; `/sandboxed` has no storage. */
async function serveSite(of) {
  const html = `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>client</title>
    <script src="${of.origin}/CometServerApi.js"></script>
    <script>
      const calls = [];
      const record = (label) => (value) => { calls.push({ label, value: structuredClone(value) }); };
    </script>`;
  const http = createServer((request, response) => {
    const headers = { 'Content-Type': 'text/html; charset=utf-8' };
    if (request.url === '/sandboxed') headers['Content-Security-Policy'] = 'sandbox allow-scripts';
    response.writeHead(200, headers).end(html);
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return {
    origin: `http://127.0.0.1:${http.address().port}`,
    close() {
      http.closeAllConnections();
      http.close();
    },
  };
}
