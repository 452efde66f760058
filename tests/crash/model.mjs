// What the server must hold of one writer's things, and the operations that
// change it. An operation is its statements and the same change to the model;
// nothing here talks to a server.

const PIPES = 3;
const USERS = 4;
const TOKENS = 5;
/** Stream everybody publishes to; kept apart from a writer's own things. */
export const SHARED = 'shared';

/** What is there of a writer before it has said anything. */
export function nothing() {
  return { keys: {}, data: {}, tokens: {}, settings: {}, mail: {}, history: {}, removals: {} };
}

/** The same, changed; the given one stays as it is. */
export function after(state, operation) {
  const changed = structuredClone(state);
  operation.apply(changed);
  return changed;
}

/** A writer's names, and a new operation whenever it is asked for one. */
export class Operations {
  #count = 0;

  constructor(number, random) {
    this.number = number;
    this.random = random;
    this.pipes = Array.from({ length: PIPES }, (_, index) => `own${number}_${index}`);
    this.users = Array.from({ length: USERS }, (_, index) => number * 1000 + index + 1);
    this.tokens = Array.from({ length: TOKENS }, (_, index) => `token.${number}.${index}`);
  }

  next() {
    return this.random.chance(0.2) ? this.#transaction() : this.#single();
  }

  #single() {
    const kinds = [
      () => this.#put('keys', 'users_auth', 'hash', this.#word()),
      () => this.#remove('keys', 'users_auth'),
      () => this.#put('data', 'users_data', 'data', this.#payload('data')),
      () => this.#remove('data', 'users_data'),
      () => this.#revoke(),
      () => this.#allow(),
      () => this.#putSetting(),
      () => this.#putSetting(),
      () => this.#removeSetting(),
      () => this.#mail(),
      () => this.#mail(),
      () => this.#clearMail(),
      () => this.#clearHistory(),
    ];
    const roll = this.random.next();
    if (roll < 0.35) return this.#publish();
    if (roll < 0.5) return this.#publishShared();
    return this.random.pick(kinds)();
  }

  #transaction() {
    const parts = Array.from({ length: this.random.between(2, 6) }, () => this.#single());
    return {
      transaction: true,
      statements: parts.flatMap((part) => part.statements),
      shared: parts.flatMap((part) => part.shared ?? []),
      apply: (state) => parts.forEach((part) => part.apply(state)),
    };
  }

  #put(kind, table, column, value) {
    const user = this.random.pick(this.users);
    return {
      statements: [[`INSERT INTO ${table} (id, ${column}) VALUES (?, ?)`, [user, value]]],
      apply: (state) => (state[kind][user] = value),
    };
  }

  #remove(kind, table) {
    const user = this.random.pick(this.users);
    return {
      statements: [[`DELETE FROM ${table} WHERE id = ?`, [user]]],
      apply: (state) => delete state[kind][user],
    };
  }

  #revoke() {
    const token = this.random.pick(this.tokens);
    return {
      statements: [['INSERT INTO revoked_tokens (token) VALUES (?)', [token]]],
      apply: (state) => (state.tokens[token] = true),
    };
  }

  #allow() {
    const token = this.random.pick(this.tokens);
    return {
      statements: [['DELETE FROM revoked_tokens WHERE token = ?', [token]]],
      apply: (state) => delete state.tokens[token],
    };
  }

  #putSetting() {
    const pipe = this.random.pick(this.pipes);
    const length = this.random.between(1, 12);
    return {
      statements: [['INSERT INTO pipes_settings (name, length) VALUES (?, ?)', [pipe, length]]],
      apply: (state) => {
        state.settings[pipe] = length;
        state.history[pipe] ??= { next: 1, messages: [] };
        trim(state, pipe);
      },
    };
  }

  #removeSetting() {
    const pipe = this.random.pick(this.pipes);
    return {
      statements: [['DELETE FROM pipes_settings WHERE name = ?', [pipe]]],
      apply: (state) => {
        delete state.settings[pipe];
        delete state.history[pipe];
        state.removals[pipe] = (state.removals[pipe] ?? 0) + 1;
      },
    };
  }

  #mail() {
    const user = this.random.pick(this.users);
    const payload = this.#payload(`mail${user}`);
    return {
      statements: [["INSERT INTO users_messages (id, event, message) VALUES (?, 'e', ?)", [user, payload]]],
      apply: (state) => (state.mail[user] ??= []).push(payload),
    };
  }

  #clearMail() {
    const user = this.random.pick(this.users);
    return {
      statements: [['DELETE FROM users_messages WHERE id = ?', [user]]],
      apply: (state) => delete state.mail[user],
    };
  }

  #clearHistory() {
    const pipe = this.random.pick(this.pipes);
    return {
      statements: [['DELETE FROM pipes_messages WHERE name = ?', [pipe]]],
      apply: (state) => {
        if (state.history[pipe]) state.history[pipe].messages = [];
      },
    };
  }

  #publish() {
    const pipe = this.random.pick(this.pipes);
    const payloads = Array.from({ length: this.random.chance(0.2) ? 3 : 1 }, () => this.#payload(pipe));
    return {
      pipe,
      statements: [publishing(pipe, payloads)],
      apply: (state) => {
        const history = state.history[pipe];
        if (!history) return;
        for (const payload of payloads) history.messages.push([history.next++, payload]);
        trim(state, pipe);
      },
    };
  }

  #publishShared() {
    const payload = this.#payload(`w${this.number}`);
    return { pipe: SHARED, statements: [publishing(SHARED, [payload])], shared: [payload], apply: () => {} };
  }

  #word() {
    return `word_${this.number}_${(this.#count += 1)}`;
  }

  /** Never the same twice; now and then large, so that the store's log is moved too. */
  #payload(about) {
    const size = this.random.chance(0.05) ? this.random.between(4_000, 40_000) : this.random.between(0, 60);
    return `${about}:${(this.#count += 1)}:${'x'.repeat(size)}`;
  }
}

function publishing(pipe, payloads) {
  const places = payloads.map(() => '(?, ?, ?)').join(', ');
  return [
    `INSERT INTO pipes_messages (name, event, message) VALUES ${places}`,
    payloads.flatMap((payload) => [pipe, 'e', payload]),
  ];
}

function trim(state, pipe) {
  const length = state.settings[pipe];
  if (length !== undefined) state.history[pipe].messages = state.history[pipe].messages.slice(-length);
}
