// What somebody sends who wants the server slow, full or dead. After each attempt it
// serves others as before, and its memory is what it was.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import { COMMAND, packet } from '../support/mysql-wire.mjs';
import { Server } from '../support/server.mjs';
import { connectSql, publish, refusal, rows } from '../support/sql.mjs';
import { settled, until } from '../support/until.mjs';
import { encodeFrame } from '../support/websocket.mjs';

const MEBIBYTE = 1 << 20;
const SEEN_ENOUGH = { within: 30_000 };

let server;
let sql;
let witness;
before(async () => {
  server = await Server.start({ args: ['--query-seconds', '1', '--max-browsers', '150', '--max-backends', '150', '--login-seconds', '3'] });
  sql = await server.sql();
  witness = await server.browser();
  await witness.subscribe('web_witness');
});
after(() => server?.stop());

/** Somebody else is served, on both ports. */
async function othersAreServed() {
  await publish(sql, 'web_witness', 'e', 'served');
  assert.equal((await witness.takeFrom('web_witness')).data, 'served');
}

/** Bytes of memory the process holds. */
function memory() {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.program.child.pid}/status`, 'utf8'))[1]) * 1024;
}

/** Sockets that have said `bytes` and wait; `.ended` counts those the server closed. */
async function sockets(count, port, bytes) {
  const crowd = { ended: 0, all: [] };
  await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = net.connect({ host: server.host, port });
      crowd.all.push(socket);
      socket.on('error', () => {});
      socket.on('close', () => (crowd.ended += 1));
      socket.resume();
      await settled('a TCP connection', new Promise((resolve) => socket.once('connect', resolve)), SEEN_ENOUGH);
      if (bytes) socket.write(bytes);
    }),
  );
  return crowd;
}

const leave = (crowd) => crowd.all.forEach((socket) => socket.destroy());

describe('connections that come and say little', () => {
  test('a hundred requests that never end, a byte at a time, are given up', async () => {
    const crowd = await sockets(100, server.httpPort, 'GET /ws/sesion=a HTTP/1.1\r\nHost: x\r\n');
    const drip = setInterval(() => crowd.all.forEach((socket) => socket.writable && socket.write('X')), 200);
    try {
      await othersAreServed();
      await until('all are given up', () => crowd.ended === 100, SEEN_ENOUGH);
    } finally {
      clearInterval(drip);
    }
    await othersAreServed();
  });

  test('a hundred logins that never end, a byte at a time, are given up', async () => {
    const crowd = await sockets(100, server.cometqlPort, Buffer.from([0xff, 0, 0, 1]));
    const drip = setInterval(() => crowd.all.forEach((socket) => socket.writable && socket.write('X')), 200);
    try {
      await othersAreServed();
      await until('all are given up', () => crowd.ended === 100, SEEN_ENOUGH);
    } finally {
      clearInterval(drip);
    }
    await othersAreServed();
  });

  test('a flood fills the ports up to their bounds, those inside are served, and there is room afterwards', async () => {
    const crowds = await Promise.all([sockets(400, server.httpPort), sockets(400, server.cometqlPort)]);
    await until('those past the bounds are turned away', () => crowds.every((crowd) => crowd.ended >= 250), SEEN_ENOUGH);
    await othersAreServed();
    crowds.forEach(leave);
    const browser = await until('there is room for browsers', () => server.browser(), SEEN_ENOUGH);
    browser.destroy();
    const backend = await until('there is room for backends', () => server.sql(), SEEN_ENOUGH);
    backend.destroy();
  });
});

describe('frames', () => {
  test('a message in a million pieces is one message or a closed connection, and costs no memory', async () => {
    const attacker = await server.browser();
    const before = memory();
    const piece = (fin, opcode) => encodeFrame({ fin, opcode, payload: Buffer.from('x'), masked: true });
    const thousand = Buffer.concat(Array.from({ length: 1000 }, () => piece(false, 0)));
    attacker.sendBytes(Buffer.concat([piece(false, 1), Buffer.alloc(0)]));
    for (let sent = 0; sent < 1000 && !attacker.ended; sent += 1) {
      attacker.sendBytes(thousand);
      if (attacker.socket.writableNeedDrain) {
        await Promise.race([new Promise((resolve) => attacker.socket.once('drain', resolve)), attacker.dropped]);
      }
    }
    if (!attacker.ended) {
      attacker.sendBytes(piece(true, 0));
      await until('it is answered or closed', () => attacker.ended || attacker.inbox.length > 0, SEEN_ENOUGH);
    }
    await othersAreServed();
    assert.ok(memory() - before < 32 * MEBIBYTE, `${memory() - before} bytes more`);
    attacker.destroy();
  });

  test('empty pieces without end are read without keeping them', async () => {
    const attacker = await server.browser();
    const before = memory();
    const empty = Buffer.concat(Array.from({ length: 20_000 }, () => encodeFrame({ fin: false, opcode: 0, payload: Buffer.alloc(0), masked: true })));
    attacker.sendBytes(encodeFrame({ fin: false, opcode: 1, payload: Buffer.alloc(0), masked: true }));
    for (let sent = 0; sent < 20 && !attacker.ended; sent += 1) attacker.sendBytes(empty);
    await othersAreServed();
    if (!attacker.ended) {
      attacker.sendFrame({ opcode: 0, payload: 'pipe_count\nweb_witness\nm\n' });
      await attacker.take((message) => message.marker === 'm', 'the answer');
    }
    assert.ok(memory() - before < 32 * MEBIBYTE, `${memory() - before} bytes more`);
    attacker.destroy();
  });

  test('a length of nine exabytes reserves nothing', async () => {
    const before = memory();
    for (const length of [2n ** 63n - 1n, 2n ** 40n, BigInt(64 * MEBIBYTE)]) {
      const attacker = await server.browser();
      const head = Buffer.alloc(14);
      head.writeUInt16BE(0x81ff);
      head.writeBigUInt64BE(length, 2);
      attacker.sendBytes(head);
      await attacker.waitUntilDropped();
      attacker.destroy();
    }
    await othersAreServed();
    assert.ok(memory() - before < 32 * MEBIBYTE, `${memory() - before} bytes more`);
  });

  test('bytes of chance after the handshake end that connection and no other', async () => {
    let state = 7;
    const byte = () => ((state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) >>> 16) & 0xff;
    for (let round = 0; round < 60; round += 1) {
      const attacker = await server.browser();
      attacker.sendBytes(Buffer.from(Array.from({ length: 300 }, byte)));
      attacker.socket.end();
      await attacker.waitUntilDropped();
      attacker.destroy();
    }
    await othersAreServed();
  });
});

describe('statements', () => {
  const DEPTH = 10_000;
  const nested = {
    parentheses: `SELECT ${'('.repeat(DEPTH)}1${')'.repeat(DEPTH)}`,
    'sub-selects': `SELECT ${'(SELECT '.repeat(DEPTH)}1${')'.repeat(DEPTH)}`,
    functions: `SELECT ${'UPPER('.repeat(DEPTH)}'x'${')'.repeat(DEPTH)}`,
    'CASE': `SELECT ${'CASE WHEN 1 THEN '.repeat(DEPTH)}1${' END'.repeat(DEPTH)}`,
    'NOT': `SELECT * FROM pipes WHERE ${'NOT '.repeat(DEPTH)}1`,
    'AND and OR': `SELECT 1 WHERE ${'(1 AND (0 OR '.repeat(DEPTH)}1${'))'.repeat(DEPTH)}`,
    joins: `SELECT 1 FROM ${'('.repeat(DEPTH)}pipes${' JOIN pipes p)'.repeat(DEPTH)}`,
    unions: `SELECT 1${' UNION SELECT 1'.repeat(DEPTH)}`,
    comments: `SELECT ${'/*'.repeat(DEPTH)}1${'*/'.repeat(DEPTH)}`,
    signs: `SELECT ${'- '.repeat(DEPTH)}1`,
    'lists in INSERT': `INSERT INTO pipes_messages (name, event, message) VALUES ${'('.repeat(DEPTH)}1`,
    'a nested JSON path': `SELECT JSON_EXTRACT('${'['.repeat(DEPTH)}${']'.repeat(DEPTH)}', '$${'[0]'.repeat(DEPTH)}')`,
  };
  for (const [name, statement] of Object.entries(nested)) {
    test(`ten thousand nested ${name} are an answer or an error`, async () => {
      const [outcome] = await Promise.allSettled([settled('an answer', sql.query(statement), SEEN_ENOUGH)]);
      assert.ok(outcome.status === 'fulfilled' || outcome.reason.errno > 0, String(outcome.reason));
      await othersAreServed();
    });
  }

  const endless = {
    'a product of tables': `SELECT COUNT(*) FROM ${Array.from({ length: 8 }, (_, i) => `information_schema.COLUMNS c${i}`).join(', ')}`,
    'an expression for every row of it': `SELECT MAX(SHA2(CONCAT(a.COLUMN_NAME, b.COLUMN_NAME, c.COLUMN_NAME), 256)) FROM information_schema.COLUMNS a, information_schema.COLUMNS b, information_schema.COLUMNS c`,
    'a recursion': 'WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT COUNT(*) FROM r',
    'sleep': 'SELECT SLEEP(1000)',
    'a benchmark': "SELECT BENCHMARK(1000000000, SHA2('x', 512))",
  };
  for (const [name, statement] of Object.entries(endless)) {
    test(`${name} without end ends within its time, as an error`, async () => {
      const other = await server.sql();
      const [outcome] = await Promise.allSettled([settled('its end', other.query(statement), SEEN_ENOUGH)]);
      assert.equal(outcome.status, 'rejected', JSON.stringify(outcome.value?.[0]));
      assert.ok(outcome.reason.errno > 0, String(outcome.reason));
      await othersAreServed();
      other.destroy();
    });
  }

  test('patterns made to run for ever do not', async () => {
    const text = `${'a'.repeat(5000)}!`;
    const patterns = ['(a+)+$', '(a|aa)+$', '(a|a?)+$', '(.*a){25}', '((a{1,99}){1,99}){1,99}', `${'a?'.repeat(200)}${'a'.repeat(200)}`];
    for (const pattern of patterns) {
      const [outcome] = await Promise.allSettled([settled('an answer', sql.query('SELECT ? REGEXP ? AS found', [text, pattern]), SEEN_ENOUGH)]);
      assert.ok(outcome.status === 'fulfilled' || outcome.reason.errno > 0, `${pattern}: ${outcome.reason}`);
    }
    const like = `SELECT ? LIKE '${'%a'.repeat(400)}%b' AS found`;
    const [outcome] = await Promise.allSettled([settled('an answer', sql.query(like, [text]), SEEN_ENOUGH)]);
    assert.ok(outcome.status === 'fulfilled' || outcome.reason.errno > 0, String(outcome.reason));
    await othersAreServed();
  });

  test('texts made to fill the memory are refused', async () => {
    const before = memory();
    const statements = [
      "SELECT REPEAT('x', 4000000000)",
      "SELECT REPEAT(REPEAT('x', 1000000), 1000000)",
      "SELECT LPAD('x', 4000000000, 'y')",
      "SELECT SPACE(4000000000)",
      "SELECT GROUP_CONCAT(REPEAT('x', 1000000)) FROM information_schema.COLUMNS a, information_schema.COLUMNS b",
      `SELECT ${Array.from({ length: 30 }, () => 'REPLACE(').join('')}'xx'${", 'x', 'xx')".repeat(30)}`,
      `SELECT HEX(${'HEX('.repeat(25)}REPEAT('x', 1000000)${')'.repeat(25)})`,
    ];
    for (const statement of statements) {
      const [outcome] = await Promise.allSettled([settled('an answer', sql.query(statement), SEEN_ENOUGH)]);
      const value = outcome.status === 'fulfilled' ? Object.values(outcome.value[0][0])[0] : undefined;
      assert.ok(value === null || value?.length < 64 * MEBIBYTE || outcome.reason?.errno > 0, `${statement}: ${outcome.reason}`);
    }
    await othersAreServed();
    await until('the memory is given back', () => memory() - before < 192 * MEBIBYTE);
  });
});

describe('names with every byte', () => {
  const ALLOWED = /^[A-Za-z0-9_-]$/;
  const every = Array.from({ length: 256 }, (_, byte) => byte);

  test('a name is its alphabet or an error, on every road to a pipe, an event and a key', async () => {
    const backend = await server.sql();
    for (const byte of every) {
      const letter = Buffer.from([byte]).toString('latin1');
      const isAllowed = ALLOWED.test(letter);
      const name = `web_${letter}x`;
      const statements = [
        [['INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)', [name, 'e', 'm']], isAllowed],
        [['INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)', ['web_x', `e${letter}`, 'm']], isAllowed],
        [['INSERT INTO pipes_settings (name, length) VALUES (?, 1)', [name]], isAllowed],
        [['INSERT INTO users_auth (id, hash) VALUES (1, ?)', [`k${letter}`]], /^[A-Za-z0-9=+/_]$/.test(letter)],
      ];
      for (const [[statement, values], isGood] of statements) {
        const [outcome] = await Promise.allSettled([backend.execute(statement, values)]);
        assert.equal(outcome.status === 'fulfilled', isGood, `${statement} with byte ${byte}: ${outcome.reason ?? 'accepted'}`);
        if (!isGood) assert.ok(outcome.reason.errno > 0, String(outcome.reason));
      }
    }
    backend.destroy();
    await othersAreServed();
  });

  test('raw bytes in a statement and in a login are answered, whatever they are', async () => {
    for (const byte of every) {
      const odd = Buffer.from([byte]);
      const backend = await connectSql(server, { user: 'root', password: server.rootKey });
      const stream = backend.connection.stream;
      const answered = new Promise((resolve) => stream.once('data', resolve));
      stream.write(packet(0, Buffer.concat([Buffer.from([COMMAND.query]), Buffer.from('SELECT '), odd, Buffer.from(' FROM `pi'), odd, Buffer.from("` WHERE name = 'web_"), odd, Buffer.from("'")])));
      await settled(`an answer to byte ${byte}`, answered);
      backend.destroy();
    }
    for (const user of ['\u0000', "'; DROP TABLE users_auth; --", 'ro\u0000ot', '15\u0000', ' root', 'root ', '-1', '99999999999', '😀'.repeat(50)]) {
      await assert.rejects(connectSql(server, { user, password: 'wrong' }), (error) => error.errno > 0 || error.code !== undefined);
    }
    await othersAreServed();
  });

  test('a page that says names of any bytes is answered or told why, and stays', async () => {
    const page = await server.browser();
    for (const byte of every.filter((value) => value !== 10)) {
      const letter = String.fromCharCode(byte);
      page.command('web_pipe2', `web_${letter}x`, 'e', '*', '"m"');
      page.command('web_pipe2', 'web_x', `e${letter}`, '*', '"m"');
      page.command(`pipe_count${letter}`, 'web_x', 'm', '');
      page.command('user_data', letter, letter);
    }
    await page.processed();
    const errors = page.inbox.filter((message) => message.event === 'error').length;
    assert.ok(errors > 4 * (255 - 80), `${errors} errors`);
    page.destroy();
    await othersAreServed();
  });

  test('no payload passes for a message of another sender', async () => {
    const page = await server.browser();
    await page.subscribe('web_room');
    for (const payload of ['A::7;forged', 'A::', 'A::7;{"user_id":7}']) {
      page.publish('web_room', 'e', payload);
      await page.take((message) => message.event === 'error', 'a refusal');
      await publish(sql, 'web_room', 'e', payload);
      const heard = await page.takeFrom('web_room');
      assert.ok(heard.user_id === undefined || Number(heard.user_id) === 0, JSON.stringify(heard));
      assert.ok(!('sender' in heard));
    }
    assert.deepEqual(page.waitingOn('web_room'), []);
    page.destroy();
  });
});

test('after all of it nothing has been left behind', async () => {
  await until('only the witness is connected', async () => (await rows(sql, 'SELECT id FROM connections')).length === 1);
  const sessions = await rows(sql, "SELECT ID FROM information_schema.PROCESSLIST WHERE COMMAND <> 'Browser'");
  assert.ok(sessions.length <= 2, JSON.stringify(sessions));
  assert.ok((await refusal(sql, 'SELECT nothing')).errno > 0);
  assert.doesNotMatch(server.output, /panicked/);
});
