// The real server, as an operator starts it: a command line, two ports the
// system picked, a data directory of its own.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Program } from './program.mjs';
import { BINARY, temporaryDirectory } from './paths.mjs';
import { until } from './until.mjs';
import { connectSql } from './sql.mjs';
import { WebSocketClient } from './websocket.mjs';

export const ROOT_KEY = 'root-key-of-these-tests';

const HOST = '127.0.0.1';

export class Server {
  /**
   * Starts a server and waits for its addresses.
   * `devs` maps developer ids to keys; `args` and `env` are added as they are.
   * `wrapper` is a command that runs the server: words to stand before it.
   */
  static async start({ devs = {}, args = [], env = {}, dataDir, rootKey = ROOT_KEY, wrapper = [] } = {}) {
    const server = new Server({ devs, args, env, dataDir, rootKey, wrapper });
    await server.#launch({ cometql: `${HOST}:0`, http: `${HOST}:0` });
    return server;
  }

  constructor({ devs, args, env, dataDir, rootKey, wrapper }) {
    if (!existsSync(BINARY)) {
      throw new Error(`${BINARY} does not exist; run cargo build --release`);
    }
    this.devs = devs;
    this.args = args;
    this.env = env;
    this.wrapper = wrapper;
    this.rootKey = rootKey;
    this.workDirectory = temporaryDirectory();
    this.dataDir = dataDir ?? join(this.workDirectory, 'data');
    this.host = HOST;
    this.connections = [];
    this.logs = '';
  }

  get origin() {
    return `http://${this.host}:${this.httpPort}`;
  }

  /** Everything all runs of this server have written. */
  get output() {
    return this.logs + this.program.output;
  }

  /** A MySQL connection (mysql2); `user` is a developer id or `root`. */
  async sql({ user = 'root', password, ...options } = {}) {
    const connection = await connectSql(this, {
      user: String(user),
      password: password ?? this.keyOf(user),
      ...options,
    });
    this.connections.push(connection);
    return connection;
  }

  keyOf(user) {
    const key = user === 'root' ? this.rootKey : this.devs[user];
    if (key === undefined) throw new Error(`no key was given to the server for ${user}`);
    return key;
  }

  /** A raw WebSocket connection that has been greeted. */
  async browser(options = {}) {
    const client = await WebSocketClient.open(this, options);
    this.connections.push(client);
    return client;
  }

  /** SIGTERM: the server drains and says so with exit code 0. */
  async stop() {
    this.#closeClients();
    if (this.program.exit) return;
    this.program.signal('SIGTERM');
    const { code, signal } = await this.program.finished();
    if (code !== 0) {
      throw new Error(`the server ended with ${code ?? signal} after SIGTERM:\n${this.output}`);
    }
  }

  /** SIGKILL, as a power cut would have it. */
  async kill9() {
    this.program.signal('SIGKILL');
    await this.program.finished();
  }

  /** Starts again on the same data and the same ports, after `stop` or `kill9`. */
  async restart() {
    if (!this.program.exit) await this.stop();
    this.logs += this.program.output;
    await this.#launch({
      cometql: `${HOST}:${this.cometqlPort}`,
      http: `${HOST}:${this.httpPort}`,
    });
  }

  /** Starts again, and SIGKILLs that start after some milliseconds, wherever it is by then. */
  async startAndKill(milliseconds) {
    this.logs += this.program.output;
    this.#spawn({ cometql: `${HOST}:${this.cometqlPort}`, http: `${HOST}:${this.httpPort}` });
    await delay(milliseconds);
    await this.kill9();
  }

  #spawn({ cometql, http }) {
    const args = ['--cometql', cometql, '--http', http, '--data', this.dataDir];
    for (const [id, key] of Object.entries(this.devs)) args.push('--dev', `${id}:${key}`);
    const [command, ...before] = [...this.wrapper, BINARY];
    this.program = Program.start(command, [...before, ...args, ...this.args], {
      env: { ...environmentWithoutSettings(), COMETWIRE_ROOT_KEY: this.rootKey, ...this.env },
      cwd: this.workDirectory,
    });
  }

  async #launch(addresses) {
    this.#spawn(addresses);
    await until('the server prints its addresses', () => this.program.exit || this.#readAddresses());
    if (this.program.exit) {
      throw new Error(`the server ended while starting:\n${this.program.output}`);
    }
  }

  #readAddresses() {
    const cometql = /^\s*CometQL\s+\S+?:(\d+)/m.exec(this.program.stdout);
    const browsers = /^\s*Browsers\s+http:\/\/\S+?:(\d+)/m.exec(this.program.stdout);
    const examples = /^\s*Examples\s+http/m.exec(this.program.stdout);
    if (!cometql || !browsers || !examples) return false;
    this.cometqlPort = Number(cometql[1]);
    this.httpPort = Number(browsers[1]);
    return true;
  }

  #closeClients() {
    for (const connection of this.connections.splice(0)) connection.destroy();
  }
}

/** The environment of the tests, without settings a developer may have in his own. */
export function environmentWithoutSettings() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('COMETWIRE_')));
}
