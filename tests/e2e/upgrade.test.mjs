// Data directories of every version of the schema there has been are opened by this
// one, and everything in them is there.

import assert from 'node:assert/strict';
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ANSWERS, DEV, DEV_KEY, OFFSETS, SINCE } from '../fixtures/contents.mjs';
import { BINARY, TESTS, temporaryDirectory } from '../support/paths.mjs';
import { run } from '../support/program.mjs';
import { Server } from '../support/server.mjs';
import { rows } from '../support/sql.mjs';

const FIXTURES = join(TESTS, 'fixtures');
const versions = readdirSync(FIXTURES)
  .map((name) => Number(/^schema-(\d+)$/.exec(name)?.[1]))
  .filter((version) => version > 0)
  .sort((a, b) => a - b);

const schemaVersion = async (directory) =>
  Number(/schema version (\d+)/.exec((await run(BINARY, ['check', '--data', directory])).stdout)[1]);

test('there is a data directory of every version up to the one of today', async () => {
  const server = await Server.start();
  await server.stop();
  const today = await schemaVersion(server.dataDir);
  assert.deepEqual(versions, Array.from({ length: today }, (_, index) => index + 1));
});

for (const version of versions) {
  test(`a data directory of schema version ${version} is opened, whole, and goes on`, async (t) => {
    const dataDir = join(temporaryDirectory(), 'data');
    cpSync(join(FIXTURES, `schema-${version}`), dataDir, { recursive: true });
    assert.equal(await schemaVersion(dataDir), version);
    // The private messages in them get older with every day.
    const server = await Server.start({ dataDir, devs: { [DEV]: DEV_KEY }, args: ['--mailbox-seconds', '3000000000'] });
    t.after(() => server.stop());
    for (let start = 1; start <= 2; start += 1) {
      const sql = await server.sql({ user: DEV });
      for (const [table, [question, answer]] of Object.entries(ANSWERS)) {
        assert.deepEqual(await rows(sql, question), (SINCE[table] ?? 1) <= version ? answer : [], table);
      }
      if (start === 1) await server.restart();
    }
    const sql = await server.sql({ user: DEV });
    for (const [pipe, offset] of Object.entries(OFFSETS)) {
      const [{ info }] = await sql.query("INSERT INTO pipes_messages (name, event, message) VALUES (?, 'e', 'next')", [pipe]);
      assert.match(info, new RegExp(`Offset: ${offset + 1}$`));
    }
    const page = await server.browser({ userId: 43, userKey: 'k3yOfUser43', devId: DEV });
    assert.equal(page.greeting.authorized, 'true');
    for (const text of ['first', 'second']) assert.equal((await page.takeFrom('msg')).data, text);
    await sql.query("INSERT INTO users_data (id, data) VALUES (44, 'new')");
    await sql.query("INSERT INTO revoked_tokens (token) VALUES ('new')");
  });
}
