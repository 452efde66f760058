// The command: see `tests/soak/run --help`.

import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { plot } from './plot.mjs';
import { soak } from './soak.mjs';

const HELP = `Lets everything come and go for a long time, and checks that nothing is left behind.

  tests/soak/run [--minutes N] [--seed N] [--plot FILE]

  --minutes N   how long, 30 by default
  --seed N      which load; random by default, and printed
  --plot FILE   write memory, descriptors, threads and connections over time as an SVG

The server is target/release/cometwire, or the program named by COMETWIRE_BINARY.
`;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string' },
    plot: { type: 'string' },
    help: { type: 'boolean' },
  },
});
if (values.help) {
  process.stdout.write(HELP);
} else {
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  const minutes = Number(values.minutes);
  console.log(`seed ${seed}, ${minutes} minutes`);
  const result = await soak({ minutes, seed, report: (line) => console.log(line) });
  if (values.plot) writeFileSync(values.plot, plot(result.samples));
  console.log(result.breaches.join('\n') || 'nothing was left behind');
  process.exitCode = result.breaches.length > 0 ? 1 : 0;
}
process.exit();
