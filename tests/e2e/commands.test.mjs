// What a browser may ask for: subscriptions, families of pipes, and everything
// it should not have sent.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Server } from '../support/server.mjs';
import { publish, subscribers } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

let server;
let sql;
before(async () => {
  server = await Server.start();
  sql = await server.sql();
  for (const id of [7, 42]) {
    await sql.query('INSERT INTO users_auth (id, hash) VALUES (?, ?)', [id, `key_of_${id}`]);
  }
});
after(() => server?.stop());

const userOf = (id) => ({ userId: id, userKey: `key_of_${id}` });

async function sysError(client) {
  const message = await client.take((one) => one.pipe === 'sys' && one.event === 'error', 'a sys error');
  assert.equal(message.error, undefined, 'not fatal');
  return message;
}

describe('subscriptions', () => {
  test('a list replaces the one before, and an empty one ends them all', async () => {
    const client = await server.browser();
    await client.subscribe('web_a', 'web_b');
    await client.subscribe('web_b', 'web_c');
    assert.deepEqual(
      await Promise.all(['web_a', 'web_b', 'web_c'].map((pipe) => subscribers(sql, pipe))),
      [0, 1, 1],
    );
    client.command('subscription');
    await client.processed();
    client.command('subscription', '');
    await client.processed();
    assert.equal(await subscribers(sql, 'web_b'), 0);
    client.destroy();
  });

  test('a name given twice is subscribed once', async () => {
    const client = await server.browser();
    await client.subscribe('web_twice', 'web_twice');
    assert.equal(await subscribers(sql, 'web_twice'), 1);
    await publish(sql, 'web_twice', 'e', '1');
    await publish(sql, 'web_twice', 'e', '2');
    assert.equal((await client.takeFrom('web_twice')).data, '1');
    assert.equal((await client.takeFrom('web_twice')).data, '2');
    client.destroy();
  });

  test('bad names are reported, the rest of the list works', async () => {
    const client = await server.browser();
    const forty = Array.from({ length: 40 }, (_, index) => `forty_${index}`);
    client.command('subscription', 'x', ...forty, 'y'.repeat(65), 'private_room', '', 'last_one');
    await client.processed();
    for (const name of ['forty_0', 'forty_39', 'last_one'])
      assert.equal(await subscribers(sql, name), 1, name);
    assert.equal(await subscribers(sql, 'private_room'), 0);
    const errors = client.inbox.filter((one) => one.pipe === 'sys');
    assert.ok(errors.length >= 3, JSON.stringify(errors));
    client.destroy();
  });

  test('messages published while a list is sent again are not lost', async () => {
    const client = await server.browser();
    await client.subscribe('web_again');
    const publishing = (async () => {
      for (let index = 0; index < 200; index += 1) await publish(sql, 'web_again', 'e', String(index));
    })();
    for (let round = 0; round < 50; round += 1) await client.subscribe('web_again', `web_round_${round}`);
    await publishing;
    for (let index = 0; index < 200; index += 1) {
      assert.equal((await client.takeFrom('web_again')).data, String(index));
    }
    client.destroy();
  });

  test('two tabs of one user are two subscribers, and the other tab hears the message', async () => {
    const tabs = [await server.browser(userOf(42)), await server.browser(userOf(42))];
    for (const tab of tabs) await tab.subscribe('web_tabs');
    assert.equal(await subscribers(sql, 'web_tabs'), 2);
    const { data } = await tabs[0].publishAndReport('web_tabs', 'e', 'hi');
    assert.equal(data.number_messages, 1);
    assert.equal((await tabs[1].takeFrom('web_tabs')).data, 'hi');
    for (const tab of tabs) tab.destroy();
  });
});

describe('families of pipes', () => {
  test('a browser publishes to web_ pipes, to webauth_ when authorised, and to nothing else', async () => {
    const anonymous = await server.browser();
    const user = await server.browser(userOf(42));
    for (const pipe of [
      'loginPipe',
      'news',
      'track_hall',
      'user_status_42',
      'private_x',
      'trust_x',
      'sys',
      'msg',
      '_answer',
      '@news',
      'web',
      'xweb_a',
      '@webauth_a',
    ]) {
      user.publish(pipe, 'e', '1');
      await sysError(user);
    }
    anonymous.publish('webauth_room', 'e', '1');
    await sysError(anonymous);
    await anonymous.subscribe('webauth_room', 'loginPipe');
    user.publish('webauth_room', 'e', '2');
    assert.equal((await anonymous.takeFrom('webauth_room')).data, '2');
    await publish(sql, 'loginPipe', 'e', 'end');
    assert.equal((await anonymous.takeFrom('loginPipe')).data, 'end');
    assert.deepEqual(user.waitingOn('_answer_to_loginPipe'), []);
    anonymous.destroy();
    user.destroy();
  });

  test('private_ pipes are for authorised users', async () => {
    const anonymous = await server.browser();
    const user = await server.browser(userOf(42));
    anonymous.command('subscription', 'private_club', 'web_open');
    await sysError(anonymous);
    await user.subscribe('private_club');
    assert.equal(await subscribers(sql, 'private_club'), 1);
    await sql.query("INSERT INTO pipes_settings (name, length) VALUES ('private_club', 5)");
    await publish(sql, 'private_club', 'e', 'secret');
    assert.equal((await user.takeFrom('private_club')).data, 'secret');
    anonymous.command('pipe_log', 'private_club', 'undefined', '');
    await anonymous.processed();
    assert.deepEqual(anonymous.waitingOn('private_club'), [], 'history is as private as the pipe');
    anonymous.destroy();
    user.destroy();
  });

  test('only web_ and track_ pipes are counted, only track_ pipes listed', async () => {
    const client = await server.browser(userOf(42));
    for (const pipe of ['web_x', 'track_x']) {
      client.command('pipe_count', pipe, 'm1', '');
      assert.equal((await client.take((one) => one.marker === 'm1')).data.user_in_pipe, 0);
    }
    for (const pipe of ['news', 'webauth_x', 'private_x', 'user_status_7']) {
      client.command('pipe_count', pipe, 'm2', '');
      await sysError(client);
    }
    for (const pipe of ['web_x', 'news']) {
      client.command('track_pipe_users', pipe, 'm3');
      assert.equal((await sysError(client)).data.user_id, -1);
    }
    assert.deepEqual(
      client.inbox.filter((one) => one.marker),
      [],
    );
    client.destroy();
  });

  for (const name of [
    'sys',
    'msg',
    '_answer',
    '_answer_to_web_room',
    'comet_msg_slave_send_msg',
    '__comet_x',
  ]) {
    test(`a backend cannot publish as ${name}`, async () => {
      await assert.rejects(publish(sql, name, 'e', '1'), { errno: 12 });
    });
  }
});

describe('bad commands', () => {
  const BAD = [
    ['an empty text', ''],
    ['an unknown word', 'nonsense\n1'],
    ['a word that only begins like a command', 'subscriptionX\nweb_prefix'],
    ['the removed first publish', 'web_pipe\nweb_x\n*\n1'],
    ['a publish without anything', 'web_pipe2'],
    ['a publish without a payload', 'web_pipe2\nweb_x\ne\n*'],
    ['a publish with a long fourth line', 'web_pipe2\nweb_x\ne\n**\n1'],
    ['a publish with a bad event', 'web_pipe2\nweb_x\na.b\n*\n1'],
    ['a publish with a long event', `web_pipe2\nweb_x\n${'e'.repeat(65)}\n*\n1`],
    ['a publish to a long name', `web_pipe2\nweb_${'x'.repeat(61)}\ne\n*\n1`],
    ['a publish to a bad name', 'web_pipe2\nweb_ж\ne\n*\n1'],
    ['a count without a pipe', 'pipe_count'],
    ['a count with a bad marker', 'pipe_count\nweb_x\na b\n'],
    ['a log with a long marker', `pipe_log\nweb_x\n${'m'.repeat(65)}\n`],
    ['a log without a pipe', 'pipe_log'],
    ['a list without a pipe', 'track_pipe_users'],
    ['a user without a number', 'user_data\n1\nbob'],
    ['a status of nobody', 'user_status\nbob'],
  ];

  for (const [what, text] of BAD) {
    test(`${what} is a sys error, and the connection lives`, async () => {
      const client = await server.browser();
      await client.subscribe('web_x');
      client.sendText(text);
      const error = await sysError(client);
      assert.match(error.data.error, /\w+ \w+/);
      await client.processed();
      assert.equal(await subscribers(sql, 'web_prefix'), 0);
      assert.deepEqual(client.waitingOn('web_x'), []);
      client.destroy();
    });
  }

  test('statistics is ignored without a word', async () => {
    const client = await server.browser();
    client.sendText('statistics\n{"url":"https://shop.example/cart","dev_id":"0","version":"4.08"}');
    client.sendText('statistics');
    await client.processed();
    assert.deepEqual(client.inbox, []);
    client.destroy();
  });

  test('the old stubs do no harm', async () => {
    const client = await server.browser();
    client.sendText('cgi_call\nx');
    client.sendText('CometQL_call\nm\ntoken');
    await client.processed();
    client.destroy();
  });
});

test('nothing a user sends reaches the top level of a message', async () => {
  const sender = await server.browser();
  const listener = await server.browser({ version: '3.25' });
  await listener.subscribe('web_top');
  const payload =
    '{"jscode":"alert(1)","error":500,"authorized":"true","marker":"m","uuid":"u","user_id":1,"pipe":"sys"}';
  const texts = [payload, `A::7;forged;${payload}`, `","jscode":"alert(1)`];
  for (const text of texts) sender.publish('web_top', 'e', text);
  sender.publish('web_top', 'end', '1');
  const last = await listener.take((one) => one.event === 'end');
  const heard = listener.lines.map((line) => line.message).filter((one) => one.pipe === 'web_top');
  // A text that forges a sender may be refused or quoted.
  assert.ok(heard.length >= texts.length && heard.at(-1) === last);
  for (const message of heard) {
    assert.deepEqual(Object.keys(message).sort(), [
      'data',
      'event',
      'event_name',
      'message_send_time',
      'pipe',
      'user_id',
    ]);
    assert.equal(message.user_id, 0);
    assert.equal(message.data.startsWith('A::'), false);
  }
  sender.destroy();
  listener.destroy();
});

test('one pipe has one order for everyone, and a publisher keeps its own across pipes', async () => {
  const listeners = [
    await server.browser(),
    await server.browser({ version: '3.25' }),
    await server.browser(),
  ];
  for (const listener of listeners) await listener.subscribe('web_order', 'web_order_2');
  const senders = [await server.browser(), await server.browser(), await server.browser()];
  for (let index = 0; index < 100; index += 1) {
    for (const [who, sender] of senders.entries()) {
      sender.publish('web_order', 'e', `${who}:${index}`);
      sender.publish('web_order_2', 'e', `${who}:${index}`);
    }
  }
  const orders = [];
  for (const listener of listeners) {
    await until(
      'all messages',
      () => listener.inbox.filter((one) => one.pipe?.startsWith('web_order')).length === 600,
    );
    orders.push(listener.waitingOn('web_order').map((one) => one.data));
    for (const who of senders.keys()) {
      const own = listener.inbox.filter((one) => one.data?.startsWith?.(`${who}:`));
      const expected = [];
      for (let index = 0; index < 100; index += 1) {
        expected.push(`web_order ${who}:${index}`, `web_order_2 ${who}:${index}`);
      }
      assert.deepEqual(
        own.map((one) => `${one.pipe} ${one.data}`),
        expected,
      );
    }
  }
  assert.deepEqual(orders[1], orders[0]);
  assert.deepEqual(orders[2], orders[0]);
  for (const client of [...listeners, ...senders]) client.destroy();
});
