// A model of the two old JavaScript clients, v3.25 and v4.08, written from what
// the protocol reference says they do: with a line of text (4.2), with a message
// (4.10), with a closed connection (1.5, 1.6), and with their public calls (7).
// What they get wrong is modelled too: the server must live with it.

import { OPCODE, WebSocketClient, clientPath, randomUuid } from './websocket.mjs';
import { until } from './until.mjs';

const CATCH_ALL = 'comet_server_msg';
const FATAL_ABOVE = 400;
const NORMAL_CLOSURE = Buffer.from([0x03, 0xe8]);
/** In this time after restart(), v3 takes a drop for the end of its own doing. */
const V3_RESTART_DEAF_MILLISECONDS = 1000;

export class OldClient {
  constructor(server, version) {
    this.server = server;
    this.version = version;
    this.isV3 = Number.parseInt(version, 10) < 4;
    this.uuid = randomUuid();
    this.tabId = String(Math.random()).slice(2, 18);
    this.authorized = undefined;
    this.authSuccesses = 0;
    this.authFailures = 0;
    this.callbacks = new Map();
    this.serverSubscriptions = [];
    this.seenUuids = new Set();
    this.transports = [];
    this.undelivered = [];
    this.queue = [];
    this.failures = 0;
    this.everHeard = false;
    this.stopped = true;
    this.fatal = false;
    this.restartedAt = undefined;
  }

  /** Connects; unlike the originals it does not wait for other tabs first. */
  start(options = {}) {
    this.options = { ...this.options, ...options };
    this.stopped = false;
    this.#connect();
    return this;
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    this.transport?.sendFrame({ opcode: OPCODE.close, payload: NORMAL_CLOSURE });
  }

  restart(options) {
    this.options = { ...this.options, ...options };
    this.restartedAt = Date.now();
    this.transport.sendFrame({ opcode: OPCODE.close, payload: NORMAL_CLOSURE });
  }

  subscription(name, callback = () => {}) {
    const key = name.startsWith('#') ? `_answer_to_${name.slice(1)}` : name || CATCH_ALL;
    this.#listen(key, callback);
    const pipe = key.split('.').length === 2 ? key.split('.')[0] : key;
    const local = name.startsWith('#') || pipe === 'msg' || pipe === CATCH_ALL;
    if (local || this.serverSubscriptions.includes(pipe)) return;
    this.serverSubscriptions.push(pipe);
    this.#sendSubscriptions();
  }

  web_pipe_send(pipe, event, message) {
    this.#send(['web_pipe2', pipe, event, '*', JSON.stringify(message)].join('\n'));
  }

  /** The same object several times; receivers keep one. */
  multi_web_pipe_send(pipe, event, message, count = 3) {
    const marked = { ...message, _cometApi_uuid: randomUuid() };
    for (let copy = 0; copy < count; copy += 1) this.web_pipe_send(pipe, event, marked);
  }

  /** Only v4 has it. */
  getUserData(userId, callback) {
    const marker = this.#marker();
    this.#listenOnce(undefined, marker, callback);
    this.#send(`user_data\n${marker}\n${userId}`);
  }

  sendStatistics(name, version, data) {
    this.#send(`statistics\n${JSON.stringify({ url: 'https://shop.example/', plugin: { name, version, data } })}`);
  }

  get_pipe_log(pipe, callback) {
    const marker = this.#marker();
    if (callback && this.isV3) {
      this.#listenOnce(pipe, marker, callback);
    } else if (callback) {
      this.subscription(pipe, callback);
    }
    this.#send(`pipe_log\n${pipe}\n${this.isV3 && !callback ? 'undefined' : marker}\n`);
  }

  count_users_in_pipe(pipe, callback) {
    const marker = this.#marker();
    this.#listenOnce(this.isV3 ? '_answer_pipe_count' : undefined, marker, callback);
    this.#send(`pipe_count\n${pipe}\n${marker}\n`);
  }

  getTrackPipeUsers(pipe, callback) {
    const marker = this.#marker();
    if (this.isV3) this.subscription(pipe);
    this.#listenOnce(this.isV3 ? pipe : undefined, marker, callback);
    this.#send(`track_pipe_users\n${pipe}\n${marker}`);
  }

  isAuthorized() {
    return this.authorized;
  }

  /** Every Close frame any of its connections has seen: there must be none. */
  get closeFrames() {
    return this.transports.flatMap((transport) => transport.closeFrames);
  }

  /** Waits until the server has done all this client asked for. */
  async settle() {
    await until('the client is connected', () => this.isOpen);
    await this.transport.processed();
  }

  get isOpen() {
    return this.transport !== undefined && !this.transport.ended && this.greeted;
  }

  destroy() {
    this.stopped = true;
    clearTimeout(this.timer);
    for (const transport of this.transports) transport.destroy();
  }

  // --- the connection ---

  async #connect() {
    this.greeted = false;
    const { user_id: userId, user_key: userKey, dev_id: devId } = this.options;
    const path = clientPath({ userId, userKey, devId, version: this.version, uuid: this.uuid });
    let transport;
    try {
      transport = await WebSocketClient.upgrade(this.server, {
        path,
        headers: { Origin: this.options.origin },
        onText: (text) => this.#hear(text),
      });
    } catch {
      this.#closed({ wasClean: false });
      return;
    }
    if (transport.status !== 101) {
      this.#closed({ wasClean: false });
      return;
    }
    this.transport = transport;
    this.transports.push(transport);
    this.#sendSubscriptions();
    for (const text of this.queue.splice(0)) transport.sendText(text);
    transport.dropped.then(() => {
      transport.destroy();
      this.#closed({ wasClean: transport.closeFrames.length > 0 });
    });
  }

  #closed({ wasClean }) {
    if (this.stopped || wasClean || this.fatal) return;
    const sinceRestart = Date.now() - this.restartedAt;
    this.restartedAt = undefined;
    if (this.isV3 && sinceRestart < V3_RESTART_DEAF_MILLISECONDS) return;
    this.failures += 1;
    this.timer = setTimeout(() => this.#connect(), this.#delay());
  }

  #delay() {
    let delay = this.everHeard ? 1000 : 300;
    if (this.failures >= 4) delay += 2000;
    if (this.failures >= 5) delay += 2000;
    if (this.failures >= 6) delay *= 3 ** (this.failures - 5);
    return delay;
  }

  #send(text) {
    if (this.transport && !this.transport.ended) this.transport.sendText(text);
    else this.queue.push(text);
  }

  #sendSubscriptions() {
    if (this.serverSubscriptions.length === 0 || !this.transport || this.transport.ended) return;
    this.transport.command('subscription', ...this.serverSubscriptions);
  }

  // --- what it does with a frame ---

  #hear(text) {
    this.failures = 0;
    this.everHeard = true;
    for (const line of text.trim().split('\n')) {
      let message;
      try {
        message = JSON.parse(line.replaceAll("\\'", "'"));
      } catch {
        this.undelivered.push(line);
        continue;
      }
      this.#handle(message, line);
    }
  }

  #handle(message, line) {
    if (message.error > FATAL_ABOVE) this.fatal = true;
    if (message.jscode !== undefined) throw new Error('the server had this page evaluate a script');
    if (this.#isGreeting(message)) {
      this.#greeted(message);
      return;
    }
    if (message.data === undefined) return;
    if (message.uuid !== undefined) {
      if (this.seenUuids.has(message.uuid)) return;
      this.seenUuids.add(message.uuid);
    }
    let { data, event = message.event_name } = message;
    let userId = message.user_id ?? 0;
    if (typeof data === 'string' && data.startsWith('A::')) {
      const [sender, rest] = data.slice(3).split(';');
      userId = Number(message.user_id) || Number(sender);
      data = rest;
    }
    if (this.isV3 && message.event_name === undefined) {
      const decoded = fromBase64(data);
      if (decoded === undefined) {
        this.undelivered.push(line);
        return;
      }
      ({ data, event_name: event } = decoded);
    }
    if (typeof data === 'string') data = this.#decode(data);
    if (data?._cometApi_uuid !== undefined) {
      if (this.seenUuids.has(data._cometApi_uuid)) return;
      this.seenUuids.add(data._cometApi_uuid);
      delete data._cometApi_uuid;
    }
    if (this.isV3 && typeof message.data === 'object') data = String(data);
    this.#dispatch({
      data,
      server_info: {
        user_id: userId,
        pipe: message.pipe,
        event,
        history: message.history === true,
        marker: message.marker,
        uuid: message.uuid,
      },
    });
  }

  #isGreeting(message) {
    if (this.isV3) return message.authorized !== undefined;
    return message.event === 'serverInfo' && message.pipe === 'sys';
  }

  #greeted(message) {
    const authorized = message.authorized === 'true' || (!this.isV3 && message.authorized === true);
    this.realUserKey = message.data.replace(' ', '_');
    if (authorized !== this.authorized) {
      if (authorized) this.authSuccesses += 1;
      else this.authFailures += 1;
    }
    this.authorized = authorized;
    this.greeted = true;
  }

  /** Text to value: as JSON, or after taking away a level of backslashes, or as it is. */
  #decode(text) {
    let attempt = text.replaceAll("\\'", "'");
    for (let cycle = 0; cycle < (this.isV3 ? 1 : 2); cycle += 1) {
      const stripped = stripBackslashes(attempt);
      for (const form of [attempt, stripped, stripped.replaceAll("\\'", "'")]) {
        try {
          return JSON.parse(form);
        } catch {
          // the next form
        }
      }
      attempt = stripped;
    }
    return attempt;
  }

  #dispatch(message) {
    const { pipe, event, marker } = message.server_info;
    const foreign = marker !== undefined && marker !== this.tabId;
    const names = pipe === undefined ? [`msg.${event}`, 'msg'] : [pipe, `${pipe}.${event}`];
    const listeners = [...names, CATCH_ALL].flatMap((name) => this.callbacks.get(name) ?? []);
    if (!foreign) for (const callback of [...listeners]) callback(message);
    const waiting = this.#once.get(marker);
    if (waiting && (waiting.pipe === undefined || waiting.pipe === pipe)) {
      this.#once.delete(marker);
      waiting.callback(message);
    }
  }

  #once = new Map();

  #listen(name, callback) {
    if (!this.callbacks.has(name)) this.callbacks.set(name, []);
    this.callbacks.get(name).push(callback);
  }

  #listenOnce(pipe, marker, callback) {
    this.#once.set(marker, { pipe, callback });
  }

  #marker() {
    return String(Math.random()).slice(2, 12);
  }
}

function stripBackslashes(text) {
  return text.replace(/\\(.?)/gs, '$1');
}

function fromBase64(text) {
  try {
    return JSON.parse(Buffer.from(String(text), 'base64').toString());
  } catch {
    return undefined;
  }
}
