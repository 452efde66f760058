// One connection for all tabs. CometServerApi.js loads this file where the browser has Web Locks and BroadcastChannel.
//
// The tabs of one origin and one login are a group. The tab that holds the group's lock leads: its Hub owns the socket
// and hands each line to the tabs it is for. CometServerApi.js sees a TabSocket in the place of its WebSocket, in the
// leading tab too; so every tab keeps its own subscriptions, positions and promises, and after a hand-over asks for what
// it missed as after any other break.

// All times are milliseconds.

/** How often a leading tab shows that it lives, and how long it may be silent before it is asked, and then replaced. */
const BEAT = 3000;
const SILENCE = 8000;
const ANSWER = 2000;

/** An open socket has this long to prove that it lives, when a tab comes to it. */
const PROBE = 5000;

/** Commands that may wait for a hand-over, and messages that may wait for their report. */
const WAITING_LIMIT = 1000;

/** A question between tabs that is not answered by then may have been refused, for there were too many; another is put. */
const ASK_AGAIN = 5000;

/** Changes of the speaking tab the server may be behind; past it the connection starts over. */
const TURNS_LIMIT = 10000;

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

/** Rejects where pages may not use locks. */
export async function ready() {
  await navigator.locks.query();
}

/** To the client a WebSocket; what it says and hears goes through the tab that leads. */
export class TabSocket {
  readyState = CONNECTING;
  id = randomId();
  #group;
  #post;
  #hangUp = () => {};
  /** Commands the hub is not known to have passed on; `#passedOn` were before them. */
  #sent = [];
  #passedOn = 0;

  /** `connect(url)` opens a real socket, should this tab lead. */
  constructor(url, connect) {
    this.url = url;
    this.#group = Group.of(groupName(url), connect);
    this.#group.enter(this);
  }

  get isLeader() {
    return this.#group.hub !== undefined;
  }

  send(text) {
    if (this.readyState !== OPEN) {
      throw new Error("the connection is not open");
    }
    if (isPublish(text)) {
      this.#sendLeftOver();
    }
    this.#sent.push(text);
    if (this.#sent.length > WAITING_LIMIT) {
      this.#sent.shift();
      this.#passedOn++;
    }
    this.#post({ text });
  }

  close() {
    if (this.readyState === CLOSED) {
      return;
    }
    this.readyState = CLOSED;
    this.#post?.({ bye: true });
    this.#hangUp();
    this.#group.leave(this);
  }

  /** The connection ends; after a hand-over the next one is ready. */
  end(handOver) {
    if (this.readyState !== CLOSED) {
      this.close();
      this.onclose?.({ handOver });
    }
  }

  /** Somebody leads; whoever is at another leader's has to begin again. */
  follow(leader, hub) {
    if (this.#post) {
      this.end(true);
    } else if (hub) {
      this.#post = (message) => hub.receive(this.id, message);
      hub.attach(this.id, this.url, (message) => this.#hear(message));
    } else {
      this.#attach(this.#group.name, leader);
    }
  }

  #attach(group, leader) {
    const hears = new BroadcastChannel(channelName(group, this.id));
    const says = new BroadcastChannel(channelName(group, leader));
    hears.onmessage = ({ data }) => this.#hear(data);
    this.#post = (message) => says.postMessage({ ...message, from: this.id });
    let release;
    const open = new Promise((resolve) => { release = resolve; });
    // When this tab is gone, whatever became of it, the hub gets the lock.
    navigator.locks.request(channelName(group, this.id), () => {
      if (this.readyState !== CLOSED) {
        this.#post({ url: this.url });
        return open;
      }
    });
    this.#hangUp = () => {
      release();
      hears.close();
      says.close();
    };
  }

  #hear({ isOpen, line, isClosed, handOver, passedOn }) {
    if (this.readyState === CLOSED) {
      return;
    }
    this.#sent.splice(0, passedOn - this.#passedOn);
    this.#passedOn = passedOn;
    if (isOpen) {
      this.readyState = OPEN;
      this.onopen?.({});
      this.#sendLeftOver();
    }
    if (line !== undefined) {
      this.onmessage?.({ data: line });
    }
    if (isClosed) {
      const left = this.#sent.filter(isPublish);
      leftOver.set(this.#group.name, [...(leftOver.get(this.#group.name) ?? []), ...left].slice(-WAITING_LIMIT));
      this.end(handOver);
    }
  }

  /** What the connection before did not take. */
  #sendLeftOver() {
    const left = leftOver.get(this.#group.name) ?? [];
    leftOver.delete(this.#group.name);
    if (this.readyState === OPEN) {
      left.forEach((text) => this.send(text));
    }
  }
}

/** Group name -> messages that were said to a hub which could not pass them on any more. */
const leftOver = new Map();

/** The tabs of one login, as this tab sees them. */
class Group {
  static #all = new Map();

  /** The hub, while this tab leads. */
  hub;
  #id = randomId();
  #connect;
  #sockets = new Set();
  #leader;
  #leaderSince = 0;
  #since;
  #heardAt = Date.now();
  #isAsking = false;
  #timer;
  #channel;
  #guests;
  #waiting;
  #release;
  #hide = () => [...this.#sockets].forEach((socket) => socket.end(false));

  static of(name, connect) {
    const group = Group.#all.get(name) ?? new Group(name, connect);
    Group.#all.set(name, group);
    return group;
  }

  constructor(name, connect) {
    this.name = name;
    this.#connect = connect;
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }) => this.#hear(data);
    this.#channel.postMessage({ isAsking: true });
    this.#wait();
    this.#watch();
    // A page that sleeps must not keep the others waiting, nor messages.
    globalThis.addEventListener?.("pagehide", this.#hide);
    globalThis.document?.addEventListener("freeze", this.#hide);
  }

  enter(socket) {
    this.#sockets.add(socket);
    if (this.#leader) {
      socket.follow(this.#leader, this.hub);
    }
  }

  /** The last one out closes the group, unless it comes back at once. */
  leave(socket) {
    this.#sockets.delete(socket);
    Promise.resolve().then(() => this.#sockets.size || this.#close());
  }

  #close() {
    if (Group.#all.get(this.name) !== this) {
      return;
    }
    Group.#all.delete(this.name);
    clearTimeout(this.#timer);
    globalThis.removeEventListener?.("pagehide", this.#hide);
    globalThis.document?.removeEventListener("freeze", this.#hide);
    const release = this.#release;
    this.#stepDown();
    this.#waiting.abort();
    this.#channel.close();
    release?.();
  }

  /** Waits to lead, or leads at once in the place of a tab that no longer answers. */
  #wait(isStealing) {
    this.#waiting?.abort();
    const waiting = new AbortController();
    this.#waiting = waiting;
    const lead = () => (waiting.signal.aborted ? undefined : new Promise((release) => this.#lead(release)));
    navigator.locks.request(this.name, isStealing ? { steal: true } : { signal: waiting.signal }, lead).catch(() => {
      if (!waiting.signal.aborted) {
        // Another tab took the lock: this one had been silent too long.
        this.#stepDown();
        this.#channel.postMessage({ isAsking: true });
        this.#wait();
      }
    });
  }

  #lead(release) {
    this.#release = release;
    this.#since = Date.now();
    this.hub = new Hub(this.#connect);
    this.#guests = new BroadcastChannel(channelName(this.name, this.#id));
    this.#guests.onmessage = ({ data }) => this.#hearGuest(data);
    this.#announce();
    this.#follow(this.#id, this.#since);
  }

  #stepDown() {
    const hub = this.hub;
    this.hub = this.#release = this.#leader = undefined;
    this.#leaderSince = 0;
    hub?.end(true);
    this.#guests?.close();
  }

  #announce() {
    this.#channel.postMessage({ leader: this.#id, since: this.#since });
  }

  #hear({ isAsking, leader, since }) {
    if (isAsking && this.hub) {
      this.#announce();
    }
    // A tab that was replaced while it hung may still believe that it leads.
    if (leader && !this.hub && since >= this.#leaderSince) {
      this.#follow(leader, since);
    }
  }

  #follow(leader, since) {
    this.#heardAt = Date.now();
    this.#isAsking = false;
    if (leader !== this.#leader) {
      this.#leader = leader;
      this.#leaderSince = since;
      [...this.#sockets].forEach((socket) => socket.follow(leader, this.hub));
    }
  }

  /** Another tab comes to the hub, or says something. */
  #hearGuest({ from, url, ...message }) {
    if (!url) {
      this.hub?.receive(from, message);
      return;
    }
    const channel = new BroadcastChannel(channelName(this.name, from));
    const watching = new AbortController();
    this.hub?.attach(from, url, (told) => channel.postMessage(told), () => {
      watching.abort();
      channel.close();
    });
    navigator.locks.request(channelName(this.name, from), { signal: watching.signal },
      () => this.hub?.receive(from, { bye: true })).catch(() => {});
  }

  #watch() {
    this.#timer = setTimeout(() => {
      if (this.hub) {
        if (this.hub.size > this.#sockets.size) {
          this.#announce();
        }
      } else if (Date.now() - this.#heardAt > SILENCE) {
        if (this.#isAsking) {
          this.#wait(true);
        } else {
          this.#channel.postMessage({ isAsking: true });
        }
        this.#isAsking = !this.#isAsking;
      }
      this.#watch();
    }, this.#isAsking ? ANSWER : BEAT * (1 + Math.random() / 2));
  }
}

/**
 * The real socket, and the tabs behind it.
 *
 * The server carries out a connection's commands strictly in order. When another tab speaks than before, a question
 * goes between: what is answered before that question's answer is for the tab that spoke first.
 */
export class Hub {
  #connect;
  #socket;
  #greeting;
  /** id -> { id, url, post, release, pipes, passedOn, isOpen } */
  #tabs = new Map();
  /** Who spoke, the earliest first: { tab, fence: marker of the question behind, admits: a tab that came to an open socket } */
  #turns = [];
  #questions = 0;
  #sentList = "";
  #listMayBeRefused = false;
  /** What tabs published to pipes they all hear: { tab, pipe, event, text, isReported, isHeard } */
  #published = [];
  #refusedUrls = new Set();
  #probeTimer;
  #askTimer;

  constructor(connect) {
    this.#connect = connect;
  }

  attach(id, url, post, release = () => {}) {
    const tab = { id, url, post, release, pipes: new Set(), passedOn: 0, isOpen: false };
    // A tab with a newer key is worth another attempt.
    const isBetter = this.#isRefused() && !this.#refusedUrls.has(url);
    const others = isBetter ? this.#reset() : [];
    this.#tabs.set(id, tab);
    if (!this.#socket) {
      this.#open(url);
    } else if (this.#greeting) {
      this.#begin({ admits: tab });
      this.#finish();
      this.#probeTimer ??= setTimeout(() => this.end(false), PROBE);
    }
    dismiss(others, true);
  }

  receive(id, { text, bye }) {
    const tab = this.#tabs.get(id);
    if (!tab) {
      return;
    }
    if (bye) {
      this.#detach(tab);
      return;
    }
    tab.passedOn++;
    const [word, ...lines] = text.split("\n");
    if (word === "subscription") {
      tab.pipes = new Set(lines.filter(Boolean));
      this.#sendList(tab);
      return;
    }
    if (isPublish(text)) {
      this.#notePublished(tab, lines);
    }
    this.#say(tab, text);
  }

  /** Ends the connection of every tab. */
  end(handOver) {
    dismiss(this.#reset(), handOver);
  }

  get size() {
    return this.#tabs.size;
  }

  /** Forgets the socket; gives the tabs that were behind it. */
  #reset() {
    const socket = this.#socket;
    const tabs = [...this.#tabs.values()];
    clearTimeout(this.#probeTimer);
    clearTimeout(this.#askTimer);
    this.#socket = this.#greeting = this.#probeTimer = undefined;
    this.#turns = [];
    this.#published = [];
    this.#sentList = "";
    this.#tabs.clear();
    if (socket) {
      socket.onmessage = socket.onclose = null;
      socket.close();
    }
    return tabs;
  }

  #open(url) {
    try {
      const socket = this.#connect(url);
      this.#socket = socket;
      socket.onmessage = ({ data }) => this.#received(socket, String(data));
      socket.onclose = () => this.end(false);
    } catch {
      setTimeout(() => this.end(false));
    }
  }

  #detach(tab) {
    this.#tabs.delete(tab.id);
    tab.isOpen = false;
    tab.release();
    if (this.#tabs.size === 0) {
      this.end(false);
    } else if (tab.pipes.size && this.#greeting) {
      this.#sendList();
    }
  }

  #isRefused() {
    return this.#greeting && !/"authorized":"?true/.test(this.#greeting);
  }

  // ---- to the server

  #say(tab, text) {
    const last = this.#turns.at(-1);
    if (!last || last.fence || last.tab !== tab) {
      this.#begin({ tab });
    }
    this.#socket.send(text);
  }

  #begin(turn) {
    this.#finish();
    this.#turns.push(turn);
    if (this.#turns.length > TURNS_LIMIT) {
      setTimeout(() => this.end(false));
    }
  }

  /** Only the last turn may go on. */
  #finish() {
    const last = this.#turns.at(-1);
    if (last && !last.fence) {
      last.fence = `tabs-${++this.#questions}`;
      this.#socket.send(`pipe_count\nweb_fence\n${last.fence}\n`);
      clearTimeout(this.#askTimer);
      this.#askTimer = setTimeout(() => {
        this.#begin({});
        this.#finish();
      }, ASK_AGAIN);
    }
  }

  /** Everything up to this turn has been answered; a question before that was not has been refused. */
  #over(index) {
    for (const turn of this.#turns.splice(0, index + 1)) {
      this.#published = this.#published.filter((sent) => sent.tab !== turn.tab || sent.isReported || this.#speaksLater(turn.tab));
      if (turn.admits) {
        this.#admit(turn.admits);
      }
    }
    if (!this.#turns[0]?.fence) {
      clearTimeout(this.#askTimer);
    }
  }

  /** What all tabs hear; what is no name only when its own tab says it, so that no other hears the error. */
  #sendList(speaker) {
    const names = [...this.#tabs.values()].flatMap((tab) => [...tab.pipes].filter((name) => tab === speaker || isName(name)));
    const pipes = new Set(names);
    const list = [...pipes].sort().join("\n");
    if (list !== this.#sentList || this.#listMayBeRefused) {
      this.#sentList = list;
      this.#listMayBeRefused = false;
      this.#published = this.#published.filter(({ pipe }) => pipes.has(pipe));
      this.#say(speaker, `subscription\n${list}`);
    }
  }

  /** The tab that published a message must not hear it again. */
  #notePublished(tab, [name, event, , ...payload]) {
    const pipe = name.replace(/^@/, "");
    if (this.#sentList.split("\n").includes(pipe) && this.#published.length < WAITING_LIMIT) {
      this.#published.push({ tab, pipe, event: event || "undefined", text: canonical(payload.join("\n")) });
    }
  }

  // ---- from the server

  #received(socket, data) {
    clearTimeout(this.#probeTimer);
    this.#probeTimer = undefined;
    for (const line of data.split("\n")) {
      const message = parse(line);
      if (message && socket === this.#socket) {
        this.#receive(message, line);
      }
    }
  }

  #receive(message, line) {
    const { pipe, event, data, marker, history, resumed, error } = message;
    const [turn] = this.#turns;
    if (pipe === "sys" && event === "serverInfo") {
      this.#greeted(line);
    } else if (/^tabs-/.test(marker)) {
      this.#over(this.#turns.findIndex(({ fence }) => fence === marker));
    } else if (pipe === "sys" && data?.code === "429") {
      // Too much at once: nobody knows what was refused, so every tab asks for its pipes again.
      this.#listMayBeRefused = true;
      this.#finish();
      this.#tellAll(line);
    } else if (typeof error === "number" || !turn && pipe === "sys") {
      this.#tabs.forEach((tab) => { tab.isOpen = true; });
      this.#tellAll(line);
    } else if (marker !== undefined || history || resumed || /^(sys|_answer.*)$/.test(pipe)) {
      this.#answered(turn, message, line);
    } else if (!pipe || pipe === "msg") {
      this.#tellAll(line);
    } else {
      const publisher = this.#publisher(message);
      this.#tellAll(line, (tab) => tab !== publisher && tab.pipes.has(pipe));
    }
  }

  #greeted(line) {
    this.#greeting = line;
    if (this.#isRefused()) {
      this.#refusedUrls.add(this.#socket.url);
    }
    this.#socket.send("share");
    [...this.#tabs.values()].forEach((tab) => this.#admit(tab));
  }

  #admit(tab) {
    if (this.#tabs.has(tab.id)) {
      tab.isOpen = true;
      tell(tab, { isOpen: true, line: this.#greeting });
    }
  }

  #answered(turn, { pipe, event }, line) {
    if (!turn) {
      return;
    }
    if (pipe === "sys" && event === "error") {
      // Something failed; when the turn is over it is known what did not.
      this.#finish();
    }
    const sent = this.#published.find((known) => known.tab === turn.tab && `_answer_to_${known.pipe}` === pipe && !known.isReported);
    if (sent) {
      sent.isReported = true;
      this.#forget(sent);
    }
    if (turn.tab) {
      tell(turn.tab, { line });
    }
  }

  #speaksLater(tab) {
    return this.#turns.some((turn) => turn.tab === tab);
  }

  #publisher({ pipe, event, data }) {
    const sent = this.#published.find((known) => known.pipe === pipe && !known.isHeard && known.event === event
      && known.text === canonical(data));
    if (sent) {
      sent.isHeard = true;
      this.#forget(sent);
    }
    return sent?.tab;
  }

  #forget(sent) {
    if (sent.isReported && sent.isHeard) {
      this.#published.splice(this.#published.indexOf(sent), 1);
    }
  }

  #tellAll(line, isFor = () => true) {
    [...this.#tabs.values()].filter(isFor).forEach((tab) => tell(tab, { line }));
  }
}

function dismiss(tabs, handOver) {
  for (const tab of tabs) {
    tab.isOpen = true;
    tell(tab, { isClosed: true, handOver });
    tab.isOpen = false;
    tab.release();
  }
}

function tell(tab, message) {
  if (tab.isOpen) {
    tab.post({ ...message, passedOn: tab.passedOn });
  }
}

/** Who may share: all that is in the address but the key of a token, which differs from tab to tab. */
function groupName(url) {
  return `cometwire ${url.replace(/sesion=([^&]*)/, (_, key) => (/^[\w-]+\.[\w-]+\.[\w-]+$/.test(key) ? "token" : digest(key)))}`;
}

/** The name of a lock is no place for a key. */
function digest(text) {
  let state = 1;
  for (const character of text) {
    state = Math.imul(state ^ character.codePointAt(0), 0x01000193) ^ (state >>> 13);
  }
  return (state >>> 0).toString(16);
}

function channelName(group, id) {
  return `${group} ${id}`;
}

function isName(name) {
  return /^[\w-]{2,64}$/.test(name);
}

function isPublish(text) {
  return text.startsWith("web_pipe2\n");
}

/** JSON may be written in many ways. */
function canonical(text) {
  const value = parse(text);
  return value === undefined ? text : JSON.stringify(value);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function randomId() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (number) => number.toString(36)).join("-");
}
