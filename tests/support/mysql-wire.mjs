// The MySQL wire in raw packets, for what no driver would send: odd logins,
// literal bytes, broken packets, several packets in one write.

import { createHash } from 'node:crypto';
import net from 'node:net';
import { settled, until } from './until.mjs';

export const COMMAND = {
  quit: 0x01,
  initDb: 0x02,
  query: 0x03,
  fieldList: 0x04,
  statistics: 0x09,
  ping: 0x0e,
  changeUser: 0x11,
  resetConnection: 0x1f,
};

const CAPABILITY = {
  longPassword: 1 << 0,
  foundRows: 1 << 1,
  longFlag: 1 << 2,
  connectWithDatabase: 1 << 3,
  protocol41: 1 << 9,
  transactions: 1 << 13,
  secureConnection: 1 << 15,
  multiStatements: 1 << 16,
  multiResults: 1 << 17,
  pluginAuth: 1 << 19,
};

export class MysqlWire {
  /** Connects and reads the greeting, which becomes `.greeting`. */
  static async connect(server) {
    const wire = new MysqlWire();
    wire.socket = net.connect({ host: server.host, port: server.cometqlPort });
    wire.socket.setNoDelay(true);
    wire.socket.on('data', (bytes) => (wire.unread = Buffer.concat([wire.unread, bytes])));
    for (const event of ['end', 'close', 'error']) wire.socket.on(event, () => (wire.ended = true));
    wire.greeting = parseGreeting((await wire.readPacket()).payload);
    return wire;
  }

  /** Connects and logs in, or throws the server's refusal. */
  static async login(server, { user = 'root', password = server.keyOf(user), ...options } = {}) {
    const wire = await MysqlWire.connect(server);
    const answer = await wire.logIn({ user: String(user), password, ...options });
    if (answer.kind !== 'ok') throw new Error(`login refused: ${JSON.stringify(answer)}`);
    return wire;
  }

  unread = Buffer.alloc(0);
  ended = false;

  /** Answers the greeting; follows one switch of method; returns the outcome. */
  async logIn({ user, password, database, plugin = 'mysql_native_password', multiStatements }) {
    let flags =
      CAPABILITY.longPassword |
      CAPABILITY.foundRows |
      CAPABILITY.longFlag |
      CAPABILITY.protocol41 |
      CAPABILITY.transactions |
      CAPABILITY.secureConnection |
      CAPABILITY.multiResults |
      CAPABILITY.pluginAuth;
    if (database !== undefined) flags |= CAPABILITY.connectWithDatabase;
    if (multiStatements) flags |= CAPABILITY.multiStatements;
    const head = Buffer.alloc(32);
    head.writeUInt32LE(flags, 0);
    head.writeUInt32LE(1 << 24, 4);
    head[8] = 45;
    const response = scramble(plugin, password, this.greeting.salt);
    this.writePacket(
      1,
      Buffer.concat([
        head,
        nullTerminated(user),
        Buffer.from([response.length]),
        response,
        database === undefined ? Buffer.alloc(0) : nullTerminated(database),
        nullTerminated(plugin),
      ]),
    );
    return this.#finishLogin(password);
  }

  /** COM_CHANGE_USER, which authenticates again. */
  async changeUser({ user, password, database = '' }) {
    this.writePacket(
      0,
      Buffer.concat([
        Buffer.from([COMMAND.changeUser]),
        nullTerminated(user),
        Buffer.from([20]),
        scramble('mysql_native_password', password, this.greeting.salt),
        nullTerminated(database),
        Buffer.from([45, 0]),
        nullTerminated('mysql_native_password'),
      ]),
    );
    return this.#finishLogin(password);
  }

  async #finishLogin(password) {
    for (;;) {
      const { sequence, payload } = await this.readPacket();
      if (payload[0] === 0xfe && payload.length > 1) {
        const end = payload.indexOf(0, 1);
        const plugin = payload.subarray(1, end).toString();
        this.switchedTo = plugin;
        this.writePacket(sequence + 1, scramble(plugin, password, payload.subarray(end + 1, end + 21)));
      } else if (payload[0] === 0x01) {
        this.authMoreData = payload.subarray(1);
      } else {
        return parseOutcome(payload);
      }
    }
  }

  /** One COM_QUERY; `statement` is text or bytes. */
  async query(statement) {
    this.sendCommand(COMMAND.query, statement);
    return this.readAnswer();
  }

  /** COM_FIELD_LIST: the columns of a table. */
  async fieldList(table) {
    this.sendCommand(COMMAND.fieldList, `${table}\0`);
    const columns = [];
    for (;;) {
      const { payload } = await this.readPacket();
      if (payload[0] === 0xff) return parseOutcome(payload);
      if (payload[0] === 0xfe && payload.length < 9) return columns;
      columns.push(parseColumn(payload));
    }
  }

  sendCommand(command, bytes = '') {
    this.writePacket(0, Buffer.concat([Buffer.from([command]), Buffer.from(bytes)]));
  }

  writePacket(sequence, payload) {
    this.socket.write(packet(sequence, payload));
  }

  /** OK, an error, or a whole result set. */
  async readAnswer() {
    const { payload } = await this.readPacket();
    if (payload[0] === 0x00 || payload[0] === 0xff || payload[0] === 0xfe) return parseOutcome(payload);
    const count = payload[0];
    const columns = [];
    for (let index = 0; index < count; index += 1) {
      columns.push(parseColumn((await this.readPacket()).payload));
    }
    await this.#readEnd();
    const rows = [];
    for (;;) {
      const { payload: row } = await this.readPacket();
      if (row[0] === 0xfe && row.length < 9) return { kind: 'rows', columns, rows };
      if (row[0] === 0xff) return parseOutcome(row);
      rows.push(parseRow(row, count));
    }
  }

  async #readEnd() {
    const { payload } = await this.readPacket();
    if (payload[0] !== 0xfe || payload.length !== 5) {
      throw new Error(`no EOF after the columns but ${payload.toString('hex')}`);
    }
  }

  async readPacket() {
    return until('a packet from the server', () => {
      if (this.unread.length >= 4) {
        const size = this.unread.readUIntLE(0, 3);
        if (this.unread.length >= 4 + size) {
          const sequence = this.unread[3];
          const payload = this.unread.subarray(4, 4 + size);
          this.unread = this.unread.subarray(4 + size);
          return { sequence, payload };
        }
      }
      if (this.ended) throw new Error('the server closed the connection');
      return undefined;
    });
  }

  async waitUntilClosed() {
    await settled(
      'the server closes the connection',
      until('the end of the connection', () => this.ended),
    );
  }

  destroy() {
    this.socket.destroy();
  }
}

/** One packet's bytes. */
export function packet(sequence, payload) {
  const head = Buffer.alloc(4);
  head.writeUIntLE(payload.length, 0, 3);
  head[3] = sequence & 0xff;
  return Buffer.concat([head, payload]);
}

function scramble(plugin, password, salt) {
  if (password === '') return Buffer.alloc(0);
  if (plugin === 'caching_sha2_password') {
    const once = sha('sha256', password);
    return exclusiveOr(once, sha('sha256', sha('sha256', once), salt));
  }
  const once = sha('sha1', password);
  return exclusiveOr(once, sha('sha1', salt, sha('sha1', once)));
}

function sha(name, ...parts) {
  const hash = createHash(name);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function exclusiveOr(left, right) {
  return Buffer.from(left.map((byte, index) => byte ^ right[index]));
}

function nullTerminated(text) {
  return Buffer.concat([Buffer.from(text), Buffer.from([0])]);
}

function parseGreeting(payload) {
  const versionEnd = payload.indexOf(0, 1);
  let at = versionEnd + 1;
  const connectionId = payload.readUInt32LE(at);
  at += 4;
  const firstSalt = payload.subarray(at, at + 8);
  at += 9;
  const lower = payload.readUInt16LE(at);
  const charset = payload[at + 2];
  const status = payload.readUInt16LE(at + 3);
  const upper = payload.readUInt16LE(at + 5);
  at += 7 + 1 + 10;
  const secondSalt = payload.subarray(at, at + 12);
  const plugin = payload.subarray(at + 13, payload.indexOf(0, at + 13)).toString();
  return {
    protocol: payload[0],
    version: payload.subarray(1, versionEnd).toString(),
    connectionId,
    salt: Buffer.concat([firstSalt, secondSalt]),
    capabilities: (upper * 65_536 + lower) >>> 0,
    charset,
    status,
    plugin,
  };
}

function parseOutcome(payload) {
  if (payload[0] === 0xff) {
    return {
      kind: 'error',
      code: payload.readUInt16LE(1),
      sqlState: payload.subarray(4, 9).toString(),
      message: payload.subarray(9).toString(),
    };
  }
  if (payload[0] === 0xfe) return { kind: 'eof', status: payload.readUInt16LE(3) };
  const [affectedRows, afterRows] = lengthEncoded(payload, 1);
  const [insertId, afterId] = lengthEncoded(payload, afterRows);
  return {
    kind: 'ok',
    affectedRows,
    insertId,
    status: payload.readUInt16LE(afterId),
    info: payload.length > afterId + 4 ? lengthEncodedText(payload, afterId + 4)[0] : '',
  };
}

function lengthEncoded(bytes, at) {
  const first = bytes[at];
  if (first < 0xfb) return [first, at + 1];
  if (first === 0xfb) return [null, at + 1];
  if (first === 0xfc) return [bytes.readUInt16LE(at + 1), at + 3];
  if (first === 0xfd) return [bytes.readUIntLE(at + 1, 3), at + 4];
  return [Number(bytes.readBigUInt64LE(at + 1)), at + 9];
}

function lengthEncodedText(bytes, at) {
  const [size, start] = lengthEncoded(bytes, at);
  if (size === null) return [null, start];
  return [bytes.subarray(start, start + size).toString(), start + size];
}

function parseColumn(bytes) {
  let at = 0;
  const texts = [];
  for (let index = 0; index < 6; index += 1) {
    const [text, next] = lengthEncodedText(bytes, at);
    texts.push(text);
    at = next;
  }
  const [catalog, schema, table, originalTable, name, originalName] = texts;
  at += 1;
  return {
    catalog,
    schema,
    table,
    originalTable,
    name,
    originalName,
    charset: bytes.readUInt16LE(at),
    length: bytes.readUInt32LE(at + 2),
    type: bytes[at + 6],
    flags: bytes.readUInt16LE(at + 7),
  };
}

function parseRow(bytes, count) {
  let at = 0;
  const values = [];
  for (let index = 0; index < count; index += 1) {
    const [text, next] = lengthEncodedText(bytes, at);
    values.push(text);
    at = next;
  }
  return values;
}
