// Everybody's pointer. A position is a message like any other; to be gentle a page sends at most twenty a second, always
// the newest, and nothing while it is not connected: an old position is worth nothing.

import { CometServer } from "/CometServerApi.mjs";
import { create, element, remember, remembered, showConnection } from "../common.js";

const PIPE = "web_cursors";
const SEND_EVERY_MS = 50;
const FORGET_AFTER_MS = 10_000;
const CURSORS_SHOWN = 100;

const comet = CometServer();

/** id -> {pointer, seen}: the element of somebody else's cursor, and when it last moved */
const cursors = new Map();

let next = null;
let timer = 0;

function sendSoon(x, y) {
  next = { id: comet.getTabUUID(), name: element("name").value.trim() || "Guest", x, y };
  timer ||= setTimeout(() => {
    timer = 0;
    if (comet.isConnected()) {
      comet.web_pipe_send(PIPE, "move", next);
    }
  }, SEND_EVERY_MS);
}

function pointed({ clientX, clientY }) {
  const box = element("field").getBoundingClientRect();
  sendSoon((clientX - box.left) / box.width, (clientY - box.top) / box.height);
}

/** What others send may be anything: a position is brought into the field, a name is short and stays text. */
function showMove({ data }) {
  if (typeof data !== "object" || data === null) {
    return;
  }
  const id = String(data.id);
  if (!cursors.has(id)) {
    if (cursors.size >= CURSORS_SHOWN) {
      return;
    }
    const pointer = create("div", "cursor");
    pointer.style.setProperty("--hue", hueOf(id));
    pointer.append(create("span", "name"));
    element("field").append(pointer);
    cursors.set(id, { pointer });
  }
  const cursor = cursors.get(id);
  cursor.seen = Date.now();
  cursor.pointer.firstChild.textContent = String(data.name ?? "").slice(0, 24);
  cursor.pointer.style.left = `${100 * within(data.x)}%`;
  cursor.pointer.style.top = `${100 * within(data.y)}%`;
  showCount();
}

function within(value) {
  const number = Number(value);
  return Number.isFinite(number) ? Math.min(Math.max(number, 0), 1) : 0;
}

function hueOf(id) {
  let hue = 0;
  for (const letter of id) {
    hue = (hue * 31 + letter.charCodeAt(0)) % 360;
  }
  return hue;
}

function forget(id) {
  cursors.get(id)?.pointer.remove();
  cursors.delete(id);
  showCount();
}

function showCount() {
  element("count").textContent = cursors.size;
}

element("name").value = remembered("cursors_name", `Guest ${100 + Math.floor(Math.random() * 900)}`);
element("name").addEventListener("change", ({ target }) => remember("cursors_name", target.value));
element("form").addEventListener("submit", (event) => event.preventDefault());
element("field").addEventListener("pointermove", pointed);
element("field").addEventListener("pointerdown", pointed);
// With luck the others hear at once that this page is closed; without, they forget it a little later.
addEventListener("pagehide", () => { comet.web_pipe_send(PIPE, "leave", { id: comet.getTabUUID() }); });
setInterval(() => {
  for (const [id, { seen }] of cursors) {
    if (Date.now() - seen > FORGET_AFTER_MS) {
      forget(id);
    }
  }
}, 1000);

showConnection(comet);
comet.subscription(`${PIPE}.move`, showMove);
comet.subscription(`${PIPE}.leave`, ({ data }) => forget(String(data?.id)));
comet.start({ dev_id: 0 });
