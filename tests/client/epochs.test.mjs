// Histories that end and begin anew, also in the moment in which a page comes back: nothing is heard twice, and nothing
// is left out without a gap.

import assert from "node:assert/strict";
import { test } from "node:test";
import { openPage } from "./browser.mjs";

const PIPE = "web_room";
const [OLD, NEW] = [11, 7];

const live = (epoch, offset) => ({ data: `${epoch}:${offset}`, event: "e", pipe: PIPE, epoch, offset });
const missed = (epoch, offset) => ({ ...live(epoch, offset), resumed: true });
const mark = (event, epoch, offset) => ({ data: { pipe: PIPE }, event, pipe: "sys", epoch, offset, resumed: true });
const report = (epoch, offset) => ({ data: { ret: 0 }, event: "e", pipe: `_answer_to_${PIPE}`, epoch, offset });

/** A page, and what it heard: the data of messages, and the word "gap". */
class Visit {
  heard = [];
  browser = openPage({ random: 0 });

  static async begin(...frames) {
    const visit = new Visit();
    const { client } = visit.browser;
    client.subscription(PIPE, ({ data }) => visit.heard.push(data));
    client.onGap(() => visit.heard.push("gap"));
    client.start({ nostat: true });
    await visit.#greet();
    visit.deliver(...frames);
    return visit;
  }

  deliver(...frames) {
    this.browser.socket.deliver(...frames);
  }

  /** Loses the connection, has the next one and gives the position it asks from. */
  async comeBack() {
    this.heard.length = 0;
    this.browser.socket.drop();
    await this.browser.clock.advance(1000);
    await this.#greet();
    const [frame] = this.browser.socket.frames("resume");
    return frame.split("\n").slice(1).join(":");
  }

  async #greet() {
    await this.browser.socket.accept({ greet: false });
    this.deliver({ authorized: "false", data: "", event: "serverInfo", pipe: "sys", resumes: true });
  }
}

test("a history that ended while the page came back neither comes after the gap nor moves it back", async () => {
  const page = await Visit.begin(mark("resumed", OLD, 3));
  assert.equal(await page.comeBack(), `${OLD}:3`);
  page.deliver(live(OLD, 4), live(NEW, 1), mark("gap", NEW, 2), mark("resumed", NEW, 2), live(NEW, 2));
  page.deliver(live(OLD, 5), live(NEW, 3));
  assert.deepEqual(page.heard, ["gap", `${NEW}:3`]);
  assert.equal(await page.comeBack(), `${NEW}:3`);
});

test("the new history is not heard twice where an unknown one ended while the page came back", async () => {
  const page = await Visit.begin(mark("resumed", 0, 0));
  assert.equal(await page.comeBack(), "0:0");
  page.deliver(live(OLD, 4), live(OLD, 5), live(NEW, 1), missed(NEW, 1), missed(NEW, 2), mark("resumed", NEW, 2));
  page.deliver(live(NEW, 2), live(NEW, 3));
  const messages = page.heard.filter((entry) => entry !== "gap");
  assert.deepEqual(messages, [`${NEW}:1`, `${NEW}:2`, `${OLD}:4`, `${OLD}:5`, `${NEW}:3`]);
  assert.equal(page.heard[2], "gap", "before the middle of the old history");
  assert.equal(await page.comeBack(), `${NEW}:3`);
});

test("the end of a removed history that comes late is not heard after its gap", async () => {
  const page = await Visit.begin(mark("resumed", OLD, 4));
  await page.comeBack();
  page.deliver(mark("gap", 0, 0), mark("resumed", 0, 0), live(OLD, 4), live(OLD, 5));
  assert.deepEqual(page.heard, ["gap"]);
  page.deliver(live(NEW, 1));
  assert.deepEqual(page.heard, ["gap", `${NEW}:1`]);
});

test("who begins in the middle of a history that came and went meanwhile is told of a gap", async () => {
  const page = await Visit.begin(mark("resumed", 0, 0));
  await page.comeBack();
  page.deliver(mark("resumed", 0, 0), live(OLD, 5), live(OLD, 6));
  assert.deepEqual(page.heard, ["gap", `${OLD}:5`, `${OLD}:6`]);
});

test("a history that begins anew while the page listens is no gap", async () => {
  const page = await Visit.begin(mark("resumed", OLD, 3), live(OLD, 4), live(NEW, 1), live(NEW, 2));
  assert.deepEqual(page.heard, [`${OLD}:4`, `${NEW}:1`, `${NEW}:2`]);
  assert.equal(await page.comeBack(), `${NEW}:2`);
});

test("what the page itself says first in a new history is no gap, and does not come back", async () => {
  const page = await Visit.begin(mark("resumed", OLD, 3));
  page.browser.client.web_pipe_send(PIPE, "e", "mine");
  page.deliver(report(NEW, 1), live(NEW, 2));
  assert.deepEqual(page.heard, [`${NEW}:2`]);
  page.browser.client.web_pipe_send(PIPE, "e", "mine too");
  page.deliver(live(22, 2), report(22, 1));
  assert.deepEqual(page.heard, [`${NEW}:2`, "22:2"], "the report may come later");
});

test("a new page hears all that comes live, wherever the history stood when it was looked up", async () => {
  const page = await Visit.begin(live(OLD, 7), mark("resumed", OLD, 9), live(OLD, 8), live(OLD, 9), live(OLD, 10));
  assert.deepEqual(page.heard, [7, 8, 9, 10].map((offset) => `${OLD}:${offset}`));
});

test("of a pipe whose history begins anew again and again only the newest epochs are remembered", async () => {
  const page = await Visit.begin(mark("resumed", 100, 1), live(100, 2));
  page.heard.length = 0;
  const epochs = Array.from({ length: 50 }, (_, index) => 101 + index);
  page.deliver(...epochs.map((epoch) => live(epoch, 1)));
  assert.deepEqual(page.heard, epochs.map((epoch) => `${epoch}:1`));
  page.deliver(live(150, 1), live(149, 1), live(150, 2));
  assert.deepEqual(page.heard.slice(50).filter((entry) => entry !== "gap"), ["150:2"]);
});

/** A pipe at the server: what it commits is in the history at once, and comes live a while later, in order. */
class Pipe {
  log = [];
  #live = 0;
  #epoch = 0;
  #kept = [];

  constructor(chance) {
    this.chance = chance;
  }

  commit() {
    if (this.#epoch && this.chance(0.2)) {
      this.#epoch = 0;
      return;
    }
    if (!this.#epoch) {
      this.#epoch = this.log.length + 1000;
      this.#kept = [];
    }
    const position = { epoch: this.#epoch, offset: this.#kept.length + 1 };
    this.#kept.push(position);
    this.log.push(position);
  }

  /** The next live messages, some or all. */
  *live(all) {
    while (this.#live < this.log.length && (all || this.chance(0.7))) {
      const { epoch, offset } = this.log[this.#live++];
      yield live(epoch, offset);
    }
  }

  /** What comes live while nobody listens. */
  skip() {
    Array.from(this.live());
  }

  /** What `resume` answers at this moment. */
  answer(position) {
    const [epoch, offset] = position.split(":").map(Number);
    const end = this.#epoch ? this.#kept.at(-1) : { epoch: 0, offset: 0 };
    const stands = (event) => mark(event, end.epoch, end.offset);
    if (position === ":") {
      return [stands("resumed")];
    }
    if (position !== "0:0" && epoch !== end.epoch) {
      return [stands("gap"), stands("resumed")];
    }
    const rest = this.#epoch ? this.#kept.slice(offset) : [];
    return [...rest.map((one) => missed(one.epoch, one.offset)), stands("resumed")];
  }
}

/** A chance that is the same for the same seed. */
function chances(seed) {
  let state = seed;
  return (share) => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647 < share;
  };
}

/** What a page hears that comes back again and again while the pipe goes on at any point of it. */
async function story(pipe, chance) {
  const work = () => {
    while (chance(0.6)) {
      pipe.commit();
    }
  };
  const visit = await Visit.begin();
  const told = [];
  const listen = (all) => {
    work();
    visit.deliver(...pipe.live(all));
    told.push(...visit.heard.splice(0));
  };
  visit.deliver(...pipe.answer(":"));
  for (let breaks = 0; breaks < 8; breaks++) {
    listen();
    const position = await visit.comeBack();
    work();
    pipe.skip();
    listen();
    const answer = pipe.answer(position);
    listen();
    visit.deliver(...answer);
    listen();
  }
  listen(true);
  return told;
}

test("each message comes once and in order, or a gap is told, whenever a history ends", async () => {
  for (let seed = 1; seed <= 200; seed++) {
    const chance = chances(seed);
    const pipe = new Pipe(chance);
    const told = await story(pipe, chance);
    const said = pipe.log.map(({ epoch, offset }) => `${epoch}:${offset}`);
    const all = `seed ${seed}, said: ${said.join(" ")}, told: ${told.join(" ")}`;
    const messages = told.filter((entry) => entry !== "gap");
    assert.equal(new Set(messages).size, messages.length, `something came twice; ${all}`);
    assert.ok([said.at(-1), "gap"].includes(told.at(-1)), `the end is missing; ${all}`);
    told.forEach((entry, index) => {
      const before = told[index - 1];
      if (entry !== "gap" && before !== "gap") {
        const follows = before === undefined ? entry.endsWith(":1") : said.indexOf(entry) === said.indexOf(before) + 1;
        assert.ok(follows, `${entry} without a gap; ${all}`);
      }
    });
  }
});
