// The hub of tabs that share a connection, with a socket the test answers for the server: who hears what. The tabs
// themselves are tried in Chromium (tests/e2e/tabs*.test.mjs).

import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { Hub } from "../../crates/ws-gateway/assets/CometServerTabs.mjs";
import { openPage, settle } from "./browser.mjs";

const REFUSED = { authorized: "false", data: "", event: "serverInfo", pipe: "sys" };
const GREETING = { ...REFUSED, authorized: "true" };

class Socket {
  sent = [];
  isClosed = false;

  constructor(url) {
    this.url = url;
  }

  send(text) {
    this.sent.push(text);
  }

  close() {
    this.isClosed = true;
  }

  deliver(...messages) {
    this.onmessage({ data: messages.map((message) => JSON.stringify(message)).join("\n") });
  }

  /** Answers the questions between tabs that have not been answered. */
  answerTurns() {
    for (const text of this.sent.splice(0)) {
      const [, marker] = /^pipe_count\nweb_fence\n(tabs-\d+)\n/.exec(text) ?? [];
      if (marker) {
        this.deliver({ data: { user_in_pipe: 0 }, marker, pipe: "_answer_pipe_count", event: "user_in_pipe" });
      }
    }
  }
}

const hubs = [];
afterEach(() => {
  hubs.splice(0).forEach((hub) => hub.end(false));
  mock.timers.reset();
});

/** A hub whose socket is open, with tabs "a", "b", …: `heard` holds the messages of each. */
function openHub(tabs, { url = "ws://x/sesion=k", greeting = GREETING } = {}) {
  const sockets = [];
  const hub = new Hub((url) => {
    sockets.push(new Socket(url));
    return sockets.at(-1);
  });
  hubs.push(hub);
  const heard = {};
  const open = { hub, sockets, heard, get socket() { return sockets.at(-1); } };
  open.attach = (id, address = url) => {
    heard[id] = [];
    hub.attach(id, address, (told) => heard[id].push(told));
  };
  open.messages = (id) => heard[id].filter(({ line }) => line).map(({ line }) => JSON.parse(line))
    .filter(({ event }) => event !== "serverInfo");
  open.say = (id, ...lines) => hub.receive(id, { text: lines.join("\n") });
  tabs.forEach((id) => open.attach(id));
  open.socket.deliver(greeting);
  open.socket.sent = [];
  return open;
}

const message = (data, more) => ({ data: JSON.stringify(data), event: "e", pipe: "web_a", ...more });
const report = (text) => ({ data: { error: "", message: text, number_messages: 0 }, event: "answer", pipe: "_answer_to_web_a" });
const failure = { data: { error: "no", number_messages: -1 }, event: "error", pipe: "sys" };

test("the server is asked for what all tabs want, and a message goes to those who want it", () => {
  const open = openHub(["a", "b"]);
  open.say("a", "subscription", "web_a", "web_b");
  open.say("b", "subscription", "web_b");
  open.say("b", "subscription", "web_b", "web_c");
  const lists = open.socket.sent.filter((text) => text.startsWith("subscription"));
  assert.deepEqual(lists, ["subscription\nweb_a\nweb_b", "subscription\nweb_a\nweb_b\nweb_c"]);
  open.socket.deliver(message(1), message(2, { pipe: "web_b" }), message(3, { pipe: "msg" }), message(4, { pipe: "web_d" }));
  assert.deepEqual(open.messages("a").map(({ data }) => data), ["1", "2", "3"]);
  assert.deepEqual(open.messages("b").map(({ data }) => data), ["2", "3"]);
  open.socket.sent = [];
  open.hub.receive("a", { bye: true });
  assert.equal(open.socket.sent.at(-1), "subscription\nweb_b\nweb_c");
});

test("a name that is none is asked for by its own tab only", () => {
  const open = openHub(["a", "b"]);
  open.say("a", "subscription", "web a");
  open.say("b", "subscription", "web_b");
  assert.equal(open.socket.sent.at(0), "subscription\nweb a");
  assert.equal(open.socket.sent.at(-1), "subscription\nweb_b");
});

test("answers go to the tab whose turn it is, however many speak at once", () => {
  const open = openHub(["a", "b"]);
  for (const id of ["a", "b", "a"]) {
    open.say(id, "web_pipe2", "web_x", "e", "*", `"${id}"`);
  }
  const fences = open.socket.sent.filter((text) => text.startsWith("pipe_count")).map((text) => text.split("\n")[2]);
  const fence = (index) => ({ data: {}, marker: fences[index], pipe: "_answer_pipe_count", event: "user_in_pipe" });
  open.socket.deliver(report('"a"'), message(1, { history: true }), fence(0));
  open.socket.deliver(failure, message(2, { resumed: true, offset: 1, epoch: 1 }), { ...failure, marker: "m" }, fence(1), report('"a"'));
  assert.deepEqual(open.messages("a").map(({ pipe }) => pipe), ["_answer_to_web_a", "web_a", "_answer_to_web_a"]);
  assert.deepEqual(open.messages("b").map(({ pipe }) => pipe), ["sys", "web_a", "sys"]);
});

test("a tab does not hear what it published, whichever of message and report comes first; the others do", () => {
  const open = openHub(["a", "b"]);
  open.say("a", "subscription", "web_a");
  open.say("b", "subscription", "web_a");
  open.socket.answerTurns();
  open.say("a", "web_pipe2", "web_a", "e", "*", '{"n": 1}');
  open.say("a", "web_pipe2", "@web_a", "", "*", "2");
  open.socket.answerTurns();
  open.socket.deliver(report('{"n": 1}'), message({ n: 1 }), message(2, { event: "undefined" }), report("2"));
  // The same again is somebody else's.
  open.socket.deliver(message({ n: 1 }), message(2, { event: "undefined" }));
  assert.deepEqual(open.messages("b").map(({ data }) => data), ['{"n":1}', "2", '{"n":1}', "2"]);
  assert.deepEqual(open.messages("a").filter(({ pipe }) => pipe === "web_a").map(({ data }) => data), ['{"n":1}', "2"]);
});

test("a message that was refused does not swallow the same message of another user", () => {
  const open = openHub(["a", "b"]);
  open.say("a", "subscription", "web_a");
  open.socket.answerTurns();
  open.say("a", "web_pipe2", "web_a", "e", "*", "1");
  open.socket.deliver(failure);
  open.socket.answerTurns();
  open.socket.deliver(message(1));
  assert.deepEqual(open.messages("a").map(({ data }) => data).slice(-1), ["1"]);
});

test("after too many messages a second every tab is told, and the list goes out again", () => {
  const open = openHub(["a", "b"]);
  open.say("a", "subscription", "web_a");
  open.socket.answerTurns();
  open.socket.sent = [];
  open.socket.deliver({ ...failure, data: { code: "429", error: "messages a second", number_messages: -1 } });
  for (const id of ["a", "b"]) {
    assert.equal(open.messages(id).at(-1).data.code, "429");
  }
  open.say("a", "subscription", "web_a");
  open.say("b", "subscription");
  assert.deepEqual(open.socket.sent.filter((text) => text.startsWith("subscription")), ["subscription\nweb_a"]);
});

test("a question between tabs that the server refused holds nothing up", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const open = openHub(["a", "b"]);
  open.say("a", "web_pipe2", "web_x", "e", "*", "1");
  open.say("b", "web_pipe2", "web_x", "e", "*", "2");
  open.attach("c");
  // Too many at once: none of the questions is answered.
  open.socket.sent = [];
  open.socket.deliver(failure);
  mock.timers.tick(5000);
  open.socket.answerTurns();
  assert.equal(open.heard.c[0].isOpen, true);
  open.say("b", "web_pipe2", "web_a", "e", "*", "3");
  open.socket.deliver(report("3"));
  assert.equal(open.messages("b").at(-1).pipe, "_answer_to_web_a");
  open.socket.answerTurns();
  open.socket.sent = [];
  mock.timers.tick(60_000);
  assert.deepEqual(open.socket.sent, [], "it does not go on asking");
});

test("a tab that comes to an open socket is let in when the server has answered, and the socket is given up when it does not", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const open = openHub(["a"]);
  open.attach("b");
  assert.deepEqual(open.heard.b, []);
  open.socket.answerTurns();
  assert.equal(open.heard.b[0].isOpen, true);
  mock.timers.tick(60_000);
  assert.equal(open.socket.isClosed, false);
  open.attach("c");
  mock.timers.tick(5000);
  assert.equal(open.socket.isClosed, true);
  for (const id of ["a", "b", "c"]) {
    assert.deepEqual(open.heard[id].at(-1), { isClosed: true, handOver: false, passedOn: 0 });
  }
});

test("a tab with another key tries it once where the first was refused", () => {
  const open = openHub(["a"], { greeting: REFUSED });
  open.attach("b", "ws://x/sesion=k");
  assert.equal(open.sockets.length, 1);
  open.attach("c", "ws://x/sesion=newer");
  assert.equal(open.sockets.length, 2);
  assert.equal(open.sockets[0].isClosed, true);
  assert.deepEqual(open.heard.a.at(-1), { isClosed: true, handOver: true, passedOn: 0 });
  open.socket.deliver(REFUSED);
  open.attach("d", "ws://x/sesion=k");
  assert.equal(open.sockets.length, 2);
  open.attach("e", "ws://x/sesion=newest");
  open.socket.deliver(GREETING);
  open.attach("f", "ws://x/sesion=k");
  assert.equal(open.sockets.length, 3);
});

test("tabs are told how much of what they said was passed on when the connection ends", () => {
  const open = openHub(["a"]);
  open.say("a", "subscription", "web_a");
  open.say("a", "web_pipe2", "web_a", "e", "*", "1");
  open.socket.onclose();
  assert.deepEqual(open.heard.a.at(-1), { isClosed: true, handOver: false, passedOn: 2 });
  open.say("a", "web_pipe2", "web_a", "e", "*", "2");
  assert.equal(open.sockets.length, 1);
});

test("an error above 400 reaches every tab, also those that wait for the greeting", () => {
  const open = openHub(["a"], { greeting: { ...failure, error: 423 } });
  assert.equal(open.messages("a")[0].error, 423);
});

test("the socket closes with the last tab", () => {
  const open = openHub(["a", "b"]);
  open.hub.receive("a", { bye: true });
  assert.equal(open.socket.isClosed, false);
  open.hub.receive("b", { bye: true });
  assert.equal(open.socket.isClosed, true);
});

test("where the second file cannot be loaded every tab connects by itself", async () => {
  const browser = openPage();
  browser.page.navigator = { locks: {} };
  browser.page.BroadcastChannel = class {};
  browser.page.URL = URL;
  browser.client.start({ nostat: true });
  browser.fire("pageshow", { type: "pageshow" });
  assert.equal(browser.sockets.length, 0, "it is not known yet");
  await settle();
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(browser.sockets.length, 1);
  assert.equal(browser.client.isMaster(), true);
  browser.client.restart({ user_id: 1 });
  assert.equal(browser.sockets.length, 2, "it does not try again");
});

test("shareTabs: false asks for nothing", () => {
  const browser = openPage();
  browser.page.navigator = { locks: {} };
  browser.page.BroadcastChannel = class {};
  browser.client.start({ nostat: true, shareTabs: false });
  assert.equal(browser.sockets.length, 1);
});
