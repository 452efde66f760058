// Requests that one program may read in another way than the next: a proxy in front and
// the server behind it, say. Whatever the server does not understand in exactly one way
// it refuses, and nothing that hides in such a request is answered.

import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { temporaryDirectory } from '../support/paths.mjs';
import { Server } from '../support/server.mjs';
import { until } from '../support/until.mjs';
import { clientPath } from '../support/websocket.mjs';

const HIDDEN = 'GET /info HTTP/1.1\r\nHost: x\r\n\r\n';
const UPGRADE = 'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';

let server;
before(async () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'public', 'sub'), { recursive: true });
  writeFileSync(join(directory, 'secret.txt'), 'secret');
  writeFileSync(join(directory, 'public', 'open.txt'), 'open');
  symlinkSync(join(directory, 'secret.txt'), join(directory, 'public', 'link.txt'));
  // Whoever says no more is closed soon, so that all it was told is known then.
  const args = ['--handshake-seconds', '1', '--keep-alive-seconds', '1'];
  server = await Server.start({ args: [...args, '--static-dir', join(directory, 'public')] });
});
after(() => server?.stop());

/** Sends the bytes as they are; gives all that comes until the server closes. */
async function ask(bytes) {
  const socket = net.connect(server.httpPort, server.host);
  let said = '';
  let closed = false;
  socket.setEncoding('latin1').on('data', (text) => (said += text));
  socket.on('close', () => (closed = true)).on('error', () => (closed = true));
  socket.write(Buffer.from(bytes, 'latin1'));
  await until('the server to close', () => closed);
  return said;
}

const statuses = (said) => [...said.matchAll(/^HTTP\/1\.[01] (\d+)/gm)].map(([, status]) => Number(status));

/** Heads whose body begins and ends where one pleases, and what follows them. */
const TWO_READINGS = {
  'two lengths': 'Content-Length: 0\r\nContent-Length: 33\r\n\r\n',
  'a list of lengths': 'Content-Length: 0, 33\r\n\r\n',
  'a signed length': 'Content-Length: +0\r\n\r\n',
  'a negative length': 'Content-Length: -1\r\n\r\n',
  'a length past all numbers': 'Content-Length: 99999999999999999999\r\n\r\n',
  'an unknown coding': 'Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n',
  'a coding behind the chunks': 'Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n',
  'a name with a space behind it': 'Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n',
  'a folded line': 'Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n',
  'a return without a feed': 'X: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'a zero byte': 'X: y\0z\r\n\r\n',
};

for (const [what, head] of Object.entries(TWO_READINGS)) {
  test(`a request with ${what} is refused, and what follows is not read`, async () => {
    for (const method of ['POST', 'GET']) {
      assert.deepEqual(statuses(await ask(`${method} /x HTTP/1.1\r\nHost: x\r\n${head}${HIDDEN}`)), [400], method);
    }
  });
}

test('what lies in a body is no request', async () => {
  // Chunks go before a length, as RFC 9112 wants it; the connection ends after that.
  const both = `GET /info HTTP/1.1\r\nHost: x\r\nContent-Length: ${HIDDEN.length + 5}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`;
  assert.deepEqual(statuses(await ask(both)), [200]);
  const length = `POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`;
  assert.deepEqual(statuses(await ask(length)), [404]);
  const huge = `POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n${HIDDEN}`;
  assert.deepEqual(statuses(await ask(huge)), [404]);
  const chunks = `POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`;
  assert.deepEqual(statuses(await ask(chunks)), [400]);
});

test('a handshake with a body is refused, whoever would have read it', async () => {
  for (const body of [`Content-Length: ${HIDDEN.length}\r\n\r\n${HIDDEN}`, `Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`]) {
    const said = await ask(`GET ${clientPath()} HTTP/1.1\r\nHost: x\r\n${UPGRADE}${body}`);
    assert.equal(statuses(said)[0], 400, said);
    assert.ok(!statuses(said).includes(101), said);
  }
  const none = await ask(`GET ${clientPath()} HTTP/1.1\r\nHost: x\r\n${UPGRADE}Content-Length: 0\r\n\r\n`);
  assert.deepEqual(statuses(none), [101]);
});

test('behind a handshake there are frames and nothing else', async () => {
  const said = await ask(`GET ${clientPath()} HTTP/1.1\r\nHost: x\r\n${UPGRADE}\r\n${HIDDEN}`);
  assert.deepEqual(statuses(said), [101]);
  assert.ok(!said.includes('"status":"ok"'), said);
});

test('a head has its bound, in bytes and in lines', async () => {
  assert.deepEqual(statuses(await ask(`GET /info HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(100_000)}\r\n\r\n`)), [431]);
  const lines = Array.from({ length: 500 }, (_, number) => `X${number}: y\r\n`).join('');
  assert.deepEqual(statuses(await ask(`GET /info HTTP/1.1\r\nHost: x\r\n${lines}\r\n`)), [431]);
});

test('other versions, methods and hosts open nothing', async () => {
  for (const [request, wanted] of [
    ['GET /info\r\n\r\n', [400]],
    ['GET /info HTTP/1.0\r\n\r\n', [200]],
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', []],
    ['CONNECT example.org:80 HTTP/1.1\r\nHost: example.org:80\r\n\r\n', [404]],
    ['TRACE /info HTTP/1.1\r\nHost: x\r\nCookie: y\r\n\r\n', [404]],
    ['G\x80T /info HTTP/1.1\r\nHost: x\r\n\r\n', [400]],
    // Nothing depends on the host that is named, in either place.
    ['GET http://example.org/info HTTP/1.1\r\nHost: other.example\r\n\r\n', [200]],
    [`GET /info HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`, [200]],
  ]) {
    assert.deepEqual(statuses(await ask(request)), wanted, request);
  }
});

test('no path leads out of the static directory, and no answer sends elsewhere', async () => {
  const get = (path) => ask(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
  assert.ok((await get('/open.txt')).endsWith('open'));
  for (const path of [
    '/../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt', '/..\\secret.txt', '/sub/../../secret.txt', '/link.txt', '/open.txt/', '/open.txt%00.js',
    '/comet-server/../secret.txt', '/examples/../../secret.txt', '/examples/%2e%2e/%2e%2e/etc/passwd', '//../secret.txt', '/sub', '/sub/', '/.txt',
    '//example.org', '//example.org/examples', '/\\example.org/examples',
  ]) {
    const said = await get(path);
    assert.deepEqual(statuses(said), [404], path);
    assert.doesNotMatch(said, /^location:|secret$/im, path);
  }
  const whole = await ask('GET /open.txt HTTP/1.1\r\nHost: x\r\nRange: bytes=0-0,0-1,0-2,1-\r\nConnection: close\r\n\r\n');
  assert.ok(whole.endsWith('\r\n\r\nopen'), whole);
});
