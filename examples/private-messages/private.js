// An inbox. The backend says in SQL which key belongs to which user; a page that connects with it receives that user's
// private messages, those first that came while nobody was there.

import { CometServer } from "/CometServerApi.mjs";
import { create, element, showConnection } from "../common.js";

const MESSAGES_SHOWN = 200;

const comet = CometServer();

/** A key nobody can guess. On a real site the backend makes it, and only the user's own page gets to see it. */
function randomKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function showSql() {
  const user = Number(element("user").value) || 7;
  const message = JSON.stringify({ from: "SQL", text: "only for you" });
  element("key-sql").textContent = `INSERT INTO users_auth (id, hash) VALUES (${user}, '${element("key").value}')`;
  element("message-sql").textContent =
    `INSERT INTO users_messages (id, event, message) VALUES (${user}, 'note', '${message}')`;
}

function showLogin(text, loggedIn) {
  element("login-state").textContent = text;
  element("log-out").hidden = !loggedIn;
}

function showMessage({ data }) {
  const { from, text } = typeof data === "object" && data !== null ? data : { from: "Server", text: data };
  const item = create("li", "message");
  item.append(create("span", "from", String(from ?? "Server")), create("span", "text", asText(text)));
  element("messages").append(item);
  while (element("messages").children.length > MESSAGES_SHOWN) {
    element("messages").firstElementChild.remove();
  }
  item.scrollIntoView({ block: "nearest" });
}

function asText(value) {
  return typeof value === "string" ? value : JSON.stringify(value) ?? "";
}

function logIn(event) {
  event.preventDefault();
  comet.restart({ user_id: Number(element("user").value), user_key: element("key").value });
}

function logOut() {
  element("messages").replaceChildren();
  comet.restart({ user_id: 0, user_key: "" });
  showLogin("not logged in", false);
}

element("key").value = randomKey();
showSql();
element("form").addEventListener("input", showSql);
element("form").addEventListener("submit", logIn);
element("log-out").addEventListener("click", logOut);

showConnection(comet);
comet.onAuthSuccess(() => showLogin(`user ${comet.getUserId()}`, true));
comet.onAuthFail(() => showLogin(comet.getUserId() ? "this is not the key" : "not logged in", false));
comet.subscription("msg", showMessage);
comet.start({ dev_id: 0 });
