// A WebSocket client that keeps every byte. Tests look at what was on the wire
// (Close frames above all), so nothing here is a library's interpretation.

import { createHash, randomBytes } from 'node:crypto';
import net from 'node:net';
import tls from 'node:tls';
import { settled, until } from './until.mjs';

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 };

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** 32 characters, as the clients make them. */
export function randomUuid() {
  return randomBytes(24).toString('base64url');
}

/** The path an unmodified client asks for (protocol reference, 1.1). */
export function clientPath({
  userKey,
  userId,
  devId = 0,
  version = '4.08',
  uuid = randomUuid(),
  api = 'js',
  prefix = '/ws/',
} = {}) {
  const absent = Number.parseInt(version, 10) < 4 ? 'null' : 'undefined';
  return (
    `${prefix}sesion=${userKey ?? absent}&myid=${userId ?? absent}&devid=${devId}` +
    `&v=${version}&uuid=${uuid}&api=${api}`
  );
}

export class WebSocketClient {
  /** Connects, upgrades and waits for the greeting, which becomes `.greeting`. */
  static async open(server, options = {}) {
    const client = await WebSocketClient.upgrade(server, options);
    if (client.status !== 101) throw new Error(`no upgrade: ${client.head}`);
    client.greeting = await client.take((message) => message.event === 'serverInfo', 'the greeting');
    return client;
  }

  /**
   * Sends the handshake and waits for the answer's head, whatever it says.
   * With `keeps: false` nothing that comes is kept: only `onText` hears it.
   */
  static async upgrade(server, options = {}) {
    const client = new WebSocketClient();
    client.uuid = options.uuid ?? randomUuid();
    client.onText = options.onText;
    client.keeps = options.keeps ?? true;
    client.answersPings = options.answersPings ?? true;
    client.path = options.path ?? clientPath({ ...options, uuid: client.uuid });
    const key = randomBytes(16).toString('base64');
    const headers = {
      Host: `${server.host}:${server.httpPort}`,
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': key,
      ...options.headers,
    };
    const head = Object.entries(headers)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
    await client.#connect(server, options);
    client.sendBytes(`GET ${client.path} HTTP/1.1\r\n${head}\r\n`);
    await until('an answer to the handshake', () => client.head !== undefined || client.ended);
    client.expectedAccept = createHash('sha1')
      .update(key + GUID)
      .digest('base64');
    return client;
  }

  raw = Buffer.alloc(0);
  frames = [];
  lines = [];
  inbox = [];
  head = undefined;
  ended = false;
  #unread = Buffer.alloc(0);
  #partial = [];

  async #connect({ host, httpPort: port }, { localAddress, secure = false, below }) {
    const to = below ? { socket: below } : { host, port, localAddress, allowHalfOpen: true };
    // Whose certificate it is, is another test's question.
    this.socket = secure ? tls.connect({ ...to, rejectUnauthorized: false }) : net.connect(to);
    this.socket.setNoDelay(true);
    this.socket.on('data', (bytes) => this.#received(bytes));
    this.dropped = new Promise((resolve) => {
      const end = () => {
        this.ended = true;
        this.endedAt ??= Date.now();
        resolve();
      };
      this.socket.on('end', end);
      this.socket.on('close', end);
      this.socket.on('error', end);
    });
    await settled(
      'a TCP connection',
      new Promise((resolve, reject) => {
        this.socket.once(secure ? 'secureConnect' : 'connect', resolve);
        this.socket.once('error', reject);
      }),
    );
  }

  get status() {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.head ?? '')?.[1]);
  }

  header(name) {
    return new RegExp(`^${name}: *(.*?)\\r$`, 'im').exec(this.head)?.[1];
  }

  get closeFrames() {
    return this.frames.filter((frame) => frame.opcode === OPCODE.close);
  }

  // --- what a browser says ---

  /** One command: the words are joined with line feeds. */
  command(...words) {
    this.sendText(words.join('\n'));
  }

  sendText(text) {
    this.sendFrame({ payload: text });
  }

  /** One frame; a client's frames are masked unless a test wants otherwise. */
  sendFrame({ fin = true, opcode = OPCODE.text, payload = '', masked = true, reserved = 0 }) {
    this.sendBytes(encodeFrame({ fin, opcode, payload: Buffer.from(payload), masked, reserved }));
  }

  sendBytes(bytes) {
    this.socket.write(bytes);
  }

  /** Subscribes and returns when the server has done it. */
  async subscribe(...names) {
    this.command('subscription', ...names);
    await this.processed();
  }

  /** Returns when the server has handled every command sent so far. */
  async processed() {
    const marker = randomBytes(6).toString('hex');
    this.command('pipe_count', 'web_processed', marker, '');
    return this.take((message) => message.marker === marker, 'the answer to pipe_count');
  }

  publish(pipe, event, payload) {
    this.command('web_pipe2', pipe, event, '*', payload);
  }

  /** Publishes and returns the delivery report. */
  async publishAndReport(pipe, event, payload) {
    this.publish(pipe, event, payload);
    const name = `_answer_to_${pipe.replace(/^@/, '')}`;
    return this.take((message) => message.pipe === name, `a report on ${name}`);
  }

  // --- what it hears ---

  /** Takes the first message that has not been taken and matches. */
  async take(matches, what = 'a message') {
    try {
      return await until(what, () => {
        const index = this.inbox.findIndex(matches);
        if (index >= 0) return this.inbox.splice(index, 1)[0];
        if (this.ended) throw new Error('the server dropped the connection');
        return undefined;
      });
    } catch (error) {
      throw new Error(`${error.message}; waiting: ${JSON.stringify(this.inbox)}`, {
        cause: error.cause,
      });
    }
  }

  takeFrom(pipe) {
    return this.take((message) => message.pipe === pipe, `a message on ${pipe}`);
  }

  /** The raw line of the next message on a pipe. */
  async lineFrom(pipe) {
    const message = await this.takeFrom(pipe);
    return this.lines.find((line) => line.message === message).text;
  }

  /** Messages on a pipe that nobody has taken. */
  waitingOn(pipe) {
    return this.inbox.filter((message) => message.pipe === pipe);
  }

  async waitUntilDropped() {
    await settled('the server drops the connection', this.dropped);
  }

  destroy() {
    this.socket.destroy();
  }

  #received(bytes) {
    if (this.keeps) this.raw = Buffer.concat([this.raw, bytes]);
    this.#unread = Buffer.concat([this.#unread, bytes]);
    if (this.head === undefined) {
      const end = this.#unread.indexOf('\r\n\r\n');
      if (end < 0) return;
      this.head = this.#unread.subarray(0, end + 2).toString('latin1');
      this.#unread = this.#unread.subarray(end + 4);
    }
    if (this.status !== 101) return;
    for (let frame; (frame = this.#nextFrame());) this.#handle(frame);
  }

  #nextFrame() {
    const frame = decodeFrame(this.#unread);
    if (!frame) return undefined;
    this.#unread = this.#unread.subarray(frame.length);
    if (this.keeps) this.frames.push(frame);
    return frame;
  }

  #handle(frame) {
    if (frame.masked) throw new Error('the server masked a frame');
    if (frame.opcode === OPCODE.ping && this.answersPings) {
      this.sendFrame({ opcode: OPCODE.pong, payload: frame.payload });
    }
    if (frame.opcode > OPCODE.binary) return;
    this.#partial.push(frame.payload);
    if (!frame.fin) return;
    const text = new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(this.#partial));
    this.#partial = [];
    this.onText?.(text);
    if (!this.keeps) return;
    for (const line of text.split('\n').filter((part) => part.trim() !== '')) {
      const message = JSON.parse(line);
      this.lines.push({ text: line, message });
      this.inbox.push(message);
    }
  }
}

/** The bytes of one frame (RFC 6455, 5.2). */
export function encodeFrame({ fin, opcode, payload, masked, reserved = 0 }) {
  const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
  const maskBit = masked ? 0x80 : 0;
  let head;
  if (payload.length < 126) {
    head = Buffer.from([first, maskBit | payload.length]);
  } else if (payload.length < 65_536) {
    head = Buffer.alloc(4);
    head.writeUInt16BE(payload.length, 2);
    head[1] = maskBit | 126;
  } else {
    head = Buffer.alloc(10);
    head.writeBigUInt64BE(BigInt(payload.length), 2);
    head[1] = maskBit | 127;
  }
  head[0] = first;
  if (!masked) return Buffer.concat([head, payload]);
  const mask = randomBytes(4);
  const hidden = Buffer.from(payload);
  for (let index = 0; index < hidden.length; index += 1) hidden[index] ^= mask[index % 4];
  return Buffer.concat([head, mask, hidden]);
}

/** The first complete frame in `bytes`, with its own `length`; undefined while there is none. */
export function decodeFrame(bytes) {
  if (bytes.length < 2) return undefined;
  const masked = (bytes[1] & 0x80) !== 0;
  let size = bytes[1] & 0x7f;
  let at = 2;
  if (size === 126) {
    if (bytes.length < 4) return undefined;
    size = bytes.readUInt16BE(2);
    at = 4;
  } else if (size === 127) {
    if (bytes.length < 10) return undefined;
    size = Number(bytes.readBigUInt64BE(2));
    at = 10;
  }
  if (masked) at += 4;
  if (bytes.length < at + size) return undefined;
  return {
    fin: (bytes[0] & 0x80) !== 0,
    reserved: (bytes[0] >> 4) & 7,
    opcode: bytes[0] & 0x0f,
    masked,
    payload: Buffer.from(bytes.subarray(at, at + size)),
    length: at + size,
  };
}
