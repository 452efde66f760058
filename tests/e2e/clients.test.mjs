// The clients people have: each connects, is refused with a wrong key, reads,
// and publishes a difficult text that a browser receives exactly.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { MysqlWire } from '../support/mysql-wire.mjs';
import { PYTHON, TESTS } from '../support/paths.mjs';
import { PHP_CLIENTS, nameOf, php } from '../support/php.mjs';
import { attempt, run } from '../support/program.mjs';
import { Server } from '../support/server.mjs';
import { publish, rows } from '../support/sql.mjs';

const mysql = createRequire(import.meta.url)('mysql');

const KEY = 'Developer\'15 "key"';
const TEXT = 'it\'s "q" \\ line\nfeed Привет 😀';
const TIMES = [
  ['2', '-1'],
  ['3', '-1'],
];

let server;
let sql;
before(async () => {
  server = await Server.start({ devs: { 15: KEY } });
  sql = await server.sql({ user: 15 });
});
after(() => server?.stop());

/** Lets a client publish to a pipe with history, and checks what a browser hears. */
async function hears(pipe, publishes) {
  await sql.query('INSERT INTO pipes_settings (name, length) VALUES (?, 9)', [pipe]);
  const browser = await server.browser({ devId: 15 });
  await browser.subscribe(pipe);
  const answer = await publishes(pipe);
  assert.equal(JSON.parse((await browser.takeFrom(pipe)).data), TEXT);
  assert.deepEqual(await rows(sql, 'SELECT message FROM pipes_messages WHERE name = ?', [pipe]), [
    { message: TEXT },
  ]);
  browser.destroy();
  return answer;
}

for (const [program, extra] of [
  ['mariadb', []],
  ['mysql', []],
  ['mysql', ['--default-auth=caching_sha2_password']],
]) {
  describe(`${program} ${extra.join(' ')}`, () => {
    const args = (key = KEY, user = '15') => [
      `-h${server.host}`,
      `-P${server.cometqlPort}`,
      `-u${user}`,
      `-p${key}`,
      '--protocol=tcp',
      '--default-character-set=utf8mb4',
      ...extra,
    ];
    const batch = async (input, ...more) =>
      (await run(program, [...args(), ...more, 'CometQL_v1'], { input })).stdout;

    test('in batch mode reads what the server has', async () => {
      assert.equal(await batch('SELECT * FROM users_time WHERE id IN (2,3);'), 'id\ttime\n2\t-1\n3\t-1\n');
      assert.match(await batch('SHOW TABLES;'), /^pipes_messages$/m);
      assert.match(await batch('SHOW DATABASES;'), /^CometQL_v1$/m);
      assert.match(
        await batch('DESCRIBE users_auth;'),
        /^Field\tType\tNull\tKey\tDefault\tExtra\nid\t.*\nhash\t/,
      );
      assert.match(await batch('SELECT @@version_comment LIMIT 1;'), /^@@version_comment\n\S+/);
      assert.equal(await batch('SELECT DATABASE();'), 'DATABASE()\nCometQL_v1\n');
      assert.equal(
        await batch('use CometQL_v1\nSELECT * FROM pipes WHERE name = "web_none";'),
        'name\tusers\nweb_none\t0\n',
      );
    });

    test('publishes what a browser receives exactly', async () => {
      const literal = TEXT.replace(/[\\'"]/g, '\\$&');
      await hears(`cli_${program}${extra.length}`, (pipe) =>
        batch(`INSERT INTO pipes_messages (name, event, message) VALUES ('${pipe}', '', '${literal}');\n`),
      );
    });

    test('publishes as the one-line shell programs do', async () => {
      const browser = await server.browser({ devId: 15 });
      await browser.subscribe('web_MainPageChat');
      const json = '{"text":"from a shell","name":"cron"}';
      await run(program, [...args(), '-DCometQL_v1'], {
        input: `INSERT INTO pipes_messages (name, event, message)VALUES('web_MainPageChat', '', '${json}' );\n`,
      });
      assert.equal((await browser.takeFrom('web_MainPageChat')).data, json);
      browser.destroy();
    });

    test('is told 16 with a wrong key and as an unknown user', async () => {
      for (const wrong of [args('wrong'), args(KEY, '16'), args(KEY, 'bob'), args('wrong', 'root')]) {
        const { code, stderr } = await attempt(program, [...wrong, '-e', 'SELECT DATABASE()']);
        assert.equal(code, 1);
        assert.match(stderr, /ERROR 16 \(28000\): \w+ \w+ \w+/);
      }
    });
  });
}

test('the interactive prompt completes names, switches database and shows its status', async () => {
  const prompt = [
    'mariadb',
    `-h${server.host}`,
    `-P${server.cometqlPort}`,
    '-uroot',
    `-p${server.rootKey}`,
    'CometQL_v1',
  ];
  const statements = [
    'SHOW TABLES;',
    'DESCRIBE pipes;',
    'use CometQL_v1',
    'status',
    'SELECT users FROM pipes WHERE name = "web_none";',
    'exit',
    '',
  ];
  const { stdout } = await run('script', ['-qefc', prompt.join(' '), '/dev/null'], {
    input: statements.join('\n'),
  });
  assert.match(stdout, /users_in_pipes/);
  assert.match(stdout, /\| name +\|/);
  assert.match(stdout, /Database changed/);
  assert.match(stdout, /Uptime:/);
  assert.match(stdout, /\| users \|/);
  assert.doesNotMatch(stdout, /ERROR/);
});

for (const client of PHP_CLIENTS) {
  describe(`PHP ${nameOf(client)}`, () => {
    test('reads, and publishes what a browser receives exactly', async () => {
      const pipe = `php_${PHP_CLIENTS.indexOf(client)}`;
      const insert = 'INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)';
      const answers = await hears(pipe, () =>
        php(server, { ...client, user: 15 }, [
          'SELECT * FROM users_time WHERE id IN (2,3)',
          { sql: 'SELECT * FROM users_time WHERE id IN (?, ?)', values: ['2', '3'] },
          { sql: insert, values: [pipe, 'e', TEXT] },
        ]),
      );
      for (const answer of answers) assert.equal(answer.errno, undefined, answer.error);
      for (const answer of answers.slice(0, 2)) assert.deepEqual(answer.rows.map(Object.values), TIMES);
    });

    test('is told 16 with a wrong key and as an unknown user', async () => {
      for (const login of [
        { user: 15, password: 'wrong' },
        { user: 'bob', password: KEY },
      ]) {
        const [{ errno, sqlState, error }] = await php(server, { ...client, ...login }, [
          'SELECT DATABASE()',
        ]);
        assert.equal(errno, 16, error);
        if (sqlState !== undefined) assert.ok(['28000', 'HY000'].includes(sqlState), sqlState);
      }
    });
  });
}

describe('Python', () => {
  const job = (pipe, more) => ({
    host: server.host,
    port: server.cometqlPort,
    user: '15',
    password: KEY,
    pipe,
    message: TEXT,
    ...more,
  });
  const python = async (script, input) =>
    JSON.parse((await run(PYTHON, [join(TESTS, 'python', script)], { input: JSON.stringify(input) })).stdout);

  const VARIANTS = [
    ['pymysql_client.py', {}],
    ['connector_client.py', {}],
    ['connector_client.py', { prepared: true }],
    ['connector_client.py', { authPlugin: 'caching_sha2_password' }],
  ];
  for (const [index, [script, more]] of VARIANTS.entries()) {
    test(`${script} ${Object.keys(more)} reads, and publishes what a browser receives exactly`, async () => {
      const answer = await hears(`python_${index}`, (pipe) => python(script, job(pipe, more)));
      assert.equal(answer.errno, undefined, answer.error);
      assert.deepEqual(answer.times, TIMES);
      assert.deepEqual(answer.history, [[TEXT]]);
    });

    test(`${script} ${Object.keys(more)} is told 16 with a wrong key`, async () => {
      const { errno, error } = await python(script, job('nowhere', { ...more, password: 'wrong' }));
      assert.equal(errno, 16, error);
    });
  }
});

describe('node', () => {
  test('mysql2 query and execute', async () => {
    for (const method of ['query', 'execute']) {
      const link = await server.sql({ user: 15 });
      const [times] = await link[method]('SELECT * FROM users_time WHERE id IN (?, ?)', [2, 3]);
      assert.deepEqual(
        times.map((row) => Object.values(row)),
        TIMES,
      );
      await hears(`mysql2_${method}`, (pipe) =>
        link[method]('INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)', [pipe, 'e', TEXT]),
      );
      await link.ping();
      await link.changeUser({ user: 'root', password: server.rootKey, database: 'CometQL_v1' });
      await publish(link, 'web_changed', 'e', 'x');
    }
    await assert.rejects(server.sql({ user: 15, password: 'wrong' }), { errno: 16, sqlState: '28000' });
    await assert.rejects(server.sql({ user: 'bob', password: KEY }), { errno: 16 });
  });

  test('mysql: query, sixty at once, change of user', async () => {
    const link = mysql.createConnection({
      host: server.host,
      port: server.cometqlPort,
      user: '15',
      password: KEY,
      database: 'CometQL_v1',
      charset: 'utf8mb4',
    });
    const ask = (method, ...args) =>
      new Promise((resolve, reject) =>
        link[method](...args, (error, answer) => (error ? reject(error) : resolve(answer))),
      );
    await ask('connect');
    const times = await ask('query', 'SELECT * FROM users_time WHERE id IN (?, ?)', [2, 3]);
    assert.deepEqual(
      times.map((row) => Object.values(row)),
      TIMES,
    );
    await hears('node_mysql', (pipe) =>
      ask('query', 'INSERT INTO pipes_messages (name, event, message) VALUES (?, ?, ?)', [pipe, 'e', TEXT]),
    );
    const browser = await server.browser({ devId: 15 });
    await browser.subscribe('sixty');
    await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        ask('query', `INSERT INTO pipes_messages (name, event, message) VALUES ('sixty', 'e', '${index}')`),
      ),
    );
    for (let index = 0; index < 60; index += 1)
      assert.equal((await browser.takeFrom('sixty')).data, String(index));
    const [pipe] = await ask('query', 'SELECT * FROM pipes WHERE name = "sixty"; ');
    assert.equal(pipe.users, '1');
    await ask('changeUser', { user: 'root', password: server.rootKey });
    const [other] = await ask('query', 'SELECT * FROM pipes WHERE name = "sixty"');
    assert.equal(other.users, '0', 'now another developer');
    await ask('end');
    browser.destroy();
  });
});

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
