// A chat in one pipe: everybody who has the page open is subscribed to web_simple_chat, and sends to it.

import { CometServer } from "/CometServerApi.mjs";
import { create, element, remember, remembered, showConnection } from "../common.js";

const PIPE = "web_simple_chat";
const EVENT = "message";
const MESSAGES_SHOWN = 500;
const COUNT_EVERY_MS = 5000;

const comet = CometServer();

function showMessage(who, text, kind) {
  const list = element("messages");
  const wasAtEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;

  const item = create("li", `message ${kind}`);
  item.append(create("span", "who", who), create("span", "text", text));
  list.append(item);
  while (list.children.length > MESSAGES_SHOWN) {
    list.firstElementChild.remove();
  }
  if (wasAtEnd || kind === "mine") {
    list.scrollTop = list.scrollHeight;
  }
}

/** Name and text of any payload: {name, text} as this page sends it, or whatever a backend chose to send. */
function readPayload(data) {
  if (typeof data === "object" && data !== null && "text" in data) {
    return { who: String(data.name ?? "") || "Nobody", text: asText(data.text) };
  }
  return { who: "Server", text: asText(data) };
}

function asText(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function showState(connected) {
  if (connected) {
    countPeople();
  } else {
    element("people").textContent = "–";
  }
}

function countPeople() {
  if (comet.isConnected()) {
    comet.count_users_in_pipe(PIPE, (answer) => {
      element("people").textContent = answer.data.user_in_pipe;
    });
  }
}

function send(event) {
  event.preventDefault();
  const name = element("name").value.trim();
  const text = element("text").value.trim();
  if (!name || !text) {
    return;
  }
  remember("simple_chat_name", name);
  // The server sends a message to everybody but its sender, so the page shows its own.
  showMessage(name, text, "mine");
  const written = comet.web_pipe_send(PIPE, EVENT, { name, text });
  element("report").textContent = written ? "sending" : "not connected: will be sent as soon as it is possible";
  element("text").value = "";
  element("text").focus();
}

element("name").value = remembered("simple_chat_name", `Guest ${100 + Math.floor(Math.random() * 900)}`);
element("form").addEventListener("submit", send);

showConnection(comet);
comet.onConnectionChange(showState);
comet.subscription(PIPE, (message) => {
  const { who, text } = readPayload(message.data);
  showMessage(who, text, "theirs");
  countPeople();
});
comet.subscription(`#${PIPE}`, (report) => {
  element("report").textContent = report.data.error || `delivered to ${report.data.number_messages}`;
  countPeople();
});
comet.subscription("sys.error", (message) => {
  element("report").textContent = message.data.error;
});
comet.start({ dev_id: 0 });
setInterval(countPeople, COUNT_EVERY_MS);
