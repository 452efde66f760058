// What else answers on the browsers' port.

import assert from 'node:assert/strict';
import { get } from 'node:http';
import { after, before, test } from 'node:test';
import { Server } from '../support/server.mjs';

let server;
before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

/** A request with its path as it is: fetch() would tidy it up first. */
function request(path, { method = 'GET', headers = {} } = {}) {
  return new Promise((resolve, reject) => {
    const options = { host: server.host, port: server.httpPort, path, method, headers, agent: false };
    get(options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (text) => (body += text));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
    })
      .on('error', reject)
      .end();
  });
}

for (const path of ['/info', '/comet-server/info']) {
  test(`${path} tells the state and the node's name in ten characters`, async () => {
    const { status, headers, body } = await request(path);
    assert.equal(status, 200);
    const { status: state, node } = JSON.parse(body);
    assert.equal(state, 'ok');
    assert.match(node, /^.{10}$/);
    assert.match(headers['content-type'], /json|text\/html/);
    assert.equal(headers['access-control-allow-origin'], '*');
    assert.equal(Number(headers['content-length']), Buffer.byteLength(body));
  });
}

test('the JavaScript client is served to pages of any origin', async () => {
  for (const path of ['/CometServerApi.js', '/CometServerApi.js?v=1', '/comet-server/CometServerApi.js']) {
    const { status, headers, body } = await request(path, { headers: { Origin: 'https://shop.example' } });
    assert.equal(status, 200, path);
    assert.match(headers['content-type'], /javascript/);
    assert.equal(headers['access-control-allow-origin'], '*');
    assert.equal(Number(headers['content-length']), Buffer.byteLength(body));
    assert.match(body, /CometServer/);
    assert.doesNotMatch(body, /\beval\s*\(|new Function/);
  }
});

test('scripts are compressed for browsers that take it, and are the same then', async () => {
  for (const path of ['/CometServerApi.js', '/CometServerTabs.mjs', '/examples/']) {
    const plain = await fetch(`${server.origin}${path}`, { headers: { 'Accept-Encoding': 'identity' } });
    const packed = await fetch(`${server.origin}${path}`, { headers: { 'Accept-Encoding': 'gzip' } });
    assert.equal(plain.headers.get('content-encoding'), null);
    assert.equal(packed.headers.get('content-encoding'), 'gzip');
    assert.equal(packed.headers.get('vary'), 'accept-encoding');
    assert.ok(Number(packed.headers.get('content-length')) < Number(plain.headers.get('content-length')) / 2);
    assert.equal(await packed.text(), await plain.text());
  }
});

test('a debugger finds the readable source of every script of the client', async () => {
  for (const path of ['/CometServerApi.js', '/comet-server/CometServerApi.js', '/CometServerTabs.mjs', '/CometServerHttp.mjs']) {
    const address = `${server.origin}${path}`;
    const [, map] = /\n\/\/# sourceMappingURL=(\S+)\n$/.exec(await (await fetch(address)).text());
    const { sources } = await (await fetch(new URL(map, address))).json();
    assert.equal(sources.length, 1);
    const source = await fetch(new URL(sources[0], address));
    assert.match(source.headers.get('content-type'), /javascript/);
    assert.match(await source.text(), /\n\/\/ [A-Z][^]*\n *\/\*\* [A-Z]/);
  }
});

test('OPTIONS is answered for any path', async () => {
  for (const path of ['/info', '/anything']) {
    const { status, headers } = await request(path, {
      method: 'OPTIONS',
      headers: { Origin: 'https://a.example' },
    });
    assert.ok([200, 204].includes(status));
    assert.equal(headers['access-control-allow-origin'], '*');
    assert.match(headers['access-control-allow-methods'], /GET/);
    assert.match(headers['access-control-allow-methods'], /POST/);
    assert.match(headers['access-control-allow-headers'].toLowerCase(), /content-type/);
  }
});

test('the front page names the product and its version', async () => {
  const { status, headers, body } = await request('/');
  assert.equal(status, 200);
  assert.match(headers['content-type'], /text\/html/);
  assert.match(body, /CometWire/);
  assert.match(body, /\d+\.\d+\.\d+/);
});

test('the long polling of very old browsers is answered 404', async () => {
  for (const path of ['/', '/sesion=undefined&myid=undefined&devid=0&v=4.08&uuid=u&api=js']) {
    assert.equal((await request(path, { method: 'POST' })).status, 404);
  }
});

const NOT_THERE = [
  '/nothing.html',
  '/../../etc/passwd',
  '/examples/../../../../etc/passwd',
  '/examples/%2e%2e/%2e%2e/etc/passwd',
  '/examples/simple-chat/../../Cargo.toml',
  '/examples/.git/config',
  '/%00',
  '/examples/simple-chat/%ff',
  `/${'x'.repeat(5000)}`,
];
for (const path of NOT_THERE) {
  test(`${path.length > 60 ? `${path.slice(0, 57)}...` : path} is not there`, async () => {
    const { status, body } = await request(path);
    assert.ok([400, 404, 414].includes(status), String(status));
    assert.doesNotMatch(body, /root:|\[workspace\]/);
  });
}
