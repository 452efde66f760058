// Tokens in place of keys: who gets in, and what revoking one does.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { OldClient } from '../support/old-client.mjs';
import { Server } from '../support/server.mjs';
import { rows } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const KEY = 'key_of_developer_15';
const LATER = Math.floor(Date.now() / 1000) + 3600;

const base64 = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function token(claims, { secret = `${KEY}15`, header = { alg: 'HS256', typ: 'JWT' }, hash = 'sha256' } = {}) {
  const text = `${base64(header)}.${base64(claims)}`;
  return `${text}.${createHmac(hash, secret).update(text).digest('base64url')}`;
}

const good = (userId, more = {}) => token({ user_id: userId, exp: LATER, ...more });

let server;
let sql;
before(async () => {
  server = await Server.start({ devs: { 15: KEY } });
  sql = await server.sql({ user: '15', password: KEY });
});
after(() => server?.stop());

const browser = (userId, userKey) => server.browser({ userId, userKey, devId: 15 });

test('a token lets its user in, and the greeting tells no key', async () => {
  await sql.query("INSERT INTO users_auth (id, hash) VALUES (42, 'permanent_key')");
  const { greeting } = await browser(42, good(42));
  assert.equal(greeting.authorized, 'true');
  assert.equal(greeting.data, '');
  await browser(43, good(43));
  assert.deepEqual(await rows(sql, 'SELECT * FROM users_auth WHERE id = 43'), []);
});

test('what is no valid token makes an anonymous visitor', async () => {
  const cases = {
    'another user': good(7),
    'a user id in quotes': good('42'),
    'no end': token({ user_id: 42 }),
    'an end that has passed': token({ user_id: 42, exp: 1700000000 }),
    'the key alone': token({ user_id: 42, exp: LATER }, { secret: KEY }),
    'another developer': token({ user_id: 42, exp: LATER }, { secret: `${KEY}16` }),
    'alg none': `${base64({ alg: 'none' })}.${base64({ user_id: 42, exp: LATER })}.`,
    'alg HS512': token({ user_id: 42, exp: LATER }, { header: { alg: 'HS512' }, hash: 'sha512' }),
    'a part missing': good(42).split('.').slice(0, 2).join('.'),
    'no JSON': 'a.b.c',
  };
  for (const [name, text] of Object.entries(cases)) {
    const { greeting } = await browser(42, text);
    assert.equal(greeting.authorized, 'false', name);
    assert.equal(greeting.data, '', name);
  }
});

test('revoking a token drops its user, who does not come in with it again', async () => {
  const text = good(50, { jti: 'revoked' });
  const tab = await browser(50, text);
  await sql.query('INSERT INTO revoked_tokens (token) VALUES (?)', [text]);
  await until('the connection is dropped', () => tab.ended);
  assert.deepEqual(tab.closeFrames, []);
  assert.equal((await browser(50, text)).greeting.authorized, 'false');
  assert.equal((await browser(50, good(50))).greeting.authorized, 'true');
  await sql.query('DELETE FROM revoked_tokens WHERE token = ?', [text]);
  assert.equal((await browser(50, text)).greeting.authorized, 'true');
});

test("a browser reads a user's data", async () => {
  await sql.query('INSERT INTO users_data (id, data) VALUES (42, ?)', ['{"name":"Ann"}']);
  const tab = await server.browser({ devId: 15 });
  for (const [id, expected] of [[42, '{"name":"Ann"}'], [4242, '']]) {
    tab.command('user_data', `m${id}`, id);
    const { data } = await tab.take((message) => message.marker === `m${id}`, 'the data');
    const answer = typeof data === 'string' ? JSON.parse(data) : data;
    assert.deepEqual(answer, { user_data: expected, user_id: id });
  }
});

for (const version of ['3.25', '4.08']) {
  describe(`client ${version}`, () => {
    test('is authorised by a token, and anonymous once it is revoked', async (t) => {
      const client = new OldClient(server, version);
      t.after(() => client.destroy());
      const text = good(60, { jti: version });
      client.start({ user_id: '60', user_key: text, dev_id: 15 });
      await client.settle();
      assert.equal(client.isAuthorized(), true);
      await sql.query('INSERT INTO revoked_tokens (token) VALUES (?)', [text]);
      await until('it is back', () => client.transports.length >= 2 && client.isOpen);
      assert.equal(client.isAuthorized(), false);
    });

    for (const [what, text] of [
      ['a token that has ended', () => token({ user_id: 60, exp: 1700000000 })],
      ["another user's token", () => good(61)],
      ['a token that names its user in quotes', () => good('60')],
    ]) {
      test(`is told that it is not authorised by ${what}`, async (t) => {
        const client = new OldClient(server, version);
        t.after(() => client.destroy());
        client.start({ user_id: '60', user_key: text(), dev_id: 15 });
        await client.settle();
        assert.equal(client.isAuthorized(), false);
        assert.equal(client.authFailures, 1);
        assert.equal(client.authSuccesses, 0);
      });
    }
  });
}
