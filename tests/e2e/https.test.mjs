// TLS on the browsers' port: a page chats over wss:, large and small messages arrive whole whatever the socket takes, and
// certificates are changed while everybody stays connected.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { launchBrowser } from '../support/browser.mjs';
import { temporaryDirectory } from '../support/paths.mjs';
import { Server } from '../support/server.mjs';
import { publish, subscribers } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const certificateOf = (server) => new X509Certificate(readFileSync(join(server.dataDir, 'tls.crt')));

/** The fingerprint of the certificate a new connection is shown. */
function shown(server) {
  return new Promise((resolve, reject) => {
    const options = { host: server.host, port: server.httpPort, path: '/info', rejectUnauthorized: false, agent: false };
    request(options, (response) => {
      resolve(response.socket.getPeerX509Certificate().fingerprint256);
      response.resume();
    })
      .on('error', reject)
      .end();
  });
}

describe('a server that offers TLS to browsers', () => {
  let server;
  let sql;
  before(async () => {
    server = await Server.start({ args: ['--http-tls', 'offered'] });
    sql = await server.sql();
  });
  after(() => server?.stop());

  test('a page chats over https: and wss:, one without TLS beside it', async () => {
    const browser = await launchBrowser();
    try {
      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      const pages = [];
      for (const origin of [`https://${server.host}:${server.httpPort}`, server.origin]) {
        const page = await context.newPage();
        const sockets = [];
        page.on('websocket', (socket) => sockets.push(socket.url()));
        await page.goto(`${origin}/examples/simple-chat/`);
        await until('it is connected', async () => (await page.textContent('#state')) === 'connected');
        assert.ok(sockets[0].startsWith(origin.replace('http', 'ws')), sockets[0]);
        pages.push(page);
      }
      await until('both are subscribed', async () => (await subscribers(sql, 'web_simple_chat')) === 2);
      const [secure, plain] = pages;
      for (const [from, to, text] of [
        [secure, plain, 'from inside, Привет 😀'],
        [plain, secure, 'from outside'],
      ]) {
        await from.fill('#text', text);
        await from.click('#send');
        await until('it arrives', async () => (await to.textContent('#messages')).includes(text));
      }
    } finally {
      await browser.close();
    }
  });

  test('ten thousand messages of all sizes arrive whole and in order, although the reader rests', async () => {
    const reader = await server.browser({ secure: true });
    await reader.subscribe('secure_stream');
    const sizes = [0, 1, 100, 1000, 16_000, 17_000, 70_000];
    reader.socket.pause();
    const rowsOf = (from) =>
      Array.from({ length: 100 }, (_, index) => {
        const number = from + index;
        return ['secure_stream', 'n', JSON.stringify({ number, text: 'x'.repeat(sizes[number % sizes.length] / 10) })];
      });
    for (let from = 0; from < 10_000; from += 100) {
      await sql.query('INSERT INTO pipes_messages (name, event, message) VALUES ?', [rowsOf(from)]);
      // Never more than waits for a reader at once.
      if (from % 500 === 0) {
        reader.socket.resume();
        await until('it has read', () => reader.inbox.length >= from);
        reader.socket.pause();
      }
    }
    reader.socket.resume();
    await until('all are there', () => reader.inbox.length === 10_000, { within: 30_000 });
    reader.inbox.forEach(({ data }, index) => {
      const { number, text } = JSON.parse(data);
      assert.equal(number, index);
      assert.equal(text.length, Math.trunc(sizes[index % sizes.length] / 10));
    });
    reader.destroy();
  });

  test('commands of any size are understood', async () => {
    const speaker = await server.browser({ secure: true });
    const hearer = await server.browser({ secure: true });
    await hearer.subscribe('web_secure');
    for (const size of [1, 16_384, 100_000, 900_000]) {
      const report = await speaker.publishAndReport('web_secure', 'say', 'y'.repeat(size));
      assert.equal(report.data.number_messages, 1);
      assert.equal((await hearer.takeFrom('web_secure')).data.length, size);
    }
    speaker.destroy();
    hearer.destroy();
    await until('both are gone', async () => (await subscribers(sql, 'web_secure')) === 0);
  });

  test('who breaks TLS is dropped, and the others stay', async () => {
    const bystander = await server.browser({ secure: true });
    await bystander.subscribe('web_bystander');
    const tcp = net.connect(server.httpPort, server.host);
    const breaker = await server.browser({ secure: true, below: tcp });
    await breaker.subscribe('web_breaker');
    // Below the session: bytes that are no record.
    tcp.write('this is no record of TLS at all');
    await breaker.waitUntilDropped();
    await until('it is gone', async () => (await subscribers(sql, 'web_breaker')) === 0);
    await publish(sql, 'web_bystander', 'e', 'still here');
    assert.equal((await bystander.takeFrom('web_bystander')).data, 'still here');
    bystander.destroy();
  });
});

test('where TLS is required a request without it is told so', async (t) => {
  const server = await Server.start({ args: ['--http-tls', 'required'] });
  t.after(() => server.stop());
  const answer = await fetch(`${server.origin}/info`);
  assert.equal(answer.status, 400);
  assert.match(await answer.text(), /https: and wss:/);
  assert.equal((await server.browser({ secure: true })).greeting.event, 'serverInfo');
});

test('certificates are changed by SIGHUP for new connections, and nobody is dropped', async (t) => {
  const [one, other] = [await Server.start(), await Server.start()];
  t.after(() => Promise.all([one.stop(), other.stop()]));
  const directory = temporaryDirectory();
  const [cert, key] = [join(directory, 'my.crt'), join(directory, 'my.key')];
  const take = (from) => {
    copyFileSync(join(from.dataDir, 'tls.crt'), cert);
    copyFileSync(join(from.dataDir, 'tls.key'), key);
  };
  take(one);
  const server = await Server.start({ args: ['--http-tls', 'offered', '--tls-cert', cert, '--tls-key', key] });
  t.after(() => server.stop());
  assert.equal(await shown(server), certificateOf(one).fingerprint256);
  const browser = await server.browser({ secure: true });
  await browser.subscribe('web_stays');

  take(other);
  server.program.signal('SIGHUP');
  await until('it is read', () => server.output.includes('certificate_reloaded'));
  assert.equal(await shown(server), certificateOf(other).fingerprint256);
  await publish(await server.sql(), 'web_stays', 'e', 'still here');
  assert.equal((await browser.takeFrom('web_stays')).data, 'still here');
});
