// Whether what was found after a crash is what the contract promises
// (docs/guarantees.md). Every breach is one sentence; none means it holds.

import { isDeepStrictEqual } from 'node:util';
import { brief } from './follower.mjs';
import { after, SHARED } from './model.mjs';

const SHARED_LENGTH = 1000;

/** Positions seen so far: within an epoch they never go back, and an ended epoch never comes again. */
export class Epochs {
  #latest = new Map();
  #ended = new Set();

  breaches(positions, removals) {
    const breaches = [];
    for (const [pipe, { epoch, offset }] of positions) {
      const before = this.#latest.get(pipe);
      if (before && before.epoch === epoch && offset < before.offset) {
        breaches.push(`${pipe} went back from offset ${before.offset} to ${offset} within an epoch`);
      }
      if (before && before.epoch !== epoch) {
        if (before.epoch !== 0 && before.removals === removals(pipe)) {
          breaches.push(`${pipe} has another epoch although its settings were never removed`);
        }
        if (before.epoch !== 0) this.#ended.add(`${pipe} ${before.epoch}`);
        if (this.#ended.has(`${pipe} ${epoch}`)) breaches.push(`${pipe} has an epoch again that had ended`);
      }
      this.#latest.set(pipe, { epoch, offset, removals: removals(pipe) });
    }
    return breaches;
  }
}

/** A writer's own things: all that was acknowledged, and the operation in the air wholly or not at all. */
export function settleWriter(writer, actual) {
  const matches = (state) => differences(state, actual, writer).length === 0;
  const { state, inTheAir } = writer;
  const asBefore = matches(state);
  const asAfter = inTheAir !== undefined && matches(after(state, inTheAir));
  const arrived = (inTheAir?.shared ?? []).filter((payload) => actual.shared.has(payload));
  const shared = inTheAir?.shared ?? [];
  const breaches = [];
  if (!asBefore && !asAfter) {
    breaches.push(
      `writer ${writer.number} finds neither what was acknowledged (${differences(state, actual, writer)})` +
        (inTheAir ? ` nor that and ${describe(inTheAir)} (${differences(after(state, inTheAir), actual, writer)})` : ''),
    );
  }
  if (arrived.length !== 0 && arrived.length !== shared.length) {
    breaches.push(`half of ${describe(inTheAir)} is there`);
  }
  if (shared.length > 0 && asBefore !== asAfter && asAfter !== arrived.length > 0) {
    breaches.push(`${describe(inTheAir)} happened to the shared pipe but not to the tables, or the other way about`);
  }
  writer.settle(shared.length > 0 ? arrived.length > 0 : asAfter);
  return breaches;
}

function differences(state, { found, history, positions }, writer) {
  const { users, pipes, tokens } = writer.operations;
  const wrong = [];
  const compare = (what, expected, got) => {
    if (!isDeepStrictEqual(expected, got)) wrong.push(`${what}: ${shown(expected)} expected, ${shown(got)} found`);
  };
  for (const user of users) {
    compare(`key of ${user}`, state.keys[user], found.keys[user]);
    compare(`data of ${user}`, state.data[user], found.data[user]);
    compare(`mail of ${user}`, state.mail[user], found.mail[user]);
  }
  for (const token of tokens) compare(`token ${token}`, state.tokens[token], found.tokens[token]);
  for (const pipe of pipes) {
    compare(`settings of ${pipe}`, state.settings[pipe], found.settings[pipe]);
    compare(`history of ${pipe}`, state.history[pipe]?.messages ?? [], history[pipe] ?? []);
    compare(`offset of ${pipe}`, (state.history[pipe]?.next ?? 1) - 1, positions.get(pipe).offset);
  }
  return wrong.join('; ');
}

/** A pipe everybody publishes to: what was acknowledged at an offset is there, and nothing that nobody said. */
export function sharedBreaches(pipe, messages, acknowledged, somewhere, mayBeThere) {
  const breaches = [];
  const kept = new Map(messages);
  const first = messages[0]?.[0] ?? 1;
  messages.forEach(([offset], index) => {
    if (offset !== first + index) breaches.push(`${pipe} has a hole before offset ${offset}`);
  });
  for (const [offset, payload] of acknowledged) {
    if (offset >= first && kept.get(offset) !== payload) {
      breaches.push(`${pipe} had ${shown(payload)} acknowledged at ${offset} and has ${shown(kept.get(offset))} there`);
    }
  }
  if (messages.length < SHARED_LENGTH && first !== 1) breaches.push(`${pipe} begins at offset ${first}`);
  const texts = new Set(kept.values());
  if (texts.size !== messages.length) breaches.push(`${pipe} has a message twice`);
  if (first === 1) {
    for (const payload of somewhere) if (!texts.has(payload)) breaches.push(`${pipe} has lost ${shown(payload)}`);
  }
  const known = new Set([...acknowledged.values(), ...somewhere, ...mayBeThere]);
  for (const payload of texts) if (!known.has(payload)) breaches.push(`${pipe} has ${shown(payload)}, which nobody said`);
  return breaches;
}

/** Nothing in the tables belongs to nobody. */
export function strangers({ found }, { users, pipes, tokens }) {
  const check = (kind, names, known) =>
    Object.keys(names).filter((name) => !known.has(name)).map((name) => `${kind} of ${name} came from nowhere`);
  const userNames = new Set(users.map(String));
  return [
    ...check('a key', found.keys, userNames),
    ...check('data', found.data, userNames),
    ...check('settings', found.settings, new Set(pipes)),
    ...check('a revocation', found.tokens, new Set(tokens)),
  ];
}

/** A follower that is up to date stands where the store stands and has seen what the store holds. */
export function followerBreaches(follower, { history, positions }) {
  const breaches = follower.violations.splice(0);
  for (const pipe of follower.pipes) {
    const at = follower.positions.get(pipe);
    const stands = positions.get(pipe);
    if (!isDeepStrictEqual(at, stands)) {
      breaches.push(`${follower.name} stands at ${shown(at)} of ${pipe}, the store at ${shown(stands)}`);
    }
    const begun = follower.beginnings.get(pipe);
    const beginning = begun?.epoch === stands.epoch ? begun.offset : 0;
    for (const [offset, payload] of history[pipe] ?? []) {
      const seen = follower.seen.get(`${pipe} ${stands.epoch}:${offset}`);
      if (seen !== undefined && seen !== brief(payload)) {
        breaches.push(`${follower.name} saw ${shown(seen)} at offset ${offset} of ${pipe}, which holds ${shown(payload)}`);
      }
      const excused = follower.gaps.some((gap) => gap.pipe === pipe && gap.to.epoch === stands.epoch && gap.to.offset >= offset);
      if (seen === undefined && !excused && offset > beginning) {
        breaches.push(`${follower.name} never saw offset ${offset} of ${pipe}, and no gap was told`);
      }
    }
  }
  const gaps = follower.gaps.filter(({ pipe, to }) => pipe.endsWith(SHARED) && positions.get(pipe).offset < to.offset + SHARED_LENGTH);
  if (gaps.length > 0) breaches.push(`${follower.name} was told of a gap where nothing was trimmed: ${shown(gaps)}`);
  return breaches;
}

/** Private messages of one reader: all acknowledged ones came, in order, and no other ones. */
export function mailBreaches(reader, acknowledged, mayBeThere) {
  const breaches = [];
  const received = new Set(reader.first);
  const missing = acknowledged.filter((text) => !received.has(text));
  if (missing.length > 0) breaches.push(`private messages are lost: ${shown(missing)}`);
  const known = new Set([...acknowledged, ...mayBeThere]);
  const invented = reader.first.filter((text) => !known.has(text));
  if (invented.length > 0) breaches.push(`private messages nobody sent: ${shown(invented)}`);
  const numbers = reader.first.map((text) => Number(text.split(':')[1]));
  if (numbers.some((number, index) => index > 0 && number < numbers[index - 1])) {
    breaches.push(`private messages came out of order: ${numbers.join(' ')}`);
  }
  return breaches;
}

function describe({ transaction, statements }) {
  const texts = statements.map(([statement, values]) => `${statement} ${shown(values)}`).join('; ');
  return transaction ? `BEGIN; ${texts}; COMMIT` : texts;
}

function shown(value) {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.replace(/x{20,}/g, 'x…').slice(0, 600);
}
