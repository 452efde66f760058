// A connection over plain HTTP, for networks that let no WebSocket through. CometServerApi.js loads this file when a
// WebSocket could not be opened although the server answers. What the server says comes as server-sent events, what the
// page says goes out with POST requests, one at a time and in order.

// All times are milliseconds.

/** WebSockets that failed while the server answered, until the next goes over HTTP. */
const SUSPICIONS = 2;

/** How long HTTP is used without another attempt with a WebSocket. */
const REMEMBERED = 600000;
const STORAGE_KEY = "comet_server_http";

/** Most characters of one request, but that a longer message goes alone, and most commands. */
const REQUEST_LIMIT = 65536;
const COMMANDS_LIMIT = 500;

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

/** Address -> failures in a row. */
const suspicions = new Map();

/** A WebSocket to this address failed, and the server answers. */
export function suspect(address) {
  suspicions.set(address, (suspicions.get(address) ?? 0) + 1);
}

/** Whether to use HTTP for the next connection. */
export function isBlocked(address) {
  return suspicions.get(address) >= SUSPICIONS || remembered()[address] > Date.now();
}

/** To the client a WebSocket. */
export class HttpSocket {
  readyState = CONNECTING;
  #address;
  #parameters;
  #events;
  #session;
  #requests = 0;
  #waiting = [];
  #isPosting = false;

  constructor(url) {
    this.url = url;
    [this.#address, this.#parameters] = url.split("/ws/");
    const http = this.#address.replace(/^ws/, "http");
    this.#events = new EventSource(`${http}/ws/${this.#parameters}`);
    this.#events.addEventListener("session", ({ data }) => this.#open(`${http}/ws/session=${data}`));
    this.#events.addEventListener("ping", () => this.#answerPing());
    this.#events.onmessage = ({ data }) => this.onmessage?.({ data });
    this.#events.onerror = () => this.#end();
  }

  send(text) {
    if (this.readyState !== OPEN) {
      throw new Error("the connection is not open");
    }
    this.#waiting.push(text);
    this.#post();
  }

  close() {
    this.readyState = CLOSED;
    this.#events.close();
  }

  #open(session) {
    this.#session = session;
    this.readyState = OPEN;
    remember(this.#address, Date.now() + REMEMBERED);
    suspicions.delete(this.#address);
    this.onopen?.({});
  }

  #end() {
    if (this.readyState === CLOSED) {
      return;
    }
    if (this.readyState === CONNECTING) {
      // It does not work either: the next attempt is a WebSocket again.
      remember(this.#address, 0);
      suspicions.delete(this.#address);
    }
    this.close();
    this.onclose?.({});
  }

  /** An empty request says that the page lives. */
  #answerPing() {
    if (this.#waiting.length === 0) {
      this.#post(true);
    }
  }

  async #post(isAlive) {
    if (this.#isPosting) {
      return;
    }
    this.#isPosting = true;
    // What the running script says goes out together.
    await undefined;
    while (this.readyState === OPEN && (this.#waiting.length || isAlive)) {
      isAlive = false;
      if (!await this.#say(this.#take())) {
        this.#end();
      }
    }
    this.#isPosting = false;
  }

  #take() {
    let length = 0;
    let count = 0;
    for (const text of this.#waiting) {
      length += text.length;
      if (count && length > REQUEST_LIMIT || count === COMMANDS_LIMIT) {
        break;
      }
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  /** A browser may repeat a request whose answer was lost; the server tells by its number. */
  async #say(texts) {
    try {
      const { ok } = await fetch(`${this.#session}&request=${++this.#requests}`, {
        method: "POST", body: JSON.stringify(texts), credentials: "omit", cache: "no-store",
      });
      return ok;
    } catch {
      return false;
    }
  }
}

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(STORAGE_KEY)) ?? {};
  } catch {
    return {};
  }
}

function remember(address, until) {
  try {
    const others = Object.entries(remembered()).filter(([name, end]) => name !== address && end > Date.now());
    localStorage.setItem(STORAGE_KEY, JSON.stringify(Object.fromEntries([...others, [address, until]])));
  } catch {
    // Then every page finds out by itself.
  }
}
