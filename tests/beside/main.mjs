// The command: see `tests/beside/run --help`.

import { parseArgs } from 'node:util';
import { KINDS, measure } from './beside.mjs';

const HELP = `Latency of readers who keep up, alone and beside others who do not, in turns.

  tests/beside/run [--kind KIND]... [--readers N] [--rate N] [--peers N] [--seconds N] [--rounds N]

  --kind KIND   who stands beside them: ${Object.keys(KINDS).join(', ')}; all by default, one after another
  --readers N   readers who keep up, 50 by default
  --rate N      messages a second to each of them, 100 by default
  --peers N     how many do not keep up, 1000 by default (backends: a fiftieth of it)
  --seconds N   how long each half of a round is measured, 10 by default
  --rounds N    rounds of both halves, 3 by default

The server is target/release/cometwire, or the program named by COMETWIRE_BINARY.
`;

const { values } = parseArgs({
  options: {
    kind: { type: 'string', multiple: true, default: Object.keys(KINDS) },
    readers: { type: 'string', default: '50' },
    rate: { type: 'string', default: '100' },
    peers: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
    help: { type: 'boolean' },
  },
});
if (values.help) {
  process.stdout.write(HELP);
  process.exit();
}
const { kind: kinds, ...numbers } = values;
const load = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, Number(value)]));
for (const kind of kinds) {
  if (!KINDS[kind]) throw new Error(`there is no kind ${kind}: ${Object.keys(KINDS).join(', ')}`);
  const { alone, beside, closed } = await measure(kind, load);
  const line = ({ p50, p99, most, count }) => `p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms  max ${most.toFixed(1)} ms  of ${count}`;
  console.log(`${kind} (${closed} let go meanwhile)\n  alone   ${line(alone)}\n  beside  ${line(beside)}`);
}
process.exit();
