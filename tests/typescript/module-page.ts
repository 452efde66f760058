// A page that imports the module.

import comet, { CometServer, cometServerApi, type DeliveryReport, type Message } from "../../crates/ws-gateway/assets/CometServerApi.mjs";

interface Line { text: string }

const client = comet();
client.start({ user_id: 42, get_user_key: async () => (await fetch("/token")).text(), answerTimeout: 5000 });
client.onTerminalError((error) => console.error(error.error, error.error_code));
client.onGap(({ data }) => console.warn(`messages of ${data.pipe} are gone`));
client.onConnectionChange((connected: boolean) => console.log(connected));
client.subscription<Line>("web_room", (message) => console.log(message.data.text));

const report: DeliveryReport = await client.send("web_room", "say", { text: "hello" } satisfies Line);
const { user_in_pipe } = await CometServer().count_users_in_pipe("web_room");
const users: number[] = (await client.getTrackPipeUsers("track_hall")).map((user) => user.user_id);
const here = client.presence("track_hall", ({ joined, left }) => console.log(joined[0]?.user_id, left.length));
const everybody: number = (await here.ready).members.length;
here.unsubscribe();
const lines: Message<Line>[] = await client.history<Line>("web_room");
const text: string = (await client.getUserData(42)).user_data;
console.log(everybody, report.number_messages + user_in_pipe, users, lines[0]?.data.text, text, cometServerApi.scriptUrl);

// @ts-expect-error: the number of a user is needed
client.getUserData({});
// @ts-expect-error: no such option
client.start({ devid: 0 });
// @ts-expect-error: a promise, not a count
client.count_users_in_pipe("web_room").user_in_pipe;
