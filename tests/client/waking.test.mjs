// Sleep, wake, and keys that expire.

import assert from "node:assert/strict";
import { test } from "node:test";
import { collector, openConnectedPage, openPage, settle } from "./browser.mjs";

/** An unsigned token that ends `seconds` after the page's clock. */
function token(browser, seconds, user_id = 42) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "HS256" })}.${part({ user_id, exp: Math.floor(browser.clock.now / 1000) + seconds })}.c2ln`;
}

const keyOf = (socket) => /sesion=([^&]*)/.exec(socket.url)[1];

for (const event of ["online", "pageshow", "resume", "visibilitychange"]) {
  test(`${event} ends the waiting for the next attempt`, () => {
    const browser = openPage({ random: 0.9 });
    browser.client.start({ nostat: true });
    browser.socket.drop();
    browser.fire(event, { type: event });
    assert.equal(browser.sockets.length, 2);
  });
}

test("a page that is hidden does not count as awake, and an attempt that runs is left alone", async () => {
  const browser = openPage({ random: 0.9 });
  browser.client.start({ nostat: true });
  browser.fire("pageshow", { type: "pageshow" });
  assert.equal(browser.sockets.length, 1);
  browser.socket.drop();
  browser.page.document.hidden = true;
  browser.fire("visibilitychange", { type: "visibilitychange" });
  assert.equal(browser.sockets.length, 1);
});

test("after waking an open connection that says nothing is replaced, one that answers is kept", async () => {
  const browser = await openConnectedPage({ random: 0 });
  browser.fire("resume", { type: "resume" });
  assert.equal(browser.socket.frames("pipe_count").length, 1);
  browser.socket.deliver({ data: { user_in_pipe: 0 }, marker: "probe", pipe: "_answer_pipe_count" });
  await browser.clock.advance(60_000);
  assert.equal(browser.sockets.length, 1);
  browser.fire("resume", { type: "resume" });
  await browser.clock.advance(5000);
  assert.equal(browser.sockets[0].closedByPage, true);
  assert.equal(browser.sockets.length, 2);
});

test("a clock that jumped means sleep, a clock that runs means nothing", async () => {
  const browser = await openConnectedPage();
  await browser.clock.advance(300_000);
  assert.deepEqual(browser.socket.sent, []);
  browser.clock.now += 3600_000;
  await browser.clock.advance(0);
  assert.equal(browser.socket.frames("pipe_count").length, 1);
});

test("stop stops listening for waking", async () => {
  const browser = await openConnectedPage();
  browser.client.stop();
  for (const event of ["online", "pageshow", "resume", "visibilitychange"]) {
    assert.equal(browser.listeners(event), 0);
  }
});

test("a terminal error is told once, with the error, and nothing wakes that connection", async () => {
  const browser = await openConnectedPage();
  const ended = collector();
  browser.client.onTerminalError(ended);
  browser.socket.deliver({ data: { error: "wrong origin", error_code: 423 }, error: 423, event: "error", pipe: "sys" });
  browser.fire("online", { type: "online" });
  browser.fire("pageshow", { type: "pageshow" });
  await browser.clock.advance(3600_000);
  assert.equal(browser.sockets.length, 1);
  assert.deepEqual(ended.calls.map((error) => error.error_code), [423]);
});

test("a key that is no longer accepted is told and shown, never silent", async () => {
  const browser = openPage({ random: 0 });
  const failed = collector();
  browser.client.onAuthFalill(failed);
  browser.client.start({ user_id: 42, user_key: "k", nostat: true });
  await browser.socket.accept({ authorized: "true" });
  browser.socket.drop();
  await browser.clock.advance(0);
  await browser.socket.accept({ authorized: "false" });
  assert.equal(failed.calls.length, 1);
  assert.match(browser.logged.warn[0][0], /anonymous/);
});

test("every login that fails is told, also the second in a row", async () => {
  const browser = openPage();
  const failed = collector();
  browser.client.onAuthFail(failed);
  browser.client.start({ user_id: 42, user_key: "wrong", nostat: true });
  await browser.socket.accept();
  browser.client.restart({ user_key: "also wrong" });
  assert.equal(browser.client.isAuthorized(), undefined);
  await browser.socket.accept();
  assert.equal(failed.calls.length, 2);
});

test("a new key is asked for before the token ends, and used on a new connection", async () => {
  const browser = openPage({ random: 0 });
  const success = collector();
  let asked = 0;
  browser.client.onAuthSuccess(success);
  const next = token(browser, 7200);
  browser.client.start({
    user_id: 42, user_key: token(browser, 3600), nostat: true, get_user_key: async () => { asked++; return next; },
  });
  browser.client.subscription("web_room", () => {});
  await browser.socket.accept({ authorized: "true" });
  await browser.clock.advance(3560_000);
  assert.equal(asked, 0);
  await browser.clock.advance(15_000);
  assert.equal(asked, 1);
  assert.equal(browser.sockets.length, 2);
  assert.equal(keyOf(browser.socket), next);
  browser.client.web_pipe_send("web_room", "e", "said meanwhile");
  await browser.socket.accept({ authorized: "true" });
  assert.deepEqual(browser.socket.sent, ["subscription\nweb_room", 'web_pipe2\nweb_room\ne\n*\n"said meanwhile"']);
  assert.equal(success.calls.length, 1, "the same user is still logged in");
  browser.client.start();
  assert.equal(browser.sockets.length, 2, "start with nothing new keeps the connection");
});

test("what came to a pipe with history while the key changed is asked for", async () => {
  const browser = openPage({ random: 0 });
  const got = collector();
  browser.client.subscription("web_room", got);
  browser.client.start({ user_id: 42, user_key: token(browser, 60), nostat: true, get_user_key: () => "next" });
  const greet = async () => {
    await browser.socket.accept({ greet: false });
    browser.socket.deliver({ authorized: "true", data: "", event: "serverInfo", pipe: "sys", resumes: true });
  };
  await greet();
  browser.socket.deliver({ data: { pipe: "web_room" }, pipe: "sys", event: "resumed", epoch: 7, offset: 1 });
  browser.socket.deliver({ data: "one", event: "e", pipe: "web_room", epoch: 7, offset: 2 });
  await browser.clock.advance(54_000);
  assert.equal(keyOf(browser.socket), "next");
  await greet();
  assert.deepEqual(browser.socket.frames("resume"), ["web_room\n7\n2"]);
  browser.socket.deliver({ data: "two", event: "e", pipe: "web_room", epoch: 7, offset: 3, resumed: true });
  assert.deepEqual(got.calls.map((message) => message.data), ["one", "two"]);
});

test("a failed login asks for a key at once, further ones ever more slowly, the same key not again", async () => {
  const browser = openPage({ random: 0.5 });
  const keys = ["first", "second", "second"];
  browser.client.start({ user_id: 42, user_key: "old", nostat: true, get_user_key: () => keys.shift() });
  await browser.socket.accept();
  await browser.clock.advance(0);
  assert.equal(keyOf(browser.socket), "first");
  await browser.socket.accept();
  await browser.clock.advance(999);
  assert.equal(browser.sockets.length, 2);
  await browser.clock.advance(1);
  assert.equal(keyOf(browser.socket), "second");
  await browser.socket.accept();
  await browser.clock.advance(3600_000);
  assert.equal(browser.sockets.length, 3);
  assert.equal(keys.length, 0);
});

test("on waking, and before an attempt, a token that has ended is replaced first", async () => {
  for (const wake of [true, false]) {
    const browser = openPage({ random: 0.5 });
    browser.client.start({ user_id: 42, user_key: token(browser, 3600), nostat: true, get_user_key: async () => "fresh" });
    await browser.socket.accept({ authorized: "true" });
    browser.clock.now += 7200_000;
    if (wake) {
      browser.fire("pageshow", { type: "pageshow" });
      await settle();
    } else {
      browser.socket.drop();
      await browser.clock.advance(1000);
    }
    assert.equal(browser.sockets.length, 2);
    assert.equal(keyOf(browser.socket), "fresh");
  }
});

test("get_user_key that throws or hangs is asked again, and keeps no connection from coming back", async () => {
  for (const broken of [async () => { throw new TypeError("s3cret"); }, () => new Promise(() => {})]) {
    const browser = openPage({ random: 0.5 });
    let asked = 0;
    const ask = () => (asked++ ? "fresh" : broken());
    browser.client.start({ user_id: 42, user_key: token(browser, 1), nostat: true, get_user_key: ask });
    browser.socket.drop();
    await browser.clock.advance(500 + 10_000);
    assert.equal(browser.sockets.length >= 2, true);
    await browser.clock.advance(30_000);
    assert.equal(keyOf(browser.socket), "fresh");
    assert.doesNotMatch(JSON.stringify(browser.logged), /s3cret/);
  }
});

test("a key that comes for somebody who has gone is not used", async () => {
  const browser = openPage();
  let give;
  browser.client.start({ user_id: 42, user_key: "old", nostat: true, get_user_key: () => new Promise((resolve) => { give = resolve; }) });
  await browser.socket.accept();
  await browser.clock.advance(0);
  browser.client.restart({ user_id: 7, user_key: "of 7", get_user_key: undefined });
  give("of 42");
  await settle();
  assert.equal(keyOf(browser.socket), "of%207");
  assert.equal(browser.sockets.length, 2);
});

test("nobody is asked for a key after the page has logged its user out", async () => {
  const browser = openPage({ random: 0 });
  let asked = 0;
  browser.client.start({ user_id: 42, user_key: "k", nostat: true, get_user_key: () => { asked++; return `k${asked}`; } });
  await browser.socket.accept({ authorized: "true" });
  browser.client.restart({ user_id: "", user_key: "" });
  await browser.socket.accept();
  browser.fire("pageshow", { type: "pageshow" });
  await browser.clock.advance(1000);
  assert.equal(asked, 0);
  assert.equal(browser.sockets.length, 2);
});
