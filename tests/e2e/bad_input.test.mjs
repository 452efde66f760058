// What nobody should send and somebody does: the server says so, lives, and
// disturbs nobody else. And the mistakes of whoever starts it.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { COMMAND, MysqlWire, packet } from '../support/mysql-wire.mjs';
import { BINARY, temporaryDirectory } from '../support/paths.mjs';
import { attempt } from '../support/program.mjs';
import { Server, environmentWithoutSettings } from '../support/server.mjs';
import { publish, refusal, rows } from '../support/sql.mjs';
import { settled, until } from '../support/until.mjs';

const MEBIBYTE = 1024 * 1024;

describe('at the backend door', () => {
  let server;
  let witness;
  let sql;
  before(async () => {
    server = await Server.start({ devs: { 15: 'key_of_developer_15' } });
    witness = await server.browser();
    await witness.subscribe('web_witness');
    sql = await server.sql();
  });
  after(() => server?.stop());

  /** Connections that were open before still publish and hear. */
  async function othersAreUndisturbed() {
    await publish(sql, 'web_witness', 'e', 'alive');
    assert.equal((await witness.takeFrom('web_witness')).data, 'alive');
  }

  async function wireFor(t) {
    const wire = await MysqlWire.login(server);
    t.after(() => wire.destroy());
    return wire;
  }

  async function stillWorks(wire) {
    const answer = await wire.query('SELECT * FROM users_time WHERE id = 1');
    assert.equal(answer.kind, 'rows', answer.message);
  }

  test('a wrong password is refused with a sentence', async () => {
    await assert.rejects(server.sql({ password: 'not-the-key' }), (error) => {
      assert.equal(error.errno, 16);
      assert.equal(error.sqlState, '28000');
      assert.match(error.message, /\w+ \w+ \w+/);
      return true;
    });
    await othersAreUndisturbed();
  });

  test('an unknown command is 1047, and the connection lives', async (t) => {
    const wire = await wireFor(t);
    for (const command of [0x7f, 0x63, 0x13]) {
      wire.sendCommand(command, 'whatever');
      const answer = await wire.readAnswer();
      assert.equal(answer.code, 1047, JSON.stringify(answer));
      assert.equal(answer.sqlState, '08S01');
    }
    await stillWorks(wire);
  });

  test('bytes that are not UTF-8 are refused with 12, and the connection lives', async (t) => {
    const wire = await wireFor(t);
    const answer = await wire.query(
      Buffer.concat([
        Buffer.from("INSERT INTO pipes_messages (name, event, message) VALUES ('web_witness', 'e', '"),
        Buffer.from([0xff, 0xfe, 0xc3]),
        Buffer.from("')"),
      ]),
    );
    assert.equal(answer.code, 12, JSON.stringify(answer));
    await stillWorks(wire);
    await othersAreUndisturbed();
  });

  test('a NUL neither ends a statement nor the server', async (t) => {
    const wire = await wireFor(t);
    const answer = await wire.query(
      "INSERT INTO pipes_messages (name, event, message) VALUES ('web_witness', 'e', 'a\0b')",
    );
    assert.equal(answer.kind, 'ok', answer.message);
    assert.equal((await witness.takeFrom('web_witness')).data, 'a\0b');
    const junk = await wire.query('SELECT * FROM pipes \0 WHERE name = "abc"');
    assert.ok(['rows', 'error'].includes(junk.kind));
    await stillWorks(wire);
  });

  test('short and empty statements have an answer', async (t) => {
    const wire = await wireFor(t);
    for (const statement of ['', ' ', ';', ';;;;', 'x', "'", '\0']) {
      const answer = await wire.query(statement);
      assert.ok(['ok', 'error'].includes(answer.kind), JSON.stringify(answer));
    }
    await stillWorks(wire);
  });

  test('a hundred statements in one segment are answered one by one', async (t) => {
    const wire = await wireFor(t);
    const packets = [];
    for (let index = 0; index < 100; index += 1) {
      const statement = `INSERT INTO pipes_messages (name, event, message) VALUES ('web_witness', 'e', 'n${index}')`;
      packets.push(packet(0, Buffer.concat([Buffer.from([COMMAND.query]), Buffer.from(statement)])));
    }
    wire.socket.write(Buffer.concat(packets));
    for (let index = 0; index < 100; index += 1) {
      assert.equal((await wire.readAnswer()).kind, 'ok');
      assert.equal((await witness.takeFrom('web_witness')).data, `n${index}`);
    }
  });

  test('a statement cut at every byte is whole again', async (t) => {
    const wire = await wireFor(t);
    const bytes = packet(
      0,
      Buffer.concat([
        Buffer.from([COMMAND.query]),
        Buffer.from('SELECT * FROM users_time WHERE id IN (2,3)'),
      ]),
    );
    for (const byte of bytes) {
      await new Promise((resolve) => wire.socket.write(Buffer.from([byte]), resolve));
    }
    assert.deepEqual((await wire.readAnswer()).rows, [
      ['2', '-1'],
      ['3', '-1'],
    ]);
  });

  test('ten thousand values in one list are answered or refused cleanly', async () => {
    const ids = Array.from({ length: 10_000 }, (_, index) => index + 1).join(',');
    const statement = `SELECT * FROM users_time WHERE id IN (${ids})`;
    const [outcome] = await Promise.allSettled([rows(sql, statement)]);
    if (outcome.status === 'fulfilled') assert.equal(outcome.value.length, 10_000);
    else assert.ok(outcome.reason.errno >= 2, outcome.reason.message);
    await othersAreUndisturbed();
  });

  test('nesting without end is an error, not a crash', async () => {
    for (const statement of [
      `SELECT ${'('.repeat(50_000)}1${')'.repeat(50_000)}`,
      `SELECT ${'1+'.repeat(50_000)}1`,
      `SELECT * FROM users_time WHERE ${'NOT '.repeat(50_000)} id = 1`,
      `SELECT ${'-'.repeat(50_000)} 1`,
    ]) {
      const error = await refusal(sql, statement);
      assert.ok(error.errno > 0, error.message);
    }
    await othersAreUndisturbed();
  });

  test('a packet beyond the limit is refused with 1153', async (t) => {
    const wire = await wireFor(t);
    const size = 16 * MEBIBYTE + MEBIBYTE;
    const first = Buffer.alloc(0xff_ff_ff, 'x');
    first[0] = COMMAND.query;
    wire.socket.write(Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0]), first]));
    wire.socket.write(packet(1, Buffer.alloc(size - 0xff_ff_ff, 'x')));
    const answer = await wire.readAnswer();
    assert.equal(answer.code, 1153, JSON.stringify(answer));
    await othersAreUndisturbed();
  });

  test('a large message that is within the limit arrives', async () => {
    const text = 'Привет '.repeat(60_000);
    await publish(sql, 'web_witness', 'e', text);
    assert.equal((await witness.takeFrom('web_witness')).data, text);
  });

  const HANDSHAKES = {
    'an HTTP request': Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    zeros: Buffer.alloc(4096),
    ones: Buffer.alloc(4096, 0xff),
    'a login of half a packet': packet(1, Buffer.from([0x8d, 0xa6])),
    'a login without its strings': packet(1, Buffer.alloc(32, 0xff)),
    'a huge login': packet(1, Buffer.alloc(2 * MEBIBYTE, 0x41)),
    'a wrong sequence': packet(77, Buffer.alloc(64)),
    'an SSL request nobody offered': packet(
      1,
      Buffer.from('05ae0f000000000108000000000000000000000000000000000000000000000000'.slice(0, 64), 'hex'),
    ),
    'a login of MySQL 4.0': packet(1, Buffer.from([0x05, 0x00, 0x00, 0x00, 0x01, ...Buffer.from('root\0')])),
  };
  for (const [what, bytes] of Object.entries(HANDSHAKES)) {
    test(`${what} instead of a login ends that connection only`, async () => {
      const socket = net.connect({ host: server.host, port: server.cometqlPort });
      let heard = Buffer.alloc(0);
      socket.on('data', (part) => (heard = Buffer.concat([heard, part])));
      const closed = new Promise((resolve) => {
        socket.on('close', resolve);
        socket.on('error', () => {});
      });
      await until('the greeting', () => heard.length > 4);
      const greeting = heard.length;
      socket.end(bytes);
      await settled('the end of the connection', closed);
      const answer = heard.subarray(greeting);
      if (answer.length > 5) assert.equal(answer[4], 0xff, `not an error: ${answer.toString('latin1')}`);
      await othersAreUndisturbed();
    });
  }

  test('a client that connects and says nothing holds up nobody', async (t) => {
    const silent = net.connect({ host: server.host, port: server.cometqlPort });
    t.after(() => silent.destroy());
    await othersAreUndisturbed();
    (await server.sql()).destroy();
  });
});

describe('at the browser door', () => {
  let server;
  before(async () => {
    server = await Server.start();
  });
  after(() => server?.stop());

  const GARBAGE = {
    zeros: Buffer.alloc(4096),
    'a TLS hello': Buffer.from('160301020001fc0303', 'hex'),
    'a MySQL login': packet(1, Buffer.alloc(64, 1)),
    'a header without end': Buffer.from(`GET / HTTP/1.1\r\nX: ${'x'.repeat(MEBIBYTE)}`),
    'a thousand headers': Buffer.from(`GET / HTTP/1.1\r\n${'X: y\r\n'.repeat(100_000)}\r\n`),
    'a path of a megabyte': Buffer.from(`GET /${'p'.repeat(MEBIBYTE)} HTTP/1.1\r\n\r\n`),
    text: Buffer.from('hello, is anybody there?\r\n\r\n'),
  };
  for (const [what, bytes] of Object.entries(GARBAGE)) {
    test(`${what} instead of a handshake ends that connection only`, async () => {
      const witness = await server.browser();
      const socket = net.connect({ host: server.host, port: server.httpPort });
      const closed = new Promise((resolve) => {
        socket.on('close', resolve);
        socket.on('error', () => {});
      });
      socket.resume();
      socket.end(bytes);
      await settled('the end of the connection', closed);
      await witness.processed();
      witness.destroy();
    });
  }
});

describe('at the command line', () => {
  const environment = environmentWithoutSettings();

  /** Starts the server wrongly; it must end with one clear sentence. */
  async function refuses(args, { matching, env = {} }) {
    const directory = temporaryDirectory();
    const { code, stdout, stderr } = await attempt(BINARY, args, {
      cwd: directory,
      env: { ...environment, ...env },
      within: 20_000,
    });
    assert.notEqual(code, 0);
    assert.notEqual(code, null, 'ended by itself');
    assert.match(stderr, matching);
    assert.doesNotMatch(stderr, /panicked|RUST_BACKTRACE/);
    assert.doesNotMatch(stdout, /Browsers/);
    return stderr.trim();
  }

  const anywhere = ['--cometql', '127.0.0.1:0', '--http', '127.0.0.1:0'];

  async function takenPort(t) {
    const listener = net.createServer().listen(0, '127.0.0.1');
    t.after(() => listener.close());
    await new Promise((resolve) => listener.once('listening', resolve));
    return listener.address().port;
  }

  for (const [taken, free] of [
    ['--cometql', '--http'],
    ['--http', '--cometql'],
  ]) {
    test(`a taken port for ${taken} is one sentence that names it`, async (t) => {
      const port = await takenPort(t);
      const data = join(temporaryDirectory(), 'data');
      const sentence = await refuses(['--data', data, taken, `127.0.0.1:${port}`, free, '127.0.0.1:0'], {
        matching: new RegExp(String(port)),
      });
      assert.equal(sentence.split('\n').length, 1, sentence);
    });
  }

  test('a data directory that cannot be written is one sentence that names it', async () => {
    const file = join(temporaryDirectory(), 'a-file');
    writeFileSync(file, '');
    const sentence = await refuses([...anywhere, '--data', join(file, 'data')], { matching: /a-file/ });
    assert.equal(sentence.split('\n').length, 1, sentence);
  });

  test('a database that is none stops with what to do, and is left as it was', async () => {
    const server = await Server.start();
    await server.stop();
    const files = readdirSync(server.dataDir).map((name) => join(server.dataDir, name));
    const database = files.find(
      (name) => readFileSync(name).subarray(0, 15).toString() === 'SQLite format 3',
    );
    assert.ok(database, files.join());
    const junk = Buffer.alloc(statSync(database).size, 'junk');
    writeFileSync(database, junk);
    await refuses([...anywhere, '--data', server.dataDir], { matching: /\w+ \w+ \w+/ });
    assert.deepEqual(readFileSync(database), junk);
  });

  test('an unknown flag names the nearest one', async () => {
    await refuses(['--comeql', '127.0.0.1:0'], { matching: /--cometql/ });
  });

  test('an unknown config key names the nearest one', async () => {
    const config = join(temporaryDirectory(), 'cometwire.toml');
    writeFileSync(config, 'comteql = "127.0.0.1:0"\n');
    const sentence = await refuses(['--config', config], { matching: /comteql/ });
    assert.match(sentence, /\bcometql\b/);
  });

  test('a config file that is not there is named', async () => {
    await refuses(['--config', '/nowhere/cometwire.toml'], { matching: /\/nowhere\/cometwire\.toml/ });
  });

  const WRONG_VALUES = [
    [['--cometql', 'nonsense'], /cometql/],
    [['--http', '127.0.0.1:99999'], /http/],
    [['--dev', '15'], /dev/],
    [['--dev', 'fifteen:key'], /dev/],
    [['--dev', '15:'], /dev/],
    [['--dev=-1:key'], /dev/],
  ];
  for (const [args, matching] of WRONG_VALUES) {
    test(`${args.join(' ')} is refused`, async () => {
      await refuses([...args, '--data', join(temporaryDirectory(), 'd')], { matching });
    });
  }

  test('a refused --dev never repeats the key', async () => {
    const sentence = await refuses(
      ['--dev', 'fifteen:the-secret-key', '--data', join(temporaryDirectory(), 'd')],
      {
        matching: /dev/,
      },
    );
    assert.equal(sentence.includes('the-secret-key'), false, sentence);
  });

  test('--help and --version answer with 0', async () => {
    for (const [flag, matching] of [
      ['--help', /--cometql/],
      ['--version', /\d+\.\d+\.\d+/],
    ]) {
      const { code, stdout } = await attempt(BINARY, [flag], { env: environment });
      assert.equal(code, 0);
      assert.match(stdout, matching);
    }
  });

  test('a config file and the environment set what flags set, flags first', async (t) => {
    const config = join(temporaryDirectory(), 'cometwire.toml');
    writeFileSync(config, 'http = "127.0.0.1:1"\ncometql = "127.0.0.1:0"\n');
    const server = await Server.start({ args: ['--config', config], env: { COMETWIRE_HTTP: '127.0.0.1:1' } });
    t.after(() => server.stop());
    assert.notEqual(server.httpPort, 1);
  });
});

test('nothing secret is ever logged', async (t) => {
  const secrets = {
    root: 'RootSecret-1234567',
    developer: 'DeveloperSecret7654321',
    user: 'UserSecretKey998877',
    wrong: 'WrongSecretKey112233',
    payload: 'PayloadSecret445566',
  };
  const server = await Server.start({
    devs: { 15: secrets.developer },
    rootKey: secrets.root,
    env: { RUST_LOG: 'trace', COMETWIRE_LOG: 'trace' },
  });
  t.after(() => server.stop());
  const sql = await server.sql();
  const fifteen = await server.sql({ user: 15 });
  await fifteen.query("INSERT INTO users_auth (id, hash) VALUES (42, 'x')");
  await sql.query('INSERT INTO users_auth (id, hash) VALUES (42, ?)', [secrets.user]);
  await refusal(sql, `INSERT INTO users_auth (id, hash) VALUES (, '${secrets.user}')`);
  await refusal(
    sql,
    `INSERT INTO pipes_messages (name, event, message) VALUES ('a', 'e', '${secrets.payload}')`,
  );
  await assert.rejects(server.sql({ password: secrets.wrong }));
  const browser = await server.browser({ userId: 42, userKey: secrets.user });
  const stranger = await server.browser({ userId: 42, userKey: secrets.wrong });
  await browser.subscribe('web_secret');
  await stranger.publishAndReport('web_secret', 'e', secrets.payload);
  stranger.command('web_pipe2', 'news', 'e', '*', secrets.payload);
  stranger.command(secrets.payload);
  await stranger.processed();
  await publish(sql, 'web_secret', 'e', secrets.payload);
  await sql.query('DELETE FROM users_auth WHERE id = 42');
  await browser.waitUntilDropped();
  await server.stop();
  for (const [what, secret] of Object.entries(secrets)) {
    const lines = server.output.split('\n').filter((line) => line.includes(secret));
    const shown = lines.map((line) => line.replaceAll(secret, '***').slice(0, 300));
    assert.deepEqual(shown, [], `the ${what} secret is in the log`);
  }
});
