// The connection over plain HTTP, with events and requests the test answers for the server.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { HttpSocket, isBlocked, suspect } from "../../crates/ws-gateway/assets/CometServerHttp.mjs";
import { settle } from "./browser.mjs";

const ADDRESS = "wss://comet.example/prefix";
const URL_OF_LOGIN = `${ADDRESS}/ws/sesion=k&myid=42`;

class Events {
  static last;
  listeners = {};
  isClosed = false;

  constructor(url) {
    this.url = url;
    Events.last = this;
  }

  addEventListener(name, listener) {
    this.listeners[name] = listener;
  }

  close() {
    this.isClosed = true;
  }
}

let requests;
let stored;
beforeEach(() => {
  requests = [];
  stored = {};
  globalThis.EventSource = Events;
  globalThis.localStorage = { getItem: (key) => stored[key] ?? null, setItem: (key, value) => { stored[key] = value; } };
  globalThis.fetch = (url, options) => new Promise((resolve, reject) => requests.push({ url, options, resolve, reject }));
});

/** A socket whose session has been told, and what it heard. */
function open() {
  const socket = new HttpSocket(URL_OF_LOGIN);
  const heard = [];
  socket.onopen = () => heard.push("open");
  socket.onmessage = ({ data }) => heard.push(data);
  socket.onclose = () => heard.push("close");
  Events.last.listeners.session({ data: "abc" });
  return { socket, heard, events: Events.last };
}

const bodies = () => requests.map(({ options }) => JSON.parse(options.body));

test("the address is the WebSocket's, and messages arrive as they are", () => {
  const { socket, heard, events } = open();
  assert.equal(events.url, "https://comet.example/prefix/ws/sesion=k&myid=42");
  assert.equal(socket.readyState, 1);
  events.onmessage({ data: '{"a":1}\n{"b":2}' });
  assert.deepEqual(heard, ["open", '{"a":1}\n{"b":2}']);
});

test("what a script says goes out in one request, the rest in order behind it", async () => {
  const { socket } = open();
  socket.send("one");
  socket.send("two");
  await settle();
  socket.send("three");
  await settle();
  assert.deepEqual(bodies(), [["one", "two"]]);
  requests[0].resolve({ ok: true });
  await settle();
  assert.deepEqual(bodies(), [["one", "two"], ["three"]]);
  assert.deepEqual(requests.map(({ url }) => url), [1, 2].map((n) => `https://comet.example/prefix/ws/session=abc&request=${n}`));
  assert.deepEqual(requests.map(({ options }) => options.method), ["POST", "POST"]);
});

test("a request does not grow without bound, a long message goes alone", async () => {
  const { socket } = open();
  const texts = ["a".repeat(40_000), "b".repeat(40_000), "c".repeat(200_000), "d"];
  texts.forEach((text) => socket.send(text));
  for (let request = 0; request < 3; request++) {
    await settle();
    requests[request].resolve({ ok: true });
  }
  await settle();
  requests[3]?.resolve({ ok: true });
  await settle();
  assert.deepEqual(bodies().flat(), texts);
  assert.equal(bodies().length, 4);
});

test("a ping is answered with an empty request, or by what is said anyway", async () => {
  const { socket, events } = open();
  events.listeners.ping({});
  await settle();
  assert.deepEqual(bodies(), [[]]);
  socket.send("said");
  events.listeners.ping({});
  requests[0].resolve({ ok: true });
  await settle();
  requests[1].resolve({ ok: true });
  await settle();
  assert.deepEqual(bodies(), [[], ["said"]]);
});

for (const [what, answer] of [
  ["is refused", ({ resolve }) => resolve({ ok: false })],
  ["is lost", ({ reject }) => reject(new TypeError("network"))],
]) {
  test(`a request that ${what} ends the connection, once`, async () => {
    const { socket, heard, events } = open();
    socket.send("one");
    await settle();
    answer(requests[0]);
    await settle();
    events.onerror();
    assert.deepEqual(heard, ["open", "close"]);
    assert.equal(events.isClosed, true);
    assert.throws(() => socket.send("two"));
  });
}

test("a page that closes the connection hears nothing of it", () => {
  const { socket, heard, events } = open();
  socket.close();
  events.onerror();
  assert.deepEqual(heard, ["open"]);
  assert.equal(events.isClosed, true);
});

test("it is used after two suspicions, remembered where it worked, and forgotten where it did not", () => {
  const other = "ws://other.example";
  suspect(other);
  assert.equal(isBlocked(other), false);
  suspect(other);
  assert.equal(isBlocked(other), true);
  const failed = new HttpSocket(`${other}/ws/sesion=k`);
  failed.onclose = () => {};
  Events.last.onerror();
  assert.equal(isBlocked(other), false);

  open();
  assert.equal(isBlocked(ADDRESS), true);
  assert.equal(isBlocked("wss://elsewhere.example"), false);
  stored.comet_server_http = JSON.stringify({ [ADDRESS]: Date.now() - 1 });
  assert.equal(isBlocked(ADDRESS), false);
});

test("it works where nothing can be stored", () => {
  globalThis.localStorage = undefined;
  const { heard } = open();
  assert.deepEqual(heard, ["open"]);
  assert.equal(isBlocked(ADDRESS), false);
});
