// Who is in a pipe: a list and the changes after it, however they come.

import assert from "node:assert/strict";
import { test } from "node:test";
import { collector, openConnectedPage, openPage, plain, settle } from "./browser.mjs";

const PIPE = "track_room";
const member = (number, user_id = number, uuid = `browser-${user_id}`) => ({ user_id, uuid, member: number });
const numbers = (members) => members.map(({ member: number }) => number);
const told = (calls) => plain(calls).map(({ members, joined, left }) => [members, joined, left].map(numbers));

const change = (event) => (version, who, epoch = 1) =>
  ({ data: { ...who, first: true }, event, pipe: PIPE, presence: { epoch, version } });
const join = change("subscription");
const leave = change("unsubscription");

/** Answers the list asked for last, and what stands behind it. */
async function answerList(socket, members, version, epoch = 1) {
  const marker = socket.frames("track_pipe_users").at(-1).split("\n")[1];
  const fence = socket.frames("pipe_count").at(-1).split("\n")[1];
  socket.deliver({ data: members, event: "answer", marker, pipe: PIPE, presence: { epoch, version } },
    { data: { user_in_pipe: 0 }, event: "user_in_pipe", marker: fence, pipe: "_answer_pipe_count" });
  await settle();
}

async function openWatched() {
  const browser = await openConnectedPage();
  const got = collector();
  const here = browser.client.presence(PIPE, got);
  return { ...browser, socket: browser.socket, browser, got, here };
}

test("it subscribes, then asks, and tells the list", async () => {
  const { socket, got, here, clock } = await openWatched();
  assert.deepEqual(socket.sent.slice(0, 2).map((text) => text.split("\n").slice(0, 2)),
    [["subscription", PIPE], ["track_pipe_users", PIPE]]);
  await answerList(socket, [member(1), member(2)], 7);
  await clock.advance(50);
  assert.deepEqual(plain(got.calls), [{ members: [member(1), member(2)], count: 2, joined: [member(1), member(2)], left: [] }]);
  assert.deepEqual(plain(await here.ready), plain(got.calls[0]));
});

test("changes that come before the list count if it does not hold them, and each once", async () => {
  const { socket, got, clock } = await openWatched();
  socket.deliver(join(3, member(3)), leave(4, member(1)), join(5, member(5)));
  await answerList(socket, [member(1), member(2), member(3)], 3);
  await clock.advance(50);
  assert.deepEqual(told(got.calls), [[[2, 3, 5], [2, 3, 5], []]]);
  socket.deliver(join(5, member(5)), leave(6, member(2)));
  await clock.advance(50);
  assert.deepEqual(told(got.calls).at(-1), [[3, 5], [], [2]]);
});

test("what follows closely is told together, and who is back at once is no news", async () => {
  const { socket, got, clock } = await openWatched();
  await answerList(socket, [member(1)], 1);
  await clock.advance(50);
  socket.deliver(join(2, member(2)), join(3, member(3)), leave(4, member(3)));
  await clock.advance(50);
  socket.deliver(join(5, member(4)), leave(6, member(4)));
  await clock.advance(50);
  assert.deepEqual(told(got.calls).slice(1), [[[1, 2], [2], []]]);
});

test("after a break the list is taken again, and tells what happened meanwhile", async () => {
  const { browser, got, clock } = await openWatched();
  await answerList(browser.socket, [member(1), member(2)], 2);
  await clock.advance(6000);
  browser.socket.drop();
  await clock.advance(1000);
  await browser.socket.accept();
  await answerList(browser.socket, [member(2), member(3)], 4);
  await clock.advance(50);
  assert.deepEqual(told(got.calls).slice(1), [[[2, 3], [3], [1]]]);
});

test("a server that began anew gives its numbers to others: nobody is taken for somebody else", async () => {
  const { socket, got, clock } = await openWatched();
  await answerList(socket, [member(1, 10), member(2, 20)], 2);
  await clock.advance(50);
  socket.deliver(join(1, member(3, 30), 2));
  await answerList(socket, [member(1, 10), member(2, 99), member(3, 30)], 1, 2);
  await clock.advance(50);
  const { joined, left } = plain(got.calls).at(-1);
  assert.deepEqual([joined, left].map((members) => members.map(({ user_id: user }) => user)), [[99, 30], [20]]);
});

test("what a backend publishes to the pipe changes nothing", async () => {
  const { socket, got, clock } = await openWatched();
  await answerList(socket, [member(1)], 1);
  await clock.advance(50);
  socket.deliver({ data: member(9), event: "subscription", pipe: PIPE }, { data: "hello", event: "say", pipe: PIPE });
  await clock.advance(50);
  assert.equal(got.calls.length, 1);
});

test("watched before start it waits for the connection; unsubscribe ends it", async () => {
  const browser = openPage();
  const got = collector();
  const here = browser.client.presence(PIPE, got);
  browser.client.start({ nostat: true });
  await browser.socket.accept();
  assert.equal(browser.socket.frames("track_pipe_users").length, 1);
  assert.equal(here.unsubscribe(), true);
  await answerList(browser.socket, [member(1)], 1);
  await browser.clock.advance(50);
  assert.deepEqual(got.calls, []);
  assert.deepEqual(browser.socket.frames("subscription"), [PIPE, ""]);
  browser.client.restart();
  await browser.socket.accept();
  assert.deepEqual(browser.socket.sent, []);
});

test("unsubscriptionAll ends it too", async () => {
  const { browser, client } = await openWatched();
  client.unsubscriptionAll();
  client.restart();
  await browser.socket.accept();
  assert.deepEqual(browser.socket.sent, []);
});

test("a list the server refuses rejects with its words", async () => {
  const { socket, here } = await openWatched();
  const fence = socket.frames("pipe_count").at(-1).split("\n")[1];
  socket.deliver({ data: { error: "not for you", user_id: -1 }, event: "error", pipe: "sys" },
    { data: { user_in_pipe: 0 }, event: "user_in_pipe", marker: fence, pipe: "_answer_pipe_count" });
  await assert.rejects(here.ready, { message: "not for you" });
});
