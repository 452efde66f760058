// The same statements, put to this server and to a real MariaDB by one client.
// What is answered differently is listed with its reason, and nothing else is.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { DIFFERENCES } from '../comparison/differences.mjs';
import { randomStatements } from '../comparison/random.mjs';
import { Sides } from '../comparison/sides.mjs';
import { STATEMENTS } from '../comparison/statements.mjs';

const SEED = 1;
const RANDOM_STATEMENTS = 600;

let sides;
before(async () => {
  sides = await Sides.start();
});
after(() => sides?.stop());

test('statements made at random are answered as MariaDB answers them', async () => {
  for (const statement of randomStatements(SEED, RANDOM_STATEMENTS)) {
    const { here, there } = await sides.ask(statement);
    assert.deepEqual(here, there, statement);
  }
});

test('every statement is answered as MariaDB answers it, or listed with a reason', async (t) => {
  const listed = new Map(DIFFERENCES.flatMap(({ reason, statements }) => statements.map((s) => [s, reason])));
  const asked = new Set(STATEMENTS);
  assert.equal(asked.size, STATEMENTS.length, 'a statement is there twice');
  assert.deepEqual([...listed.keys()].filter((statement) => !asked.has(statement)), [], 'listed but never asked');
  for (const statement of STATEMENTS) {
    await t.test(statement, async () => {
      const { here, there } = await sides.ask(statement);
      if (listed.has(statement)) {
        assert.notDeepEqual(here, there, `no longer differs; listed because: ${listed.get(statement)}`);
      } else {
        assert.deepEqual(here, there);
      }
    });
  }
});
