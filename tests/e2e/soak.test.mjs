// A minute of everything coming and going, after which nothing is left behind. Longer
// by hand: tests/soak/run.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { breaches, soak } from '../soak/soak.mjs';

test('after a minute of churn memory, descriptors, threads and counts are what they were', async (t) => {
  const { breaches: found, tally, calms } = await soak({ minutes: 1, seed: 1 });
  t.diagnostic(JSON.stringify({ ...tally, first: calms[1], last: calms.at(-1) }));
  assert.deepEqual(found, []);
  assert.ok(tally.visits > 50 && tally.sessions > 10, JSON.stringify(tally));
});

test('the check notices what is left behind', () => {
  const nobody = { connections: 0, users: 0, pipes: 0, subscriptions: 0, queued_bytes: 0, browser_sockets: 0 };
  const calm = { memory: 40e6, descriptors: 27, threads: 6, ...nobody, store_queued_batches: 0, store_mailboxes: 0, store_settings: 0 };
  assert.deepEqual(breaches([calm, calm, calm], ''), []);
  for (const [name, value] of [['memory', 80e6], ['descriptors', 28], ['threads', 10], ['users', 1], ['pipes', 1]]) {
    const found = breaches([calm, calm, { ...calm, [name]: value }], '');
    assert.equal(found.length, 1, name);
    assert.match(found[0], new RegExp(`^${name} `));
  }
  assert.equal(breaches([calm, calm, calm], "thread 'x' panicked at").length, 1);
});
