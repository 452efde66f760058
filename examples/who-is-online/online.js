// Who has this page open. A pipe whose name begins with track_ tells its members who joins and who leaves, and gives a
// list of all. The news say when to look; the list is the truth, so nothing has to be counted here.

import { CometServer } from "/CometServerApi.mjs";
import { create, element, showConnection } from "../common.js";

const PIPE = "track_who_is_online";
const NEWS_SHOWN = 100;
const LOOK_EVERY_MS = 500;

const comet = CometServer();
let nextLook = 0;

/** A name and a colour for somebody who has no account: always the same for the same browser. */
function guise({ user_id: user, uuid }) {
  const colours = [
    ["Amber", 42], ["Blue", 215], ["Coral", 14], ["Green", 125], ["Olive", 72], ["Pink", 330], ["Teal", 175], ["Violet", 270],
  ];
  const animals = ["Badger", "Crane", "Dolphin", "Fox", "Heron", "Lynx", "Otter", "Panda", "Raven", "Seal", "Wolf"];
  let number = 0;
  for (const letter of String(uuid)) {
    number = (number * 31 + letter.charCodeAt(0)) >>> 0;
  }
  const [colour, hue] = colours[number % colours.length];
  const name = `${colour} ${animals[(number >>> 8) % animals.length]}`;
  return { name: user > 0 ? `User ${user}` : name, hue };
}

function showPeople(members) {
  // One line for each browser, however many tabs it has open.
  const tabs = new Map();
  for (const member of members) {
    const key = `${member.user_id} ${member.uuid}`;
    tabs.set(key, { member, count: (tabs.get(key)?.count ?? 0) + 1 });
  }
  element("count").textContent = tabs.size;
  element("people").replaceChildren(...Array.from(tabs.values(), ({ member, count }) => {
    const { name, hue } = guise(member);
    const item = create("li", "person", count > 1 ? `${name} × ${count}` : name);
    item.style.setProperty("--hue", hue);
    if (member.uuid === comet.getUUID()) {
      item.append(create("span", "quiet", " you"));
    }
    return item;
  }));
}

/** Asks for the list, at most twice a second however much happens. */
function look() {
  nextLook ||= setTimeout(() => {
    nextLook = 0;
    comet.getTrackPipeUsers(PIPE).then(showPeople, () => { /* after the next connection */ });
  }, LOOK_EVERY_MS);
}

function tell(member, what) {
  const line = create("li", "", `${guise(member).name} ${what}`);
  line.append(create("time", "quiet", ` ${new Date().toLocaleTimeString()}`));
  element("news").prepend(line);
  while (element("news").children.length > NEWS_SHOWN) {
    element("news").lastElementChild.remove();
  }
  look();
}

showConnection(comet);
comet.onConnectionChange((connected) => { if (connected) look(); });
comet.subscription(`${PIPE}.subscription`, ({ data }) => tell(data, "came"));
comet.subscription(`${PIPE}.unsubscription`, ({ data }) => tell(data, "went"));
comet.start({ dev_id: 0 });
