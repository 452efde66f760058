// Notifications that only the backend can send: browsers may not publish to pipes that begin with trust_. Such pipes keep
// a history, so the client fetches by itself what came while it was away.

import { CometServer } from "/CometServerApi.mjs";
import { create, element, showConnection } from "../common.js";

const PIPE = "trust_notifications";
const KINDS = ["info", "success", "warning"];
const SHOWN = 100;
const AWAY_MS = 5000;

const comet = CometServer();
let unread = 0;

function showNotification({ data, server_info: info }, isNew = true) {
  const { title, text } = typeof data === "object" && data !== null ? data : { title: data };
  const item = create("li", `notification ${KINDS.includes(info.event) ? info.event : "info"}`);
  const time = new Date(info.message_send_time * 1000).toLocaleTimeString();
  item.append(create("time", "quiet", time), create("strong", "", asText(title)), create("span", "", asText(text)));
  element("notifications").prepend(item);
  while (element("notifications").children.length > SHOWN) {
    element("notifications").lastElementChild.remove();
  }
  if (isNew) {
    item.classList.add("new");
    showUnread(unread + 1);
  }
}

function asText(value) {
  return typeof value === "string" ? value : JSON.stringify(value) ?? "";
}

function showUnread(count) {
  unread = count;
  element("unread").textContent = count > 99 ? "99+" : count;
  element("unread").hidden = count === 0;
}

function markAllRead() {
  showUnread(0);
  for (const item of document.querySelectorAll(".new")) {
    item.classList.remove("new");
  }
}

function goAway() {
  element("away").disabled = true;
  element("report").textContent = "Away. Send something now.";
  comet.stop();
  setTimeout(() => {
    comet.start();
    element("away").disabled = false;
    element("report").textContent = "";
  }, AWAY_MS);
}

async function showEarlier() {
  try {
    for (const earlier of await comet.history(PIPE)) {
      showNotification(earlier, false);
    }
  } finally {
    // Only now, or what comes meanwhile would stand below what was earlier.
    comet.subscription(PIPE, showNotification);
  }
}

element("bell").addEventListener("click", markAllRead);
element("away").addEventListener("click", goAway);

showConnection(comet);
comet.onGap(() => { element("report").textContent = "You were away for so long that some notifications are gone."; });
comet.start({ dev_id: 0 });
showEarlier().catch((error) => { element("report").textContent = error.message; });
