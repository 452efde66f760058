// What the page sends, what the server is told, and which callbacks get which messages.

import assert from "node:assert/strict";
import { test } from "node:test";
import { collector, openConnectedPage, openPage, plain, settle } from "./browser.mjs";

const say = (data, more = {}) => ({ data, event: "say", pipe: "web_room", message_send_time: 1735689600, ...more });

// ---- subscriptions

test("subscriptions of one tick go out as one complete list, each pipe once", async () => {
  const { client, socket } = await openConnectedPage();
  client.subscription("web_room", () => {});
  client.subscription("web_room.say", () => {});
  client.subscription("track_hall");
  client.Subscription("user_status_7", () => {});
  await settle();
  assert.deepEqual(socket.sent, ["subscription\nweb_room\ntrack_hall\nuser_status_7"]);
  client.subscription("news", () => {});
  await settle();
  assert.equal(socket.sent[1], "subscription\nweb_room\ntrack_hall\nuser_status_7\nnews");
  assert.deepEqual([...client.subscription_array], ["web_room", "track_hall", "user_status_7", "news"]);
});

test("a subscription made before a command is in force before it", async () => {
  const { client, socket } = await openConnectedPage();
  client.subscription("web_room", () => {});
  client.count_users_in_pipe("web_room", () => {});
  await settle();
  assert.equal(socket.sent.length, 2);
  assert.equal(socket.sent[0], "subscription\nweb_room");
});

test("the last callback of a pipe unsubscribes at the server, earlier ones do not", async () => {
  const { client, socket } = await openConnectedPage();
  const [one, two] = [collector(), collector()];
  const first = client.subscription("web_room", one);
  const second = client.subscription("web_room.say", two);
  client.subscription("news", () => {});
  await settle();
  assert.equal(client.unsubscription(first), true);
  await settle();
  assert.equal(socket.sent.length, 1);
  socket.deliver(say("still here"));
  assert.deepEqual([one.calls.length, two.calls.length], [0, 1]);
  assert.equal(client.unsubscription(second), true);
  await settle();
  assert.deepEqual(socket.sent.slice(1), ["subscription\nnews"]);
  assert.equal(client.unsubscription(second), false);
});

test("unsubscriptionAll sends an empty list and calls nothing any more", async () => {
  const { client, socket } = await openConnectedPage();
  const got = collector();
  for (const name of ["web_room", "msg", "#web_room", ""]) {
    client.subscription(name, got);
  }
  await settle();
  assert.equal(client.unsubscriptionAll(), true);
  await settle();
  assert.deepEqual(socket.sent, ["subscription\nweb_room", "subscription\n"]);
  socket.deliver(say(1), { data: 1, pipe: "msg", event: "e" });
  assert.equal(got.calls.length, 0);
});

test("a subscription taken back in the same tick sends nothing", async () => {
  const { client, socket } = await openConnectedPage();
  client.unsubscription(client.subscription("web_room", () => {}));
  await settle();
  assert.deepEqual(socket.sent, []);
});

test("unsubscription without an id warns and returns false", async () => {
  const browser = openPage();
  assert.equal(browser.client.unsubscription(), false);
  assert.equal(browser.client.unsubscription("web_room"), false);
  assert.equal(browser.logged.warn.length, 2);
});

test("return values of subscription", () => {
  const { client, logged } = openPage();
  const callback = () => {};
  assert.match(client.subscription("web_room", callback), /^web_room&&sig\d+$/);
  assert.match(client.subscription("web_room.say", callback), /^web_room\.say&&sig\d+$/);
  assert.match(client.subscription("#web_room", callback), /^_answer_to_web_room&&sig\d+$/);
  assert.match(client.subscription("", callback), /^comet_server_msg&&sig\d+$/);
  assert.match(client.subscription(callback), /^comet_server_msg&&sig\d+$/);
  assert.equal(client.subscription("x", callback), false);
  assert.equal(client.subscription(undefined, callback), false);
  assert.equal(client.subscription("web_a\nweb_b\r\n", callback), undefined);
  assert.equal(logged.error.length, 0);
  assert.match(client.subscription("комната", callback), /&&sig\d+$/);
  assert.match(client.subscription("a.b.c", callback), /&&sig\d+$/);
  assert.equal(logged.error.length, 2);
  assert.deepEqual([...client.subscription_array], ["web_room", "web_a", "web_b", "комната", "a.b.c"]);
});

test("names that mean something to objects are ordinary pipe names", async () => {
  const { client, socket } = await openConnectedPage();
  const got = collector();
  const names = ["length", "push", "constructor", "__proto__", "hasOwnProperty", "toString"];
  socket.deliver(...names.map((pipe) => `{"data":1,"event":"e","pipe":"${pipe}"}`));
  names.forEach((name) => client.subscription(name, got));
  await settle();
  assert.equal(socket.sent[0], `subscription\n${names.join("\n")}`);
  socket.deliver(...names.map((pipe) => `{"data":1,"event":"__proto__","pipe":"${pipe}"}`));
  assert.deepEqual(got.calls.map((call) => call.server_info.pipe), names);
});

// ---- dispatch

test("the callback object is the documented one", async () => {
  const { client, socket } = await openConnectedPage();
  const got = collector();
  client.subscription("web_room", got);
  socket.deliver(say('{"t":"it\\u0027s"}', { user_id: 42 }));
  assert.deepEqual(plain(got.calls[0]), {
    data: { t: "it's" },
    server_info: { user_id: 42, pipe: "web_room", event: "say", history: false, message_send_time: 1735689600 },
  });
  assert.ok("marker" in got.calls[0].server_info && "uuid" in got.calls[0].server_info);
});

test("a message without sender and event has user_id 0 and the event undefined, as text", async () => {
  const { client, socket } = await openConnectedPage();
  const got = collector();
  client.subscription("news", got);
  socket.deliver({ data: "x", event: "", pipe: "news" }, { data: "x", pipe: "news" },
    { data: "x", event: "undefined", pipe: "news" });
  for (const { server_info: info } of got.calls) {
    assert.deepEqual([info.user_id, info.event], [0, "undefined"]);
  }
  assert.equal(got.calls.length, 3);
});

test("callbacks are called by pipe, then pipe.event, then catch-all, in the order they were made", async () => {
  const { client, socket } = await openConnectedPage();
  const order = [];
  client.subscription("", () => order.push("all 1"));
  client.subscription("web_room.say", () => order.push("event"));
  client.subscription("web_room", () => order.push("pipe 1"));
  client.subscription("web_room", () => order.push("pipe 2"));
  client.subscription((message) => order.push(`all 2 ${message.server_info.pipe}`));
  client.subscription("comet_server_msg", () => order.push("all 3"));
  client.subscription("web_room.other", () => order.push("never"));
  client.subscription("web_roo", () => order.push("never"));
  socket.deliver(say("x"));
  assert.deepEqual(order, ["pipe 1", "pipe 2", "event", "all 1", "all 2 web_room", "all 3"]);
});

test("private messages reach msg and msg.event, also when the pipe is not named", async () => {
  const { client, socket } = await openConnectedPage();
  const order = [];
  client.subscription("msg", ({ data }) => order.push(`msg ${data.n}`));
  client.subscription("msg.order", ({ data, server_info }) => order.push(`order ${data.n} ${server_info.pipe}`));
  socket.deliver({ data: '{"n":7}', event: "order", pipe: "msg", fromQueue: true });
  socket.deliver({ data: '{"n":8}', event: "order" });
  assert.deepEqual(order, ["msg 7", "order 7 msg", "order 8 msg", "msg 8"]);
});

test("a delivery report reaches every spelling once, and one function once", async () => {
  const { client, socket } = await openConnectedPage();
  const spellings = ["#web_room", "_answer_to_web_room", "#web_room.answer", "_answer_to_web_room.answer"];
  const own = spellings.map((name) => {
    const got = collector();
    client.subscription(name, got);
    return got;
  });
  const shared = collector();
  spellings.forEach((name) => client.subscription(name, shared));
  const foreign = collector();
  client.subscription("answer_to_web_room", foreign);
  client.subscription("web_room", foreign);
  socket.deliver({
    data: { error: "", message: '{"t":"hi"}', number_messages: 3 }, event: "answer", pipe: "_answer_to_web_room",
  });
  assert.deepEqual(own.map((got) => got.calls.length), [1, 1, 1, 1]);
  assert.equal(shared.calls.length, 1);
  assert.equal(foreign.calls.length, 0);
  assert.deepEqual(plain(shared.calls[0].data), { error: "", message: '{"t":"hi"}', number_messages: 3 });
});

test("a report for @web_room is found under both names", async () => {
  const { client, socket } = await openConnectedPage();
  const got = collector();
  client.subscription("#@web_room", got);
  socket.deliver({ data: { number_messages: 0, error: "" }, event: "answer", pipe: "_answer_to_web_room" });
  assert.equal(got.calls.length, 1);
});

test("one callback that throws does not keep the others from the message", async () => {
  const browser = await openConnectedPage();
  const got = collector();
  browser.client.subscription("web_room", () => { throw new Error("page bug"); });
  browser.client.subscription("web_room", got);
  browser.socket.deliver(say("x"));
  assert.equal(got.calls.length, 1);
  assert.equal(browser.logged.error.length, 1);
});

test("a callback may unsubscribe itself and subscribe others while it runs", async () => {
  const { client, socket } = await openConnectedPage();
  const [once, later, after] = [collector(), collector(), collector()];
  const id = client.subscription("web_room", (message) => {
    once(message);
    client.unsubscription(id);
    client.subscription("web_room", later);
  });
  client.subscription("web_room", after);
  socket.deliver(say(1));
  assert.deepEqual([once.calls.length, later.calls.length, after.calls.length], [1, 0, 1]);
  socket.deliver(say(2));
  assert.deepEqual([once.calls.length, later.calls.length, after.calls.length], [1, 1, 2]);
});

test("a frame may carry several lines, blank and damaged ones are skipped", async () => {
  const { client, socket } = await openConnectedPage();
  const got = collector();
  client.subscription("web_room", got);
  socket.deliver(say(1), "", "  ", "{broken", "null", "5", '"text"', "[]", '{"pipe":"web_room"}', say(2));
  socket.onmessage({ data: new ArrayBuffer(4) });
  assert.deepEqual(got.calls.map((call) => call.data), [1, 2]);
});

test("jscode is never evaluated", async () => {
  const browser = await openConnectedPage();
  browser.socket.deliver({ jscode: "pwned = 1", data: "x", pipe: "web_room", event: "e" });
  assert.equal(browser.page.pwned, undefined);
});

// ---- payloads

const payloads = [
  ['"{\\"a\\":1}"', { a: 1 }],
  ['"plain text"', "plain text"],
  ['""', ""],
  ['"5"', 5],
  ['"null"', null],
  ['"true"', true],
  ['{"a":1}', { a: 1 }],
  ["[1,2]", [1, 2]],
  ['"it\\u0027s"', "it's"],
  ['"\\"C:\\\\\\\\temp\\\\\\\\new\\""', "C:\\temp\\new"],
  ['"\\"A::7;text\\""', "A::7;text"],
  ['"{\\"t\\":\\"\\\\\\\\\\\\u0027\\"}"', { t: "\\'" }],
  ['"\\"line\\\\nfeed\\""', "line\nfeed"],
  ['"\u2028 😀 Привет"', "\u2028 😀 Привет"],
  ['"\\"\\\\\\"twice\\\\\\"\\""', '"twice"'],
];
for (const [wire, value] of payloads) {
  test(`payload ${wire} arrives as ${JSON.stringify(value)}`, async () => {
    const { client, socket } = await openConnectedPage();
    const got = collector();
    client.subscription("web_room", got);
    socket.deliver(`{"data":${wire},"event":"e","pipe":"web_room"}`);
    assert.deepEqual(plain(got.calls[0].data), value);
  });
}

// ---- duplicates

test("copies of one multi_web_pipe_send arrive once and without the mark", async () => {
  const { client, socket } = await openConnectedPage();
  const got = collector();
  client.subscription("web_room", got);
  for (let copy = 0; copy < 3; copy++) {
    socket.deliver(say('{"x":1,"_cometApi_uuid":"abc"}'));
  }
  socket.deliver(say('{"x":2,"_cometApi_uuid":"def"}'));
  assert.deepEqual(plain(got.calls.map((call) => call.data)), [{ x: 1 }, { x: 2 }]);
});

test("history shows a message once although it was seen live, in every answer", async () => {
  const { client, socket } = await openConnectedPage();
  const got = collector();
  client.subscription("web_room", got);
  const copy = '{"x":1,"_cometApi_uuid":"abc"}';
  socket.deliver(say(copy), say(copy));
  for (let request = 0; request < 2; request++) {
    client.get_pipe_log("web_room");
    socket.deliver(say(copy, { history: true }), say(copy, { history: true }), say(copy, { history: true }));
  }
  assert.deepEqual(got.calls.map((call) => call.server_info.history), [false, true, true]);
});

test("seen ids are forgotten in time and are bounded in number", async () => {
  const { client, socket, clock } = await openConnectedPage();
  const got = collector();
  client.subscription("web_room", got);
  const deliver = (uuid) => socket.deliver(say(1, { uuid }));
  deliver("a");
  await clock.advance(170_000);
  deliver("a");
  assert.equal(got.calls.length, 1);
  await clock.advance(400_000);
  deliver("b");
  await clock.advance(400_000);
  deliver("a");
  assert.equal(got.calls.length, 3);
  for (let number = 0; number < 10_000; number++) {
    deliver(`n${number}`);
  }
  deliver("a");
  assert.equal(got.calls.length, 3 + 10_000 + 1);
});

// ---- sending

test("web_pipe_send in all its forms", async () => {
  const { client, socket } = await openConnectedPage();
  assert.equal(client.web_pipe_send("web_room", "move", { x: 3, who: "Ann" }), true);
  assert.equal(client.web_pipe_send("web_room", { x: 1 }), true);
  assert.equal(client.web_pipe_send("web_room.move", "text"), true);
  assert.equal(client.web_pipe_send("webauth_room", null, [1]), true);
  assert.equal(client.web_pipe_send("@web_room", "e", 0), true);
  assert.equal(client.web_pipe_send("web_room", "e", "it's \"q\" \\ \n"), true);
  assert.deepEqual(socket.frames("web_pipe2"), [
    'web_room\nmove\n*\n{"x":3,"who":"Ann"}',
    'web_room\nundefined\n*\n{"x":1}',
    'web_room\nmove\n*\n"text"',
    "webauth_room\nundefined\n*\n[1]",
    "@web_room\ne\n*\n0",
    'web_room\ne\n*\n"it\'s \\"q\\" \\\\ \\n"',
  ]);
});

test("web_pipe_send refuses what no server would take", async () => {
  const { client, socket, logged } = await openConnectedPage();
  assert.equal(client.web_pipe_send("news", { x: 1 }), undefined);
  assert.equal(client.web_pipe_send("xweb_room", { x: 1 }), undefined);
  assert.equal(client.web_pipe_send("web_room\nx", "e", 1), undefined);
  assert.equal(client.web_pipe_send("web_room", "e\n*\nforged", 1), undefined);
  assert.equal(client.web_pipe_send("web_room"), false);
  assert.equal(client.web_pipe_send("web_room", "e", undefined), false);
  assert.equal(client.web_pipe_send("web_room", () => {}), false);
  assert.deepEqual(socket.sent, []);
  assert.equal(logged.error.length, 7);
});

test("multi_web_pipe_send repeats one marked message and leaves the page's object alone", async () => {
  const { client, socket, clock } = await openConnectedPage();
  const message = { x: 1 };
  assert.equal(client.multi_web_pipe_send("web_room", "e", message), true);
  assert.equal(socket.sent.length, 1);
  await clock.advance(1999);
  assert.equal(socket.sent.length, 2);
  await clock.advance(10_000);
  assert.equal(socket.sent.length, 3);
  assert.equal(new Set(socket.sent).size, 1);
  const sent = JSON.parse(socket.sent[0].split("\n").at(-1));
  assert.equal(sent.x, 1);
  assert.match(sent._cometApi_uuid, /^[A-Za-z0-9_-]{32}$/);
  assert.deepEqual(message, { x: 1 });
});

test("multi_web_pipe_send takes count and interval, and refuses a wrong pipe once", async () => {
  const { client, socket, clock, logged } = await openConnectedPage();
  client.multi_web_pipe_send("web_room", "e", { x: 1 }, 2, 50);
  await clock.advance(50);
  assert.equal(socket.sent.length, 2);
  assert.equal(client.multi_web_pipe_send("news", "e", { x: 1 }), undefined);
  await clock.advance(10_000);
  assert.equal(logged.error.length, 1);
  assert.equal(socket.sent.length, 2);
});

// ---- questions

test("get_pipe_log sends the command, and its callback becomes a subscription of the pipe, once", async () => {
  const { client, socket } = await openConnectedPage();
  const got = collector();
  assert.equal(client.get_pipe_log("web_room", got), true);
  client.get_pipe_log("web_room", got);
  await settle();
  assert.equal(socket.sent[0], "subscription\nweb_room");
  assert.match(socket.sent[1], /^pipe_log\nweb_room\n\d{10}\n$/);
  assert.equal(socket.sent.length, 3);
  socket.deliver(say("old", { history: true, fromQueue: true, user_id: 7 }), say("new"));
  assert.deepEqual(got.calls.map((call) => [call.data, call.server_info.history]), [["old", true], ["new", false]]);
});

test("count_users_in_pipe asks, and calls back once with its own answer only", async () => {
  const { client, socket } = await openConnectedPage();
  const [first, second, all, ordinary] = [collector(), collector(), collector(), collector()];
  client.subscription("", all);
  client.subscription("_answer_pipe_count", ordinary);
  assert.equal(client.count_users_in_pipe("web_room", first), true);
  assert.equal(client.count_users_in_pipe("track_hall", second), true);
  const [one, other] = socket.frames("pipe_count");
  assert.match(one, /^web_room\n\d{10}\n$/);
  assert.match(other, /^track_hall\n\d{10}\n$/);
  const answer = (question, count) => ({
    data: { user_in_pipe: count }, event: "user_in_pipe", marker: question.split("\n")[1], pipe: "_answer_pipe_count",
  });
  socket.deliver(answer(other, 5), answer(one, 3), answer(one, 9), answer("\n0000000000", 1));
  assert.deepEqual(plain(first.calls.map((call) => call.data)), [{ user_in_pipe: 3 }]);
  assert.deepEqual(plain(second.calls.map((call) => call.data)), [{ user_in_pipe: 5 }]);
  assert.equal(first.calls[0].server_info.marker, one.split("\n")[1]);
  assert.equal(all.calls.length, 0);
  assert.equal(ordinary.calls.length, 0);
});

test("getTrackPipeUsers gets a list, on the pipe's own name or on _answer, past its subscribers", async () => {
  const { client, socket } = await openConnectedPage();
  const [list, members] = [collector(), collector()];
  client.subscription("track_hall", members);
  for (const pipe of ["_answer", "track_hall"]) {
    client.getTrackPipeUsers("track_hall", list);
    const question = socket.frames("track_pipe_users").at(-1);
    assert.match(question, /^track_hall\n\d{10}$/);
    socket.deliver({ data: [{ user_id: 42, uuid: "Q" }], event: "answer", marker: question.split("\n")[1], pipe });
  }
  assert.deepEqual(plain(list.calls.map((call) => call.data)), Array(2).fill([{ user_id: 42, uuid: "Q" }]));
  assert.equal(members.calls.length, 0);
  socket.deliver({ data: { user_id: 1, uuid: "Z" }, event: "subscription", pipe: "track_hall" });
  assert.equal(members.calls.length, 1);
});

test("getUserData gets the stored text; an id that is no number is refused", async () => {
  const { client, socket, logged } = await openConnectedPage();
  const got = collector();
  assert.equal(client.getUserData("42", got), true);
  const [question] = socket.frames("user_data");
  assert.match(question, /^\d{10}\n42$/);
  socket.deliver({
    data: { user_data: '{"name":"Ann"}', user_id: 42 }, event: "answer", marker: question.split("\n")[0], pipe: "_answer",
  });
  assert.equal(got.calls[0].data.user_data, '{"name":"Ann"}');
  assert.equal(client.getUserData("42\nx", got), undefined);
  assert.equal(client.getUserData(undefined, got), undefined);
  assert.equal(logged.error.length, 2);
});

test("a question without a callback is answered to the ordinary callbacks of this tab", async () => {
  const { client, socket } = await openConnectedPage();
  const got = collector();
  client.subscription("_answer_pipe_count", got);
  client.count_users_in_pipe("web_room");
  const marker = socket.frames("pipe_count")[0].split("\n")[1];
  socket.deliver({ data: { user_in_pipe: 1 }, event: "user_in_pipe", marker, pipe: "_answer_pipe_count" });
  assert.equal(got.calls.length, 1);
});

test("questions refuse a name that would break the frame", async () => {
  const { client, socket } = await openConnectedPage();
  for (const name of [undefined, "", "web_a\nweb_b"]) {
    assert.equal(client.count_users_in_pipe(name, () => {}), false);
    assert.equal(client.getTrackPipeUsers(name, () => {}), false);
    assert.equal(client.get_pipe_log(name, () => {}), false);
  }
  await settle();
  assert.deepEqual(socket.sent, []);
});

test("an answer to a question forgotten for the bound calls nobody", async () => {
  const { client, socket } = await openConnectedPage();
  const got = collector();
  for (let number = 0; number <= 1000; number++) {
    client.count_users_in_pipe("web_room", got);
  }
  const markers = socket.frames("pipe_count").map((text) => text.split("\n")[1]);
  const answer = (marker) => ({ data: { user_in_pipe: 1 }, event: "user_in_pipe", marker, pipe: "_answer_pipe_count" });
  socket.deliver(answer(markers[0]));
  assert.equal(got.calls.length, 0);
  socket.deliver(answer(markers[1]), answer(markers[1000]));
  assert.equal(got.calls.length, 2);
});

// ---- helpers

test("Base64, stripslashes and getCustomString", () => {
  const { client } = openPage();
  for (const text of ["", "a", "it's", "Привет 😀", "line\nfeed"]) {
    assert.equal(client.Base64.encode(text), Buffer.from(text).toString("base64"));
    assert.equal(client.Base64.decode(client.Base64.encode(text)), text);
  }
  assert.equal(client.Base64.decode("0JA"), "А");
  assert.doesNotThrow(() => client.Base64.encode("\uD800"));
  assert.equal(client.stripslashes("it\\'s \\\\ \\\"q\\\""), 'it\'s \\ "q"');
  assert.match(client.getCustomString(), /^\d{10}$/);
});

test("getters tell the options", () => {
  const { client } = openPage();
  assert.equal(client.getDevId(), "0");
  client.start({ dev_id: 15, user_id: "42", user_key: "k" });
  assert.deepEqual([client.getDevId(), client.getUserId(), client.getUserKey()], [15, "42", "k"]);
  assert.equal(client.options.user_key, "k");
  assert.equal(client.version, "4.50");
  assert.equal(client.socketArray.length, 1);
});

test("the console never shows keys or payloads, at any log level", async () => {
  const browser = openPage();
  browser.client.setLogLevel(9);
  browser.client.start({ user_id: 1, user_key: "s3cretKey", nostat: true });
  await browser.socket.accept({ authorized: "true", key: "s3cretKey" });
  browser.client.web_pipe_send("web_room", { text: "s3cretText" });
  browser.socket.deliver(say("s3cretText"));
  browser.socket.drop();
  assert.ok(browser.logged.log.length > 3);
  assert.doesNotMatch(JSON.stringify(browser.logged), /s3cret/);
});

test("signals work in the page and through the storage event between tabs", () => {
  const storage = new Map();
  const [here, there] = [openPage({ storage }), openPage({ storage })];
  const [own, other] = [collector(), collector()];
  here.page.tabSignal.connect("logout", own);
  const id = there.page.tabSignal.connect("logout", other);
  const key = "comet_server_signal_storage_emit";
  const storageEvent = () => {
    for (const tab of [here, there]) {
      tab.fire("storage", { key, newValue: storage.get(key) });
    }
  };
  here.page.tabSignal.emitAll("logout", { who: 42 });
  storageEvent();
  assert.deepEqual(plain(own.calls), [{ who: 42 }]);
  assert.deepEqual(plain(other.calls), [{ who: 42 }]);
  assert.equal(there.page.tabSignal.disconnect(id), true);
  here.page.tabSignal.send_emit("logout", 1);
  storageEvent();
  there.fire("storage", { key, newValue: "{broken" });
  assert.equal(own.calls.length, 1);
  assert.equal(other.calls.length, 1);
});
