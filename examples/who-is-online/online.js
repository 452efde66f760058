// Who has this page open: the members of a pipe whose name begins with track_. The client keeps the list and tells who
// came and who went, so nothing has to be counted here.

import { CometServer } from "/CometServerApi.mjs";
import { create, element, showConnection } from "../common.js";

const PIPE = "track_who_is_online";
const NEWS_SHOWN = 100;

const comet = CometServer();
let isFirst = true;

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

function tell(member, what) {
  const line = create("li", "", `${guise(member).name} ${what}`);
  line.append(create("time", "quiet", ` ${new Date().toLocaleTimeString()}`));
  element("news").prepend(line);
  while (element("news").children.length > NEWS_SHOWN) {
    element("news").lastElementChild.remove();
  }
}

showConnection(comet);
comet.presence(PIPE, ({ members, joined, left }) => {
  showPeople(members);
  // Those who were here already are no news.
  if (!isFirst) {
    left.forEach((member) => tell(member, "went"));
    joined.forEach((member) => tell(member, "came"));
  }
  isFirst = false;
});
comet.start({ dev_id: 0 });
