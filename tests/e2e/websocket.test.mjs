// The connection itself: URL, handshake, greeting, frames, closing. Bytes count.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Server } from '../support/server.mjs';
import { publish, rows, subscribers } from '../support/sql.mjs';
import { until } from '../support/until.mjs';
import { OPCODE, WebSocketClient } from '../support/websocket.mjs';

const DEV_KEY = 'Developer15+key';
const KEY = 'k3yOfUser42';

let server;
let sql;
before(async () => {
  server = await Server.start({ devs: { 15: DEV_KEY } });
  sql = await server.sql();
  await sql.query('INSERT INTO users_auth (id, hash) VALUES (42, ?)', [KEY]);
});
after(() => server?.stop());

describe('the URL', () => {
  const uuid = 'Qm3xT0bWf8-aZr_1Lk9vYc2HdNp5sEuJ';
  const user = `sesion=${KEY}&myid=42&devid=0&v=4.08&uuid=${uuid}&api=js`;
  const FORMS = [
    [`/ws/${user}`, 'true'],
    [`//ws/${user}`, 'true'],
    [`/comet-server/ws/${user}`, 'true'],
    [`//comet-server/ws/${user}`, 'true'],
    [`/ws/?${user}`, 'true'],
    [`/ws?${user}`, 'true'],
    [`/ws/api=js&uuid=${uuid}&v=4.08&devid=0&myid=42&sesion=${KEY}`, 'true'],
    [`/ws/sesion=k3yOf%55ser42&myid=42&devid=0&v=4.08&uuid=${uuid}&api=js`, 'true'],
    [`/ws/sesion=${KEY}&myid=42&devid=0&v=04.08&uuid=${uuid}&api=js`, 'true'],
    [`/ws/sesion=${KEY}&myid=42&devid=0&v=4.08&api=js`, 'true'],
    [`/ws/sesion=${KEY}&myid=42&devid=0&v=4.08&uuid=short&api=js`, 'true'],
    [`/ws/sesion=${KEY}&myid=42&devid=15&v=4.08&uuid=${uuid}&api=js`, 'false'],
    [`/ws/sesion=${KEY}x&myid=42&devid=0&v=4.08&uuid=${uuid}&api=js`, 'false'],
    [`/ws/sesion=${KEY.toLowerCase()}&myid=42&devid=0&v=4.08&uuid=${uuid}&api=js`, 'false'],
    [`/ws/sesion=${KEY}&myid=43&devid=0&v=4.08&uuid=${uuid}&api=js`, 'false'],
    [`/ws/sesion=${KEY}&myid=-42&devid=0&v=4.08&uuid=${uuid}&api=js`, 'false'],
    [`/ws/sesion=${KEY}&myid=4294967338&devid=0&v=4.08&uuid=${uuid}&api=js`, 'false'],
    [`/ws/sesion=undefined&myid=undefined&devid=0&v=4.08&uuid=${uuid}&api=js`, 'false'],
    [`/ws/sesion=null&myid=null&devid=0&v=3.25&uuid=${uuid}&api=js`, 'false'],
    [`/ws/sesion=&myid=&devid=0&v=4.08&uuid=${uuid}&api=js`, 'false'],
    [`/ws/sesion=&myid=42&devid=0&v=4.08&uuid=${uuid}&api=js`, 'false'],
  ];

  for (const [path, authorized] of FORMS) {
    test(`${path} is ${authorized === 'true' ? 'user 42' : 'anonymous'}`, async () => {
      const client = await server.browser({ path });
      assert.equal(client.greeting.authorized, authorized);
      client.destroy();
    });
  }

  test('a uuid that is shorter than it should be takes nothing else with it', async () => {
    const client = await server.browser({ uuid: 'tiny-1' });
    await client.subscribe('web_uuid');
    const [row] = await rows(sql, "SELECT user_uuid FROM users_in_pipes WHERE name = 'web_uuid'");
    assert.equal(row.user_uuid, 'tiny-1');
    client.destroy();
  });
});

describe('the handshake', () => {
  test('is answered with the accept key and no extension or protocol nobody offered', async () => {
    const client = await server.browser({
      headers: { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits' },
    });
    assert.equal(client.status, 101);
    assert.equal(client.header('Sec-WebSocket-Accept'), client.expectedAccept);
    assert.match(client.header('Upgrade'), /^websocket$/i);
    assert.match(client.header('Connection'), /^upgrade$/i);
    assert.equal(client.header('Sec-WebSocket-Protocol'), undefined);
    assert.equal(client.header('Sec-WebSocket-Extensions'), undefined);
    client.destroy();
  });

  test('understands header names in any case', async () => {
    const client = await WebSocketClient.upgrade(server, {
      headers: {
        Host: undefined,
        host: 'x',
        Upgrade: undefined,
        upgrade: 'WebSocket',
        Connection: undefined,
        connection: 'keep-alive, Upgrade',
        'Sec-WebSocket-Key': undefined,
        'sec-websocket-key': 'Y29tZXQtZG9jLWtleS0wMQ==',
      },
    });
    assert.equal(client.status, 101);
    assert.equal(client.header('Sec-WebSocket-Accept'), 'KrH/Y6wZshuSy4DdggwWY233CT0=');
    client.destroy();
  });

  test('without a key is a bad request', async () => {
    const client = await WebSocketClient.upgrade(server, { headers: { 'Sec-WebSocket-Key': undefined } });
    assert.equal(client.status, 400);
    client.destroy();
  });

  const REFUSED = [
    ['/ws/nothing', 401],
    ['/ws/sesion=abc', 401],
    ['/ws/sesion=abc&api=js', 401],
    [`/ws/sesion=${'k'.repeat(600)}&myid=42&devid=0&v=4.08&uuid=u&api=js`, 401],
    ['/ws/sesion=abc&myid=1&api=js', 406],
    ['/ws/sesion=abc&myid=1&devid=0&api=js', 418],
    ['/ws/sesion=abc&myid=1&devid=0&v=four&uuid=u&api=js', 418],
    ['/ws/sesion=abc&myid=1&devid=0&v=&uuid=u&api=js', 418],
  ];
  for (const [path, code] of REFUSED) {
    const name = path.length > 70 ? `${path.slice(0, 67)}...` : path;
    test(`${name} is told ${code} after the upgrade, then dropped`, async () => {
      await refusedWith(server, code, { path });
    });
  }

  test('of an unknown developer is told so and dropped', async () => {
    const client = await WebSocketClient.upgrade(server, { devId: 16 });
    assert.equal(client.status, 101);
    const message = await client.take((one) => one.pipe === 'sys');
    assert.equal(message.event, 'error');
    assert.ok(message.error > 400, 'a client must stop retrying');
    await client.waitUntilDropped();
    assert.deepEqual(client.closeFrames, []);
  });

  test("of any developer is root's while there is no other", async (t) => {
    const alone = await Server.start();
    t.after(() => alone.stop());
    const client = await alone.browser({ devId: 15 });
    await client.subscribe('web_room');
    await publish(await alone.sql(), 'web_room', 'e', 'hello');
    assert.equal((await client.takeFrom('web_room')).data, 'hello');
  });

  test('from a page that is not on the list is told 423', async (t) => {
    const strict = await Server.start({ args: ['--allow-origin', 'shop.example'] });
    t.after(() => strict.stop());
    for (const origin of ['https://evil.example', 'https://shop.example.evil.example', undefined]) {
      await refusedWith(strict, 423, { headers: { Origin: origin } });
    }
    for (const origin of ['https://shop.example', 'http://shop.example:8080']) {
      const client = await strict.browser({ headers: { Origin: origin } });
      assert.equal(client.greeting.event, 'serverInfo');
    }
  });

  async function refusedWith(target, code, options) {
    const client = await WebSocketClient.upgrade(target, options);
    assert.equal(client.status, 101);
    const message = await client.take((one) => one.pipe === 'sys');
    assert.equal(message.event, 'error');
    assert.equal(message.error, code);
    // Who has not said a version gets the envelope of version 3.
    const data = typeof message.data === 'string' ? JSON.parse(message.data) : message.data;
    assert.equal(data.error_code, code);
    assert.match(data.error, /\w+ \w+/);
    await client.waitUntilDropped();
    // Who is not known to be an old client may get a proper Close.
    if (client.path.includes('api=js')) assert.deepEqual(client.closeFrames, []);
    assert.equal(client.lines.length, 1);
    client.destroy();
  }
});

describe('the greeting', () => {
  test('of a v4 client has these fields and no others', async () => {
    const before = Math.floor(Date.now() / 1000);
    const { greeting } = await server.browser({ userId: 42, userKey: KEY });
    assert.ok(greeting.message_send_time >= before && greeting.message_send_time <= Date.now() / 1000 + 1);
    assert.match(greeting.server, /^CometWire \d+\.\d+/i);
    delete greeting.message_send_time;
    delete greeting.server;
    delete greeting.event_name;
    assert.deepEqual(greeting, { authorized: 'true', data: KEY, event: 'serverInfo', pipe: 'sys' });
  });

  test('of a v3 client names the event twice', async () => {
    const { greeting } = await server.browser({ userId: 42, userKey: KEY, version: '3.25' });
    assert.equal(greeting.event_name, 'serverInfo');
    assert.equal(greeting.authorized, 'true');
    assert.equal(greeting.data, KEY);
  });

  test('of an anonymous client repeats no key', async () => {
    for (const version of ['3.25', '4.08']) {
      const client = await server.browser({ userId: 42, userKey: 'wrong', version });
      assert.equal(client.greeting.authorized, 'false');
      assert.equal(client.greeting.data, '');
    }
  });

  test('is the first message, before the queue', async () => {
    await sql.query("INSERT INTO users_auth (id, hash) VALUES (50, 'key_of_50')");
    await sql.query("INSERT INTO users_messages (id, event, message) VALUES (50, 'order', '{\"n\":7}')");
    const inserted = Math.floor(Date.now() / 1000);
    const client = await server.browser({ userId: 50, userKey: 'key_of_50' });
    const queued = await client.takeFrom('msg');
    assert.equal(client.lines[0].message, client.greeting);
    assert.equal(client.lines[1].message, queued);
    assert.ok(Math.abs(queued.message_send_time - inserted) <= 1);
    delete queued.message_send_time;
    delete queued.event_name;
    assert.deepEqual(queued, { data: '{"n":7}', event: 'order', fromQueue: true, pipe: 'msg' });
  });
});

describe('frames', () => {
  test('a message in fragments, with a ping between them, is one message', async () => {
    const client = await server.browser();
    client.sendFrame({ fin: false, payload: 'subscr' });
    client.sendFrame({ opcode: OPCODE.ping, payload: 'between' });
    client.sendFrame({ fin: false, opcode: OPCODE.continuation, payload: 'iption\nweb_' });
    client.sendFrame({ fin: true, opcode: OPCODE.continuation, payload: 'fragments' });
    await client.processed();
    await publish(sql, 'web_fragments', 'e', 'heard');
    assert.equal((await client.takeFrom('web_fragments')).data, 'heard');
    assert.deepEqual(pongs(client), ['between']);
    client.destroy();
  });

  test('a ping is answered with its own bytes', async () => {
    const client = await server.browser();
    for (const payload of ['', 'x'.repeat(125)]) client.sendFrame({ opcode: OPCODE.ping, payload });
    await until('two pongs', () => pongs(client).length === 2);
    assert.deepEqual(pongs(client), ['', 'x'.repeat(125)]);
    client.destroy();
  });

  test('a frame cut into single bytes is understood', async () => {
    const client = await server.browser();
    const text = 'subscription\nweb_byte_by_byte';
    const bytes = [];
    const send = client.sendBytes.bind(client);
    client.sendBytes = (frame) => bytes.push(...frame);
    client.sendText(text);
    client.sendBytes = send;
    for (const byte of bytes) {
      await new Promise((resolve) => client.socket.write(Buffer.from([byte]), resolve));
    }
    await client.processed();
    assert.equal(await subscribers(sql, 'web_byte_by_byte'), 1);
    client.destroy();
  });

  test('a hundred commands in one segment are all done, in order', async () => {
    const listener = await server.browser();
    await listener.subscribe('web_burst');
    const client = await server.browser();
    client.socket.cork();
    for (let index = 0; index < 100; index += 1) client.publish('web_burst', 'e', String(index));
    client.socket.uncork();
    for (let index = 0; index < 100; index += 1) {
      assert.equal((await listener.takeFrom('web_burst')).data, String(index));
    }
    client.destroy();
    listener.destroy();
  });

  test('binary frames are read as text or ignored, and the connection lives', async () => {
    const client = await server.browser();
    client.sendFrame({ opcode: OPCODE.binary, payload: 'subscription\nweb_binary' });
    client.sendFrame({ opcode: OPCODE.binary, payload: Buffer.from([0xff, 0xfe, 0x00]) });
    await client.processed();
    client.destroy();
  });

  test('a frame of every length around 125 and 65535 arrives whole', async () => {
    const listener = await server.browser();
    await listener.subscribe('web_each');
    await publish(sql, 'web_each', 'e', '');
    const empty = Buffer.byteLength(await listener.lineFrom('web_each'));
    const lengths = [70_000];
    for (let length = 110; length <= 140; length += 1) lengths.push(length);
    for (let length = 65_530; length <= 65_540; length += 1) lengths.push(length);
    for (const length of lengths) {
      const text = 'y'.repeat(length - empty);
      await publish(sql, 'web_each', 'e', text);
      const line = await listener.lineFrom('web_each');
      assert.equal(Buffer.byteLength(line), length);
      assert.equal(JSON.parse(line).data, text);
    }
    listener.destroy();
  });

  test('an oversized message is answered with an error, then the connection is dropped', async () => {
    const client = await server.browser();
    client.sendFrame({ payload: Buffer.alloc(8 * 1024 * 1024, 'x') });
    const message = await client.take((one) => one.pipe === 'sys' && one.event === 'error');
    assert.match(message.data.error, /\w+ \w+/);
    await client.waitUntilDropped();
    assert.deepEqual(client.closeFrames, []);
  });

  const INVALID = {
    'an unmasked frame': (client) => client.sendFrame({ payload: 'subscription\nweb_x', masked: false }),
    'a reserved bit': (client) => client.sendFrame({ payload: 'subscription\nweb_x', reserved: 4 }),
    'an unknown opcode': (client) => client.sendFrame({ opcode: 3, payload: 'x' }),
    'a continuation of nothing': (client) => client.sendFrame({ opcode: OPCODE.continuation, payload: 'x' }),
    'a ping in fragments': (client) => client.sendFrame({ fin: false, opcode: OPCODE.ping, payload: 'x' }),
    'a ping of 126 bytes': (client) => client.sendFrame({ opcode: OPCODE.ping, payload: 'x'.repeat(126) }),
    'text that is not UTF-8': (client) =>
      client.sendFrame({ payload: Buffer.from('web_pipe2\nweb_x\ne\n*\n\xff\xfe', 'latin1') }),
    'a length of 2^63': (client) =>
      client.sendBytes(Buffer.from([0x81, 0xff, ...Array(8).fill(0xff), 1, 2, 3, 4])),
  };
  for (const [what, send] of Object.entries(INVALID)) {
    test(`${what} ends at most its own connection, without a Close frame`, async () => {
      const other = await server.browser();
      await other.subscribe('web_x');
      const client = await server.browser();
      send(client);
      const outcome = await Promise.race([
        client.waitUntilDropped().then(() => 'dropped'),
        client
          .take((one) => one.pipe === 'sys' && one.event === 'error')
          .then(
            () => 'told',
            () => 'dropped',
          ),
      ]);
      assert.ok(['dropped', 'told'].includes(outcome));
      assert.deepEqual(client.closeFrames, []);
      await publish(sql, 'web_x', 'e', 'alive');
      assert.equal((await other.takeFrom('web_x')).data, 'alive');
      client.destroy();
      other.destroy();
    });
  }

  function pongs(client) {
    return client.frames
      .filter((frame) => frame.opcode === OPCODE.pong)
      .map((frame) => frame.payload.toString());
  }
});

describe('closing', () => {
  const CLOSE = Buffer.from([0x03, 0xe8]);

  for (const version of ['3.25', '4.08']) {
    test(`a Close frame of a ${version} client is never echoed`, async () => {
      const client = await server.browser({ version });
      await client.subscribe('web_closing');
      client.sendFrame({ opcode: OPCODE.close, payload: CLOSE });
      await client.waitUntilDropped();
      assert.deepEqual(client.closeFrames, []);
      client.destroy();
    });
  }

  test('a v3 client is offline at once, hears nothing more, and is dropped a second later', async () => {
    await sql.query("INSERT INTO users_auth (id, hash) VALUES (51, 'key_of_51')");
    const client = await server.browser({ version: '3.25', userId: 51, userKey: 'key_of_51' });
    await client.subscribe('web_restart');
    const closedAt = Date.now();
    client.sendFrame({ opcode: OPCODE.close, payload: CLOSE });
    await until('it is unsubscribed', async () => (await subscribers(sql, 'web_restart')) === 0);
    assert.notEqual((await rows(sql, 'SELECT time FROM users_time WHERE id = 51'))[0].time, '0');
    assert.equal(client.ended, false, 'the socket stays open');
    const heard = client.raw.length;
    await publish(sql, 'web_restart', 'e', 'x');
    await sql.query("INSERT INTO users_messages (id, event, message) VALUES (51, 'e', 'x')");
    await client.waitUntilDropped();
    assert.ok(client.endedAt - closedAt >= 1000, `dropped after ${client.endedAt - closedAt} ms`);
    assert.equal(client.raw.length, heard);
    assert.equal((await rows(sql, 'SELECT * FROM users_messages WHERE id = 51')).length, 1);
    client.destroy();
  });

  test('any other client gets a proper Close', async () => {
    const client = await server.browser({ api: 'generic' });
    client.sendFrame({ opcode: OPCODE.close, payload: CLOSE });
    await client.waitUntilDropped();
    assert.deepEqual(
      client.closeFrames.map((frame) => frame.payload.subarray(0, 2)),
      [CLOSE],
    );
    client.destroy();
  });

  test('a server that stops drops old clients without a Close frame', async () => {
    const leaving = await Server.start();
    const clients = [await leaving.browser({ version: '3.25' }), await leaving.browser({ version: '4.08' })];
    leaving.connections = [];
    await leaving.stop();
    for (const client of clients) {
      await client.waitUntilDropped();
      assert.deepEqual(client.closeFrames, []);
      client.destroy();
    }
  });

  test('a reset of the TCP connection takes the user offline', async () => {
    await sql.query("INSERT INTO users_auth (id, hash) VALUES (52, 'key_of_52')");
    const client = await server.browser({ userId: 52, userKey: 'key_of_52' });
    await client.subscribe('web_reset');
    client.socket.resetAndDestroy();
    await until('it is gone', async () => (await subscribers(sql, 'web_reset')) === 0);
    assert.notEqual((await rows(sql, 'SELECT time FROM users_time WHERE id = 52'))[0].time, '0');
  });
});

describe('a quiet connection', () => {
  let impatient;
  before(async () => {
    impatient = await Server.start({ args: ['--keep-alive-seconds', '1'] });
  });
  after(() => impatient?.stop());

  test('is pinged, and lives as long as it answers', async () => {
    const client = await impatient.browser();
    await until('three pings', () => pings(client) >= 3);
    await client.processed();
  });

  test('is dropped without a Close frame when it no longer answers', async () => {
    const client = await impatient.browser({ answersPings: false });
    await client.waitUntilDropped();
    assert.ok(pings(client) >= 1);
    assert.deepEqual(client.closeFrames, []);
  });

  function pings(client) {
    return client.frames.filter((frame) => frame.opcode === OPCODE.ping).length;
  }
});

test('a reader that stops reading is dropped, and nobody else waits for it', async (t) => {
  const bounded = await Server.start({ args: ['--max-queued-bytes', '65536'] });
  t.after(() => bounded.stop());
  const backend = await bounded.sql();
  const stuck = await bounded.browser();
  const reader = await bounded.browser();
  for (const client of [stuck, reader]) await client.subscribe('web_flood');
  stuck.socket.pause();
  const text = 'x'.repeat(60_000);
  let published = 0;
  while ((await subscribers(backend, 'web_flood')) === 2) {
    await publish(backend, 'web_flood', 'e', `${published}:${text}`);
    const { data } = await reader.takeFrom('web_flood');
    assert.equal(data, `${published}:${text}`);
    published += 1;
    assert.ok(published < 2000, 'the stuck reader is never dropped');
  }
  await reader.processed();
  stuck.socket.resume();
  await stuck.waitUntilDropped();
  assert.deepEqual(stuck.closeFrames, []);
});
