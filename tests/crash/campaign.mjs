// A campaign: a mixed load on one data directory, the server killed in the middle
// of it again and again, and everything compared with the model after each start.

import { setTimeout as delay } from 'node:timers/promises';
import { inject } from '../support/disk.mjs';
import { Server } from '../support/server.mjs';
import { settled, until } from '../support/until.mjs';
import { rows } from '../support/sql.mjs';
import { BrowserWriter, MailWriter } from './browser_writer.mjs';
import { Epochs, followerBreaches, mailBreaches, settleWriter, sharedBreaches, strangers } from './check.mjs';
import { Follower, MailReader } from './follower.mjs';
import { inspect } from './inspection.mjs';
import { SHARED } from './model.mjs';
import { Random } from './random.mjs';
import { Writer } from './writer.mjs';

export const WEB_SHARED = `web_${SHARED}`;
const WRITERS = 6;
const FOLLOWERS = 4;
const READER = { id: 900_001, key: 'keyOfTheReader' };
const QUIET = { within: 30_000 };
/** What a disk may do to the server: system calls that go wrong, and how. */
const FAULTS = [
  ['fsync,fdatasync', 'error=EIO'],
  ['pwrite64', 'error=ENOSPC'],
  ['pwrite64', 'error=EIO'],
  ['ftruncate,fallocate', 'error=ENOSPC'],
];

/**
 * Kills the server `kills` times under load. Gives what happened; a breach of
 * the contract is an error that names the seed and the round. `meanwhile` is
 * called with the data directory between each kill and the next start. With `faults`
 * the disk fails in some rounds before the kill.
 */
export async function campaign({ kills, seed, faults = false, report = () => {}, meanwhile = () => {} }) {
  const server = await Server.start({ args: ['--history-read', '1000', '--max-messages-per-second', '0', '--log', 'warn'] });
  try {
    const run = new Campaign(server, seed, { faults, meanwhile });
    await run.prepare();
    for (let round = 1; round <= kills; round += 1) {
      const how = await run.round();
      const breaches = await run.breaches();
      if (breaches.length > 0) {
        throw new Error(`seed ${seed}, kill ${round} (${how}):\n  ${breaches.join('\n  ')}`);
      }
      report(`kill ${round} of ${kills}: ${how}; ${run.acknowledged} operations acknowledged so far`);
    }
    return run.result();
  } finally {
    await server.kill9();
  }
}

class Campaign {
  #epochs = new Epochs();
  #rounds = 0;
  #killed = { underLoad: 0, whileStarting: 0, whileDraining: 0, drained: 0, afterFaults: 0 };

  constructor(server, seed, { faults, meanwhile }) {
    const random = new Random(seed);
    this.server = server;
    this.faults = faults;
    this.meanwhile = meanwhile;
    this.random = random.fork('campaign');
    this.writers = Array.from({ length: WRITERS }, (_, index) => new Writer(server, index + 1, random.fork(index)));
    this.browser = new BrowserWriter(server, WEB_SHARED);
    this.mail = new MailWriter(server, READER.id);
    this.reader = new MailReader(server, READER.id, READER.key);
    const own = this.writers.flatMap((writer) => writer.operations.pipes);
    this.pipes = [SHARED, WEB_SHARED, ...own];
    this.followers = Array.from(
      { length: FOLLOWERS },
      (_, index) => new Follower(server, `follower ${index}`, index === 0 ? this.pipes : [SHARED, WEB_SHARED, own[index]]),
    );
  }

  get acknowledged() {
    const counts = [...this.writers, this.browser, this.mail].map((writer) => writer.acknowledged);
    return counts.reduce((sum, count) => sum + count, 0);
  }

  async prepare() {
    const sql = await this.server.sql();
    for (const pipe of [SHARED, WEB_SHARED]) {
      await sql.query('INSERT INTO pipes_settings (name, length) VALUES (?, 1000)', [pipe]);
    }
    await sql.query('INSERT INTO users_auth (id, hash) VALUES (?, ?)', [READER.id, READER.key]);
    sql.destroy();
    await Promise.all(this.followers.map((follower) => follower.connect()));
  }

  /** One load and its end, and the next start. Says how it ended. */
  async round() {
    const early = this.followers.filter(() => this.random.chance(0.5));
    await Promise.all(early.map((follower) => follower.isConnected || follower.connect()));
    const before = this.acknowledged;
    const load = [...this.writers, this.browser, this.mail].map((writer) => writer.work());
    const coming = this.followers.filter((follower) => !follower.isConnected).map((follower) => follower.connect());
    if (this.random.chance(0.7)) coming.push(this.reader.connect());
    await until('the load has begun', () => this.acknowledged > before);
    await this.#cutSomebody();
    const milliseconds = this.random.between(0, 350);
    await delay(milliseconds);
    const how = await this.#end(milliseconds);
    await Promise.all(load);
    this.server.diskMayFail = false;
    await this.meanwhile(this.server.dataDir);
    await this.#startKilledInBetween();
    await this.server.restart();
    await Promise.all([...coming, ...[...this.followers, this.reader].map((client) => client.connect())]);
    return how;
  }

  /** What was found that the contract does not allow. */
  async breaches() {
    await until('followers are up to date', () => this.followers.every((follower) => follower.isUpToDate), QUIET);
    await this.#mailIsRead();
    const users = [READER.id, ...this.writers.flatMap((writer) => writer.operations.users)];
    const actual = await inspect(this.server, this.pipes, users);
    actual.shared = new Set((actual.history[SHARED] ?? []).map(([, payload]) => payload));
    const inTheAir = this.writers.flatMap((writer) => writer.inTheAir?.shared ?? []);
    const acknowledged = new Map(this.writers.flatMap((writer) => [...writer.shared]));
    const somewhere = this.writers.flatMap((writer) => writer.sharedSomewhere);
    const removals = (pipe) => {
      const writer = this.writers.find(({ operations }) => operations.pipes.includes(pipe));
      return writer?.state.removals[pipe] ?? 0;
    };
    const { browser, mail } = this;
    return [
      ...this.writers.flatMap((writer) => settleWriter(writer, actual)),
      ...sharedBreaches(SHARED, actual.history[SHARED] ?? [], acknowledged, somewhere, [...inTheAir, ...this.#survived()]),
      ...sharedBreaches(WEB_SHARED, actual.history[WEB_SHARED] ?? [], browser.offsets, [], browser.unanswered),
      ...strangers(actual, {
        users,
        pipes: this.pipes,
        tokens: this.writers.flatMap((writer) => writer.operations.tokens),
      }),
      ...this.#epochs.breaches(actual.positions, removals),
      ...this.followers.flatMap((follower) => followerBreaches(follower, actual)),
      ...mailBreaches(this.reader, mail.sent, mail.unanswered),
    ];
  }

  result() {
    return {
      ...this.#killed,
      acknowledged: this.acknowledged,
      failed: this.writers.reduce((sum, writer) => sum + writer.failed, 0),
      seen: this.followers.reduce((sum, follower) => sum + follower.seen.size, 0),
      resumes: this.followers.reduce((sum, follower) => sum + follower.connects - 1, 0),
      gaps: this.followers.reduce((sum, follower) => sum + follower.gaps.length, 0),
    };
  }

  /** Of an unanswered transaction the messages that turned out to be there; they may still be in the history. */
  #survived() {
    return this.writers.flatMap((writer) => writer.sharedSomewhere);
  }

  async #end(milliseconds) {
    const turn = (this.#rounds += 1) % 7;
    if (turn === 3) {
      this.#killed.drained += 1;
      await this.#drain();
      return `SIGTERM ${milliseconds} ms into the load, and time to drain`;
    }
    if (turn === 5) {
      this.#killed.whileDraining += 1;
      const grace = this.random.between(0, 30);
      this.server.program.signal('SIGTERM');
      await delay(grace);
      await this.server.kill9();
      return `SIGTERM ${milliseconds} ms into the load, SIGKILL ${grace} ms later`;
    }
    if (this.faults && (turn === 1 || turn === 4)) return this.#endWithFault(milliseconds);
    this.#killed.underLoad += 1;
    await this.server.kill9();
    return `SIGKILL ${milliseconds} ms into the load`;
  }

  /** The disk fails under load, some calls from now on; who was refused has stopped when the kill comes. */
  async #endWithFault(milliseconds) {
    this.#killed.afterFaults += 1;
    const [calls, fault] = this.random.pick(FAULTS);
    const from = this.random.between(1, 12);
    this.server.diskMayFail = true;
    await inject(this.server, calls, `${fault}:when=${from}+`);
    const patience = this.random.between(0, 400);
    await delay(patience);
    await this.server.kill9();
    return `${calls} ${fault} ${milliseconds} ms into the load from call ${from} on, SIGKILL ${patience} ms later`;
  }

  /** Under load a stop is a stop: within the grace time, by itself, with exit code 0. */
  async #drain() {
    const { program } = this.server;
    program.signal('SIGTERM');
    const { code, signal } = await program.finished();
    if (code !== 0) throw new Error(`the server ended with ${code ?? signal} after SIGTERM under load`);
    if (program.output.includes('drain_cut_off')) throw new Error('the grace time was not enough to drain');
  }

  /** Starting is part of the contract too: what is killed while it recovers has lost nothing. */
  async #startKilledInBetween() {
    if (this.#rounds % 4 !== 0) return;
    for (let times = this.random.between(1, 3); times > 0; times -= 1) {
      this.#killed.whileStarting += 1;
      await this.server.startAndKill(this.random.between(0, 60));
    }
  }

  async #cutSomebody() {
    while (this.random.chance(0.4)) {
      const follower = this.random.pick(this.followers);
      if (!follower.isConnected) continue;
      await delay(this.random.between(0, 60));
      follower.cut();
      await settled('a follower comes back', follower.connect());
    }
  }

  async #mailIsRead() {
    const sql = await this.server.sql();
    await until(
      'the mailbox is read',
      async () => (await rows(sql, `SELECT id FROM users_messages WHERE id = ${READER.id}`)).length === 0,
      QUIET,
    );
    sql.destroy();
  }
}
