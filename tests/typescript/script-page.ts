// A page with the script's globals.

/// <reference path="../../crates/ws-gateway/assets/CometServerApi.d.ts" />

CometServer().start({ dev_id: 15, user_id: "42", user_key: "key", node: ["a.example", "b.example"], roundrobin: true });
const id = CometServer().subscription("web_room.say", (message) => console.log(message.data, message.server_info.user_id));
if (id) CometServer().unsubscription(id);
CometServer().subscription((message) => console.log(message.server_info.pipe));
CometServer().Subscription("sys.error", ({ data }) => console.error(data.error));
CometServer().onAuthFalill(() => CometServer().restart({ user_id: "", user_key: "" }));
const written: boolean | undefined = CometServer().web_pipe_send("web_room", { text: "hello" });
const asked: boolean = CometServer().count_users_in_pipe("web_room", ({ data }) => console.log(data.user_in_pipe.toFixed()));
console.log(written, asked, new cometServerApi({ queueLimit: 10 }).getUUID(), cometApi.Base64.encode("x"));
tabSignal.emitAll("logout", { who: comet_server_signal().connect("logout", () => {}) });
