// Our own client where no WebSocket gets through: server-sent events and POST requests, with the same promises.

import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { launchBrowser } from '../support/browser.mjs';
import { BlockingProxy } from '../support/blocking-proxy.mjs';
import { Server } from '../support/server.mjs';
import { publish, rows } from '../support/sql.mjs';
import { connected, haveConnections, heard, heardAll, keepHistory, leaderAndFollowers, openClient, publishNumbers } from '../support/tabs.mjs';
import { until } from '../support/until.mjs';

let browser;
let server;
let proxy;
let sql;
before(async () => {
  [browser, server] = await Promise.all([launchBrowser(), Server.start()]);
  proxy = await BlockingProxy.start(server);
  sql = await server.sql();
  await sql.query("INSERT INTO users_auth (id, hash) VALUES (42, 'key42')");
});
after(async () => {
  await browser?.close();
  proxy?.close();
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

const open = (context, pipes, options) => openClient(server, context, pipes, { node: proxy.address, ...options });

describe('a page behind a proxy that refuses WebSockets', () => {
  test('connects by itself, logs in, hears, sends and asks', async () => {
    await keepHistory(sql, 'web_plain');
    await publish(sql, 'web_plain', 'e', '"before"');
    const page = await open(await newContext(), ['web_plain', 'msg', 'sys.error'], { user_id: 42, user_key: 'key42' });
    assert.ok(proxy.refused >= 2, `${proxy.refused} handshakes were refused`);
    await publish(sql, 'web_plain', 'e', JSON.stringify({ text: "it's\n\r\u2028😀" }));
    await sql.query("INSERT INTO users_messages (id, event, message) VALUES (42, 'e', '\"private\"')");
    await until('both arrive', async () => (await heard(page, 'msg')).length && (await heard(page, 'web_plain')).length);
    assert.deepEqual(await heard(page, 'web_plain'), [{ text: "it's\n\r\u2028😀" }]);
    assert.deepEqual(await heard(page, 'msg'), ['private']);
    const answers = await page.evaluate(async () => {
      const client = CometServer();
      const outcome = (promise) => promise.then((value) => value, (error) => error.message);
      return {
        authorized: client.isAuthorized(),
        count: await outcome(client.count_users_in_pipe('web_plain')),
        history: (await outcome(client.history('web_plain'))).map(({ data }) => data.text ?? data),
        many: (await Promise.all(Array.from({ length: 100 }, (_, n) => client.send('web_plain', 'e', n)))).map(({ message }) => Number(message)),
        large: (await outcome(client.send('webauth_plain', 'e', 'x'.repeat(300_000)))).number_messages,
        forbidden: await outcome(client.send('webauth_plain', 'e.e', 1)),
      };
    });
    assert.equal(answers.authorized, true);
    assert.deepEqual(answers.count, { user_in_pipe: 1 });
    assert.deepEqual(answers.history, ['before', "it's\n\r\u2028😀"]);
    assert.deepEqual(answers.many, Array.from({ length: 100 }, (_, n) => n));
    assert.equal(answers.large, 0);
    assert.match(answers.forbidden, /./);
    assert.equal((await heard(page, 'sys.error')).length, 1);
    const [row] = await rows(sql, "SELECT COUNT(*) AS count FROM users_in_pipes WHERE name = 'web_plain' AND user_id = 42");
    assert.equal(Number(row.count), 1);
  });

  test('uses it at once the next time, and a WebSocket again when that has been a while', async () => {
    const context = await newContext();
    await (await open(context)).close();
    const before = proxy.refused;
    const page = await open(context);
    assert.equal(proxy.refused, before);
    proxy.isBlocking = false;
    await page.evaluate(() => localStorage.setItem('comet_server_http', '{}'));
    proxy.cut();
    const sockets = () => page.evaluate(() => performance.getEntriesByType('resource').filter(({ name }) => name.includes('/ws/session=')).length);
    await until('it is connected again', () => page.evaluate(() => CometServer().isConnected()));
    const requests = await sockets();
    await connected(page);
    assert.equal(await sockets(), requests, 'no more requests');
    proxy.isBlocking = true;
  });

  test('hears a stream complete, in order and once, while its connections are cut, and with the server killed', async () => {
    const context = await newContext();
    await keepHistory(sql, 'web_stream');
    const pages = [await open(context, ['web_stream']), await open(context, ['web_stream'])];
    await publishNumbers(sql, 'web_stream', 1, 20);
    await heardAll(pages, 'web_stream', 20);
    for (let number = 21; number <= 80; number++) {
      await publish(sql, 'web_stream', 'number', String(number));
      if (number % 20 === 0) proxy.cut();
    }
    await heardAll(pages, 'web_stream', 80);
    await server.kill9();
    await server.restart();
    sql = await server.sql();
    await publishNumbers(sql, 'web_stream', 81, 100);
    await heardAll(pages, 'web_stream', 100);
    for (const page of pages) await connected(page);
    await haveConnections(sql, 1);
    await leaderAndFollowers(pages);
  });

  test('leaves when it closes, and its user is offline', async () => {
    const context = await newContext();
    const page = await open(context, [], { user_id: 42, user_key: 'key42' });
    const seen = async () => Number((await rows(sql, 'SELECT time FROM users_time WHERE id = 42'))[0].time);
    await until('online', async () => (await seen()) === 0);
    await page.close();
    await until('offline', async () => (await seen()) > 0);
    await haveConnections(sql, 0);
  });
});

test('a page whose server is away looks for a WebSocket only', async () => {
  const page = await openClient(server, await newContext(), [], { node: proxy.address });
  await page.evaluate(() => localStorage.clear());
  proxy.isBlocking = false;
  await page.evaluate(() => CometServer().restart());
  await connected(page);
  proxy.sever();
  await until('it has tried', () => page.evaluate(() => !CometServer().isConnected()));
  proxy.mend();
  await connected(page);
  assert.equal(await page.evaluate(() => localStorage.getItem('comet_server_http')), null);
  proxy.isBlocking = true;
});

describe('the door', () => {
  const address = (more = '') => `${server.origin}/ws/sesion=undefined&myid=undefined&devid=0&v=4.50&uuid=u&api=cometwire${more}`;

  /** Opens a stream; gives its session and a reader of its text. */
  async function openStream(headers = {}, origin = server.origin) {
    const stop = new AbortController();
    const response = await fetch(address().replace(server.origin, origin), {
      headers: { Accept: 'text/event-stream', ...headers }, signal: stop.signal,
    });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    const read = async (what) => {
      while (!what.test(text)) {
        const { value, done } = await reader.read();
        assert.equal(done, false, `${what} in ${text}`);
        text += value;
      }
      return what.exec(text);
    };
    return { response, read, stop: () => stop.abort(), session: (await read(/event: session\ndata: (\S+)/))[1] };
  }

  const say = (session, request, body, options = {}) =>
    fetch(`${options.origin ?? server.origin}/ws/session=${session}&request=${request}`, { method: 'POST', body, headers: options.headers });

  test('answers with events that no proxy keeps back, and lets no request in twice', async () => {
    const { response, read, session, stop } = await openStream();
    assert.match(response.headers.get('content-type'), /^text\/event-stream/);
    assert.equal(response.headers.get('cache-control'), 'no-store');
    assert.equal(response.headers.get('x-accel-buffering'), 'no');
    await read(/data: \{"authorized":"false".*\}\n\n/);
    const count = JSON.stringify(['pipe_count\nweb_x\nfirst\n']);
    assert.equal((await say(session, 1, count)).status, 204);
    assert.equal((await say(session, 1, count)).status, 204);
    assert.equal((await say(session, 2, JSON.stringify(['pipe_count\nweb_x\nsecond\n']))).status, 204);
    const [text] = await read(/[^]*"second"/);
    assert.equal(text.match(/"first"/g).length, 1);
    stop();
  });

  test('refuses what is no request of an open connection', async () => {
    const { session, stop } = await openStream();
    assert.equal((await say('0'.repeat(32), 1, '[]')).status, 404);
    assert.equal((await say('0'.repeat(32), 1, 'x'.repeat(3_000_000)).catch(() => ({ status: 404 }))).status, 404);
    assert.equal((await say(session, 1, JSON.stringify(Array(1001).fill('')))).status, 400);
    assert.equal((await say(session, 2, '[]')).status, 409);
    assert.equal((await say(session, 1, '{"a":1}')).status, 400);
    assert.equal((await say(session, 1, JSON.stringify(['x'.repeat(3_000_000)]))).status, 413);
    assert.equal((await fetch(`${server.origin}/sesion=1&myid=1`, { method: 'POST', body: 'web_x' })).status, 404);
    stop();
    await until('the connection is gone', async () => (await say(session, 1, '[]')).status === 404);
  });

  test('asks whether the page lives, and ends the connection when nobody answers', async (t) => {
    const impatient = await Server.start({ args: ['--keep-alive-seconds', '1'] });
    t.after(() => impatient.stop());
    const { read, session, stop } = await openStream({}, impatient.origin);
    for (let answered = 1; answered <= 3; answered++) {
      await read(new RegExp(`(event: ping[^]*){${answered}}`));
      assert.equal((await say(session, answered, '[]', { origin: impatient.origin })).status, 204);
    }
    await assert.rejects(read(/never/), /true !== false/, 'the stream ends');
    stop();
    assert.equal((await say(session, 4, '[]', { origin: impatient.origin })).status, 404);
  });

  test('tells a page of a forbidden origin so, and takes nothing from one', async (t) => {
    const strict = await Server.start({ args: ['--allow-origin', 'shop.example'] });
    t.after(() => strict.stop());
    const evil = await openStream({ Origin: 'https://evil.example' }, strict.origin);
    await evil.read(/"error":423/);
    const good = await openStream({ Origin: 'https://shop.example' }, strict.origin);
    await good.read(/serverInfo/);
    const from = (origin) => say(good.session, 1, '[]', { origin: strict.origin, headers: { Origin: origin } });
    assert.equal((await from('https://evil.example')).status, 403);
    assert.equal((await from('https://shop.example')).status, 204);
    good.stop();
  });
});
