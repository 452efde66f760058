/*! CometServerApi.js: the browser client of CometWire. Its source is CometServerApi.src.js, beside it. */

// One file that pages load as it is, without dependencies. CometServerApi.d.ts tells what methods and options do.
(() => {
  "use strict";

  const VERSION = "4.50";

  /** Tells the server that this client reconnects after a proper Close, and can resume. */
  const API_NAME = "cometwire";

  const FALLBACK_NODE = "127.0.0.1:8087";

  const DEFAULTS = {
    queueLimit: 1000,
    reconnectDelay: 1000,
    reconnectDelayMax: 30000,
    answerTimeout: 10000,
    shareTabs: true,
  };

  // All times are milliseconds.

  /** A socket that is not open after this counts as failed. */
  const CONNECT_TIMEOUT = 20000;

  /** A connection that lived this long forgets earlier failures. */
  const STABLE_AFTER = 5000;

  const STATISTICS_DELAY = 5000;

  /** Errors above this cannot be cured by connecting again, but for one: it tells of too many. */
  const LAST_RETRYABLE_ERROR = 400;
  const TOO_MANY = 429;

  /** A server that has too many connections is asked again as after so many failures. */
  const FAILURES_OF_TOO_MANY = 3;

  /** Questions that may wait; past it the oldest is forgotten. */
  const PENDING_ANSWERS_LIMIT = 1000;

  /** Joins and leaves that follow one another within this time are told together. */
  const PRESENCE_INTERVAL = 50;

  /** Live messages that may wait for missed ones; past it the connection starts over. */
  const HELD_LIMIT = 5000;

  /** So many epochs of a pipe are remembered. */
  const EPOCHS_LIMIT = 8;

  /** Ids of seen messages are remembered this long, or until this many newer ones were seen. */
  const SEEN_LIFETIME = 180000;
  const SEEN_LIMIT = 5000;

  /** How often the clock is looked at, and the jump that means sleep. */
  const TICK = 10000;
  const CLOCK_JUMP = 20000;

  /** A connection has this long to prove that it outlived a sleep. */
  const PROBE_TIMEOUT = 5000;

  /** A key is renewed this long before it expires; a short-lived one after nine tenths of its life. */
  const RENEW_BEFORE = 30000;

  const TIMER_MAX = 2 ** 31;

  const WAKE_EVENTS = ["online", "pageshow", "resume", "visibilitychange"];

  const SOCKET_OPEN = 1;
  const REPORT_PREFIX = "_answer_to_";
  const CATCH_ALL = "";
  const CATCH_ALL_SIGNAL = "comet_server_msg";

  const page = typeof window === "object" && window ? window : globalThis;

  // Only readable while the script runs for the first time; CometServerApi.mjs tells its own.
  const scriptUrl = String(page.document?.currentScript?.src ?? "");

  /** Pages use the one that `CometServer()` returns; several independent ones may exist. */
  class CometServerApi {
    /** The address this script, or the module that imported it, was loaded from. */
    static scriptUrl = scriptUrl;

    #links = [];
    #running = false;
    #connected = false;
    #authorized;
    #realUserKey = {};

    /** name ("pipe", "pipe.event" or CATCH_ALL) -> registrations in their order */
    #callbacks = new Map();
    /** pipe the server must know of -> number of registrations that need it */
    #pipes = new Map();
    #registrations = 0;
    #listIsDirty = false;

    /**
     * pipe -> how far this page is:
     * { epoch, offset, reached: epoch -> offset, follows: whether all before came live, in order,
     * held: live messages that wait, own: offsets }
     */
    #streams = new Map();
    /** What was published and not reported yet: { pipe, event, payload, socket } */
    #unreported = [];
    #queue = [];
    #queueOverflowed = false;
    #answers = new Map();
    #seen = new RecentIds();
    #historyRequests = 0;
    #roundrobinStart = Math.random() * 1000;

    #authSuccessCallbacks = [];
    #authFailCallbacks = [];
    #connectionCallbacks = [];
    #terminalCallbacks = [];
    #requests = new Set();
    /** id of the subscription -> Presence */
    #presences = new Map();
    #lastError;

    #credentials;
    #keyTimer;
    #keyFailures = 0;
    #keyAskedFor;
    #onWake = ({ type }) => {
      if (type !== "visibilitychange" || !page.document.hidden) {
        this.#wake(type === "online");
      }
    };

    constructor(options) {
      this.version = VERSION;
      this.api = API_NAME;
      this.options = { ...DEFAULTS, ...options };
      this.custom_id = randomText(16, ALPHANUMERIC);
      this.LogLevel = Number(readStorage("comet_LogLevel")) || 0;
      this.Base64 = Base64;
    }

    // ---- connection

    start(options, callback) {
      Object.assign(this.options, options);
      const wanted = this.#nodeGroups().map((nodes) => this.getUrl(nodes[0]));
      const running = this.#links.map((link) => (link.isClosed() ? "" : link.startUrl));
      if (wanted.join("\n") !== running.join("\n")) {
        this.#connectAll();
      }
      if (typeof callback === "function") {
        Promise.resolve().then(() => callGuarded(callback));
      }
      return true;
    }

    stop() {
      this.#running = false;
      this.#closeAll();
      clearTimeout(this.#keyTimer);
      listenForWaking("removeEventListener", this.#onWake);
      this.#connectionMayHaveChanged();
      return true;
    }

    restart(options, callback) {
      this.stop();
      return this.start(options, callback);
    }

    isConnected() {
      return this.#links.some((link) => link.isOpen());
    }

    onConnectionChange(callback) {
      this.#connectionCallbacks.push(callback);
    }

    isAuthorized() {
      return this.#authorized;
    }

    onAuthSuccess(callback) {
      this.#authSuccessCallbacks.push(callback);
    }

    onAuthFalill(callback) {
      this.#authFailCallbacks.push(callback);
    }

    onAuthFail(callback) {
      this.onAuthFalill(callback);
    }

    onTerminalError(callback) {
      this.#terminalCallbacks.push(callback);
    }

    isMaster() {
      return this.#running ? !this.#links.some((link) => link.socket?.isLeader === false) : undefined;
    }

    onGap(callback) {
      return this.subscription("sys.gap", callback);
    }

    // ---- subscriptions

    subscription(name, callback) {
      if (typeof name === "function") {
        return this.#register(CATCH_ALL, name);
      }
      if (name === undefined || name === null) {
        return false;
      }
      const text = String(name);
      if (text.includes("\n")) {
        for (const line of text.split("\n").map((part) => part.trim()).filter(Boolean)) {
          this.subscription(line, callback);
        }
        return undefined;
      }
      if (text === CATCH_ALL || text === CATCH_ALL_SIGNAL) {
        return this.#register(CATCH_ALL, callback);
      }
      if (text.length === 1) {
        return false;
      }
      if (text.startsWith("#")) {
        return this.#register(REPORT_PREFIX + text.slice(1).replace(/^@/, ""), callback);
      }
      const pipe = serverPipe(text);
      if (pipe !== undefined && !/^[\w-]{2,64}$/.test(pipe)) {
        console.error(`CometServer: ${JSON.stringify(pipe)} is not a pipe name (2 to 64 of A-Z a-z 0-9 _ -)`);
      }
      return this.#register(text, callback);
    }

    Subscription(name, callback) {
      return this.subscription(name, callback);
    }

    unsubscription(id) {
      if (typeof id !== "string" || !id.includes("&&sig")) {
        console.warn("CometServer: unsubscription() needs an id of subscription()");
        return false;
      }
      const signal = id.slice(0, id.lastIndexOf("&&sig"));
      const name = signal === CATCH_ALL_SIGNAL ? CATCH_ALL : signal;
      const registrations = this.#callbacks.get(name) || [];
      const remaining = registrations.filter((registration) => registration.id !== id);
      if (remaining.length === registrations.length) {
        return false;
      }
      this.#presences.get(id)?.end();
      this.#presences.delete(id);
      if (remaining.length) {
        this.#callbacks.set(name, remaining);
      } else {
        this.#callbacks.delete(name);
      }
      const pipe = serverPipe(name);
      if (pipe !== undefined) {
        const users = this.#pipes.get(pipe) - 1;
        if (users > 0) {
          this.#pipes.set(pipe, users);
        } else {
          this.#pipes.delete(pipe);
          this.#streams.delete(pipe);
          this.#listChanged();
        }
      }
      return true;
    }

    unsubscriptionAll() {
      this.#presences.forEach((presence) => presence.end());
      this.#presences.clear();
      this.#callbacks.clear();
      this.#pipes.clear();
      this.#streams.clear();
      this.#listChanged();
      return true;
    }

    get subscription_array() {
      return [...this.#pipes.keys()];
    }

    // ---- sending

    web_pipe_send(pipe, event, message) {
      if (arguments.length < 3) {
        message = event;
        event = undefined;
        const dot = String(pipe).indexOf(".");
        if (dot >= 0) {
          event = String(pipe).slice(dot + 1);
          pipe = String(pipe).slice(0, dot);
        }
      }
      const frame = publishFrame(pipe, event, JSON.stringify(message));
      return frame && this.send_msg(frame);
    }

    multi_web_pipe_send(pipe, event, message, count = 3, interval = 1000) {
      if (typeof message !== "object" || message === null || Array.isArray(message)) {
        // Nothing to put the id into.
        return this.web_pipe_send(pipe, event, message);
      }
      const marked = { ...message, _cometApi_uuid: randomText(32) };
      const sent = this.web_pipe_send(pipe, event, marked);
      for (let copy = 1; sent !== undefined && copy < count; copy++) {
        setTimeout(() => this.web_pipe_send(pipe, event, marked), copy * interval);
      }
      return sent;
    }

    send_msg(text) {
      const open = this.#links.filter((link) => link.isOpen());
      if (open.length === 0) {
        this.#enqueue(String(text));
        return false;
      }
      // Subscriptions made before have to be in force.
      this.#sendListIfChanged();
      open.forEach((link) => link.send(String(text)));
      const [, pipe, event, payload] = /^web_pipe2\n@?(.*)\n(.*)\n\*\n([^]*)$/.exec(text) || [];
      if (this.#streams.has(pipe) && this.#unreported.length < PENDING_ANSWERS_LIMIT) {
        this.#unreported.push({ pipe, event, payload, socket: open[0].socket });
      }
      return true;
    }

    sendStatistics(name, version, data) {
      return this.send_msg(this.#statisticsFrame({ plugin: { name, version, data } }));
    }

    // ---- questions

    get_pipe_log(pipe, callback) {
      const name = String(pipe);
      if (!isOneLine(pipe)) {
        return false;
      }
      const isNew = !(this.#callbacks.get(name) || []).some((known) => known.callback === callback);
      if (typeof callback === "function" && isNew) {
        this.subscription(name, callback);
      }
      this.#historyRequests++;
      return this.send_msg(`pipe_log\n${serverPipe(name) ?? name}\n${this.getCustomString()}\n`);
    }

    history(pipe) {
      if (!isOneLine(pipe)) {
        return refused("not a name");
      }
      const collecting = { pipe: String(pipe) };
      this.#historyRequests++;
      // What comes before this answer belongs to earlier commands.
      const before = this.#expectAnswer(() => {
        this.#lastError = undefined;
        collecting.value = [];
      });
      return this.#request(collecting,
        [fence(before), `pipe_log\n${pipe}\n${this.getCustomString()}\n`],
        () => !this.#lastError || collecting.value.length);
    }

    send(pipe, event, message) {
      const sending = { report: REPORT_PREFIX + String(pipe).replace(/^@/, ""), payload: JSON.stringify(message) };
      const frame = publishFrame(pipe, event, sending.payload);
      return frame ? this.#request(sending, [frame]) : refused("not sent");
    }

    count_users_in_pipe(pipe, callback) {
      return this.#question(isOneLine(pipe), callback, (marker) => `pipe_count\n${pipe}\n${marker}\n`);
    }

    getTrackPipeUsers(pipe, callback) {
      return this.#question(isOneLine(pipe), callback, (marker) => `track_pipe_users\n${pipe}\n${marker}`);
    }

    presence(pipe, callback) {
      const presence = new Presence(callback,
        () => this.#ask((marker) => `track_pipe_users\n${pipe}\n${marker}`, (answer) => answer));
      const id = this.subscription(`${pipe}`, (message) => presence.heard(message));
      this.#presences.set(id, presence);
      if (this.isConnected()) {
        presence.look();
      }
      return { ready: presence.ready, unsubscribe: () => this.unsubscription(id) };
    }

    getUserData(userId, callback) {
      const usable = /^\d+$/.test(String(userId)) || undefined;
      if (!usable) {
        console.error("CometServer: getUserData() needs the number of a user");
      }
      return this.#question(usable, callback, (marker) => `user_data\n${marker}\n${userId}`);
    }

    // ---- who and where

    getUserId() {
      return this.options.user_id;
    }

    getUserKey() {
      return this.options.user_key;
    }

    getDevId() {
      return this.options.dev_id || "0";
    }

    getUUID() {
      if (this.options.uuid) {
        return String(this.options.uuid);
      }
      browserUuid = browserUuid || readStorage("comet_server_uuid");
      if (!/^[\w-]{32}$/.test(browserUuid ?? "")) {
        browserUuid = randomText(32);
        writeStorage("comet_server_uuid", browserUuid);
      }
      return browserUuid;
    }

    getTabUUID() {
      return this.custom_id;
    }

    getRealUserKey() {
      const name = this.#realUserKeyName();
      return (this.#realUserKey.name === name ? this.#realUserKey.key : readStorage(name)) ?? "";
    }

    setRealUserKey(key) {
      this.#realUserKey = { name: this.#realUserKeyName(), key: String(key) };
      writeStorage(this.#realUserKey.name, this.#realUserKey.key);
    }

    getUrl(node) {
      const { address } = node === undefined ? this.#nodes()[0] : parseNode(node);
      return `${this.isUseWss(node) ? "wss" : "ws"}://${address}/ws/sesion=${urlValue(this.options.user_key)}`
        + `&myid=${urlValue(this.options.user_id)}&devid=${urlValue(this.getDevId())}&v=${this.version}`
        + `&uuid=${urlValue(this.getUUID())}&api=${API_NAME}`;
    }

    isUseWss(node) {
      const { secure } = node === undefined ? this.#nodes()[0] : parseNode(node);
      return Boolean(this.options.wss ?? (pageLocation().protocol === "https:" || secure));
    }

    UseWss(use) {
      if (use !== undefined) {
        this.options.wss = Boolean(use);
      }
      return this.isUseWss();
    }

    UseWebSocket() {
      return typeof page.WebSocket === "function";
    }

    get socketArray() {
      return this.#links.map((link) => link.socket).filter(Boolean);
    }

    getCustomString() {
      return randomText(10, DIGITS);
    }

    setLogLevel(level) {
      this.LogLevel = Number(level) || 0;
      writeStorage("comet_LogLevel", String(this.LogLevel));
    }

    getLogLevel() {
      return this.LogLevel;
    }

    stripslashes(text) {
      return String(text).replace(/\\([^]?)/g, "$1");
    }

    // ---- inside: nodes and links

    #nodes() {
      const { node, nodes, nodeArray } = this.options;
      const named = [nodes, nodeArray, node].find((value) => (Array.isArray(value) ? value.length : value));
      return named === undefined ? [defaultNode()] : [].concat(named).map(parseNode);
    }

    /** For each link its nodes, in the order to try them. */
    #nodeGroups() {
      const nodes = this.#nodes().map((node) => node.name);
      if (!this.options.roundrobin || nodes.length < 2) {
        return nodes.map((node) => [node]);
      }
      const userId = Number(this.options.user_id);
      const first = Math.floor(userId > 0 ? userId : this.#roundrobinStart) % nodes.length;
      return [nodes.slice(first).concat(nodes.slice(0, first))];
    }

    #connectAll() {
      this.#closeAll();
      this.#running = true;
      const credentials = `${this.options.user_id}\n${this.options.user_key}`;
      if (credentials !== this.#credentials) {
        this.#credentials = credentials;
        this.#authorized = undefined;
        this.#keyFailures = 0;
      }
      listenForWaking("addEventListener", this.#onWake);
      const links = this.#nodeGroups().map((nodes) => new Link(nodes, {
        socket: (url) => (this.options.shareTabs && TabSocket ? new TabSocket(url, openSocket) : openSocket(url)),
        url: (node) => this.getUrl(node),
        backoff: (failures) => this.#backoff(failures),
        opened: (link) => this.#opened(link),
        closed: () => this.#connectionMayHaveChanged(),
        woke: () => this.#wake(),
        freshKey: () => (this.#keyIsDue() ? this.#renewKey() : undefined),
        frame: (link, text) => this.#receiveFrame(link, text),
        statistics: () => (this.options.nostat ? undefined : this.#statisticsFrame()),
        log: (...words) => this.#log(...words),
      }));
      this.#links = links;
      const connect = () => links.forEach((link) => link.isClosed() || link.connect());
      const files = loadSockets(this.options.shareTabs);
      files ? files.then(connect) : connect();
    }

    #closeAll() {
      const links = this.#links;
      this.#links = [];
      links.forEach((link) => link.close());
    }

    #opened(link) {
      if (this.#links.length > 1) {
        this.#streams.clear();
      }
      this.#subscribeAnew(link);
      const queued = this.#queue;
      this.#queue = [];
      this.#queueOverflowed = false;
      queued.forEach((text) => this.send_msg(text));
      this.#requests.forEach((request) => { request.sent = true; });
      this.#connectionMayHaveChanged();
    }

    #connectionMayHaveChanged() {
      const connected = this.isConnected();
      this.#requests.forEach((request) => connected || request.sent && request.end("connection lost"));
      if (connected !== this.#connected) {
        this.#connected = connected;
        this.#connectionCallbacks.slice().forEach((callback) => callGuarded(callback, connected));
      }
    }

    #enqueue(text) {
      this.#queue.push(text);
      while (this.#queue.length > this.#limit("queueLimit")) {
        this.#queue.shift();
        if (!this.#queueOverflowed) {
          this.#queueOverflowed = true;
          console.warn("CometServer: more than queueLimit messages are waiting, the oldest are dropped");
        }
      }
    }

    /** What is no positive number counts as not set. */
    #limit(name) {
      const value = Number(this.options[name]);
      return value > 0 ? value : DEFAULTS[name];
    }

    #statisticsFrame(more) {
      // Query and fragment are no business of the server.
      const { origin = "", pathname = "" } = pageLocation();
      const told = { url: origin + pathname, dev_id: String(this.getDevId()), version: this.version, ...more };
      return `statistics\n${JSON.stringify(told)}`;
    }

    #realUserKeyName() {
      const nodes = this.#nodes().map((node) => node.address).join(",");
      return `comet_server_user_key_${nodes}_${this.getDevId()}_${this.options.user_id}`;
    }

    #log(level, ...words) {
      if (this.LogLevel >= level) {
        console.log("CometServer:", ...words);
      }
    }

    // ---- inside: waking up, and keys that expire

    #wake(isOnline) {
      const links = this.#links;
      const wakeLinks = () => links.forEach((link) => link.wake(isOnline));
      if (this.#keyIsDue() || this.#authorized === false && this.#asksForKeys()) {
        this.#renewKey().then(wakeLinks);
      } else {
        wakeLinks();
      }
    }

    #asksForKeys() {
      return this.options.get_user_key && this.options.user_id;
    }

    #keyIsDue() {
      return this.#asksForKeys() && expiry(this.options.user_key) - Date.now() < RENEW_BEFORE;
    }

    /** Asks the page for a key and connects again with a new one; never rejects. */
    async #renewKey() {
      const links = this.#links;
      if (this.#keyAskedFor === links) {
        return;
      }
      this.#keyAskedFor = links;
      let key;
      try {
        key = await inTime(this.options.get_user_key(), this.#limit("answerTimeout"));
      } catch (error) {
        console.warn(`CometServer: get_user_key failed (${error?.name})`);
        if (links === this.#links) {
          this.#renewKeyIn(this.#backoff(++this.#keyFailures));
        }
      }
      if (links !== this.#links) {
        return;
      }
      this.#keyAskedFor = undefined;
      if (key && String(key) !== String(this.options.user_key)) {
        this.options.user_key = key;
        this.#credentials = `${this.options.user_id}\n${key}`;
        links.forEach((link) => link.renew());
      }
    }

    #renewKeyIn(delay) {
      clearTimeout(this.#keyTimer);
      if (this.#asksForKeys() && delay < TIMER_MAX) {
        this.#keyTimer = setTimeout(() => this.#renewKey(), delay);
      }
    }

    /** Full jitter: not all pages come back to a restarted server in the same moment. */
    #backoff(failures) {
      const bound = this.#limit("reconnectDelay") * 2 ** failures;
      return Math.random() * Math.min(this.#limit("reconnectDelayMax"), bound);
    }

    // ---- inside: the subscription list

    #register(name, callback) {
      this.#registrations++;
      const id = `${name === CATCH_ALL ? CATCH_ALL_SIGNAL : name}&&sig${this.#registrations}`;
      const usable = typeof callback === "function" ? callback : undefined;
      this.#callbacks.set(name, [...(this.#callbacks.get(name) || []), { id, callback: usable }]);
      const pipe = serverPipe(name);
      if (pipe !== undefined) {
        const users = this.#pipes.get(pipe) || 0;
        this.#pipes.set(pipe, users + 1);
        if (users === 0) {
          this.#listChanged();
        }
      }
      return id;
    }

    /** The list goes out after the running script, or before the next frame. */
    #listChanged() {
      if (!this.#listIsDirty) {
        this.#listIsDirty = true;
        Promise.resolve().then(() => this.#sendListIfChanged());
      }
    }

    #sendListIfChanged() {
      if (this.#listIsDirty) {
        this.#listIsDirty = false;
        this.#links.filter((link) => link.isOpen()).forEach((link) => this.#sendList(link));
      }
    }

    /** Live messages wait for what was missed. */
    #subscribeAnew(link) {
      this.#streams.forEach((stream) => { stream.held = []; });
      link.asked?.clear();
      this.#sendList(link);
      this.#presences.forEach((presence) => presence.look());
    }

    #sendList(link) {
      const list = this.subscription_array.join("\n");
      if (list !== link.sentList) {
        link.sentList = list;
        link.send(`subscription\n${list}`);
      }
      if (link.asked) {
        this.#askForMissed(link);
      }
    }

    // ---- inside: coming back

    /** Asks for what was missed of the pipes that were not asked for on this connection. */
    #askForMissed(link) {
      link.asked.forEach((pipe) => this.#pipes.has(pipe) || link.asked.delete(pipe));
      const fresh = this.subscription_array.filter((pipe) => !link.asked.has(pipe));
      if (fresh.length) {
        fresh.forEach((pipe) => link.asked.add(pipe));
        const lines = fresh.map((pipe) => {
          const { epoch = "", offset = "" } = this.#streams.get(pipe) || {};
          return `${pipe}\n${epoch}\n${offset}`;
        });
        link.send(["resume", ...lines].join("\n"));
      }
    }

    /** It stays known how far the page was in earlier epochs, or that they had ended when this one was looked up. */
    #moveTo(pipe, epoch, offset, isLookedUp) {
      const stream = this.#streams.get(pipe) || { own: new Set(), reached: new Map() };
      const { own, reached } = stream;
      if (isLookedUp) {
        reached.forEach((_, known) => reached.set(known, Infinity));
      }
      reached.delete(epoch);
      reached.set(epoch, offset);
      if (reached.size > EPOCHS_LIMIT) {
        reached.delete(reached.keys().next().value);
      }
      own.forEach((known) => (known < offset || stream.epoch !== epoch) && own.delete(known));
      this.#streams.set(pipe, Object.assign(stream, { epoch, offset, follows: !isLookedUp }));
    }

    #tellGap(pipe) {
      this.#dispatch({ data: { pipe }, pipe: "sys", event: "gap" });
    }

    /** Whether this message is new. */
    #isNext(link, { pipe, event, data, epoch, offset, resumed }) {
      if (!this.#pipes.has(pipe)) {
        return !resumed;
      }
      const stream = this.#streams.get(pipe);
      const reached = stream?.reached.get(epoch) ?? -1;
      if (reached === Infinity) {
        stream.follows = false;
        return false;
      }
      // Only what came live itself is known to be older than a new epoch. What this page says it does not hear.
      const isGap = !resumed && stream && stream.epoch !== epoch && (reached >= 0
        || (offset > 1 || stream.epoch && !stream.follows) && !this.#unreported.some((sent) => sent.pipe === pipe));
      this.#moveTo(pipe, epoch, Math.max(offset, reached));
      if (isGap) {
        this.#tellGap(pipe);
      }
      if (offset <= reached) {
        return false;
      }
      if (!resumed) {
        // Who was told of a gap may have ended this connection.
        return !link.isClosed();
      }
      // Its report may have been lost with the connection; then the text tells.
      const text = JSON.stringify(decodePayload(data));
      const mine = this.#unreported.findIndex((sent) => sent.socket !== link.socket && sent.pipe === pipe
        && sent.event === event && sent.payload === text);
      if (mine >= 0) {
        this.#unreported.splice(mine, 1);
      }
      return mine < 0 && !this.#streams.get(pipe).own.has(offset);
    }

    /** Where a pipe stands: after a "gap", or after all that was missed ("resumed"). */
    #stands(link, { event, data: { pipe }, epoch, offset }) {
      const stream = this.#streams.get(pipe);
      if (!this.#pipes.has(pipe)) {
        return;
      }
      // A page that had no position is where its first live message was.
      if (!stream || stream.held) {
        this.#moveTo(pipe, epoch, Math.max(offset, stream?.epoch === epoch ? stream.offset : 0), true);
      }
      if (event === "gap") {
        this.#tellGap(pipe);
        return;
      }
      this.#unreported = this.#unreported.filter((sent) => sent.pipe !== pipe || sent.socket === link.socket);
      this.#release(link, pipe);
    }

    #release(link, pipe) {
      const stream = this.#streams.get(pipe);
      const held = stream?.held ?? [];
      if (stream) {
        stream.held = undefined;
      }
      held.forEach((message) => link.isClosed() || this.#receive(link, message));
    }

    #reported({ pipe: report, epoch, offset }) {
      const pipe = report.slice(REPORT_PREFIX.length);
      const stream = this.#streams.get(pipe);
      if (stream && !stream.held && !stream.reached.has(epoch)) {
        this.#moveTo(pipe, epoch, 0);
      }
      if (stream?.epoch === epoch && offset > stream.offset) {
        stream.own.add(offset);
      }
      const mine = this.#unreported.findIndex((sent) => sent.pipe === pipe);
      if (mine >= 0) {
        this.#unreported.splice(mine, 1);
      }
    }

    // ---- inside: receiving

    #receiveFrame(link, text) {
      for (const line of text.split("\n")) {
        // A callback of an earlier line may have ended this connection.
        if (link.isClosed()) {
          return;
        }
        const message = line.trim() ? parseJson(line) : undefined;
        if (typeof message === "object" && message !== null) {
          this.#receive(link, message);
        }
      }
    }

    #receive(link, message) {
      if (message.pipe === "sys" && message.event === "serverInfo") {
        if (message.resumes && this.#links.length === 1) {
          link.asked = new Set();
          this.#askForMissed(link);
        } else {
          [...this.#streams.keys()].forEach((pipe) => this.#release(link, pipe));
          this.#streams.clear();
        }
        this.#greeted(message);
        return;
      }
      if (typeof message.error === "number" && message.error > LAST_RETRYABLE_ERROR) {
        this.#turnedAway(link, message);
        return;
      }
      if (message.pipe === "sys" && Number(message.data?.code) === TOO_MANY && link.sentList) {
        // What asks for pipes may be among the refused.
        link.sentList = "";
        setTimeout(() => link.isOpen() && this.#subscribeAnew(link), DEFAULTS.reconnectDelay + this.#backoff(0));
      }
      if (link.asked && message.offset !== undefined && !message.history) {
        if (message.pipe === "sys") {
          this.#stands(link, message);
          return;
        }
        if (message.pipe.startsWith(REPORT_PREFIX)) {
          this.#reported(message);
        } else {
          const { held } = this.#streams.get(message.pipe) || {};
          if (held && !message.resumed) {
            if (held.push(message) > HELD_LIMIT) {
              link.connect();
            }
            return;
          }
          if (!this.#isNext(link, message)) {
            return;
          }
        }
      }
      if (message.data !== undefined) {
        this.#dispatch(message);
      }
    }

    #turnedAway(link, message) {
      const { error } = message;
      const data = message.data ?? { error: `error ${error}`, error_code: error };
      const isFinal = error !== TOO_MANY;
      isFinal ? link.giveUp() : link.comeLater();
      console.error(`CometServer: error ${error}, ${isFinal ? "not connecting again" : "connecting again later"}`);
      this.#dispatch({ ...message, data, pipe: "sys", event: "error", marker: undefined });
      if (isFinal) {
        this.#terminalCallbacks.slice().forEach((callback) => callGuarded(callback, data));
      }
    }

    #greeted(message) {
      const authorized = String(message.authorized) === "true";
      if (typeof message.data === "string" && message.data) {
        this.setRealUserKey(message.data.replace(" ", "_"));
      }
      if (authorized) {
        this.#keyFailures = 0;
        const life = expiry(this.options.user_key) - Date.now();
        this.#renewKeyIn(Math.max(1000, life - RENEW_BEFORE, life * 0.9));
      } else {
        this.#renewKeyIn(this.#keyFailures ? this.#backoff(this.#keyFailures) : 0);
        this.#keyFailures++;
      }
      if (authorized !== this.#authorized) {
        if (this.#authorized) {
          console.warn("CometServer: the key is no longer accepted, the connection is anonymous");
        }
        this.#authorized = authorized;
        const callbacks = authorized ? this.#authSuccessCallbacks : this.#authFailCallbacks;
        callbacks.slice().forEach((callback) => callGuarded(callback));
      }
    }

    #dispatch(message) {
      const data = decodePayload(message.data);
      if (this.#isDuplicate(message, data)) {
        return;
      }
      const hasPipe = typeof message.pipe === "string" && message.pipe !== "";
      const pipe = hasPipe ? message.pipe : "msg";
      const event = eventName(message.event);
      const answer = {
        data,
        server_info: {
          user_id: Number(message.user_id) || 0,
          pipe,
          event,
          history: message.history === true,
          marker: message.marker,
          uuid: message.uuid,
          presence: message.presence,
          message_send_time: message.message_send_time,
        },
      };
      this.#log(2, "message", pipe, event);
      if (this.#isForRequest(answer)) {
        return;
      }

      const waiting = this.#answers.get(message.marker);
      const isAnswer = message.marker !== undefined && message.marker !== this.custom_id
        && !waiting?.isShared;
      if (!isAnswer) {
        const names = [pipe, `${pipe}.${event}`];
        this.#call(hasPipe ? names : names.reverse(), answer);
      }
      if (waiting) {
        this.#answers.delete(message.marker);
        callGuarded(waiting.callback, answer);
      }
      if (!isAnswer) {
        this.#call([CATCH_ALL], answer);
      }
    }

    /** A function that has two names of a report gets it once. */
    #call(names, answer) {
      const isReport = answer.server_info.pipe.startsWith(REPORT_PREFIX);
      const called = new Set();
      for (const { callback } of names.flatMap((name) => this.#callbacks.get(name) || [])) {
        if (callback && !(isReport && called.has(callback))) {
          called.add(callback);
          callGuarded(callback, answer);
        }
      }
    }

    #isDuplicate(message, data) {
      let isNew = typeof message.uuid !== "string" || !message.uuid || this.#seen.add(`node ${message.uuid}`);
      if (data?._cometApi_uuid !== undefined) {
        // In the history a copy repeats only other copies in the same answer.
        const place = message.history === true ? `history ${this.#historyRequests}` : "live";
        isNew = this.#seen.add(`${place} ${data._cometApi_uuid}`) && isNew;
        delete data._cometApi_uuid;
      }
      return !isNew;
    }

    #expectAnswer(callback, isShared) {
      const marker = this.getCustomString();
      this.#answers.set(marker, { callback, isShared });
      if (this.#answers.size > PENDING_ANSWERS_LIMIT + 3 * this.#requests.size) {
        this.#answers.delete(this.#answers.keys().next().value);
      }
      return marker;
    }

    // ---- inside: promises

    /** Without a callback the answer is a promise, and goes to the ordinary callbacks too. */
    #question(usable, callback, frame) {
      if (typeof callback === "function") {
        return usable && this.send_msg(frame(this.#expectAnswer(callback)));
      }
      if (!usable) {
        return refused("not a name");
      }
      return this.#ask(frame, ({ data }) => data);
    }

    /** A promise of what `take` takes from the answer. */
    #ask(frame, take) {
      const asking = {};
      return this.#request(asking, [frame(this.#expectAnswer((answer) => { asking.value = take(answer); }, true))]);
    }

    /** Commands are carried out in order: once a question behind them is answered, all else has been said. */
    #request(request, frames, isComplete = () => request.value !== undefined) {
      if (this.#requests.size >= PENDING_ANSWERS_LIMIT) {
        return refused("too many questions");
      }
      const promise = new Promise((resolve, reject) => {
        const timer = setTimeout(() => request.end("no answer in time"), this.#limit("answerTimeout"));
        request.end = (error) => {
          clearTimeout(timer);
          this.#requests.delete(request);
          error === undefined ? resolve(request.value) : reject(new Error(error));
        };
      });
      // Nobody has to look at it.
      promise.catch(() => {});
      this.#requests.add(request);
      const last = this.#expectAnswer(() => request.end(isComplete() ? undefined : this.#lastError ?? "refused"));
      request.sent = this.isConnected();
      [...frames, fence(last)].forEach((text) => this.send_msg(text));
      return promise;
    }

    /** Whether the message is for a promise alone. */
    #isForRequest(answer) {
      const { data, server_info: { pipe, event, history } } = answer;
      if (pipe === "sys" && event === "error") {
        this.#lastError = String(data?.error);
      }
      for (const request of this.#requests) {
        if (history && request.pipe === pipe && request.value) {
          request.value.push(answer);
          return true;
        }
        if (request.report === pipe && request.value === undefined && data?.message === request.payload) {
          request.value = data;
          break;
        }
      }
      return false;
    }
  }

  /** Who is in a track_ pipe: a list, and the changes after it. */
  class Presence {
    #callback;
    #ask;
    #resolve;
    #reject;
    /** name -> member */
    #members;
    /** The same, as the page was told. */
    #told = new Map();
    /** Up to where the members are known: { epoch, version } */
    #place;
    /** Changes that wait for the list. */
    #early;
    #timer;

    constructor(callback, ask) {
      this.#callback = callback;
      this.#ask = ask;
      this.ready = new Promise((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
      });
      this.ready.catch(() => {});
    }

    /** Asks for the list: whatever was known before may have changed. */
    async look() {
      const early = [];
      this.#early = early;
      try {
        const { data, server_info } = await this.#ask();
        if (early === this.#early) {
          this.#early = undefined;
          this.#place = server_info.presence;
          this.#members = new Map();
          data.forEach((member) => this.#enter(member));
          early.forEach((change) => this.heard(change));
          this.#tellSoon();
        }
      } catch (error) {
        this.#reject(error);
      }
    }

    heard(message) {
      const { data, server_info: { event, presence } } = message;
      if (this.#early?.length < HELD_LIMIT) {
        this.#early.push(message);
      } else if (this.#early || presence && presence.epoch !== this.#place?.epoch) {
        this.look();
      } else if (presence?.version > this.#place?.version) {
        event === "subscription" ? this.#enter(data) : this.#members.delete(memberName(data));
        this.#tellSoon();
      }
    }

    end() {
      clearTimeout(this.#timer);
      this.#early = undefined;
    }

    #enter({ user_id, uuid, member }) {
      this.#members.set(memberName({ user_id, uuid, member }), { user_id, uuid, member });
    }

    #tellSoon() {
      this.#timer ??= setTimeout(() => this.#tell(), PRESENCE_INTERVAL);
    }

    #tell() {
      const [now, before] = [new Map(this.#members), this.#told];
      const missingIn = (those, these) => [...these].filter(([name]) => !those.has(name)).map(([, member]) => member);
      const state = {
        members: [...now.values()], count: now.size, joined: missingIn(before, now), left: missingIn(now, before),
      };
      this.#timer = undefined;
      this.#told = now;
      this.#resolve(state);
      if (this.#callback && (state.joined.length || state.left.length)) {
        callGuarded(this.#callback, state);
      }
    }
  }

  /** One socket: connects again after every close the page did not ask for. */
  class Link {
    #nodes;
    #owner;
    #failures = 0;
    #firstMessageAt;
    #timer;
    #statisticsTimer;
    #probeTimer;
    #statisticsSent = false;
    #isClosed = false;
    /** The first attempt waits until it is known whether tabs can share. */
    #hasBegun = false;

    constructor(nodes, owner) {
      this.#nodes = nodes;
      this.#owner = owner;
      this.socket = undefined;
      /** The subscription list the server has from this socket. */
      this.sentList = "";
      /** Pipes asked for by position on this connection; undefined while the server is not known to resume. */
      this.asked = undefined;
      /** When start() would connect to another one, it has to. */
      this.startNode = nodes[0];
      this.startUrl = owner.url(this.startNode);
    }

    isClosed() {
      return this.#isClosed;
    }

    isOpen() {
      return this.socket?.readyState === SOCKET_OPEN;
    }

    send(text) {
      this.#owner.log(3, "send", text.split("\n", 2).join(" "));
      this.socket.send(text);
    }

    connect() {
      this.#hasBegun = true;
      this.#abandonSocket();
      this.#owner.log(1, "connecting to", this.#nodes[0]);
      let socket;
      try {
        socket = this.#owner.socket(this.#owner.url(this.#nodes[0]));
      } catch (error) {
        console.error(`CometServer: cannot connect to ${this.#nodes[0]} (${error?.name})`);
        this.#retryLater();
        return;
      }
      this.socket = socket;
      socket.onopen = () => this.#socketOpened();
      socket.onmessage = (event) => this.#socketReceived(event.data);
      socket.onclose = (event) => this.#lost(event?.handOver);
      this.#timer = setTimeout(() => this.#lost(), CONNECT_TIMEOUT);
    }

    /** Waits no longer for the next attempt, nor for one that began without network; an open one is probed. */
    wake(isOnline) {
      if (this.#isClosed || !this.#hasBegun) {
        return;
      }
      if (!this.isOpen()) {
        if (isOnline || this.socket === undefined) {
          this.connect();
        }
      } else if (this.#probeTimer === undefined) {
        this.#probeTimer = setTimeout(() => this.#lost(), PROBE_TIMEOUT);
        this.send(fence("probe"));
      }
    }

    renew() {
      if (!this.#isClosed) {
        this.startUrl = this.#owner.url(this.startNode);
        this.connect();
        this.#owner.closed();
      }
    }

    close() {
      this.#isClosed = true;
      this.#abandonSocket();
    }

    giveUp() {
      this.close();
      this.#owner.closed();
    }

    comeLater() {
      this.#failures = Math.max(this.#failures, FAILURES_OF_TOO_MANY);
      this.#firstMessageAt = undefined;
      this.#lost();
    }

    #socketOpened() {
      this.#tick();
      this.#owner.opened(this);
      if (this.isOpen() && !this.#statisticsSent) {
        this.#statisticsTimer = setTimeout(() => this.#sendStatistics(), STATISTICS_DELAY);
      }
    }

    #tick() {
      clearTimeout(this.#timer);
      const due = Date.now() + TICK;
      this.#timer = setTimeout(() => {
        this.#tick();
        if (Date.now() - due > CLOCK_JUMP) {
          this.#owner.woke();
        }
      }, TICK);
    }

    #socketReceived(data) {
      clearTimeout(this.#probeTimer);
      this.#probeTimer = undefined;
      this.#firstMessageAt = this.#firstMessageAt ?? Date.now();
      if (typeof data === "string") {
        this.#owner.frame(this, data);
      }
    }

    #lost(handOver) {
      const wasHealthy = this.#firstMessageAt !== undefined && Date.now() - this.#firstMessageAt >= STABLE_AFTER;
      if (wasHealthy) {
        this.#failures = 0;
      } else if (this.#firstMessageAt === undefined) {
        this.#nodes.push(this.#nodes.shift());
      }
      this.#abandonSocket();
      handOver ? this.connect() : this.#retryLater();
      this.#owner.closed();
    }

    #retryLater() {
      const delay = this.#owner.backoff(this.#failures);
      this.#failures++;
      this.#owner.log(1, "next attempt in", Math.round(delay), "ms");
      this.#timer = setTimeout(() => this.#retry(), delay);
    }

    async #retry() {
      const key = this.#owner.freshKey();
      if (key) {
        await key;
      }
      if (!this.#isClosed && !this.socket) {
        this.connect();
      }
    }

    #sendStatistics() {
      const frame = this.#owner.statistics();
      if (frame !== undefined && this.isOpen()) {
        this.#statisticsSent = true;
        this.send(frame);
      }
    }

    #abandonSocket() {
      clearTimeout(this.#timer);
      clearTimeout(this.#statisticsTimer);
      clearTimeout(this.#probeTimer);
      this.#probeTimer = undefined;
      const socket = this.socket;
      this.socket = undefined;
      this.sentList = "";
      this.asked = undefined;
      this.#firstMessageAt = undefined;
      if (socket) {
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.close();
      }
    }
  }

  /** Two generations: the older one is forgotten when the newer one is full or old. */
  class RecentIds {
    #newer = new Set();
    #older = new Set();
    #since = Date.now();

    add(id) {
      if (this.#newer.size >= SEEN_LIMIT || Date.now() - this.#since > SEEN_LIFETIME) {
        this.#older = this.#newer;
        this.#newer = new Set();
        this.#since = Date.now();
      }
      const isNew = !this.#newer.has(id) && !this.#older.has(id);
      this.#newer.add(id);
      return isNew;
    }
  }

  /** Signals inside a page and between tabs, not connected with pipes. */
  class Signals {
    static #STORAGE_KEY = "comet_server_signal_storage_emit";
    #slots = new Map();
    #count = 0;
    #id = randomText(16, ALPHANUMERIC);

    constructor() {
      page.addEventListener?.("storage", (event) => {
        const signal = event.key === Signals.#STORAGE_KEY && parseJson(event.newValue);
        if (signal && signal.custom_id !== this.#id) {
          this.emit(signal.name, signal.param);
        }
      });
    }

    connect(name, callback) {
      const id = `${name}&&sig${++this.#count}`;
      this.#slots.set(id, { name, callback });
      return id;
    }

    disconnect(id) {
      return this.#slots.delete(id);
    }

    emit(name, param) {
      [...this.#slots.values()].filter((slot) => slot.name === name)
        .forEach((slot) => callGuarded(slot.callback, param, name));
    }

    send_emit(name, param) {
      // Browsers report only a changed value, hence the random part.
      writeStorage(Signals.#STORAGE_KEY,
        JSON.stringify({ name, custom_id: this.#id, param, nonce: randomText(8) }));
    }

    emitAll(name, param) {
      this.emit(name, param);
      this.send_emit(name, param);
    }
  }

  const Base64 = {
    encode(text) {
      const bytes = encodeURIComponent(wellFormed(String(text)))
        .replace(/%([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
      return btoa(bytes);
    },
    decode(text) {
      const bytes = atob(String(text).replace(/[^A-Za-z0-9+/]/g, ""));
      try {
        return decodeURIComponent(bytes.replace(/[^]/g,
          (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0")}`));
      } catch {
        return bytes;
      }
    },
  };

  // ---- names and payloads

  /** Numbers begin anew with the server. */
  function memberName({ user_id, uuid, member }) {
    return `${member} ${user_id} ${uuid}`;
  }

  /** The pipe a name needs from the server; undefined for names that live in the page only. */
  function serverPipe(name) {
    const parts = name.split(".");
    const pipe = parts.length === 2 ? parts[0] : name;
    return /^(?:|msg|sys|_answer.*|answer_to_.*)$/.test(pipe) ? undefined : pipe;
  }

  function decodePayload(data) {
    if (typeof data !== "string") {
      return data;
    }
    const value = parseJson(data);
    return value === undefined ? data : value;
  }

  function eventName(event) {
    return String(event ?? "") || "undefined";
  }

  function parseJson(text) {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  }

  function publishFrame(pipe, event, payload) {
    const name = eventName(event);
    if (!/^@?web(?:auth)?_/.test(pipe) || /\n/.test(pipe) || /\n/.test(name)) {
      console.error(`CometServer: browsers may send to web_ and webauth_ pipes only, not to ${JSON.stringify(pipe)}`);
      return undefined;
    }
    if (payload === undefined) {
      console.error("CometServer: no message to send");
      return false;
    }
    return `web_pipe2\n${pipe}\n${name}\n*\n${payload}`;
  }

  /** A question every server answers, in its turn. */
  function fence(marker) {
    return `pipe_count\nweb_fence\n${marker}\n`;
  }

  function refused(text) {
    const promise = Promise.reject(new Error(text));
    promise.catch(() => {});
    return promise;
  }

  function isOneLine(name) {
    const usable = /^.+$/.test(name ?? "");
    if (!usable) {
      console.error("CometServer: not a pipe name");
    }
    return usable;
  }

  // ---- sockets

  /** Given by CometServerTabs.mjs; null where tabs cannot share a connection. */
  let TabSocket;
  /** Given by CometServerHttp.mjs, where a WebSocket could not be opened. */
  let http;
  const loading = {};

  /** A promise while something is to be loaded before the first attempt. */
  function loadSockets(shareTabs) {
    const files = [];
    if (shareTabs && TabSocket === undefined && page.navigator?.locks && page.BroadcastChannel) {
      files.push(load("CometServerTabs.mjs", async (tabs) => {
        await tabs.ready();
        ({ TabSocket } = tabs);
      }, () => { TabSocket = null; }));
    }
    if (!http && readStorage("comet_server_http")) {
      files.push(loadHttp());
    }
    return CometServerApi.scriptUrl && files.length ? Promise.all(files) : undefined;
  }

  function loadHttp() {
    return load("CometServerHttp.mjs", (module) => { http = module; });
  }

  /** Files lie beside this one; each is loaded once, and nothing depends on it. */
  function load(name, use, fail) {
    loading[name] = loading[name]
      ?? Promise.resolve().then(() => import(new URL(name, CometServerApi.scriptUrl))).then(use).catch(() => fail?.());
    return loading[name];
  }

  function openSocket(url) {
    const [address] = url.split("/ws/");
    if (http?.isBlocked(address)) {
      return new http.HttpSocket(url);
    }
    const socket = new page.WebSocket(url);
    let isOpen = false;
    socket.addEventListener?.("open", () => { isOpen = true; });
    socket.addEventListener?.("close", () => isOpen || suspectBlocking(address));
    return socket;
  }

  /** A WebSocket did not open: does the server answer at all? */
  async function suspectBlocking(address) {
    try {
      await page.fetch(`${address.replace(/^ws/, "http")}/info`, { cache: "no-store", credentials: "omit" });
      await loadHttp();
      http.suspect(address);
    } catch {
      // The network, or the server, is gone: it is tried again anyway.
    }
  }

  // ---- addresses

  /** Takes "[scheme://]host[:port][/prefix]" apart. */
  function parseNode(node) {
    const text = String(node).trim().replace(/[?#].*$/, "").replace(/\/+$/, "");
    const [, scheme, address] = /^(?:(?:(https?|wss?):)?\/\/)?(.*)$/i.exec(text);
    return { name: text, address, secure: scheme ? /s$/i.test(scheme) : undefined };
  }

  function defaultNode() {
    if (/^https?:\/\//i.test(CometServerApi.scriptUrl)) {
      return parseNode(CometServerApi.scriptUrl.replace(/[?#].*$/, "").replace(/\/[^/]*$/, ""));
    }
    const { protocol, host } = pageLocation();
    return parseNode(/^https?:$/.test(protocol) && host ? `${protocol}//${host}` : FALLBACK_NODE);
  }

  function pageLocation() {
    return page.location ?? {};
  }

  function urlValue(value) {
    return wellFormed(String(value ?? "undefined"))
      .replace(/[^A-Za-z0-9=+/_.~-]/gu, (character) => encodeURIComponent(character));
  }

  function wellFormed(text) {
    return text.replace(/\p{Surrogate}/gu, "\uFFFD");
  }

  /** When a key expires: a JWT tells, others never do. */
  function expiry(key) {
    const [, claims] = /^[\w-]+\.([\w-]+)\.[\w-]+$/.exec(key) || [];
    try {
      return JSON.parse(atob(claims.replace(/-/g, "+").replace(/_/g, "/"))).exp * 1000 || Infinity;
    } catch {
      return Infinity;
    }
  }

  function inTime(promise, milliseconds) {
    return Promise.race([promise, new Promise((_, reject) => {
      setTimeout(() => reject(new Error("time out")), milliseconds);
    })]);
  }

  function listenForWaking(method, listener) {
    WAKE_EVENTS.forEach((name) => [page, page.document].forEach((target) => target?.[method]?.(name, listener)));
  }

  // ---- small helpers

  const DIGITS = "0123456789";
  const ALPHANUMERIC = `${DIGITS}ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz`;

  let browserUuid;

  function randomText(length, alphabet = `${ALPHANUMERIC}_-`) {
    const numbers = new Uint32Array(length).map(() => Math.random() * 2 ** 32);
    page.crypto?.getRandomValues(numbers);
    return Array.from(numbers, (number) => alphabet[number % alphabet.length]).join("");
  }

  // Storage is missing outside browsers, and may be forbidden.
  function readStorage(key) {
    try {
      return page.localStorage.getItem(key) ?? undefined;
    } catch {
      return undefined;
    }
  }

  function writeStorage(key, value) {
    try {
      page.localStorage.setItem(key, value);
    } catch {
      // The value then lives as long as the page.
    }
  }

  /** One callback that throws must not keep the others from being called. */
  function callGuarded(callback, ...values) {
    try {
      callback(...values);
    } catch (error) {
      page.reportError ? page.reportError(error) : console.error(error);
    }
  }

  // Loaded twice, the script keeps the connection the page already has.
  if (globalThis.cometApi?.api === API_NAME) {
    return;
  }
  const cometApi = new CometServerApi();
  const tabSignal = new Signals();
  Object.assign(globalThis, {
    cometApi,
    tabSignal,
    cometServerApi: CometServerApi,
    _cometServerApi: CometServerApi,
    CometServer: () => cometApi,
    comet_server_signal: () => tabSignal,
  });
})();
