// The command: see `tests/crash/run --help`.

import { parseArgs } from 'node:util';
import { campaign } from './campaign.mjs';

const HELP = `Kills the server under load and checks that nothing promised is lost.

  tests/crash/run [--kills N] [--seed N] [--faults]

  --kills N   how many times it is killed, 200 by default
  --seed N    which load and which moments; the same seed says and kills the same,
              as far as the machine's own timing allows. Random by default, and printed
  --faults    in two rounds of seven the disk fails before the kill: no room, errors of writing
              and of syncing

The server is target/release/cometwire, or the program named by COMETWIRE_BINARY.
`;

const { values } = parseArgs({
  options: { kills: { type: 'string', default: '200' }, seed: { type: 'string' }, faults: { type: 'boolean' }, help: { type: 'boolean' } },
});
if (values.help) {
  process.stdout.write(HELP);
} else {
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  const kills = Number(values.kills);
  console.log(`seed ${seed}, ${kills} kills`);
  const result = await campaign({ kills, seed, faults: values.faults, report: (line) => console.log(line) });
  console.log(JSON.stringify(result));
}
process.exit();
