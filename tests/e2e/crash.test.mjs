// SIGKILL in the middle of everything, compared with a model after every start.
// Hundreds of kills by hand: tests/crash/run.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { campaign } from '../crash/campaign.mjs';
import { run } from '../support/program.mjs';

const SEED = 1;

test('twenty kills under a mixed load, some of them on a failing disk, lose nothing acknowledged and invent nothing', async (t) => {
  const result = await campaign({ kills: 20, seed: SEED, faults: true });
  t.diagnostic(JSON.stringify(result));
  assert.equal(result.underLoad + result.whileDraining + result.drained + result.afterFaults, 20);
  assert.ok(result.drained > 0 && result.afterFaults > 0 && result.whileDraining > 0 && result.whileStarting > 0, JSON.stringify(result));
  // Else the load never ran, and nothing was shown.
  assert.ok(result.acknowledged > 200 && result.seen > 200 && result.resumes > 40 && result.failed > 0, JSON.stringify(result));
});

// What a broken store would look like; a check that never fails shows nothing.
const breaches = {
  'a message that is lost': ["DELETE FROM pipes_messages WHERE id = (SELECT max(id) FROM pipes_messages WHERE name = 'shared')", /shared|follower/],
  'a message that changed': ["UPDATE pipes_messages SET message = 'other' WHERE name = 'shared'", /which nobody said/],
  'a key from nowhere': ["INSERT INTO users_auth VALUES (0, 77, 'key')", /a key of 77 came from nowhere/],
  'a private message that is lost': ['DELETE FROM users_messages', /mail of|private messages are lost/],
  'a setting that is lost': ["DELETE FROM pipes_settings WHERE name LIKE 'own%'", /settings of own/],
  'offsets that went back': ['DELETE FROM pipes_messages; UPDATE pipes_positions SET next_offset = 1', /went back|stands at/],
};
for (const [name, [statement, sentence]] of Object.entries(breaches)) {
  test(`the check notices ${name}`, async () => {
    const meanwhile = (dataDir) =>
      run('python3', ['-c', 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript(sys.argv[2])', join(dataDir, 'cometwire.db'), `${statement};`]);
    await assert.rejects(campaign({ kills: 12, seed: SEED, meanwhile }), sentence);
  });
}
