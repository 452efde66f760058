// A tile with a curve for every number of the objects that arrive in one pipe. Only backends can publish to a pipe that
// begins with trust_; its history fills the curves when the page opens.

import { CometServer } from "/CometServerApi.mjs";
import { create, element, showConnection } from "../common.js";

const PIPE = "trust_dashboard";
const POINTS = 60;
const TILES = 12;
const WIDTH = 240;
const HEIGHT = 60;

const comet = CometServer();

/** name -> {values, number, curve}: the last values, and the elements that show them */
const tiles = new Map();

function tileOf(name) {
  if (!tiles.has(name) && tiles.size < TILES) {
    const curve = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    curve.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    curve.setAttribute("aria-hidden", "true");
    curve.append(document.createElementNS("http://www.w3.org/2000/svg", "polyline"));
    const number = create("strong", "number");
    const item = create("li", "tile");
    item.append(create("span", "quiet", name), number, curve);
    element("tiles").append(item);
    tiles.set(name, { values: [], number, curve: curve.firstChild });
  }
  return tiles.get(name);
}

function draw({ values, number, curve }) {
  number.textContent = values.at(-1).toLocaleString();
  const low = Math.min(...values);
  const span = Math.max(...values) - low || 1;
  const points = values.map((value, index) => {
    const x = WIDTH - (values.length - 1 - index) * WIDTH / (POINTS - 1);
    const y = HEIGHT - 4 - (value - low) / span * (HEIGHT - 8);
    return `${x.toFixed(1)},${y.toFixed(1)}`;
  });
  curve.setAttribute("points", points.join(" "));
}

function show({ data, server_info: info }) {
  if (typeof data !== "object" || data === null) {
    return;
  }
  for (const [name, value] of Object.entries(data)) {
    const tile = typeof value === "number" ? tileOf(name) : undefined;
    if (tile) {
      tile.values.push(value);
      tile.values.splice(0, tile.values.length - POINTS);
      draw(tile);
    }
  }
  element("updated").textContent = new Date(info.message_send_time * 1000).toLocaleTimeString();
}

async function showEarlier() {
  try {
    (await comet.history(PIPE)).forEach(show);
  } finally {
    comet.subscription(`${PIPE}.numbers`, show);
  }
}

showConnection(comet);
comet.start({ dev_id: 0 });
showEarlier().catch((error) => { element("updated").textContent = error.message; });
