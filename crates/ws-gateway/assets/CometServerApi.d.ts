// TypeScript declarations of CometServerApi.js (its globals) and CometServerApi.mjs (its exports).

/** Users, keys and developers may be named with numbers or texts. */
export type Id = string | number;

export interface Options {
  /** Developer id; default 0. */
  dev_id?: Id;
  user_id?: Id;
  /** The user's key in `users_auth`, or a JWT if the server takes them. */
  user_key?: Id;
  /**
   * Asked for a key, while `user_id` is set: before a JWT expires, when the page wakes up with one that has, and after
   * a failed login. The client connects again with a key that is new; nothing, or the same key, leaves the connection as it is.
   */
  get_user_key?: () => Id | null | undefined | PromiseLike<Id | null | undefined>;
  /** "[scheme://]host[:port][/prefix]"; default: where the script came from, else the page's host. */
  node?: string | string[];
  /** Several nodes, all connected at the same time. */
  nodes?: string[];
  /** The same as `nodes`. */
  nodeArray?: string[];
  /** Connect to one of the nodes only, to the next one after a failure. */
  roundrobin?: boolean;
  /** Force or forbid TLS. */
  wss?: boolean | null;
  /** This browser's name, instead of the random one kept in localStorage. */
  uuid?: string;
  /** No statistics frame. */
  nostat?: boolean;
  /** Frames kept while no connection is open; past it the oldest are dropped with a warning; default 1000. */
  queueLimit?: number;
  /** Upper bound of the first reconnect delay, milliseconds; it doubles with every failure; default 1000. */
  reconnectDelay?: number;
  /** Upper bound of every reconnect delay, milliseconds; default 30000. */
  reconnectDelayMax?: number;
  /** How long a promise waits for its answer, milliseconds; default 10000. */
  answerTimeout?: number;
  /** Whether the tabs of this origin and login share one connection, where the browser can; default true. */
  shareTabs?: boolean;
}

/** What callbacks get. */
export interface Message<Data = any> {
  /** What was sent: JSON is decoded, other text stays text. */
  data: Data;
  server_info: {
    /** The sender as the server checked it; 0: anonymous or backend. */
    user_id: number;
    /** "msg" for private messages. */
    pipe: string;
    /** "undefined" when the sender named none. */
    event: string;
    /** Whether the message was asked for with get_pipe_log() or history(). */
    history: boolean;
    /** The marker of the question this answers. */
    marker: string | undefined;
    uuid: string | undefined;
    /**
     * Of a track_ pipe: where a join, a leave or a list of its users stands. A list holds every
     * change up to its version; a new epoch needs a new list.
     */
    presence: { epoch: number; version: number } | undefined;
    /** Unix seconds. */
    message_send_time: number | undefined;
  };
}

export type MessageCallback<Data = any> = (message: Message<Data>) => void;

export interface DeliveryReport {
  /** The message as it was sent: JSON text. */
  message: string;
  /** Other connections it was handed to. */
  number_messages: number;
  error: string;
}

export interface PipeUser {
  /** 0: anonymous. */
  user_id: number;
  /** The browser. */
  uuid: string;
  /** Tells apart the tabs of one browser. */
  member: number;
}

export interface Presence {
  /** Who is in the pipe, this page included: one entry for each connection. */
  members: PipeUser[];
  /** How many they are. */
  count: number;
  /** Who has come and who has gone since the last call; at the first one all have come. */
  joined: PipeUser[];
  left: PipeUser[];
}

export interface PresenceWatch {
  /** Who was there first; rejects with the server's error, when the connection is lost before, or after `answerTimeout`. */
  ready: Promise<Presence>;
  /** Ends it; also the subscription, if no other callback has the pipe. */
  unsubscribe(): boolean;
}

export interface UserCount {
  user_in_pipe: number;
}

export interface UserData {
  user_id: number;
  user_data: string;
}

export interface TerminalError {
  error: string;
  error_code?: number;
  info?: string;
}

/** A connection to a comet server. Pages normally use the one that CometServer() returns. */
export declare class CometServerApi {
  /** Where the default node is: the address the script was loaded from. */
  static scriptUrl: string;

  constructor(options?: Options);

  /** Version announced to the server, "major.minor". */
  version: string;
  api: string;
  /** The merged options of start() and restart(). */
  options: Options;
  /** Random id of this tab, 16 characters. */
  custom_id: string;
  LogLevel: number;
  Base64: { encode(text: string): string; decode(text: string): string };
  /** The pipes the server sends to this page. */
  readonly subscription_array: string[];
  readonly socketArray: WebSocket[];

  /** Connects. What was subscribed or sent before goes out when the connection is open. */
  start(options?: Options, callback?: () => void): true;
  /** Closes the connection; nothing reconnects until start() or restart(). Subscriptions stay. */
  stop(): true;
  /** Merges the options and connects again: the way to log a user in or out without loading the page anew. */
  restart(options?: Options, callback?: () => void): true;
  isConnected(): boolean;
  /** Called whenever isConnected() changes. */
  onConnectionChange(callback: (connected: boolean) => void): void;
  /** Undefined before the server's greeting. */
  isAuthorized(): boolean | undefined;
  /** Called when the server has accepted the user's key; on change, and once for every new user or key. */
  onAuthSuccess(callback: () => void): void;
  /** Called when the connection turns out to be anonymous; on change, and once for every new user or key. */
  onAuthFalill(callback: () => void): void;
  /** The same as onAuthFalill. */
  onAuthFail(callback: () => void): void;
  /**
   * Called when the server refuses this page for good; nothing connects again until start() or restart(). An error 429, too
   * many connections, is told to sys.error only: the client tries again, ever more slowly.
   */
  onTerminalError(callback: (error: TerminalError) => void): void;
  /** Called when missed messages are gone for good: `data.pipe` says of which pipe. Gives a subscription's id. */
  onGap(callback: MessageCallback<{ pipe: string }>): string;
  /** Whether the connection is in this tab; false while another tab holds it for both, undefined before start(). */
  isMaster(): boolean | undefined;

  /** Subscribes to a pipe ("room"), one event of it ("room.event"), reports ("#room"), "msg", "sys.error", or all (""). */
  subscription<Data = any>(name: string, callback?: MessageCallback<Data>): string | false | undefined;
  /** Every message. */
  subscription(callback: MessageCallback): string;
  /** The same as subscription. */
  Subscription<Data = any>(name: string, callback?: MessageCallback<Data>): string | false | undefined;
  Subscription(callback: MessageCallback): string;
  /** Removes one callback by its id; with the last one of a pipe the server stops sending it. */
  unsubscription(id: string): boolean;
  /** Removes every callback made with subscription() and unsubscribes from all pipes. */
  unsubscriptionAll(): true;

  /**
   * Publishes to a pipe whose name begins with web_ (anyone), webauth_ (authorised users) or @web_ (shown as user 0).
   * True: written; false: queued, or no message; undefined: not a pipe browsers may publish to.
   */
  web_pipe_send(pipe: string, event: string | null | undefined, message: unknown): boolean | undefined;
  web_pipe_send(pipe: string, message: unknown): boolean | undefined;
  /** Publishes the same object several times, for lossy moments; receivers keep one copy. */
  multi_web_pipe_send(pipe: string, event: string | null | undefined, message: unknown, count?: number,
    interval?: number): boolean | undefined;
  /** Publishes; rejects with the server's error, when the connection is lost, or after `answerTimeout`. */
  send(pipe: string, event: string | null | undefined, message: unknown): Promise<DeliveryReport>;
  /** Sends one raw command, or queues it while no connection is open (false). */
  send_msg(text: string): boolean;
  /** Sends the statistics frame with the name of a plugin. */
  sendStatistics(name: string, version: string, data?: unknown): boolean;

  /**
   * Asks for the history of a pipe: entries arrive oldest first at all callbacks of the pipe, with
   * `server_info.history` true; the one given here becomes one of them.
   */
  get_pipe_log(pipe: string, callback?: MessageCallback): boolean;
  /** The history of a pipe, oldest first; callbacks of the pipe do not see it. */
  history<Data = any>(pipe: string): Promise<Message<Data>[]>;
  /** Counts the connections subscribed to a web_ or track_ pipe. */
  count_users_in_pipe(pipe: string, callback: MessageCallback<UserCount>): boolean;
  count_users_in_pipe(pipe: string): Promise<UserCount>;
  /** Lists who is subscribed to a track_ pipe. */
  getTrackPipeUsers(pipe: string, callback: MessageCallback<PipeUser[]>): boolean;
  getTrackPipeUsers(pipe: string): Promise<PipeUser[]>;
  /**
   * Watches who is in a track_ pipe, and subscribes to it. The callback is called with all who are there, and again whenever
   * somebody joins or leaves, also after a break; changes that follow one another closely are told together.
   */
  presence(pipe: string, callback?: (presence: Presence) => void): PresenceWatch;
  /** Reads the public data of a user. */
  getUserData(userId: Id, callback: MessageCallback<UserData>): boolean | undefined;
  getUserData(userId: Id): Promise<UserData>;

  getUserId(): Id | undefined;
  getUserKey(): Id | undefined;
  getDevId(): Id;
  /** The name of this browser. */
  getUUID(): string;
  getTabUUID(): string;
  /** The key the server greeted this user with. */
  getRealUserKey(): string;
  setRealUserKey(key: Id): void;
  /** The address a node is reached at, credentials included: never log it. */
  getUrl(node?: string): string;
  UseWebSocket(use?: boolean): boolean;
  /** Reads, or with an argument forces, the use of TLS for coming connections. */
  UseWss(use?: boolean): boolean;
  isUseWss(node?: string): boolean;
  /** 0 only warnings, 1 connections, 2 and more also frames. */
  setLogLevel(level: number): void;
  getLogLevel(): number;
  /** A random marker, 10 digits. */
  getCustomString(): string;
  stripslashes(text: string): string;
}

/** Named signals inside a page and between the tabs of one origin; not connected with pipes. */
export interface Signals {
  /** Gives an id for disconnect(). */
  connect(name: string, callback: (param: any, name: string) => void): string;
  disconnect(id: string): boolean;
  /** Calls the functions connected in this tab. */
  emit(name: string, param?: unknown): void;
  /** Calls the functions connected in the other tabs. */
  send_emit(name: string, param?: unknown): void;
  /** Calls the functions connected in any tab. */
  emitAll(name: string, param?: unknown): void;
}

export function CometServer(): CometServerApi;
export default CometServer;
export const cometApi: CometServerApi;
export const cometServerApi: typeof CometServerApi;
export function comet_server_signal(): Signals;
export const tabSignal: Signals;

type Class = typeof CometServerApi;
type TheSignals = Signals;

declare global {
  function CometServer(): InstanceType<Class>;
  var cometApi: InstanceType<Class>;
  var cometServerApi: Class;
  var _cometServerApi: Class;
  function comet_server_signal(): TheSignals;
  var tabSignal: TheSignals;
}
