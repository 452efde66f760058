// A model of our own client: it follows pipes, comes back after every break with
// the position it had, and insists that each message comes once and in order, or
// that it is told of a gap.

import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { clientPath, WebSocketClient } from '../support/websocket.mjs';

const BEGINNING = '0:0';
const RETRY_MILLISECONDS = 20;
const TRAIL = 12;

export class Follower {
  /** pipe -> { epoch, offset }, once the server has said where it stands. */
  positions = new Map();
  /** Everything new that was seen: `pipe epoch:offset` -> payload, or its digest. */
  seen = new Map();
  /** What the server called gone: { pipe, from, to }. */
  gaps = [];
  /** pipe -> where it stood when it was first subscribed. */
  beginnings = new Map();
  violations = [];
  connects = 0;
  #held = new Map();
  #waiting = new Set();
  /** pipe -> epoch -> how far it was followed; `Infinity` once the server stood elsewhere. */
  #reached = new Map();
  /** Pipes whose last message came live, with nothing left out before it. */
  #follows = new Set();
  #attempt = 0;
  /** pipe -> the last things that were heard of it, for whoever has to find out what went wrong. */
  #trail = new Map();

  constructor(server, name, pipes) {
    this.server = server;
    this.name = name;
    this.pipes = pipes;
  }

  /** Connects, again and again until it succeeds, and asks for what it missed. A later call takes over. */
  async connect() {
    const attempt = (this.#attempt += 1);
    const isCurrent = () => attempt === this.#attempt;
    this.client?.destroy();
    this.#held = new Map(this.pipes.map((pipe) => [pipe, []]));
    this.#waiting = new Set(this.pipes);
    const client = await connected(isCurrent, this.server, {
      path: clientPath({ api: 'cometwire' }),
      keeps: false,
      onText: (text) => isCurrent() && this.#received(text),
    });
    if (!client) return;
    this.client = client;
    this.connects += 1;
    this.client.command('subscription', ...this.pipes);
    const wanted = this.pipes.flatMap((pipe) => {
      const { epoch = '', offset = '' } = this.positions.get(pipe) ?? {};
      return [pipe, epoch, offset];
    });
    this.client.command('resume', ...wanted);
  }

  /** A network that breaks in the middle of things. */
  cut() {
    this.client.destroy();
  }

  get isConnected() {
    return this.client !== undefined && !this.client.ended;
  }

  get isUpToDate() {
    return this.isConnected && this.#waiting.size === 0;
  }

  #received(text) {
    for (const line of text.split('\n').filter((part) => part.trim() !== '')) {
      const message = JSON.parse(line);
      this.#note(message);
      this.#receive(message);
    }
  }

  #note({ pipe, event, epoch, offset, resumed, data }) {
    if (offset === undefined) return;
    const about = pipe === 'sys' ? data.pipe : pipe;
    const trail = this.#trail.get(about) ?? [];
    trail.push(`${pipe === 'sys' ? event : resumed ? 'missed' : 'live'} ${epoch}:${offset} (connection ${this.#attempt})`);
    this.#trail.set(about, trail.slice(-TRAIL));
  }

  #receive(message) {
    if (message.offset === undefined) return;
    if (message.pipe === 'sys') {
      this.#stands(message);
      return;
    }
    const { pipe, epoch, offset, data, resumed } = message;
    const held = this.#held.get(pipe);
    if (held && !resumed) {
      held.push(message);
      return;
    }
    const at = this.positions.get(pipe);
    const reached = this.#reached.get(pipe)?.get(epoch) ?? -1;
    // The server has said that this history is over, and a gap.
    if (reached === Infinity) {
      this.#follows.delete(pipe);
      return;
    }
    // A history that came and went unseen, or may have: our client tells the page so itself.
    const isOther = !resumed && at && at.epoch !== epoch;
    const toldByClient = isOther && (offset > 1 || reached >= 0 || (at.epoch > 0 && !this.#follows.has(pipe)));
    if (!resumed) this.#follows.add(pipe);
    if (toldByClient) this.gaps.push({ pipe, from: at, to: { epoch, offset: Math.max(offset - 1, reached) } });
    this.#moveTo(pipe, epoch, Math.max(offset, reached));
    if (offset <= reached) return;
    const follows = toldByClient || at === undefined || offset === (at.epoch === epoch ? at.offset + 1 : 1);
    if (!follows) this.#object(`${pipe} went from ${place(at)} to ${epoch}:${offset} without a word`, pipe);
    const key = `${pipe} ${epoch}:${offset}`;
    if (this.seen.has(key)) this.#object(`${key} came twice`, pipe);
    this.seen.set(key, brief(data));
  }

  #moveTo(pipe, epoch, offset) {
    this.positions.set(pipe, { epoch, offset });
    const reached = this.#reached.get(pipe) ?? new Map();
    this.#reached.set(pipe, reached.set(epoch, offset));
  }

  #stands({ event, data: { pipe }, epoch, offset }) {
    const at = this.positions.get(pipe);
    const isBehind = at === undefined || at.epoch !== epoch || at.offset < offset;
    if (event === 'gap') {
      this.gaps.push({ pipe, from: at, to: { epoch, offset } });
    } else if (at && isBehind && !(place(at) === BEGINNING && offset === 0)) {
      this.#object(`${pipe} stood at ${place(at)} and was moved to ${epoch}:${offset} without a word`, pipe);
    }
    if (at === undefined) this.beginnings.set(pipe, { epoch, offset });
    const reached = this.#reached.get(pipe) ?? new Map();
    [...reached.keys()].forEach((known) => reached.set(known, Infinity));
    this.#moveTo(pipe, epoch, isBehind ? offset : at.offset);
    this.#follows.delete(pipe);
    if (event !== 'resumed') return;
    const held = this.#held.get(pipe) ?? [];
    this.#held.delete(pipe);
    held.forEach((message) => this.#receive(message));
    this.#waiting.delete(pipe);
  }

  #object(sentence, pipe) {
    this.violations.push(`${this.name}: ${sentence}; last heard: ${this.#trail.get(pipe)?.join(', ')}`);
  }
}

/** A user's page that takes private messages, and keeps the order in which each came first. */
export class MailReader {
  first = [];
  #known = new Set();
  #attempt = 0;

  constructor(server, userId, userKey) {
    Object.assign(this, { server, userId, userKey });
  }

  async connect() {
    const attempt = (this.#attempt += 1);
    this.client?.destroy();
    const client = await connected(() => attempt === this.#attempt, this.server, {
      path: clientPath({ userId: this.userId, userKey: this.userKey }),
      keeps: false,
      onText: (text) => this.#received(text),
    });
    this.client = client ?? this.client;
  }

  get isConnected() {
    return this.client !== undefined && !this.client.ended;
  }

  #received(text) {
    for (const line of text.split('\n').filter((part) => part.trim() !== '')) {
      const { pipe, data } = JSON.parse(line);
      if (pipe !== 'msg' || this.#known.has(data)) continue;
      this.#known.add(data);
      this.first.push(data);
    }
  }
}

/** A connection, tried for until there is one or nobody wants it any more. */
async function connected(isWanted, server, options) {
  while (isWanted()) {
    try {
      const client = await WebSocketClient.upgrade(server, options);
      if (client.status === 101 && isWanted()) return client;
      client.destroy();
    } catch {
      // Refused or cut: the server is not there yet.
    }
    await delay(RETRY_MILLISECONDS);
  }
  return undefined;
}

const place = (position) => (position ? `${position.epoch}:${position.offset}` : 'nowhere');

/** A payload to compare by; large ones are not worth keeping. */
export function brief(payload) {
  return payload.length > 200 ? createHash('sha1').update(payload).digest('base64') : payload;
}
