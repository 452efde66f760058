/*!
 * CometServerApi.js: the browser client of CometWire.
 *
 * One file, no build step, no dependencies:
 *
 *   <script src="http://127.0.0.1:8087/CometServerApi.js"></script>
 *   <script>
 *     CometServer().start({ dev_id: 0 });
 *     CometServer().subscription("web_room", (message) => console.log(message.data));
 *     CometServer().web_pipe_send("web_room", { text: "hello" });
 *   </script>
 */
(() => {
  "use strict";

  const VERSION = "4.50";

  /** The value of `api=` in the URL: tells the server that this client reconnects after a proper Close. */
  const API_NAME = "cometwire";

  /** The node when neither the option, nor the script's address, nor the page names one. */
  const FALLBACK_NODE = "127.0.0.1:8087";

  const DEFAULTS = {
    /** Frames kept while no connection is open; past it the oldest are dropped with a console warning. */
    queueLimit: 1000,
    /** Upper bound of the first reconnect delay, milliseconds; it doubles with every failed attempt. */
    reconnectDelay: 1000,
    /** Upper bound of every reconnect delay, milliseconds. */
    reconnectDelayMax: 30000,
  };

  /** A socket that is not open after this many milliseconds is given up and counted as failed. */
  const CONNECT_TIMEOUT = 20000;

  /** A connection that lived this long after its first message forgets earlier failures, milliseconds. */
  const STABLE_AFTER = 5000;

  /** When the statistics frame follows the first open of a node, milliseconds. */
  const STATISTICS_DELAY = 5000;

  /** Errors above this value, at the top level of a message, cannot be cured by connecting again. */
  const LAST_RETRYABLE_ERROR = 400;

  /** Questions that may wait for their answer at one time; past it the oldest is forgotten. */
  const PENDING_ANSWERS_LIMIT = 1000;

  /** Live messages that may wait while missed ones are fetched; past it the connection starts over. */
  const HELD_LIMIT = 5000;

  /** Ids of seen messages are remembered at least this long (ms), or until this many newer ones were seen. */
  const SEEN_LIFETIME = 180000;
  const SEEN_LIMIT = 5000;

  const SOCKET_OPEN = 1;
  const REPORT_PREFIX = "_answer_to_";
  const CATCH_ALL = "";
  const CATCH_ALL_SIGNAL = "comet_server_msg";

  const page = typeof window === "object" && window ? window : globalThis;

  // Only readable while the script runs for the first time.
  const scriptUrl = String((typeof document === "object" && document && document.currentScript
    && document.currentScript.src) || "");

  /**
   * A connection to a comet server: subscriptions, messages, presence, history.
   * Pages normally use the one that `CometServer()` returns; several independent ones may exist.
   */
  class CometServerApi {
    #links = [];
    #running = false;
    #connected = false;
    #authorized = undefined;
    /** Whose key is remembered here: after a restart() as somebody else it is nobody's. */
    #realUserKey = {};

    /** name ("pipe", "pipe.event" or CATCH_ALL) -> registrations in the order they were made */
    #callbacks = new Map();
    /** pipe the server must know of -> number of registrations that need it */
    #pipes = new Map();
    #registrations = 0;
    #listIsDirty = false;

    /** pipe with history -> how far this page is: { epoch, offset, held: live messages that wait, own: offsets } */
    #streams = new Map();
    /** What was published and not reported yet: { pipe, event, payload, socket } */
    #unreported = [];
    #queue = [];
    #queueOverflowed = false;
    #answers = new Map();
    #seen = new RecentIds();
    #historyRequests = 0;
    #roundrobinStart = undefined;

    #authSuccessCallbacks = [];
    #authFailCallbacks = [];
    #connectionCallbacks = [];
    #onOnline = () => this.#links.forEach((link) => link.reconnectNow());

    /** @param {object} [options] the same as for {@link start} */
    constructor(options) {
      /** Version announced to the server, "major.minor". */
      this.version = VERSION;
      this.api = API_NAME;
      /** The merged options of start() and restart(). */
      this.options = { ...DEFAULTS, ...options };
      /** Random id of this tab, 16 characters. */
      this.custom_id = randomText(16, ALPHANUMERIC);
      this.LogLevel = Number(readStorage("comet_LogLevel")) || 0;
      this.Base64 = Base64;
    }

    // ---- connection

    /**
     * Connects. Subscriptions and messages made before are sent as soon as the connection is open.
     */
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

    /** Closes the connection; nothing reconnects until start() or restart(). Subscriptions stay. */
    stop() {
      this.#running = false;
      this.#closeAll();
      if (page.removeEventListener) {
        page.removeEventListener("online", this.#onOnline);
      }
      this.#connectionMayHaveChanged();
      return true;
    }

    /**
     * Merges the options and connects again: the way to log a user in or out without loading the page anew.
     */
    restart(options, callback) {
      this.stop();
      return this.start(options, callback);
    }

    isConnected() {
      return this.#links.some((link) => link.isOpen());
    }

    /**
     * Registers a function called with true or false whenever isConnected() changes.
     */
    onConnectionChange(callback) {
      this.#connectionCallbacks.push(callback);
    }

    isAuthorized() {
      return this.#authorized;
    }

    /** Registers a function called when the server has accepted the user's key (on change only). */
    onAuthSuccess(callback) {
      this.#authSuccessCallbacks.push(callback);
    }

    /** Registers a function called when the connection turns out to be anonymous (on change only). */
    onAuthFalill(callback) {
      this.#authFailCallbacks.push(callback);
    }

    /** The same as {@link onAuthFalill}, spelled as people expect it. */
    onAuthFail(callback) {
      this.onAuthFalill(callback);
    }

    isMaster() {
      return this.#running || undefined;
    }

    /** Registers a function called when missed messages are gone for good: data.pipe says of which pipe. */
    onGap(callback) {
      return this.subscription("sys.gap", callback);
    }

    // ---- subscriptions

    /**
     * Subscribes to a pipe, or to one event of it.
     *
     * Without a callback the pipe is subscribed silently.
     */
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
      if (pipe !== undefined && !/^[A-Za-z0-9_-]{2,64}$/.test(pipe)) {
        console.error(`CometServer: ${JSON.stringify(pipe)} is not a pipe name (2 to 64 of A-Z a-z 0-9 _ -)`);
      }
      return this.#register(text, callback);
    }

    /** The same as {@link subscription}. */
    Subscription(name, callback) {
      return this.subscription(name, callback);
    }

    /**
     * Removes one callback; with the last one of a pipe the server stops sending it.
     */
    unsubscription(id) {
      if (typeof id !== "string" || !id.includes("&&sig")) {
        console.warn("CometServer: unsubscription() needs the id that subscription() returned");
        return false;
      }
      const signal = id.slice(0, id.lastIndexOf("&&sig"));
      const name = signal === CATCH_ALL_SIGNAL ? CATCH_ALL : signal;
      const registrations = this.#callbacks.get(name) || [];
      const remaining = registrations.filter((registration) => registration.id !== id);
      if (remaining.length === registrations.length) {
        return false;
      }
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

    /** Removes every callback made with subscription() and unsubscribes from all pipes. */
    unsubscriptionAll() {
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

    /**
     * Publishes to a pipe whose name begins with web_ (anyone), webauth_ (authorised users), or @web_ (the
     * message then shows user_id 0). Forms: (pipe, event, message), (pipe, message), ("pipe.event", message).
     * The message is sent as JSON. The report arrives under "#pipe".
     */
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
      const eventName = event === undefined || event === null || event === "" ? "undefined" : String(event);
      if (!/^@?web(?:auth)?_/.test(pipe) || /\n/.test(pipe) || /\n/.test(eventName)) {
        console.error(`CometServer: browsers may not send to ${JSON.stringify(pipe)}; `
          + "the name must begin with web_ or webauth_");
        return undefined;
      }
      const payload = JSON.stringify(message);
      if (payload === undefined) {
        console.error("CometServer: web_pipe_send() without a message");
        return false;
      }
      return this.send_msg(`web_pipe2\n${pipe}\n${eventName}\n*\n${payload}`);
    }

    /**
     * Publishes the same object several times, for lossy moments; receivers keep one copy.
     */
    multi_web_pipe_send(pipe, event, message, count = 3, interval = 1000) {
      if (typeof message !== "object" || message === null || Array.isArray(message)) {
        // Nothing to put the id into, so receivers could not drop the copies.
        return this.web_pipe_send(pipe, event, message);
      }
      const marked = { ...message, _cometApi_uuid: randomText(32) };
      const sent = this.web_pipe_send(pipe, event, marked);
      for (let copy = 1; sent !== undefined && copy < count; copy++) {
        setTimeout(() => this.web_pipe_send(pipe, event, marked), copy * interval);
      }
      return sent;
    }

    /**
     * Sends one raw command, or queues it while no connection is open.
     */
    send_msg(text) {
      const open = this.#links.filter((link) => link.isOpen());
      if (open.length === 0) {
        this.#enqueue(String(text));
        return false;
      }
      // What the page subscribed to before this call has to be in force before the command acts.
      this.#sendListIfChanged();
      open.forEach((link) => link.send(String(text)));
      const [, pipe, event, payload] = /^web_pipe2\n@?(.*)\n(.*)\n\*\n([^]*)$/.exec(text) || [];
      if (this.#streams.has(pipe) && this.#unreported.length < PENDING_ANSWERS_LIMIT) {
        this.#unreported.push({ pipe, event, payload, socket: open[0].socket });
      }
      return true;
    }

    /**
     * Sends the statistics frame with the name of a plugin.
     */
    sendStatistics(name, version, data) {
      return this.send_msg(this.#statisticsFrame({ plugin: { name, version, data } }));
    }

    // ---- questions

    /**
     * Asks for the history of a pipe. Entries arrive oldest first, with server_info.history true, at all
     * callbacks of the pipe; the one given here becomes one of them.
     */
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

    /**
     * Asks how many connections are subscribed to a web_ or track_ pipe.
     */
    count_users_in_pipe(pipe, callback) {
      return isOneLine(pipe) && this.send_msg(`pipe_count\n${pipe}\n${this.#expectAnswer(callback)}\n`);
    }

    /**
     * Asks who is subscribed to a track_ pipe.
     */
    getTrackPipeUsers(pipe, callback) {
      return isOneLine(pipe) && this.send_msg(`track_pipe_users\n${pipe}\n${this.#expectAnswer(callback)}`);
    }

    /**
     * Reads the public data of a user (table users_data).
     */
    getUserData(userId, callback) {
      if (!/^\d+$/.test(String(userId))) {
        console.error("CometServer: getUserData() needs the number of a user");
        return undefined;
      }
      return this.send_msg(`user_data\n${this.#expectAnswer(callback)}\n${userId}`);
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
      if (!/^[A-Za-z0-9_-]{32}$/.test(browserUuid || "")) {
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

    /** Replaces what getRealUserKey() returns. */
    setRealUserKey(key) {
      this.#realUserKey = { name: this.#realUserKeyName(), key: String(key) };
      writeStorage(this.#realUserKey.name, this.#realUserKey.key);
    }

    /**
     * The address a node is reached at, credentials included: never log it.
     */
    getUrl(node) {
      const { address } = node === undefined ? this.#nodes()[0] : parseNode(node);
      return `${this.isUseWss(node) ? "wss" : "ws"}://${address}/ws/sesion=${urlValue(this.options.user_key)}`
        + `&myid=${urlValue(this.options.user_id)}&devid=${urlValue(this.getDevId())}&v=${this.version}`
        + `&uuid=${urlValue(this.getUUID())}&api=${API_NAME}`;
    }

    /**
     * Whether connections use TLS: option wss, else the page's protocol, else the one the node was named with
     * (for the default node: the protocol this script was loaded by).
     */
    isUseWss(node) {
      if (this.options.wss !== undefined && this.options.wss !== null) {
        return Boolean(this.options.wss);
      }
      return pageLocation().protocol === "https:"
        || (node === undefined ? this.#nodes()[0] : parseNode(node)).secure === true;
    }

    /** Reads, or with an argument forces, the use of TLS for coming connections. */
    UseWss(use) {
      if (use !== undefined) {
        this.options.wss = Boolean(use);
      }
      return this.isUseWss();
    }

    UseWebSocket() {
      return typeof webSocketClass() === "function";
    }

    get socketArray() {
      return this.#links.map((link) => link.socket).filter(Boolean);
    }

    getCustomString() {
      return randomText(10, DIGITS);
    }

    /** Sets how much is written to the console: 0 only warnings, 1 connections, 2 and more also frames. */
    setLogLevel(level) {
      this.LogLevel = Number(level) || 0;
      writeStorage("comet_LogLevel", String(this.LogLevel));
    }

    getLogLevel() {
      return this.LogLevel;
    }

    stripslashes(text) {
      return String(text).replace(/\\([\s\S]?)/g, "$1");
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
      if (this.#roundrobinStart === undefined) {
        this.#roundrobinStart = Math.floor(Math.random() * nodes.length);
      }
      const first = userId > 0 ? Math.floor(userId) % nodes.length : this.#roundrobinStart % nodes.length;
      return [nodes.slice(first).concat(nodes.slice(0, first))];
    }

    #connectAll() {
      this.#closeAll();
      this.#running = true;
      if (page.addEventListener) {
        page.addEventListener("online", this.#onOnline);
      }
      this.#links = this.#nodeGroups().map((nodes) => new Link(nodes, {
        url: (node) => this.getUrl(node),
        limit: (name) => this.#limit(name),
        opened: (link) => this.#opened(link),
        closed: () => this.#connectionMayHaveChanged(),
        frame: (link, text) => this.#receiveFrame(link, text),
        statistics: () => (this.options.nostat ? undefined : this.#statisticsFrame()),
        log: (...words) => this.#log(...words),
      }));
      this.#links.forEach((link) => link.connect());
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
      this.#streams.forEach((stream) => { stream.held = []; });
      this.#sendList(link);
      const queued = this.#queue;
      this.#queue = [];
      this.#queueOverflowed = false;
      queued.forEach((text) => this.send_msg(text));
      this.#connectionMayHaveChanged();
    }

    #connectionMayHaveChanged() {
      const connected = this.isConnected();
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
          console.warn("CometServer: not connected and more messages waiting than option queueLimit allows; "
            + "the oldest are being dropped");
        }
      }
    }

    /** One of DEFAULTS as the page set it; a value that is no positive number counts as not set. */
    #limit(name) {
      const value = Number(this.options[name]);
      return value > 0 ? value : DEFAULTS[name];
    }

    #statisticsFrame(more) {
      // Without query and fragment: they may carry what the server has no business to know.
      const { origin, pathname } = pageLocation();
      const url = origin ? origin + pathname : "";
      return `statistics\n${JSON.stringify({
        url, dev_id: String(this.getDevId()), version: this.version, ...more,
      })}`;
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

    /** Collects the changes of one tick: the list goes out after the running script, or before the next frame. */
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

    /** Asks where pipes stand that were not asked for on this connection, and for what was missed of them. */
    #askForMissed(link) {
      link.asked.forEach((pipe) => this.#pipes.has(pipe) || link.asked.delete(pipe));
      const fresh = this.subscription_array.filter((pipe) => !link.asked.has(pipe));
      if (fresh.length) {
        fresh.forEach((pipe) => link.asked.add(pipe));
        link.send(`resume\n${fresh.map((pipe) => {
          const { epoch = "", offset = "" } = this.#streams.get(pipe) || {};
          return `${pipe}\n${epoch}\n${offset}`;
        }).join("\n")}`);
      }
    }

    /** Whether it is this message's turn: not one that was had before, nor one that has to wait. */
    #isNext(link, { pipe, event, data, epoch, offset, resumed }) {
      const stream = this.#streams.get(pipe) || {};
      if (!this.#pipes.has(pipe)) {
        return !resumed;
      }
      if (stream.epoch === epoch && offset <= stream.offset) {
        return false;
      }
      const own = stream.own || new Set();
      this.#streams.set(pipe, { ...stream, epoch, offset, own });
      own.forEach((known) => known < offset && own.delete(known));
      if (!resumed) {
        return true;
      }
      // Its report may have been lost with the connection; then the text tells.
      const text = JSON.stringify(decodePayload(data));
      const mine = this.#unreported.findIndex((sent) => sent.socket !== link.socket && sent.pipe === pipe
        && sent.event === event && sent.payload === text);
      if (mine >= 0) {
        this.#unreported.splice(mine, 1);
      }
      return mine < 0 && !own.has(offset);
    }

    /** The server says where a pipe stands: after what is gone ("gap"), or after all that was missed ("resumed"). */
    #stands(link, { event, data: { pipe }, epoch, offset }) {
      const stream = this.#streams.get(pipe) || {};
      if (!this.#pipes.has(pipe)) {
        return;
      }
      const isBehind = stream.epoch !== epoch || stream.offset < offset;
      const own = isBehind && stream.epoch !== epoch ? new Set() : stream.own;
      this.#streams.set(pipe, { ...stream, own: own || new Set(), ...(isBehind ? { epoch, offset } : {}) });
      if (event === "gap") {
        this.#dispatch({ data: { pipe }, pipe: "sys", event });
        return;
      }
      this.#unreported = this.#unreported.filter((sent) => sent.pipe !== pipe || sent.socket === link.socket);
      this.#release(link, pipe);
    }

    #release(link, pipe) {
      const stream = this.#streams.get(pipe);
      const held = stream && stream.held ? stream.held : [];
      if (stream) {
        stream.held = undefined;
      }
      held.forEach((message) => link.isClosed() || this.#receive(link, message));
    }

    #reported({ pipe: report, epoch, offset }) {
      const pipe = report.slice(REPORT_PREFIX.length);
      const stream = this.#streams.get(pipe);
      if (stream && stream.epoch === epoch && offset > stream.offset) {
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
        link.giveUp();
        console.error(`CometServer: error ${message.error}, not connecting again`);
        const data = message.data ?? { error: `error ${message.error}`, error_code: message.error };
        this.#dispatch({ ...message, data, pipe: "sys", event: "error", marker: undefined });
        return;
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

    #greeted(message) {
      const authorized = message.authorized === true || message.authorized === "true";
      if (typeof message.data === "string" && message.data) {
        this.setRealUserKey(message.data.replace(" ", "_"));
      }
      if (authorized !== this.#authorized) {
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
      const event = message.event === undefined || message.event === null || message.event === ""
        ? "undefined" : String(message.event);
      const answer = {
        data,
        server_info: {
          user_id: Number(message.user_id) || 0,
          pipe,
          event,
          history: message.history === true,
          marker: message.marker,
          uuid: message.uuid,
          message_send_time: message.message_send_time,
        },
      };
      this.#log(2, "message", pipe, event);

      const isAnswer = message.marker !== undefined && message.marker !== this.custom_id;
      if (!isAnswer) {
        const names = [pipe, `${pipe}.${event}`];
        this.#call(hasPipe ? names : names.reverse(), answer);
      }
      const waiting = this.#answers.get(message.marker);
      if (waiting) {
        this.#answers.delete(message.marker);
        callGuarded(waiting, answer);
      }
      if (!isAnswer) {
        this.#call([CATCH_ALL], answer);
      }
    }

    /** Calls everything registered under the names; a function that has two names of a report gets it once. */
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
      if (typeof data === "object" && data !== null && data._cometApi_uuid !== undefined) {
        // A copy in the history is no repetition of the live message, only of other copies in that answer.
        const place = message.history === true ? `history ${this.#historyRequests}` : "live";
        isNew = this.#seen.add(`${place} ${data._cometApi_uuid}`) && isNew;
        delete data._cometApi_uuid;
      }
      return !isNew;
    }

    #expectAnswer(callback) {
      if (typeof callback !== "function") {
        // With the tab's own id as marker the answer goes to the ordinary callbacks.
        return this.custom_id;
      }
      const marker = this.getCustomString();
      this.#answers.set(marker, callback);
      if (this.#answers.size > PENDING_ANSWERS_LIMIT) {
        this.#answers.delete(this.#answers.keys().next().value);
      }
      return marker;
    }
  }

  /** One socket that is kept alive: connects again after every close the page did not ask for. */
  class Link {
    #nodes;
    #owner;
    #failures = 0;
    #firstMessageAt = undefined;
    #timer = undefined;
    #statisticsTimer = undefined;
    #statisticsSent = false;
    #isClosed = false;

    constructor(nodes, owner) {
      this.#nodes = nodes;
      this.#owner = owner;
      this.socket = undefined;
      /** The subscription list the server has from this socket. */
      this.sentList = "";
      /** Pipes asked for by position on this connection; undefined while the server is not known to do that. */
      this.asked = undefined;
      /** With what start() would connect: another value means that it has to. */
      this.startUrl = owner.url(nodes[0]);
    }

    isClosed() {
      return this.#isClosed;
    }

    isOpen() {
      return this.socket !== undefined && this.socket.readyState === SOCKET_OPEN;
    }

    send(text) {
      this.#owner.log(3, "send", text.split("\n", 2).join(" "));
      this.socket.send(text);
    }

    connect() {
      this.#abandonSocket();
      this.#owner.log(1, "connecting to", this.#nodes[0]);
      let socket;
      try {
        socket = new (webSocketClass())(this.#owner.url(this.#nodes[0]));
      } catch (error) {
        console.error(`CometServer: cannot connect to ${this.#nodes[0]} (${error && error.name})`);
        this.#retryLater();
        return;
      }
      this.socket = socket;
      socket.onopen = () => this.#socketOpened();
      socket.onmessage = (event) => this.#socketReceived(event.data);
      // An error is always followed by a close.
      socket.onerror = () => {};
      socket.onclose = () => this.#lost();
      this.#timer = setTimeout(() => this.#lost(), CONNECT_TIMEOUT);
    }

    /** Does not wait any longer for the next attempt, nor for one that began while there was no network. */
    reconnectNow() {
      if (!this.#isClosed && !this.isOpen()) {
        this.connect();
      }
    }

    /** Closes because the page asked for it. */
    close() {
      this.#isClosed = true;
      this.#abandonSocket();
    }

    /** Closes because connecting again would not help. */
    giveUp() {
      this.close();
      this.#owner.closed();
    }

    #socketOpened() {
      clearTimeout(this.#timer);
      this.#owner.opened(this);
      if (this.isOpen() && !this.#statisticsSent) {
        this.#statisticsTimer = setTimeout(() => this.#sendStatistics(), STATISTICS_DELAY);
      }
    }

    #socketReceived(data) {
      this.#firstMessageAt = this.#firstMessageAt ?? Date.now();
      if (typeof data === "string") {
        this.#owner.frame(this, data);
      }
    }

    #lost() {
      const wasHealthy = this.#firstMessageAt !== undefined && Date.now() - this.#firstMessageAt >= STABLE_AFTER;
      if (wasHealthy) {
        this.#failures = 0;
      } else if (this.#firstMessageAt === undefined) {
        this.#nodes.push(this.#nodes.shift());
      }
      this.#abandonSocket();
      this.#retryLater();
      this.#owner.closed();
    }

    /** Full jitter, so that not all pages come back to a restarted server in the same moment. */
    #retryLater() {
      const first = this.#owner.limit("reconnectDelay");
      const delay = Math.random() * Math.min(this.#owner.limit("reconnectDelayMax"), first * 2 ** this.#failures);
      this.#failures++;
      this.#owner.log(1, "next attempt in", Math.round(delay), "ms");
      this.#timer = setTimeout(() => this.connect(), delay);
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

  /** Ids seen not long ago, in two generations: the older one is forgotten when the newer one is full or old. */
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

  /** Named signals inside a page and between the tabs of one origin. Not connected with pipes. */
  class Signals {
    static #STORAGE_KEY = "comet_server_signal_storage_emit";
    #slots = new Map();
    #count = 0;
    #id = randomText(16, ALPHANUMERIC);
    #listens = false;

    connect(name, callback) {
      this.#listen();
      const id = `${name}&&sig${++this.#count}`;
      this.#slots.set(id, { name, callback });
      return id;
    }

    disconnect(id) {
      return this.#slots.delete(id);
    }

    /** Calls the functions connected in this tab. */
    emit(name, param) {
      [...this.#slots.values()].filter((slot) => slot.name === name)
        .forEach((slot) => callGuarded(slot.callback, param, name));
    }

    /** Calls the functions connected in the other tabs. */
    send_emit(name, param) {
      // Browsers report only a changed value, hence the random part.
      writeStorage(Signals.#STORAGE_KEY,
        JSON.stringify({ name, custom_id: this.#id, param, nonce: randomText(8) }));
    }

    /** Calls the functions connected in any tab. */
    emitAll(name, param) {
      this.emit(name, param);
      this.send_emit(name, param);
    }

    #listen() {
      if (this.#listens || !page.addEventListener) {
        return;
      }
      this.#listens = true;
      page.addEventListener("storage", (event) => {
        const signal = event.key === Signals.#STORAGE_KEY ? parseJson(event.newValue) : undefined;
        if (signal && signal.custom_id !== this.#id) {
          this.emit(signal.name, signal.param);
        }
      });
    }
  }

  /** Text to Base64 and back, through UTF-8. */
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

  /** The pipe a subscription name needs from the server; undefined for names that live in the page only. */
  function serverPipe(name) {
    const parts = name.split(".");
    const pipe = parts.length === 2 ? parts[0] : name;
    return /^(?:|msg|sys|_answer.*|answer_to_.*)$/.test(pipe) ? undefined : pipe;
  }

  /** What the sender gave: the server sends JSON as its text, plain text as it is or as a JSON string. */
  function decodePayload(data) {
    if (typeof data !== "string") {
      return data;
    }
    const value = parseJson(data);
    return value === undefined ? data : value;
  }

  function parseJson(text) {
    try {
      return JSON.parse(text);
    } catch {
      return undefined;
    }
  }

  function isOneLine(name) {
    const usable = name !== undefined && name !== null && name !== "" && !String(name).includes("\n");
    if (!usable) {
      console.error("CometServer: not a pipe name");
    }
    return usable;
  }

  // ---- addresses

  /** "[scheme://]host[:port][/prefix]" taken apart; `name` gives the same again. */
  function parseNode(node) {
    const text = String(node).trim().replace(/[?#].*$/, "").replace(/\/+$/, "");
    const [, scheme, address] = /^(?:(?:(https?|wss?):)?\/\/)?(.*)$/i.exec(text);
    return { name: text, address, secure: scheme ? /s$/i.test(scheme) : undefined };
  }

  /** Where this script was loaded from, else where the page was. */
  function defaultNode() {
    if (/^https?:\/\//i.test(scriptUrl)) {
      return parseNode(scriptUrl.replace(/[?#].*$/, "").replace(/\/[^/]*$/, ""));
    }
    const { protocol, host } = pageLocation();
    return parseNode(/^https?:$/.test(protocol) && host ? `${protocol}//${host}` : FALLBACK_NODE);
  }

  function pageLocation() {
    return page.location || (typeof document === "object" && document && document.location) || {};
  }

  /** A value inside the connection URL: as it is where keys and tokens allow it, percent-encoded elsewhere. */
  function urlValue(value) {
    return wellFormed(String(value ?? "undefined"))
      .replace(/[^A-Za-z0-9=+/_.~-]/gu, (character) => encodeURIComponent(character));
  }

  function wellFormed(text) {
    return text.replace(/\p{Surrogate}/gu, "\uFFFD");
  }

  function webSocketClass() {
    return page.WebSocket || globalThis.WebSocket;
  }

  // ---- small helpers

  const DIGITS = "0123456789";
  const ALPHANUMERIC = `${DIGITS}ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz`;

  /** The id of this browser, for all instances of this page. */
  let browserUuid;

  function randomText(length, alphabet = `${ALPHANUMERIC}_-`) {
    const source = page.crypto || globalThis.crypto;
    const numbers = new Uint32Array(length);
    if (source && source.getRandomValues) {
      source.getRandomValues(numbers);
    } else {
      numbers.forEach((_, index) => { numbers[index] = Math.random() * 2 ** 32; });
    }
    return Array.from(numbers, (number) => alphabet[number % alphabet.length]).join("");
  }

  // Storage is missing outside browsers, and throws when the page is not allowed to use it.
  function readStorage(key) {
    try {
      return (page.localStorage || globalThis.localStorage).getItem(key) ?? undefined;
    } catch {
      return undefined;
    }
  }

  function writeStorage(key, value) {
    try {
      (page.localStorage || globalThis.localStorage).setItem(key, value);
    } catch {
      // The value then lives as long as the page.
    }
  }

  /** One callback that throws must not keep the others from being called. */
  function callGuarded(callback, ...values) {
    try {
      callback(...values);
    } catch (error) {
      if (typeof page.reportError === "function") {
        page.reportError(error);
      } else {
        console.error(error);
      }
    }
  }

  // Loaded twice, the script keeps the connection and the subscriptions the page already has.
  if (globalThis.cometApi && globalThis.cometApi.api === API_NAME) {
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
