// Logging in: in raw packets, what the greeting offers, both methods for passwords, and changing the
// user as Node's drivers do. What each client does is in matrix.test.mjs and prompts.test.mjs.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, test } from 'node:test';
import { MysqlWire } from '../support/mysql-wire.mjs';
import { Server } from '../support/server.mjs';

const mysql = createRequire(import.meta.url)('mysql');

const KEY = 'Developer\'15 "key"';

let server;
before(async () => {
  server = await Server.start({ devs: { 15: KEY } });
});
after(() => server?.stop());

describe('the login in raw packets', () => {
  test('native and caching_sha2 passwords open the same door', async () => {
    for (const plugin of ['mysql_native_password', 'caching_sha2_password']) {
      for (const [user, password] of [
        ['15', KEY],
        ['root', server.rootKey],
        ['0', server.rootKey],
      ]) {
        const wire = await MysqlWire.connect(server);
        assert.equal(wire.greeting.plugin, 'mysql_native_password');
        const answer = await wire.logIn({ user, password, plugin, database: 'CometQL_v1' });
        assert.equal(answer.kind, 'ok', `${plugin} ${user}: ${answer.message}`);
        if (plugin === 'caching_sha2_password') {
          assert.equal(wire.switchedTo, plugin);
          assert.deepEqual([...wire.authMoreData], [3]);
        }
        wire.destroy();
        const wrong = await MysqlWire.connect(server);
        const refused = await wrong.logIn({ user, password: `${password}x`, plugin });
        assert.equal(refused.code, 16);
        assert.equal(refused.sqlState, '28000');
        await wrong.waitUntilClosed();
      }
    }
  });

  test('the greeting offers nothing that does not work, and a salt of its own', async () => {
    const TLS = 0x0800;
    const COMPRESS = 0x0020;
    const salts = new Set();
    const ids = new Set();
    for (let index = 0; index < 20; index += 1) {
      const wire = await MysqlWire.connect(server);
      const { greeting } = wire;
      assert.match(greeting.version, /^\d+\.\d+\.\d+/);
      assert.equal(greeting.capabilities & TLS, TLS, 'with the certificate of the first start');
      assert.equal(greeting.capabilities & COMPRESS, 0);
      assert.ok([45, 255].includes(greeting.charset), String(greeting.charset));
      assert.ok(greeting.salt.every((byte) => byte >= 1 && byte <= 127 && byte !== 0x24));
      salts.add(greeting.salt.toString('hex'));
      ids.add(greeting.connectionId);
      wire.destroy();
    }
    assert.equal(salts.size, 20);
    assert.equal(ids.size, 20);
  });

  test('a health check may log in and do nothing else', async () => {
    const wire = await MysqlWire.connect(server);
    const answer = await wire.logIn({ user: 'haproxy_check', password: '' });
    assert.equal(answer.kind, 'ok', answer.message);
    const refused = await wire.query('SELECT * FROM users_auth WHERE id = 1');
    assert.equal(refused.code, 403);
    wire.destroy();
  });
});

describe('a driver changes its user', () => {
  const USERS = 'SELECT users FROM pipes WHERE name = "sixty"; ';
  let browser;
  before(async () => {
    browser = await server.browser({ devId: 15 });
    await browser.subscribe('sixty');
  });
  after(() => browser?.destroy());

  test('mysql2, between prepared statements', async () => {
    const link = await server.sql({ user: 15 });
    const users = async () => (await link.execute(USERS))[0][0].users;
    assert.equal(await users(), '1');
    await link.changeUser({ user: 'root', password: server.rootKey, database: 'CometQL_v1' });
    assert.equal(await users(), '0', 'now another developer');
    await link.ping();
    link.destroy();
    await assert.rejects(server.sql({ user: 15, password: 'wrong' }), { errno: 16, sqlState: '28000' });
  });

  test('mysql, after sixty statements it was given at once', async () => {
    const link = mysql.createConnection({
      host: server.host,
      port: server.cometqlPort,
      user: '15',
      password: KEY,
      database: 'CometQL_v1',
    });
    const ask = (method, ...args) =>
      new Promise((resolve, reject) =>
        link[method](...args, (error, answer) => (error ? reject(error) : resolve(answer))),
      );
    await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        ask('query', `INSERT INTO pipes_messages (name, event, message) VALUES ('sixty', 'e', '${index}')`),
      ),
    );
    for (let index = 0; index < 60; index += 1) {
      assert.equal((await browser.takeFrom('sixty')).data, String(index));
    }
    assert.equal((await ask('query', USERS))[0].users, '1');
    await ask('changeUser', { user: 'root', password: server.rootKey });
    assert.equal((await ask('query', USERS))[0].users, '0', 'now another developer');
    await ask('end');
  });
});
