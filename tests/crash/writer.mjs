// A backend that says one thing after another, and knows of each whether it was
// answered. When the server is killed at most one is in the air: it may have
// happened or not, but not half of it.

import { after, nothing, Operations, SHARED } from './model.mjs';

const SERVER_SHUTDOWN = 1053;
const STORE_FAILED = 500;

/**
 * Whether this is the server going away, or its disk where that may fail, and not a
 * statement it refused. What was said last may have happened then, or not.
 */
export function isTheEnd({ errno }, server) {
  return !(errno > 0) || errno === SERVER_SHUTDOWN || (errno === STORE_FAILED && server.diskMayFail);
}

export class Writer {
  /** What every acknowledged operation together comes to. */
  state = nothing();
  /** The operation nobody answered, if it may have happened. */
  inTheAir = undefined;
  acknowledged = 0;
  /** Operations the disk was to blame for. */
  failed = 0;
  /** Offset on the shared pipe -> payload, as answered. */
  shared = new Map();
  /** Acknowledged payloads on the shared pipe whose offset was not told (they were part of a transaction). */
  sharedSomewhere = [];

  constructor(server, number, random) {
    this.server = server;
    this.number = number;
    this.random = random;
    this.operations = new Operations(number, random.fork('operations'));
  }

  /** Works until the connection breaks, or the disk does. */
  async work() {
    let sql;
    try {
      sql = await this.server.sql();
    } catch {
      return;
    }
    for (;;) {
      const operation = this.operations.next();
      try {
        await (operation.transaction ? this.#commit(sql, operation) : this.#say(sql, operation));
      } catch (error) {
        if (!isTheEnd(error, this.server)) throw error;
        if (error.errno === STORE_FAILED) this.failed += 1;
        return;
      }
    }
  }

  /** After the kill: what was in the air has happened (or not). */
  settle(happened) {
    if (happened) this.#done(this.inTheAir);
    this.inTheAir = undefined;
  }

  async #say(sql, operation) {
    const [[statement, values]] = operation.statements;
    this.inTheAir = operation;
    const [answer] = this.random.chance(0.5) ? await sql.query(statement, values) : await sql.execute(statement, values);
    this.#done(operation, answer.info);
  }

  async #commit(sql, operation) {
    await sql.query('BEGIN');
    for (const [statement, values] of operation.statements) await sql.query(statement, values);
    if (this.random.chance(0.15)) {
      await sql.query('ROLLBACK');
      return;
    }
    this.inTheAir = operation;
    await sql.query('COMMIT');
    this.#done(operation);
  }

  #done(operation, information = '') {
    this.state = after(this.state, operation);
    this.inTheAir = undefined;
    this.acknowledged += 1;
    const offset = Number(/Offset: (\d+)/.exec(information)?.[1]);
    if (operation.pipe === SHARED && offset) {
      this.shared.set(offset, operation.shared[0]);
    } else {
      this.sharedSomewhere.push(...(operation.shared ?? []));
    }
    const history = this.state.history[operation.pipe];
    if (history && offset && offset !== history.next - 1) {
      throw new Error(`${operation.pipe} is at offset ${history.next - 1}, the answer says ${offset}`);
    }
  }
}
