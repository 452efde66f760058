// Readers who keep up get a stream at a fixed rate: alone, then beside those who do not,
// and again. Each of the two crowds has a process of its own, and so has the server; times
// are those of the system's one monotonic clock. Nothing is asserted about them here: what
// comes out is for docs/guarantees.md.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { Program } from '../support/program.mjs';
import { Server } from '../support/server.mjs';
import { rows } from '../support/sql.mjs';
import { until } from '../support/until.mjs';

/** Pipes those who do not keep up are spread over, so that what they are sent is no burst. */
const PIPES = 50;
/** What each of those pipes is sent, and how often. */
const FLOOD_TEXT = 'x'.repeat(64_000);
const FLOODS_PER_SECOND = 25;
/** Where those come from who vanish, when it is taken from the system. */
const VANISHING = '10.9.9.9';

/** How those who do not keep up behave. */
export const KINDS = {
  stopped: {},
  trickling: {},
  vanished: {
    before: () => execFileSync('ip', ['addr', 'replace', `${VANISHING}/32`, 'dev', 'lo']),
    then: () => execFileSync('ip', ['addr', 'del', `${VANISHING}/32`, 'dev', 'lo']),
  },
  backends: {},
};

const PATIENCE = { within: 120_000 };

/** Gives the latencies of both halves of all rounds, and how many of the others were let go. */
export async function measure(kind, { readers, rate, peers, seconds, rounds }) {
  const bounds = ['--max-queued-bytes', '131072', '--write-seconds', '5', '--keep-alive-seconds', '10'];
  const server = await Server.start({ args: bounds });
  const crowd = new Crowd('readers.mjs', [server.httpPort, readers]);
  try {
    const sql = await server.sql();
    await crowd.isThere();
    const stream = new Stream(sql, rate);
    const halves = { alone: [], beside: [] };
    let closed = 0;
    for (let round = 0; round < rounds; round += 1) {
      halves.alone.push(...(await listen(crowd, stream, seconds)));
      KINDS[kind].before?.();
      const count = kind === 'backends' ? Math.ceil(peers / 50) : peers;
      const misfits = new Crowd('misfits.mjs', [server.httpPort, server.cometqlPort, kind, count, PIPES, VANISHING]);
      const flood = new Flood(await server.sql());
      await misfits.isThere();
      KINDS[kind].then?.();
      flood.start();
      const before = await letGo(sql, misfits);
      halves.beside.push(...(await listen(crowd, stream, seconds)));
      closed += (await letGo(sql, misfits)) - before;
      await flood.end();
      await misfits.end();
      await until('they are gone', async () => (await rows(sql, 'SELECT id FROM connections')).length === readers, PATIENCE);
    }
    return { alone: summary(halves.alone), beside: summary(halves.beside), closed };
  } finally {
    await crowd.end();
    await server.kill9();
  }
}

/** The latencies of what is streamed for some seconds, in milliseconds. */
async function listen(crowd, stream, seconds) {
  crowd.listen();
  const sent = await stream.run(seconds);
  const latencies = await crowd.heard();
  assert.equal(latencies.length, sent * crowd.size, 'a reader who keeps up misses something');
  return latencies;
}

/** How many of those who do not keep up were let go so far. */
async function letGo(sql, misfits) {
  const status = await rows(sql, "SHOW GLOBAL STATUS WHERE Variable_name IN ('slow_readers', 'silent_readers')");
  const browsers = status.reduce((sum, { Value }) => sum + Number(Value), 0);
  return browsers + misfits.closedBackends;
}

function summary(latencies) {
  latencies.sort((one, other) => one - other);
  const at = (part) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * part))];
  return { p50: at(0.5), p99: at(0.99), most: latencies.at(-1), count: latencies.length };
}

/** A process full of clients, which says what it has to say line by line. */
class Crowd {
  #taken = 0;

  constructor(script, words) {
    const path = new URL(script, import.meta.url).pathname;
    this.program = Program.start(process.execPath, [path, ...words.map(String)], { keepInputOpen: true });
    this.size = Number(words[1]);
  }

  get #lines() {
    return this.program.stdout.split('\n').slice(0, -1);
  }

  get closedBackends() {
    return this.#lines.filter((line) => line === 'closed').length;
  }

  async isThere() {
    await until('all are there', () => this.#alive().includes('all are there'), PATIENCE);
    this.#taken = this.#lines.length;
  }

  listen() {
    this.program.child.stdin.write('listen\n');
  }

  async heard() {
    this.program.child.stdin.write('tell\n');
    const line = await until('the readers tell', () => this.#alive()[this.#taken], PATIENCE);
    this.#taken += 1;
    return JSON.parse(line);
  }

  #alive() {
    if (this.program.exit) throw new Error(this.program.output);
    return this.#lines;
  }

  async end() {
    this.program.signal('SIGKILL');
    await this.program.finished();
  }
}

/** Messages at a fixed rate, each with the time it was due. */
class Stream {
  constructor(sql, rate) {
    this.sql = sql;
    this.rate = rate;
  }

  async run(seconds) {
    const start = process.hrtime.bigint();
    const count = Math.round(seconds * this.rate);
    for (let number = 0; number < count; number += 1) {
      const due = start + BigInt(Math.round((number * 1e9) / this.rate));
      const wait = Number(due - process.hrtime.bigint()) / 1e6;
      if (wait > 0) await delay(wait);
      const text = `t${process.hrtime.bigint()}`;
      await this.sql.query(`INSERT INTO pipes_messages (name, event, message) VALUES ('web_stream', 'e', '${text}')`);
    }
    return count;
  }
}

/** What fills those up who do not read. */
class Flood {
  constructor(sql) {
    this.sql = sql;
  }

  start() {
    this.over = false;
    this.running = (async () => {
      for (let number = 0; !this.over; number += 1) {
        await this.sql.query(`INSERT INTO pipes_messages (name, event, message) VALUES ('web_flood${number % PIPES}', 'e', '${FLOOD_TEXT}')`);
        await delay(1000 / FLOODS_PER_SECOND);
      }
    })();
  }

  async end() {
    this.over = true;
    await this.running;
    this.sql.destroy();
  }
}
