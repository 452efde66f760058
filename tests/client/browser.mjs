// A browser page as far as the client needs one: the script runs in a `vm` context of its own with a clock that
// only moves when the test says so, sockets the test opens, answers and closes, and a localStorage that may fail.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import vm from "node:vm";

const SCRIPT = fileURLToPath(new URL("../../crates/ws-gateway/assets/CometServerApi.js", import.meta.url));
const SOURCE = readFileSync(SCRIPT, "utf8");

/** Timers that run when `advance` passes them. */
class Clock {
  now = 1_735_689_600_000;
  #timers = new Map();
  #next = 1;

  setTimeout = (callback, delay = 0) => {
    const id = this.#next++;
    this.#timers.set(id, { at: this.now + Math.max(0, Number(delay) || 0), callback });
    return id;
  };

  clearTimeout = (id) => this.#timers.delete(id);

  /** Delays until the timers that wait now, soonest first. */
  pending() {
    return [...this.#timers.values()].map(({ at }) => at - this.now).sort((a, b) => a - b);
  }

  /** Lets `milliseconds` pass, running each timer at its moment. */
  async advance(milliseconds) {
    const end = this.now + milliseconds;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter(([, timer]) => timer.at <= end)
        .sort(([a, one], [b, other]) => one.at - other.at || a - b)[0];
      if (!due) {
        break;
      }
      this.#timers.delete(due[0]);
      this.now = Math.max(this.now, due[1].at);
      due[1].callback();
      await settle();
    }
    this.now = end;
  }
}

/** The server's side of one connection attempt. */
class Socket {
  static all = [];
  readyState = 0;
  sent = [];
  closedByPage = false;

  constructor(url) {
    this.url = url;
    this.constructor.all.push(this);
  }

  send(text) {
    if (this.readyState !== 1) {
      throw new Error("InvalidStateError");
    }
    this.sent.push(text);
  }

  close() {
    this.closedByPage = true;
    this.readyState = 3;
  }

  /** Accepts the connection; with the greeting unless told otherwise. */
  async accept({ authorized = "false", key = "", greet = true } = {}) {
    this.readyState = 1;
    this.onopen?.({});
    if (greet) {
      this.deliver({ authorized, data: key, event: "serverInfo", pipe: "sys", server: "test" });
    }
    await settle();
  }

  /** One frame with one line for each message; a string is a line as it is. */
  deliver(...messages) {
    const lines = messages.map((message) => (typeof message === "string" ? message : JSON.stringify(message)));
    this.onmessage?.({ data: lines.join("\n") });
  }

  /** The connection ends without the page having asked for it. */
  drop({ wasClean = false, code = 1006 } = {}) {
    this.readyState = 3;
    this.onclose?.({ wasClean, code });
  }

  /** The frames sent with this command word, without it. */
  frames(command) {
    return this.sent.filter((text) => text.split("\n", 1)[0] === command).map((text) => text.slice(command.length + 1));
  }
}

/** Lets the promises that are ready run. */
export async function settle() {
  for (let turn = 0; turn < 5; turn++) {
    await Promise.resolve();
  }
}

/**
 * Opens a page that loads the script.
 *
 * `script`: the address it is loaded from; `location`: the page's; `storage`: a Map, "throws" or "missing";
 * `random`: what Math.random gives.
 */
export function openPage({
  script = "http://127.0.0.1:8087/CometServerApi.js",
  location = "http://shop.example/cart?token=secret#top",
  storage = new Map(),
  random,
} = {}) {
  const clock = new Clock();
  const listeners = new Map();
  const logged = { log: [], warn: [], error: [] };
  const PageSocket = class extends Socket {
    static all = [];
  };

  const page = {
    setTimeout: clock.setTimeout,
    clearTimeout: clock.clearTimeout,
    WebSocket: PageSocket,
    console: Object.fromEntries(Object.keys(logged).map((kind) => [kind, (...words) => logged[kind].push(words)])),
    btoa,
    atob,
    addEventListener: (name, listener) => listeners.set(name, (listeners.get(name) ?? new Set()).add(listener)),
    removeEventListener: (name, listener) => listeners.get(name)?.delete(listener),
  };
  page.window = page;
  if (location) {
    const { protocol, host, origin, pathname, href } = new URL(location);
    page.location = { protocol, host, origin, pathname, href };
  }
  page.document = { currentScript: script ? { src: script } : null, location: page.location };
  if (storage === "throws") {
    Object.defineProperty(page, "localStorage", { get() { throw new Error("SecurityError"); } });
  } else if (storage !== "missing") {
    page.localStorage = {
      getItem: (key) => (storage.has(key) ? storage.get(key) : null),
      setItem: (key, value) => { storage.set(key, String(value)); },
    };
  }

  vm.createContext(page);
  page.Date = class extends Date { static now() { return clock.now; } };
  if (random !== undefined) {
    vm.runInContext("Math", page).random = typeof random === "function" ? random : () => random;
  }
  const load = () => vm.runInContext(SOURCE, page, { filename: SCRIPT });
  load();

  return {
    page,
    clock,
    logged,
    storage,
    load,
    client: page.CometServer(),
    get sockets() { return PageSocket.all; },
    get socket() { return PageSocket.all.at(-1); },
    fire: (name, event = {}) => [...(listeners.get(name) ?? [])].forEach((listener) => listener(event)),
    listeners: (name) => (listeners.get(name) ?? new Set()).size,
  };
}

/** A page that is connected. */
export async function openConnectedPage(options = {}, start = {}) {
  const browser = openPage(options);
  browser.client.start({ dev_id: 0, nostat: true, ...start });
  await browser.socket.accept();
  return browser;
}

/** The values handed to a callback, in order; `collect()` is the callback. */
export function collector() {
  const calls = [];
  const collect = (...values) => calls.push(values[0]);
  collect.calls = calls;
  return collect;
}

/** Objects made inside the page have other prototypes: compare them as JSON. */
export const plain = (value) => JSON.parse(JSON.stringify(value));
