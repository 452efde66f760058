// TLS on the MySQL port: real clients publish inside it, `required` insists on it, and
// certificates are changed while everybody stays connected.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ClientProgram } from '../support/client-program.mjs';
import { buildGoProgram } from '../support/go.mjs';
import { NamedMariaDb } from '../support/named-mariadb.mjs';
import { BINARY, PYTHON, REPOSITORY, TESTS, temporaryDirectory } from '../support/paths.mjs';
import { attempt, run } from '../support/program.mjs';
import { Server, environmentWithoutSettings } from '../support/server.mjs';
import { snippetsOf } from '../support/snippets.mjs';
import { rows } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

const KEY = 'Developer-15-key';
const TEXT = 'said inside TLS, Привет 😀';
/** The connector's last version whose C extension runs with Debian 12's OpenSSL. */
const C_EXTENSION = join(dirname(dirname(PYTHON)), 'connector-c');

const program = (name) => join(TESTS, 'clients', 'tls', name);
const php = (script) => ['php', '-d', 'display_errors=stderr', program(script)];
const node = (script, ...args) => [process.execPath, program(script), ...args];
const python = (script, ...args) => [PYTHON, program(script), ...args];

/** Those that can insist on a certificate run a second time, with the server's own. */
const CLIENTS = {
  'PHP mysqli': { command: php('mysqli.php'), insists: true },
  'PHP PDO': { command: php('pdo.php'), insists: true },
  'Node mysql2': { command: node('mysql2.mjs'), insists: true },
  'Node mariadb': { command: node('mariadb.mjs', 'any'), insists: true },
  PyMySQL: { command: python('with_pymysql.py'), insists: true },
  'MySQL Connector/Python': { command: python('with_mysql_connector.py', 'pure'), insists: true },
  'MySQL Connector/Python, C extension': {
    command: python('with_mysql_connector.py', 'c'),
    env: { PYTHONPATH: C_EXTENSION },
    insists: true,
  },
  'go-sql-driver': { command: ['go'], insists: false },
};

describe('clients publish inside TLS', { concurrency: 2 }, () => {
  let server;
  let stranger;
  let goProgram;
  before(async () => {
    [server, stranger] = await Promise.all([
      Server.start({ devs: { 15: KEY }, args: ['--cometql-tls', 'required'] }),
      Server.start(),
    ]);
    goProgram = buildGoProgram(program('go/main.go'));
  });
  after(() => Promise.all([server?.stop(), stranger?.stop()]));

  let pipes = 0;
  async function listen() {
    pipes += 1;
    const pipe = `tls_${pipes}`;
    const browser = await server.browser({ devId: 15 });
    await browser.subscribe(pipe);
    return { pipe, browser };
  }

  function start({ command, env }, pipe, ca) {
    const line = command[0] === 'go' ? [goProgram] : command;
    return ClientProgram.start(server, line, {
      user: 15,
      pipe,
      text: TEXT,
      env: { ...env, ...(ca && { COMET_CA: ca }) },
    });
  }

  for (const [name, client] of Object.entries(CLIENTS)) {
    for (const insisting of client.insists ? [false, true] : [false]) {
      test(insisting ? `${name}, which insists on the certificate` : name, async () => {
        const { pipe, browser } = await listen();
        const ca = insisting ? certificateOf(server) : undefined;
        const told = await start(client, pipe, ca).finished();
        assert.match(told.tls[0], /^TLSv1\.[23]$/);
        assert.equal((await browser.takeFrom(pipe)).data, TEXT);
        browser.destroy();
      });
    }
    if (!client.insists) continue;
    test(`${name} refuses a server with another certificate`, async () => {
      const refused = start(client, 'tls_refused', certificateOf(stranger));
      await assert.rejects(refused.finished(), /certificate|SSL|TLS/i);
      assert.equal(refused.told.tls, undefined);
    });
  }

  const cli = (...options) => [
    `-h${server.host}`,
    `-P${server.cometqlPort}`,
    '-u15',
    `-p${KEY}`,
    '--default-character-set=utf8mb4',
    ...options,
    'CometQL_v1',
  ];

  for (const insisting of [false, true]) {
    test(`the mariadb prompt${insisting ? ', which insists on the certificate' : ''}`, async () => {
      const { pipe, browser } = await listen();
      const options = insisting
        ? ['--ssl-verify-server-cert', `--ssl-ca=${certificateOf(server)}`]
        : ['--ssl'];
      const { stdout } = await run('mariadb', cli(...options), {
        input: `SHOW STATUS LIKE 'Ssl_version'; INSERT INTO pipes_messages (name, event, message) VALUES ('${pipe}', 'tls', '${TEXT}');`,
      });
      assert.match(stdout, /^Ssl_version\tTLSv1\.[23]$/m);
      assert.equal((await browser.takeFrom(pipe)).data, TEXT);
      browser.destroy();
    });
  }

  test('the mariadb prompt refuses a server with another certificate', async () => {
    const options = ['--ssl-verify-server-cert', `--ssl-ca=${certificateOf(stranger)}`];
    const { code, stderr } = await attempt('mariadb', cli(...options), { input: 'SELECT 1;' });
    assert.equal(code, 1);
    assert.match(stderr, /ERROR 2026/);
  });

  test('a login without TLS is told 3159, and its key is not asked for', async () => {
    for (const password of [KEY, 'wrong']) {
      await assert.rejects(server.sql({ user: 15, password }), { errno: 3159, sqlState: 'HY000' });
    }
  });

  describe('the proof of a self-signed certificate in the OK of a login', () => {
    const proving = { command: node('mariadb.mjs', 'proof') };

    test('is asked for by the package mariadb of servers only that name MariaDB 11.4 or later', async () => {
      const refused = start(proving, 'tls_refused');
      await assert.rejects(refused.finished(), /self-signed certificate/);
    });

    test('convinces it', async (t) => {
      const named = await NamedMariaDb.start(server);
      t.after(() => named.stop());
      const { pipe, browser } = await listen();
      const env = { COMET_PORT: String(named.port) };
      const told = await start({ ...proving, env }, pipe).finished();
      assert.match(told.tls[0], /^TLSv1\.[23]$/);
      assert.equal((await browser.takeFrom(pipe)).data, TEXT);
      browser.destroy();
    });

    test('does not cover the certificate of somebody in between', async (t) => {
      const named = await NamedMariaDb.start(server, {
        key: readFileSync(join(stranger.dataDir, 'tls.key')),
        cert: readFileSync(certificateOf(stranger)),
      });
      t.after(() => named.stop());
      const env = { COMET_PORT: String(named.port) };
      await assert.rejects(start({ ...proving, env }, 'tls_refused').finished(), /self.signed/i);
      assert.equal(named.loggedIn, true, 'the server itself has accepted the login');
    });
  });
});

test('the connection lines of docs/clients.md are those of the programs', () => {
  const page = readFileSync(join(REPOSITORY, 'docs', 'clients.md'), 'utf8');
  for (const { command } of Object.values(CLIENTS)) {
    const file = command.find((word) => word.startsWith(TESTS)) ?? program('go/main.go');
    for (const snippet of snippetsOf(file)) assert.ok(page.includes(snippet), `${file}:\n${snippet}`);
  }
});

describe('certificates', () => {
  async function started(t, options) {
    const server = await Server.start({ devs: { 15: KEY }, ...options });
    t.after(() => server.stop());
    return server;
  }

  /** A directory with a copy of a server's certificate and key, and their flags. */
  function copyOf(server) {
    const directory = temporaryDirectory();
    const files = { cert: join(directory, 'my.crt'), key: join(directory, 'my.key') };
    copyFileSync(certificateOf(server), files.cert);
    copyFileSync(join(server.dataDir, 'tls.key'), files.key);
    return { ...files, args: ['--tls-cert', files.cert, '--tls-key', files.key] };
  }

  const inside = (server) => server.sql({ user: 15, ssl: { rejectUnauthorized: false } });

  test('are made by the first start, the key for its owner only, and stay the same', async (t) => {
    const server = await started(t);
    const fingerprint = fingerprintOf(server);
    assert.equal(statSync(join(server.dataDir, 'tls.key')).mode & 0o777, 0o600);
    assert.equal(shown(await inside(server)), fingerprint);
    await server.restart();
    assert.equal(shown(await inside(server)), fingerprint);
  });

  test('are changed by SIGHUP for new connections, and nobody is dropped', async (t) => {
    const [one, other] = [await started(t), await started(t)];
    const files = copyOf(one);
    const server = await started(t, { args: files.args });
    const before = await inside(server);
    const browser = await server.browser({ devId: 15 });
    await browser.subscribe('web_stays');

    copyFileSync(certificateOf(other), files.cert);
    copyFileSync(join(other.dataDir, 'tls.key'), files.key);
    await hangUp(server, 'certificate_reloaded');
    assert.equal(shown(await inside(server)), fingerprintOf(other));

    writeFileSync(files.cert, 'no certificate');
    await hangUp(server, 'certificate_not_reloaded');
    assert.equal(shown(await inside(server)), fingerprintOf(other));

    assert.equal(shown(before), fingerprintOf(one));
    await before.query("INSERT INTO pipes_messages (name, event, message) VALUES ('web_stays', 'e', 'still here')");
    assert.equal((await browser.takeFrom('web_stays')).data, 'still here');
  });

  test('that cannot be used stop the start with one sentence', async (t) => {
    const [one, other] = [await started(t), await started(t)];
    const broken = join(temporaryDirectory(), 'broken');
    writeFileSync(broken, '-----BEGIN PRIVATE KEY----- s3cret -----END PRIVATE KEY-----\n');
    const [ours, theirs] = [copyOf(one), copyOf(other)];
    for (const [args, expected] of [
      [['--tls-cert', broken, '--tls-key', ours.key], /broken holds no certificate/],
      [['--tls-cert', ours.cert, '--tls-key', broken], /broken holds no private key/],
      [['--tls-cert', ours.cert, '--tls-key', theirs.key], /is not that of the certificate/],
      [['--tls-cert', ours.cert, '--tls-key', '/no/such/file'], /cannot read \/no\/such\/file/],
      [['--tls-cert', ours.cert, '--tls-key', dirname(ours.key)], /cannot read /],
      [['--tls-cert', ours.cert], /--tls-cert needs --tls-key/],
    ]) {
      const { code, stdout, stderr } = await attempt(
        BINARY,
        ['--cometql', '127.0.0.1:0', '--http', '127.0.0.1:0', '--data', temporaryDirectory(), ...args],
        { env: environmentWithoutSettings() },
      );
      assert.equal(code, 1, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, expected);
      assert.equal(stderr.trim().split('\n').length, 1, stderr);
      assert.ok(!stderr.includes('s3cret'), stderr);
    }
  });

  test('are named to tenants without their directories', async (t) => {
    const files = copyOf(await started(t));
    const server = await started(t, { args: files.args });
    const sql = await server.sql({ user: 15 });
    assert.deepEqual(await rows(sql, 'SELECT @@ssl_cert AS cert, @@ssl_key AS `key`'), [{ cert: 'my.crt', key: 'my.key' }]);
    const variables = JSON.stringify(await rows(sql, 'SHOW VARIABLES'));
    assert.ok(variables.includes('my.crt'));
    assert.ok(!variables.includes(dirname(files.cert)));
  });

  test('can be done without', async (t) => {
    const server = await started(t, { args: ['--cometql-tls', 'off'] });
    await assert.rejects(inside(server), /does not support secure connection/);
    assert.deepEqual(await rows(await server.sql({ user: 15 }), 'SELECT @@have_ssl AS tls'), [{ tls: 'DISABLED' }]);
  });
});

function certificateOf(server) {
  return join(server.dataDir, 'tls.crt');
}

function fingerprintOf(server) {
  return new X509Certificate(readFileSync(certificateOf(server))).fingerprint256;
}

/** The fingerprint of the certificate a connection was shown. */
function shown(connection) {
  return connection.connection.stream.getPeerCertificate().fingerprint256;
}

async function hangUp(server, event) {
  server.program.signal('SIGHUP');
  await until(`the log says ${event}`, () => server.output.includes(event));
}
