// How the client connects, comes back, and gives up.

import assert from "node:assert/strict";
import { test } from "node:test";
import { collector, openConnectedPage, openPage, plain, settle } from "./browser.mjs";

test("every global of the classic client exists and the two constructors are one", () => {
  const { page } = openPage();
  for (const name of ["CometServer", "cometServerApi", "_cometServerApi", "comet_server_signal"]) {
    assert.equal(typeof page[name], "function", name);
  }
  assert.equal(page.CometServer(), page.cometApi);
  assert.equal(page._cometServerApi, page.cometServerApi);
  assert.notEqual(new page.cometServerApi(), page.cometApi);
  assert.equal(page.comet_server_signal(), page.tabSignal);
});

test("every method and property pages of the classic client may use exists", () => {
  const { page, client } = openPage();
  const methods = ["start", "stop", "restart", "subscription", "Subscription", "unsubscription", "unsubscriptionAll",
    "web_pipe_send", "multi_web_pipe_send", "get_pipe_log", "count_users_in_pipe", "getTrackPipeUsers", "getUserData",
    "onAuthSuccess", "onAuthFalill", "onAuthFail", "isAuthorized", "isMaster", "isConnected", "getUserId", "getUserKey",
    "getDevId", "getUUID", "getTabUUID", "getRealUserKey", "setRealUserKey", "getUrl", "UseWebSocket", "UseWss", "isUseWss",
    "setLogLevel", "getLogLevel", "sendStatistics", "getCustomString", "stripslashes", "send_msg"];
  for (const name of methods) {
    assert.equal(typeof client[name], "function", name);
  }
  for (const name of ["version", "options", "LogLevel", "subscription_array", "custom_id", "socketArray", "Base64"]) {
    assert.notEqual(client[name], undefined, name);
  }
  for (const name of ["connect", "disconnect", "emit", "emitAll", "send_emit"]) {
    assert.equal(typeof page.tabSignal[name], "function", name);
  }
});

test("the script loaded twice keeps the first instance and its connection", async () => {
  const browser = await openConnectedPage();
  browser.load();
  assert.equal(browser.page.CometServer(), browser.client);
  assert.equal(browser.sockets.length, 1);
});

test("the URL has the parameters of the protocol in their order, inside the path", () => {
  const browser = openPage();
  browser.client.start({ dev_id: 15, user_id: "42", user_key: "k3yOf/User=42+" });
  const uuid = browser.client.getUUID();
  assert.match(uuid, /^[A-Za-z0-9_-]{32}$/);
  assert.equal(browser.socket.url, browser.client.getUrl());
  assert.equal(browser.socket.url,
    `ws://127.0.0.1:8087/ws/sesion=k3yOf/User=42+&myid=42&devid=15&v=4.50&uuid=${uuid}&api=cometwire`);
});

test("an anonymous visitor is spelled undefined, an empty key stays empty, dev_id defaults to 0", () => {
  const anonymous = openPage().client;
  assert.match(anonymous.getUrl(), /\/ws\/sesion=undefined&myid=undefined&devid=0&/);
  const visitor = openPage().client;
  visitor.start({ user_id: "", user_key: "" });
  assert.match(visitor.getUrl(), /\/ws\/sesion=&myid=&devid=0&/);
});

test("characters that would change the URL are percent-encoded in a key", () => {
  const { client } = openPage();
  client.start({ user_key: "a&b#c d?e%f\uD800", user_id: 1 });
  assert.match(client.getUrl(), /sesion=a%26b%23c%20d%3Fe%25f%EF%BF%BD&myid=1&/);
});

test("connects at once, without the tab-election window", () => {
  const { client, sockets, clock } = openPage();
  assert.equal(client.isMaster(), undefined);
  assert.equal(client.start({ dev_id: 0 }), true);
  assert.equal(sockets.length, 1);
  assert.equal(clock.now, 1_735_689_600_000);
  assert.equal(client.isMaster(), true);
});

const defaultNodes = [
  ["the host of the script on another origin", "http://127.0.0.1:8087/CometServerApi.js", "http://shop.example/", "ws://127.0.0.1:8087"],
  ["the script's path prefix", "http://example.org/comet-server/CometServerApi.js?v=1", "http://example.org/", "ws://example.org/comet-server"],
  ["TLS when the script came by TLS", "https://cdn.example/CometServerApi.js", "http://shop.example/", "wss://cdn.example"],
  ["TLS when the page came by TLS", "http://127.0.0.1:8087/CometServerApi.js", "https://shop.example/", "wss://127.0.0.1:8087"],
  ["the page's host when the script has no address", "", "https://shop.example:8443/a/b", "wss://shop.example:8443"],
  ["the local server for a script from a file", "file:///srv/CometServerApi.js", "file:///srv/chat.html", "ws://127.0.0.1:8087"],
  ["an IPv6 host", "http://[::1]:8087/CometServerApi.js", "http://shop.example/", "ws://[::1]:8087"],
];
for (const [name, script, location, expected] of defaultNodes) {
  test(`default node: ${name}`, () => {
    const browser = openPage({ script, location });
    browser.client.start();
    assert.ok(browser.socket.url.startsWith(`${expected}/ws/sesion=`), browser.socket.url);
  });
}

const namedNodes = [
  ["example.org:8087", {}, "ws://example.org:8087"],
  ["example.org/comet-server/", {}, "ws://example.org/comet-server"],
  ["https://example.org/x", {}, "wss://example.org/x"],
  ["ws:8087", {}, "ws://ws:8087"],
  ["example.org", { wss: true }, "wss://example.org"],
  ["https://example.org", { wss: false }, "ws://example.org"],
];
for (const [node, more, expected] of namedNodes) {
  test(`option node ${node} ${JSON.stringify(more)} gives ${expected}`, () => {
    const browser = openPage({ script: "https://cdn.example/CometServerApi.js" });
    browser.client.start({ node, ...more });
    assert.ok(browser.socket.url.startsWith(`${expected}/ws/sesion=`), browser.socket.url);
    assert.equal(browser.client.isUseWss(), expected.startsWith("wss"));
  });
}

test("UseWss forces TLS for coming connections", () => {
  const { client } = openPage();
  assert.equal(client.UseWss(), false);
  assert.equal(client.UseWss(true), true);
  assert.match(client.getUrl(), /^wss:/);
  assert.equal(client.UseWebSocket(), true);
});

test("several nodes are all connected and all get every frame; a message with a uuid arrives once", async () => {
  for (const option of ["nodes", "nodeArray", "node"]) {
    const { client, sockets } = openPage();
    const got = collector();
    client.start({ [option]: ["a.example", "b.example"], nostat: true });
    client.subscription("web_room", got);
    assert.deepEqual(sockets.map((socket) => new URL(socket.url).host), ["a.example", "b.example"]);
    await sockets[0].accept();
    await sockets[1].accept();
    assert.equal(client.web_pipe_send("web_room", "hi"), true);
    for (const socket of sockets) {
      assert.deepEqual(socket.sent, ["subscription\nweb_room", 'web_pipe2\nweb_room\nundefined\n*\n"hi"']);
      socket.deliver({ data: "one", event: "e", pipe: "web_room", uuid: "u1" });
    }
    assert.equal(got.calls.length, 1);
  }
});

test("roundrobin takes one node by the user's number and the next one when that does not answer", async () => {
  const { client, sockets, clock } = openPage({ random: 0.5 });
  client.start({ nodes: ["a.example", "b.example", "c.example"], roundrobin: true, user_id: 5, nostat: true });
  assert.equal(sockets.length, 1);
  assert.match(sockets[0].url, /^ws:\/\/c\.example\//);
  sockets[0].drop();
  await clock.advance(1000);
  assert.match(sockets[1].url, /^ws:\/\/a\.example\//);
  await sockets[1].accept();
  sockets[1].drop();
  await clock.advance(2000);
  assert.match(sockets[2].url, /^ws:\/\/a\.example\//, "a node that answered is tried again");
});

test("the first frame is the whole list, then what was queued, in order", async () => {
  const browser = openPage();
  const { client } = browser;
  assert.equal(client.web_pipe_send("web_early", "e", 1), false);
  client.subscription("before_start");
  client.start({ nostat: true });
  client.subscription("after_start", () => {});
  assert.equal(client.send_msg("user_status\n7"), false);
  const { socket } = browser;
  assert.equal(client.isConnected(), false);
  await socket.accept();
  assert.equal(client.isConnected(), true);
  assert.deepEqual(socket.sent,
    ["subscription\nbefore_start\nafter_start", "web_pipe2\nweb_early\ne\n*\n1", "user_status\n7"]);
});

test("no list is sent while there is nothing to subscribe to", async () => {
  const { client, socket } = await openConnectedPage();
  client.subscription("msg", () => {});
  client.subscription("#web_room", () => {});
  client.subscription("_answer_to_web_room", () => {});
  client.subscription("sys.error", () => {});
  client.subscription("", () => {});
  client.subscription(() => {});
  await settle();
  assert.deepEqual(socket.sent, []);
});

test("past queueLimit the oldest waiting message is dropped, with one warning", async () => {
  const browser = openPage();
  browser.client.start({ queueLimit: 3, nostat: true });
  for (let number = 1; number <= 5; number++) {
    browser.client.web_pipe_send("web_room", "n", number);
  }
  assert.equal(browser.logged.warn.length, 1);
  assert.match(browser.logged.warn[0][0], /queueLimit/);
  await browser.socket.accept();
  assert.deepEqual(browser.socket.frames("web_pipe2").map((text) => text.at(-1)), ["3", "4", "5"]);
});

test("the default queue is bounded too", async () => {
  const browser = openPage();
  for (let number = 0; number < 1500; number++) {
    browser.client.send_msg(`user_status\n${number}`);
  }
  browser.client.start({ nostat: true });
  await browser.socket.accept();
  assert.equal(browser.socket.sent.length, 1000);
  assert.equal(browser.socket.sent[0], "user_status\n500");
});

for (const close of [{ wasClean: false, code: 1006 }, { wasClean: true, code: 1000 }, { wasClean: true, code: 1001 }]) {
  test(`comes back after a close the page did not ask for: ${JSON.stringify(close)}`, async () => {
    const browser = await openConnectedPage();
    browser.client.subscription("web_room", () => {});
    await settle();
    browser.socket.drop(close);
    assert.equal(browser.client.isConnected(), false);
    browser.client.web_pipe_send("web_room", "said while away");
    await browser.clock.advance(1000);
    assert.equal(browser.sockets.length, 2);
    await browser.socket.accept();
    assert.deepEqual(browser.socket.sent,
      ["subscription\nweb_room", 'web_pipe2\nweb_room\nundefined\n*\n"said while away"']);
  });
}

test("reconnect delays grow to the cap and never beyond", async () => {
  const browser = openPage({ random: 0.999999 });
  browser.client.start({ nostat: true });
  const delays = [];
  for (let attempt = 0; attempt < 12; attempt++) {
    browser.socket.drop();
    const [delay] = browser.clock.pending();
    delays.push(Math.round(delay));
    await browser.clock.advance(delay);
    assert.equal(browser.sockets.length, attempt + 2);
  }
  assert.deepEqual(delays, [1000, 2000, 4000, 8000, 16000, ...Array(7).fill(30000)]);
});

test("reconnect delays are spread over the whole range", async () => {
  const shares = [0, 0.25, 0.5];
  for (const share of shares) {
    const browser = openPage({ random: share });
    browser.client.start({ nostat: true });
    browser.socket.drop();
    assert.deepEqual(browser.clock.pending(), [1000 * share]);
  }
});

test("reconnectDelay and reconnectDelayMax are options; nonsense counts as not set", () => {
  const delayWith = (options) => {
    const browser = openPage({ random: 0.5 });
    browser.client.start({ nostat: true, ...options });
    browser.socket.drop();
    return browser.clock.pending()[0];
  };
  assert.equal(delayWith({ reconnectDelay: 200 }), 100);
  assert.equal(delayWith({ reconnectDelay: 5000, reconnectDelayMax: 300 }), 150);
  assert.equal(delayWith({ reconnectDelay: -1, reconnectDelayMax: "often" }), 500);
});

test("a connection that lived forgets earlier failures, one that was cut at once does not", async () => {
  const browser = openPage({ random: 0.5 });
  browser.client.start({ nostat: true });
  browser.socket.drop();
  await browser.clock.advance(500);
  await browser.socket.accept();
  browser.socket.drop();
  assert.deepEqual(browser.clock.pending(), [1000]);
  await browser.clock.advance(1000);
  await browser.socket.accept();
  await browser.clock.advance(5000);
  browser.socket.drop();
  assert.deepEqual(browser.clock.pending(), [500]);
});

test("the online event ends the waiting at once", async () => {
  const browser = openPage({ random: 0.9 });
  browser.client.start({ nostat: true });
  browser.socket.drop();
  assert.equal(browser.sockets.length, 1);
  browser.fire("online");
  assert.equal(browser.sockets.length, 2);
  await browser.socket.accept();
  await browser.clock.advance(60000);
  browser.fire("online");
  assert.equal(browser.sockets.length, 2, "an open connection is left alone and no old timer is left");
});

test("an attempt that hangs is given up and repeated", async () => {
  const browser = openPage({ random: 0.5 });
  browser.client.start({ nostat: true });
  await browser.clock.advance(20000);
  assert.equal(browser.sockets[0].closedByPage, true);
  await browser.clock.advance(500);
  assert.equal(browser.sockets.length, 2);
});

test("a WebSocket that cannot be made is tried again later, and its URL is not written to the console", async () => {
  const browser = openPage({ random: 0.5 });
  const Working = browser.page.WebSocket;
  browser.page.WebSocket = class { constructor() { throw new DOMException("bad", "SyntaxError"); } };
  browser.client.start({ nostat: true, user_key: "s3cret", user_id: 1 });
  assert.equal(browser.logged.error.length, 1);
  assert.doesNotMatch(JSON.stringify(browser.logged), /s3cret/);
  browser.page.WebSocket = Working;
  await browser.clock.advance(500);
  assert.equal(browser.sockets.length, 1);
});

test("an error above 400 is terminal: delivered to sys.error and the catch-all, then no attempt ever", async () => {
  const browser = await openConnectedPage();
  const [errors, all, pipe] = [collector(), collector(), collector()];
  browser.client.subscription("sys.error", errors);
  browser.client.subscription("", all);
  browser.client.subscription("sys", pipe);
  browser.socket.deliver({
    data: { error: "origin not allowed", error_code: 423, info: "" }, error: 423, event: "error", pipe: "sys",
  });
  browser.socket.drop({ wasClean: true, code: 1008 });
  await browser.clock.advance(24 * 3600 * 1000);
  browser.fire("online");
  assert.equal(browser.sockets.length, 1);
  assert.equal(browser.client.isConnected(), false);
  for (const got of [errors, all, pipe]) {
    assert.equal(got.calls.length, 1);
    assert.equal(got.calls[0].data.error_code, 423);
    assert.deepEqual(plain(got.calls[0].server_info), { user_id: 0, pipe: "sys", event: "error", history: false });
  }
});

test("a terminal error without data or pipe still reaches sys.error, and start connects again", async () => {
  const browser = await openConnectedPage();
  const errors = collector();
  browser.client.subscription("sys.error", errors);
  browser.socket.deliver({ error: 418 });
  assert.equal(errors.calls[0].data.error_code, 418);
  browser.client.start();
  assert.equal(browser.sockets.length, 2);
});

test("an error 429 is told to sys.error, and tried again: after a longer time, with the same login, also when the network comes", async () => {
  const browser = openPage({ random: 0.5 });
  const [errors, terminal, anonymous] = [collector(), collector(), collector()];
  browser.client.subscription("sys.error", errors);
  browser.client.onTerminalError(terminal);
  browser.client.onAuthFail(anonymous);
  browser.client.start({ nostat: true, user_id: 42, user_key: "key42" });
  const url = browser.socket.url;
  const refusal = { data: { error: "too many", error_code: 429, info: "" }, error: 429, event: "error", pipe: "sys" };
  for (const delay of [4000, 8000, 15000, 15000]) {
    browser.socket.readyState = 1;
    browser.socket.onopen({});
    browser.socket.deliver(refusal);
    browser.socket.drop({ wasClean: true, code: 1008 });
    assert.deepEqual(browser.clock.pending(), [delay]);
    await browser.clock.advance(delay);
    assert.equal(browser.socket.url, url);
  }
  assert.equal(browser.sockets.length, 5);
  assert.deepEqual(errors.calls.map(({ data }) => data.error_code), [429, 429, 429, 429]);
  assert.deepEqual([terminal.calls, anonymous.calls], [[], []]);
  await browser.socket.accept({ authorized: "true" });
  assert.equal(browser.client.isAuthorized(), true);
  assert.equal(browser.sockets.length, 5);
});

test("of several nodes one that has too many connections is left for the next", async () => {
  const browser = openPage({ random: 0.5 });
  browser.client.start({ nodes: ["a.example", "b.example"], roundrobin: true, user_id: 2, nostat: true });
  assert.match(browser.socket.url, /^ws:\/\/a\.example/);
  browser.socket.deliver({ error: 429 });
  await browser.clock.advance(4000);
  assert.match(browser.socket.url, /^ws:\/\/b\.example/);
});

test("after too many messages a second the list and what was missed are asked for again, once for all refusals", async () => {
  const browser = await openConnectedPage({ random: 0.5 }, {});
  const { client, socket, clock } = browser;
  client.stop();
  const got = collector();
  client.subscription("web_room", got);
  client.start();
  await browser.socket.accept({ greet: false });
  const open = browser.socket;
  open.deliver({ authorized: "false", data: "", event: "serverInfo", pipe: "sys", resumes: true });
  const message = (offset, more) => ({ data: String(offset), event: "e", pipe: "web_room", epoch: 1, offset, ...more });
  const mark = (offset) => ({ data: { pipe: "web_room" }, event: "resumed", pipe: "sys", epoch: 1, offset });
  open.deliver(mark(1), message(2));
  const refusal = { data: { code: "429", error: "messages a second", number_messages: -1 }, event: "error", pipe: "sys" };
  open.deliver(refusal, refusal);
  await clock.advance(1500);
  open.deliver(refusal);
  assert.deepEqual(open.frames("subscription"), ["web_room", "web_room"]);
  assert.deepEqual(open.frames("resume").at(-1), "web_room\n1\n2");
  open.deliver(message(5), message(3, { resumed: true }), message(4, { resumed: true }), mark(4));
  assert.deepEqual(got.calls.map(({ data }) => data), [2, 3, 4, 5]);
  assert.equal(client.isConnected(), true);
  assert.equal(socket.closedByPage, true);
});

test("other errors do not end the connection", async () => {
  const browser = await openConnectedPage();
  const errors = collector();
  browser.client.subscription("sys.error", errors);
  browser.socket.deliver({ data: { error: "bad name", number_messages: -1 }, event: "error", pipe: "sys" });
  browser.socket.deliver({ data: { error: "x" }, error: 400, event: "error", pipe: "sys" });
  browser.socket.deliver({ data: { error: "x" }, error: "500", event: "error", pipe: "sys" });
  assert.equal(errors.calls.length, 3);
  assert.equal(browser.client.isConnected(), true);
});

test("stop closes and stays closed; start comes back with the same subscriptions", async () => {
  const browser = await openConnectedPage();
  browser.client.subscription("web_room", () => {});
  await settle();
  browser.client.stop();
  assert.equal(browser.socket.closedByPage, true);
  assert.equal(browser.client.isConnected(), false);
  browser.socket.drop({ wasClean: true, code: 1000 });
  browser.fire("online");
  await browser.clock.advance(3600_000);
  assert.equal(browser.sockets.length, 1);
  assert.equal(browser.listeners("online"), 0);
  assert.deepEqual(browser.clock.pending(), []);
  browser.client.start();
  await browser.socket.accept();
  assert.deepEqual(browser.socket.sent, ["subscription\nweb_room"]);
});

test("stop while waiting for the next attempt ends the waiting", async () => {
  const browser = openPage({ random: 0.5 });
  browser.client.start({ nostat: true });
  browser.socket.drop();
  browser.client.stop();
  await browser.clock.advance(3600_000);
  assert.equal(browser.sockets.length, 1);
});

test("restart connects with the new credentials and sends the subscriptions again", async () => {
  const browser = await openConnectedPage();
  const [success, failure] = [collector(), collector()];
  browser.client.onAuthSuccess(success);
  browser.client.onAuthFalill(failure);
  browser.client.subscription("web_room", () => {});
  await settle();
  assert.equal(browser.client.isAuthorized(), false);
  browser.client.restart({ user_id: 42, user_key: "abc" });
  assert.equal(browser.sockets[0].closedByPage, true);
  assert.match(browser.socket.url, /sesion=abc&myid=42&devid=0&/);
  await browser.socket.accept({ authorized: "true", key: "abc" });
  assert.deepEqual(browser.socket.sent, ["subscription\nweb_room"]);
  assert.equal(success.calls.length, 1);
  assert.equal(failure.calls.length, 0);
  assert.equal(browser.client.isAuthorized(), true);
});

test("restart before any start starts", () => {
  const browser = openPage();
  browser.client.restart({ dev_id: 3 });
  assert.match(browser.socket.url, /devid=3&/);
});

test("a second start with nothing new keeps the connection, with new credentials it connects again", async () => {
  const browser = await openConnectedPage();
  browser.client.start({ dev_id: 0 });
  assert.equal(browser.sockets.length, 1);
  browser.client.start({ user_id: 1, user_key: "k" });
  assert.equal(browser.sockets.length, 2);
  assert.equal(browser.sockets[0].closedByPage, true);
});

test("start calls its callback once the attempt has begun", async () => {
  const browser = openPage();
  let socketsThen;
  browser.client.start({}, () => { socketsThen = browser.sockets.length; });
  await settle();
  assert.equal(socketsThen, 1);
});

test("frames of an abandoned connection are not delivered", async () => {
  const browser = await openConnectedPage();
  const got = collector();
  browser.client.subscription("web_room", got);
  const old = browser.socket;
  old.deliver({ data: "in time", pipe: "web_room", event: "e" });
  browser.client.restart();
  old.deliver({ data: "late", pipe: "web_room", event: "e" });
  assert.deepEqual(got.calls.map((call) => call.data), ["in time"]);
});

test("authorization callbacks fire on changes only, for the string and for the boolean", async () => {
  const browser = openPage({ random: 0 });
  const [success, failure, alias] = [collector(), collector(), collector()];
  browser.client.onAuthSuccess(success);
  browser.client.onAuthFalill(failure);
  browser.client.onAuthFail(alias);
  browser.client.start({ nostat: true });
  assert.equal(browser.client.isAuthorized(), undefined);
  for (const authorized of ["true", true, "true", "false", false, "true"]) {
    await browser.socket.accept({ authorized });
    browser.socket.drop();
    await browser.clock.advance(0);
  }
  assert.deepEqual([success.calls.length, failure.calls.length, alias.calls.length], [2, 1, 1]);
});

test("the greeting reaches no callback, and tells the real user key", async () => {
  const browser = openPage();
  const all = collector();
  browser.client.subscription("", all);
  browser.client.subscription("sys", all);
  browser.client.start({ user_id: 42, user_key: "a b c", nostat: true });
  assert.equal(browser.client.getRealUserKey(), "");
  await browser.socket.accept({ authorized: "true", key: "a b c" });
  assert.equal(all.calls.length, 0);
  assert.equal(browser.client.getRealUserKey(), "a_b c");
  browser.client.setRealUserKey("other");
  assert.equal(browser.client.getRealUserKey(), "other");
});

test("the real user key of one user is not shown to the next one", async () => {
  for (const storage of [new Map(), "throws"]) {
    const browser = openPage({ storage });
    browser.client.start({ user_id: 42, user_key: "first", nostat: true });
    await browser.socket.accept({ authorized: "true", key: "first" });
    browser.client.restart({ user_id: 7, user_key: "wrong" });
    assert.equal(browser.client.getRealUserKey(), "");
    await browser.socket.accept();
    assert.equal(browser.client.getRealUserKey(), "");
    browser.client.restart({ user_id: "", user_key: "" });
    await browser.socket.accept();
    assert.equal(browser.client.getRealUserKey(), "");
  }
});

test("a callback that ends the connection ends the delivery of its frame", async () => {
  for (const end of ["stop", "restart"]) {
    const browser = await openConnectedPage();
    const got = collector();
    browser.client.subscription("web_room", (message) => {
      got(message);
      browser.client[end]();
    });
    browser.socket.deliver({ data: "one", pipe: "web_room", event: "e" }, { data: "two", pipe: "web_room", event: "e" });
    assert.deepEqual(got.calls.map((call) => call.data), ["one"]);
  }
});

test("a connection the page ends as soon as it is open leaves no timer behind", async () => {
  const browser = openPage();
  browser.client.onConnectionChange((connected) => connected && browser.client.stop());
  browser.client.start();
  await browser.socket.accept({ greet: false });
  assert.equal(browser.client.isConnected(), false);
  assert.deepEqual(browser.clock.pending(), []);
});

test("onConnectionChange tells every change once", async () => {
  const browser = openPage({ random: 0 });
  const state = collector();
  browser.client.onConnectionChange(state);
  browser.client.start({ nostat: true });
  await browser.socket.accept();
  browser.socket.drop();
  await browser.clock.advance(0);
  browser.socket.drop();
  await browser.clock.advance(0);
  await browser.socket.accept();
  browser.client.stop();
  assert.deepEqual(state.calls, [true, false, true, false]);
});

test("one statistics frame, five seconds after the first open, without the page's query", async () => {
  const browser = openPage({ random: 0 });
  browser.client.start({ dev_id: 15 });
  await browser.socket.accept();
  await browser.clock.advance(4999);
  assert.deepEqual(browser.socket.frames("statistics"), []);
  await browser.clock.advance(1);
  const [frame] = browser.socket.frames("statistics");
  assert.deepEqual(JSON.parse(frame), { url: "http://shop.example/cart", dev_id: "15", version: "4.50" });
  browser.socket.drop();
  await browser.clock.advance(0);
  await browser.socket.accept();
  await browser.clock.advance(60000);
  assert.deepEqual(browser.socket.frames("statistics"), []);
});

test("nostat sends no statistics; sendStatistics names a plugin", async () => {
  const browser = await openConnectedPage();
  await browser.clock.advance(60000);
  assert.deepEqual(browser.socket.sent, []);
  browser.client.sendStatistics("shop", "1.2", { a: 1 });
  assert.deepEqual(JSON.parse(browser.socket.frames("statistics")[0]).plugin,
    { name: "shop", version: "1.2", data: { a: 1 } });
});

for (const storage of ["throws", "missing"]) {
  test(`everything works when localStorage is ${storage}`, async () => {
    const browser = await openConnectedPage({ storage });
    const { client } = browser;
    assert.match(client.getUUID(), /^[A-Za-z0-9_-]{32}$/);
    assert.equal(client.getUUID(), client.getUUID());
    client.setLogLevel(2);
    assert.equal(client.getLogLevel(), 2);
    client.setRealUserKey("k");
    assert.equal(client.getRealUserKey(), "k");
    browser.page.tabSignal.emitAll("x", 1);
  });
}

test("the browser's id and the log level outlive the page, the tab's id does not", () => {
  const storage = new Map();
  const first = openPage({ storage }).client;
  const uuid = first.getUUID();
  first.setLogLevel(1);
  const second = openPage({ storage }).client;
  assert.equal(second.getUUID(), uuid);
  assert.equal(storage.get("comet_server_uuid"), uuid);
  assert.equal(second.getLogLevel(), 1);
  assert.match(second.getTabUUID(), /^[A-Za-z0-9]{16}$/);
  assert.notEqual(second.getTabUUID(), first.getTabUUID());
  second.start({ uuid: "mine" });
  assert.equal(second.getUUID(), "mine");
});

test("a damaged id in localStorage is replaced", () => {
  const { client } = openPage({ storage: new Map([["comet_server_uuid", "x&devid=7"]]) });
  assert.match(client.getUUID(), /^[A-Za-z0-9_-]{32}$/);
});

test("it runs where there is no window, no document, no crypto and no location", async () => {
  const vm = await import("node:vm");
  const { readFileSync } = await import("node:fs");
  const source = readFileSync(new URL("../../crates/ws-gateway/assets/CometServerApi.js", import.meta.url), "utf8");
  const opened = [];
  const context = vm.createContext({
    setTimeout: () => 0,
    clearTimeout: () => {},
    console,
    WebSocket: class { constructor(url) { opened.push(url); } close() {} },
  });
  vm.runInContext(source, context);
  context.CometServer().start({ user_id: 1, user_key: "k" });
  assert.match(opened[0], /^ws:\/\/127\.0\.0\.1:8087\/ws\/sesion=k&myid=1&/);
});

test("the script evaluates nothing", async () => {
  const { readFileSync } = await import("node:fs");
  for (const name of ["CometServerApi.js", "CometServerTabs.mjs"]) {
    const source = readFileSync(new URL(`../../crates/ws-gateway/assets/${name}`, import.meta.url), "utf8");
    assert.doesNotMatch(source, /\beval\s*\(|new Function|innerHTML|document\.write/);
  }
});
