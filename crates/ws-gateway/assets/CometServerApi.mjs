// The browser client as a module: import { CometServer } from "http://127.0.0.1:8087/CometServerApi.mjs".
// The globals of CometServerApi.js exist too, and both share one connection.

import "./CometServerApi.js";

const { CometServer, cometApi, cometServerApi, comet_server_signal, tabSignal } = globalThis;

// A script that is imported does not know its address; the default node is where it came from.
cometServerApi.scriptUrl ||= import.meta.url;

export { CometServer, cometApi, cometServerApi, comet_server_signal, tabSignal };
export default CometServer;
