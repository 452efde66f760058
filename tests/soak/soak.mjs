// A soak: load and calm in turns. In each calm everybody has left and all has been
// cleaned up, and in the last one the process must hold what it held after the
// first rounds.

import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '../crash/random.mjs';
import { Server } from '../support/server.mjs';
import { until } from '../support/until.mjs';
import { cleanUp, session, visit } from './visitors.mjs';

const BROWSERS = 40;
const BACKENDS = 6;
const LOAD_SECONDS = 12;
const SAMPLE_MILLISECONDS = 500;
const MEBIBYTE = 1 << 20;
/** Rounds in which pools and caches may still fill up. */
const WARM_UP = 2;
/** The runtime's pool keeps an idle thread for ten seconds. */
const POOL_MILLISECONDS = 12_000;
const SLACK_BYTES = 24 * MEBIBYTE;
/** Threads of the pool that a question of our own may have woken just now. */
const SLACK_THREADS = 3;
/** What must be zero when nobody is there. */
const GAUGES = ['connections', 'users', 'pipes', 'subscriptions', 'queued_bytes', 'browser_sockets', 'store_queued_batches', 'store_mailboxes', 'store_settings'];

/** Gives `samples`, for a plot, and `breaches`: one sentence for each thing left behind. */
export async function soak({ minutes, seed, report = () => {} }) {
  const server = await Server.start({ args: ['--metrics', '127.0.0.1:0', '--log', 'warn'] });
  const watch = new Watch(server);
  try {
    const random = new Random(seed);
    const tally = { visits: 0, sessions: 0 };
    const calms = [];
    const rest = minutes * 60 - (2 * POOL_MILLISECONDS) / 1000;
    const rounds = Math.max(WARM_UP + 1, Math.round(rest / (LOAD_SECONDS + 1)));
    for (let round = 1; round <= rounds; round += 1) {
      await load(server, random.fork(round), tally);
      const sql = await server.sql();
      await cleanUp(sql);
      sql.destroy();
      if (round === WARM_UP || round === rounds) await delay(POOL_MILLISECONDS);
      calms.push(await watch.calm());
      report(`round ${round} of ${rounds}: ${JSON.stringify({ ...tally, ...calms.at(-1) })}`);
    }
    return { samples: watch.samples, calms, tally, breaches: breaches(calms, server.output) };
  } finally {
    watch.end();
    await server.stop();
  }
}

async function load(server, random, tally) {
  const deadline = Date.now() + LOAD_SECONDS * 1000;
  const isOver = () => Date.now() > deadline;
  const again = async (what, own) => {
    while (!isOver()) {
      // A visitor whose key was just deleted, say, is sent away: that is the server's right.
      await what(server, own, isOver, tally).catch(() => (tally.sentAway = (tally.sentAway ?? 0) + 1));
    }
  };
  await Promise.all([
    ...Array.from({ length: BROWSERS }, (_, index) => again(visit, random.fork(`browser ${index}`))),
    ...Array.from({ length: BACKENDS }, (_, index) => again(session, random.fork(`backend ${index}`))),
  ]);
  server.connections.splice(0).forEach((connection) => connection.destroy());
}

/** What was left behind, by what was found in each calm and what the server wrote. */
export function breaches(calms, output) {
  const found = [];
  const early = calms[WARM_UP - 1];
  const last = calms.at(-1);
  const allowed = { memory: early.memory + SLACK_BYTES, descriptors: early.descriptors, threads: early.threads + SLACK_THREADS };
  for (const [name, most] of Object.entries(allowed)) {
    if (last[name] > most) found.push(`${name} went from ${early[name]} to ${last[name]}`);
  }
  for (const calm of calms) {
    for (const name of GAUGES) if (calm[name] !== 0) found.push(`${name} is ${calm[name]} when nobody is there`);
  }
  if (/panicked|ERROR/.test(output)) found.push(output.slice(0, 2000));
  return found;
}

/** What the process holds, asked again and again. */
class Watch {
  samples = [];
  #start = Date.now();
  #asking = false;

  constructor(server) {
    this.server = server;
    this.timer = setInterval(() => this.#sample(), SAMPLE_MILLISECONDS);
  }

  end() {
    clearInterval(this.timer);
  }

  /** Waits until the sockets of the last visitors are closed; gives what is left then. */
  async calm() {
    // A sample's own question to the server would be one descriptor more.
    await until('no sample is being taken', () => !this.#asking);
    this.#asking = true;
    const look = async () => ({ ...this.#process(), ...(await this.#gauges()) });
    const isCalm = (now) => [...GAUGES, 'backends'].every((name) => now[name] === 0);
    await until('all is calm', async () => isCalm(await look()), { within: 20_000 }).catch(() => {});
    return look().finally(() => (this.#asking = false));
  }

  async #sample() {
    if (this.server.program.exit || this.#asking) return;
    this.#asking = true;
    const seconds = (Date.now() - this.#start) / 1000;
    const gauges = await this.#gauges().catch(() => undefined);
    this.#asking = false;
    if (gauges && !this.server.program.exit) this.samples.push({ seconds, ...this.#process(), ...gauges });
  }

  #process() {
    const { pid } = this.server.program.child;
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const figure = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]);
    return { memory: figure('VmRSS') * 1024, threads: figure('Threads'), descriptors: readdirSync(`/proc/${pid}/fd`).length };
  }

  async #gauges() {
    const port = /Metrics\s+http:\/\/[^:]+:(\d+)/.exec(this.server.program.stdout)[1];
    // Without keep-alive: a connection of ours would be one more.
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { connection: 'close' } });
    const text = await answer.text();
    const gauge = (name) => Number(new RegExp(`^cometwire_${name} (\\S+)$`, 'm').exec(text)?.[1]);
    return Object.fromEntries([...GAUGES, 'backends'].map((name) => [name, gauge(name)]));
  }
}
