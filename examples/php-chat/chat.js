// The page of somebody who is logged in: the room, who is online, private messages.

"use strict";

const MESSAGES_SHOWN = 500;

const element = (id) => document.getElementById(id);
const settings = JSON.parse(document.body.dataset.settings);
const comet = CometServer();

/** user id -> {name, seen}; seen as in users_time: 0 online, -1 never, else Unix seconds */
const people = new Map();

/** Whose status came live while the page was waiting for loadPeople(): that is newer than the answer. */
const changedMeanwhile = new Set();

// ---- showing

function showMessage(list, who, text, kind) {
  const item = document.createElement("li");
  item.className = `message ${kind}`;
  for (const [className, content] of [["who", who], ["text", text]]) {
    const part = document.createElement("span");
    part.className = className;
    // textContent, never innerHTML: what others write must stay text.
    part.textContent = content;
    item.append(part);
  }
  list.append(item);
  while (list.children.length > MESSAGES_SHOWN) {
    list.firstElementChild.remove();
  }
  list.scrollTop = list.scrollHeight;
}

function showNotice(text) {
  element("notice").textContent = text;
  element("notice").hidden = text === "";
}

function showPerson(id) {
  const { name, seen } = people.get(id);
  let item = document.querySelector(`#online [data-user-id="${id}"]`);
  if (!item) {
    item = document.createElement("li");
    item.dataset.userId = id;
    element("online").append(item);
  }
  item.className = seen === 0 ? "online" : "offline";
  item.textContent = name;
  item.title = seen === 0 ? "online" : seen < 0 ? "never seen" : `last seen ${new Date(seen * 1000).toLocaleString()}`;
}

function addPerson({ id, name }) {
  if (people.has(id)) {
    return;
  }
  people.set(id, { name, seen: -1 });
  showPerson(id);
  comet.subscription(`user_status_${id}`, ({ server_info: info }) => {
    people.get(id).seen = info.event === "online" ? 0 : Math.floor(Date.now() / 1000);
    changedMeanwhile.add(id);
    showPerson(id);
  });
  if (id !== settings.me) {
    element("private-to").append(new Option(name, id));
  }
}

// ---- talking to PHP

async function loadPeople() {
  changedMeanwhile.clear();
  const response = await fetch("index.php?action=people");
  if (response.status === 401) {
    showNotice("You are logged out. Load the page again to log in.");
    return;
  }
  const answer = await response.json();
  for (const { id, name, seen } of answer.people) {
    addPerson({ id, name });
    if (!changedMeanwhile.has(id)) {
      people.get(id).seen = seen;
      showPerson(id);
    }
  }
}

async function sendPrivate(event) {
  event.preventDefault();
  const text = element("private-text").value.trim();
  const to = Number(element("private-to").value);
  if (!text || !people.has(to)) {
    return;
  }
  const body = new URLSearchParams({ action: "private", csrf: settings.csrf, to, text });
  try {
    const response = await fetch("index.php", { method: "POST", body });
    const { error } = await response.json();
    showNotice(error);
    if (!error) {
      showMessage(element("private-messages"), `You to ${people.get(to).name}`, text, "mine");
      element("private-text").value = "";
    }
  } catch {
    showNotice("The message was not sent: the site or CometWire does not answer.");
  }
}

// ---- talking to CometWire

function sendToRoom(event) {
  event.preventDefault();
  const text = element("text").value.trim();
  if (!text) {
    return;
  }
  // The server sends a message to everybody but its sender, so the page shows its own.
  showMessage(element("messages"), people.get(settings.me).name, text, "mine");
  comet.web_pipe_send(settings.room, "message", { text });
  element("text").value = "";
}

function receiveFromRoom({ data, server_info: info }) {
  // Who wrote it is what the server says, not what the message says: user_id cannot be forged.
  const who = info.user_id === 0 ? "Server" : people.get(info.user_id)?.name ?? `User ${info.user_id}`;
  const text = typeof data === "object" && data !== null && "text" in data ? data.text : data;
  showMessage(element("messages"), who, typeof text === "string" ? text : JSON.stringify(text), "theirs");
}

function showState(connected) {
  element("state").textContent = connected ? "connected" : "connecting";
  element("state").className = connected ? "online" : "offline";
  if (connected) {
    // Also after every break: what happened meanwhile was not heard. The server takes what a page sends in order, so
    // its answer to any question means that the subscriptions are in force: whatever changes after loadPeople() has
    // looked is heard live.
    comet.count_users_in_pipe("web_php_chat_ready", () => {
      loadPeople().catch(() => showNotice("Who is online is not known: the site or CometWire does not answer."));
    });
  }
}

settings.people.forEach(addPerson);
comet.onConnectionChange(showState);
comet.onAuthSuccess(() => showNotice(""));
comet.onAuthFalill(() => showNotice("You were logged out, here or on another device. Load the page again."));
comet.subscription(settings.room, receiveFromRoom);
comet.subscription(`#${settings.room}`, ({ data }) => {
  element("report").textContent = data.error || `delivered to ${data.number_messages}`;
});
comet.subscription("msg.private", ({ data }) => {
  showMessage(element("private-messages"), data.name, data.text, "theirs");
});
comet.subscription(`${settings.news}.registered`, ({ data }) => addPerson(data));
comet.subscription("sys.error", ({ data }) => showNotice(data.error));
element("form").addEventListener("submit", sendToRoom);
element("private-form").addEventListener("submit", sendPrivate);
comet.start({ dev_id: settings.devId, user_id: settings.me, user_key: settings.key });
