// The reverse proxies of docs/reverse-proxy.md, each started with the snippet that stands there: a browser chats through
// it, and CometWire sees the browser's address and not the proxy's.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { launchBrowser } from '../support/browser.mjs';
import { apache, caddy, haproxy, nginx } from '../support/reverse-proxies.mjs';
import { Server } from '../support/server.mjs';
import { publish, rows, subscribers } from '../support/sql.mjs';
import { until } from '../support/until.mjs';
import { WebSocketClient } from '../support/websocket.mjs';

const PROXIES = [
  { name: 'nginx', start: nginx },
  { name: 'Apache', start: apache },
  { name: 'Caddy', start: caddy },
  { name: 'HAProxy', start: haproxy },
  { name: 'HAProxy with the PROXY protocol', start: (server) => haproxy(server, 1), args: ['--proxy-protocol'] },
];

let browser;
before(async () => {
  browser = await launchBrowser();
});
after(() => browser?.close());

for (const { name, start, args = [] } of PROXIES) {
  describe(name, () => {
    let server;
    let proxy;
    let sql;
    before(async () => {
      server = await Server.start({ args: ['--trusted-proxy', '127.0.0.1', ...args] });
      proxy = await start(server);
      sql = await server.sql();
    });
    after(async () => {
      await proxy?.stop();
      await server?.stop();
    });

    test('a page chats through it over TLS, both ways', () => chat());

    test('a page that found WebSockets blocked chats through it as well', async () => {
      let webSockets = 0;
      await chat((page) => {
        page.on('websocket', () => webSockets++);
        return page.addInitScript(() => {
          localStorage.comet_server_http = JSON.stringify({ [`wss://${location.host}`]: Date.now() + 600_000 });
        });
      });
      assert.equal(webSockets, 0);
    });

    async function chat(prepare = () => {}) {
      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      const page = await context.newPage();
      await prepare(page);
      await page.goto(`https://127.0.0.1:${proxy.https}/examples/simple-chat/`);
      await until('it is connected', async () => (await page.textContent('#state')) === 'connected');
      await until('it is subscribed', async () => (await subscribers(sql, 'web_simple_chat')) === 1);
      await publish(sql, 'web_simple_chat', 'message', '{"name":"SQL","text":"through the proxy"}');
      await until('it is shown', async () => (await page.textContent('#messages')).includes('through the proxy'));
      await page.fill('#text', 'and back');
      await page.click('#send');
      await until('it is delivered', async () => /delivered to 0/.test(await page.textContent('#report')));
      await context.close();
    }

    test('the address in connections is the one the proxy saw, not the one a browser invents', async () => {
      const visitor = await WebSocketClient.open(
        { host: '127.0.0.1', httpPort: proxy.https },
        {
          secure: true,
          localAddress: '127.0.0.2',
          headers: { 'X-Forwarded-For': '203.0.113.7', Forwarded: 'for=203.0.113.7' },
        },
      );
      const seen = await rows(sql, 'SELECT ip FROM connections WHERE uuid = ?', [visitor.uuid]);
      assert.deepEqual(seen, [{ ip: '127.0.0.2' }]);
      visitor.destroy();
    });
  });
}

test('who is no trusted proxy is believed nothing', async (t) => {
  const server = await Server.start({ args: ['--trusted-proxy', '10.0.0.0/8'] });
  t.after(() => server.stop());
  await server.browser({ headers: { 'X-Forwarded-For': '203.0.113.7' } });
  const sql = await server.sql();
  assert.deepEqual(await rows(sql, 'SELECT ip FROM connections'), [{ ip: '127.0.0.1' }]);
});
