// Puts statements made at random to this server and to a MariaDB, and prints those
// that are answered differently: `node tests/comparison/run.mjs --seed 7 --count 5000`.

import { isDeepStrictEqual, parseArgs } from 'node:util';
import { randomStatements } from './random.mjs';
import { Sides } from './sides.mjs';

const { values } = parseArgs({
  options: { seed: { type: 'string', default: '1' }, count: { type: 'string', default: '1000' } },
});
const [seed, count] = [values.seed, values.count].map(Number);
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(count)) {
  throw new Error(`--seed and --count take whole numbers, got ${values.seed} and ${values.count}`);
}

const sides = await Sides.start();
let different = 0;
for (const statement of randomStatements(seed, count)) {
  const { here, there } = await sides.ask(statement);
  if (isDeepStrictEqual(here, there)) continue;
  different += 1;
  console.log(`${statement}\n  here   ${JSON.stringify(here)}\n  MariaDB ${JSON.stringify(there)}`);
}
console.log(`${count} statements of seed ${seed}, ${different} answered differently`);
await sides.stop();
process.exitCode = different ? 1 : 0;
