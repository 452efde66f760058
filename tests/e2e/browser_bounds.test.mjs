// What browsers may not do too much of: each bound is told to the page, counted, and felt by nobody else.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { Server } from '../support/server.mjs';
import { rows } from '../support/sql.mjs';
import { until } from '../support/until.mjs';
import { WebSocketClient } from '../support/websocket.mjs';

async function started(t, ...args) {
  const server = await Server.start({ args: ['--metrics', '127.0.0.1:0', ...args] });
  t.after(() => server.stop());
  return server;
}

/** A counter of the metrics page. */
async function counted(server, name) {
  const [, page] = /^\s*Metrics\s+(\S+)/m.exec(server.program.stdout);
  const text = await (await fetch(page)).text();
  return Number(new RegExp(`^cometwire_${name}_total (\\d+)$`, 'm').exec(text)?.[1]);
}

test('an address has so many connections, and a place that is left is free again', async (t) => {
  const server = await started(t, '--max-address-connections', '2');
  const sql = await server.sql();
  const [first] = [await server.browser(), await server.browser()];
  const third = await WebSocketClient.upgrade(server);
  const told = await third.take((message) => message.error, 'the refusal');
  assert.equal(told.error, 429);
  assert.match(JSON.stringify(told), /connections of this address: the limit of 2 is reached/);
  await third.waitUntilDropped();

  await server.browser({ localAddress: '127.0.0.2' });
  assert.equal((await rows(sql, 'SELECT id FROM connections')).length, 3);
  first.destroy();
  await until('there is room again', async () => {
    const next = await WebSocketClient.upgrade(server);
    const answer = await next.take((message) => message.error || message.event === 'serverInfo', 'an answer');
    return !answer.error;
  });
  assert.ok((await counted(server, 'address_connections_refused')) >= 1);
});

test('a connection that floods is told so, and the others do not notice', async (t) => {
  const server = await started(t, '--max-messages-per-second', '5');
  const [flooder, other] = [await server.browser(), await server.browser()];
  for (let count = 0; count < 100; count += 1) flooder.publish('web_flood', 'e', String(count));
  const refused = () =>
    flooder.inbox.filter((message) => /messages a second: the limit of 5 is reached/.test(JSON.stringify(message)));
  await until('everything is answered', () => {
    const reports = flooder.waitingOn('_answer_to_web_flood').length;
    return reports + refused().length === 100;
  });
  // Ten at once, and what the time between was worth.
  assert.ok(refused().length > 50, String(refused().length));
  const report = await other.publishAndReport('web_calm', 'e', 'hello');
  assert.equal(report.data.error, '');
  assert.equal(await counted(server, 'browser_messages_refused'), refused().length);
});

test('what is too long, too late or from a strange page is refused and counted', async (t) => {
  const server = await started(
    t,
    ...['--max-message-bytes', '1000', '--handshake-seconds', '1', '--max-request-bytes', '8192'],
    ...['--allow-origin', 'shop.example'],
  );
  const page = { headers: { Origin: 'https://shop.example' } };
  const talker = await server.browser(page);
  talker.publish('web_long', 'e', 'x'.repeat(1001));
  assert.match(JSON.stringify(await talker.take((message) => message.pipe === 'sys')), /at most 1000 bytes/);
  await talker.waitUntilDropped();
  assert.equal(await counted(server, 'browser_messages_too_long'), 1);

  const stranger = await WebSocketClient.upgrade(server, { headers: { Origin: 'https://other.example' } });
  assert.equal((await stranger.take((message) => message.error)).error, 423);
  assert.equal(await counted(server, 'origins_refused'), 1);

  const head = await WebSocketClient.upgrade(server, { headers: { ...page.headers, Cookie: 'c'.repeat(10_000) } });
  assert.equal(head.status, 431);
  await until('it is counted', async () => (await counted(server, 'browser_requests_too_long')) === 1);

  const lazy = net.connect(server.httpPort, server.host);
  lazy.write('GET / HT');
  await once(lazy.resume(), 'close');
  await until('it is counted', async () => (await counted(server, 'browser_requests_late')) === 1);
});
