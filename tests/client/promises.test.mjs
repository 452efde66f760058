// Questions and messages whose answer is a promise.

import assert from "node:assert/strict";
import { test } from "node:test";
import { collector, openConnectedPage, openPage, plain } from "./browser.mjs";

const answer = (marker, data, pipe = "_answer") => ({ data, event: "answer", marker, pipe });

/** Answers the question that stands behind every command; `within` is what the server says before. */
function finish(socket, ...within) {
  const marker = socket.frames("pipe_count").at(-1).split("\n")[1];
  socket.deliver(...within, answer(marker, { user_in_pipe: 0 }, "_answer_pipe_count"));
}

const refusal = (error) => ({ data: { error, number_messages: -1 }, event: "error", pipe: "sys" });
const entry = (data, pipe = "web_room") => ({ data, event: "e", fromQueue: true, history: true, pipe, user_id: 7 });

test("without a callback a question gives a promise of the answer's data", async () => {
  const { client, socket } = await openConnectedPage();
  const count = client.count_users_in_pipe("web_room");
  const marker = socket.frames("pipe_count")[0].split("\n")[1];
  finish(socket, answer(marker, { user_in_pipe: 3 }, "_answer_pipe_count"));
  assert.deepEqual(plain(await count), { user_in_pipe: 3 });

  const users = client.getTrackPipeUsers("track_hall");
  finish(socket, answer(socket.frames("track_pipe_users")[0].split("\n")[1], [{ user_id: 42, uuid: "Q" }], "track_hall"));
  assert.deepEqual(plain(await users), [{ user_id: 42, uuid: "Q" }]);

  const user = client.getUserData(42);
  finish(socket, answer(socket.frames("user_data")[0].split("\n")[0], { user_data: "Ann", user_id: 42 }));
  assert.deepEqual(plain(await user), { user_data: "Ann", user_id: 42 });
});

test("with a callback the questions give what they always gave", async () => {
  const { client } = await openConnectedPage();
  const ignore = () => {};
  assert.equal(client.count_users_in_pipe("web_room", ignore), true);
  assert.equal(client.getTrackPipeUsers("track_hall", ignore), true);
  assert.equal(client.getUserData(42, ignore), true);
  assert.equal(client.get_pipe_log("web_room"), true);
  const waiting = openPage().client;
  assert.equal(waiting.count_users_in_pipe("web_room", ignore), false);
  assert.equal(waiting.get_pipe_log("web_room"), false);
});

test("a question the server refuses rejects with the server's words, a wrong name at once", async () => {
  const { client, socket } = await openConnectedPage();
  const count = client.count_users_in_pipe("news");
  finish(socket, refusal("only web_ and track_ pipes are counted"));
  await assert.rejects(count, { message: "only web_ and track_ pipes are counted" });
  await assert.rejects(client.count_users_in_pipe("a\nb"), { message: /name/ });
  await assert.rejects(client.getUserData("Ann"), { message: /name/ });
});

test("send gives a promise of its own delivery report", async () => {
  const { client, socket } = await openConnectedPage();
  const reports = collector();
  client.subscription("#web_room", reports);
  const [one, two] = [client.send("web_room", "e", { x: 1 }), client.send("@web_room", "e", { x: 2 })];
  assert.deepEqual(socket.frames("web_pipe2"), ['web_room\ne\n*\n{"x":1}', '@web_room\ne\n*\n{"x":2}']);
  const report = (message, number_messages) => ({
    data: { error: "", message, number_messages }, event: "answer", pipe: "_answer_to_web_room",
  });
  const [first, second] = socket.frames("pipe_count").map((text) => text.split("\n")[1]);
  socket.deliver(report('{"x":1}', 4), answer(first, {}), report('{"x":2}', 5), answer(second, {}));
  assert.equal((await one).number_messages, 4);
  assert.equal((await two).number_messages, 5);
  assert.equal(reports.calls.length, 2, "callbacks get the reports as ever");
});

test("send rejects with the error, and refuses what no server would take", async () => {
  const { client, socket } = await openConnectedPage();
  const sent = client.send("webauth_room", "e", 1);
  finish(socket, refusal("log in first"));
  await assert.rejects(sent, { message: "log in first" });
  await assert.rejects(client.send("news", "e", 1));
  await assert.rejects(client.send("web_room", "e", undefined));
  assert.equal(socket.frames("web_pipe2").length, 1);
});

test("history collects the entries of its own request, and callbacks do not see them", async () => {
  const { client, socket } = await openConnectedPage();
  const got = collector();
  client.subscription("web_room", got);
  const entries = client.history("web_room");
  const [before] = socket.frames("pipe_count").map((text) => text.split("\n")[1]);
  socket.deliver(refusal("of an earlier command"), entry("of an earlier get_pipe_log"), answer(before, {}));
  finish(socket, entry("one"), { data: "live", event: "e", pipe: "web_room" }, entry("two"), entry("other", "web_b"));
  assert.deepEqual(plain(await entries).map((message) => message.data), ["one", "two"]);
  assert.equal((await entries)[0].server_info.user_id, 7);
  assert.deepEqual(got.calls.map((message) => message.data), ["of an earlier get_pipe_log", "live"]);
});

test("an empty history is an empty list, a refused one rejects", async () => {
  const { client, socket } = await openConnectedPage();
  for (const [said, expected] of [[[], []], [[refusal("not allowed")], undefined]]) {
    const entries = client.history("web_room");
    const before = socket.frames("pipe_count").at(-2).split("\n")[1];
    socket.deliver(answer(before, {}));
    finish(socket, ...said);
    await (expected ? entries.then((list) => assert.equal(list.length, 0)) : assert.rejects(entries, /not allowed/));
  }
});

test("a promise waits no longer than answerTimeout, also while there is no connection", async () => {
  const { client, clock } = openPage();
  client.start({ nostat: true, answerTimeout: 500 });
  const count = client.count_users_in_pipe("web_room");
  await clock.advance(500);
  await assert.rejects(count, { message: /in time/ });
});

test("what was asked before the connection opened is answered after, what was asked of a lost one rejects", async () => {
  const browser = openPage();
  const { client } = browser;
  const early = client.count_users_in_pipe("web_room");
  client.start({ nostat: true });
  browser.socket.drop();
  await browser.clock.advance(1000);
  await browser.socket.accept();
  finish(browser.socket, answer(browser.socket.frames("pipe_count")[0].split("\n")[1], { user_in_pipe: 1 }));
  assert.equal((await early).user_in_pipe, 1);
  const lost = client.send("web_room", "e", 1);
  browser.socket.drop();
  await assert.rejects(lost, { message: /connection lost/ });
});

test("promises that wait are bounded in number", async () => {
  const { client, socket } = await openConnectedPage();
  const first = client.count_users_in_pipe("web_room");
  const marker = socket.frames("pipe_count").map((text) => text.split("\n")[1]);
  for (let number = 0; number < 999; number++) {
    client.count_users_in_pipe("web_room");
  }
  await assert.rejects(client.count_users_in_pipe("web_room"), { message: /too many/ });
  socket.deliver(answer(marker[0], { user_in_pipe: 1 }), answer(marker[1], {}));
  assert.equal((await first).user_in_pipe, 1, "the oldest is still answered");
});
