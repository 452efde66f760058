// Two more who speak: a browser that publishes and takes its delivery reports for
// acknowledgements, and a backend that sends private messages to one reader.

import { clientPath, WebSocketClient } from '../support/websocket.mjs';
import { isTheEnd } from './writer.mjs';

export class BrowserWriter {
  acknowledged = 0;
  /** Offset -> payload, as the reports said. */
  offsets = new Map();
  /** What nobody reported on; it may be there. */
  unanswered = [];
  #count = 0;

  constructor(server, pipe) {
    Object.assign(this, { server, pipe });
  }

  async work() {
    let client;
    const texts = [];
    let heard = () => {};
    try {
      client = await WebSocketClient.upgrade(this.server, {
        path: clientPath({ api: 'cometwire' }),
        keeps: false,
        onText: (text) => {
          texts.push(...text.split('\n').filter((part) => part.trim() !== ''));
          heard();
        },
      });
    } catch {
      return;
    }
    client.dropped.then(() => heard());
    while (!client.ended) {
      const payload = `b:${(this.#count += 1)}:`;
      this.unanswered.push(payload);
      client.publish(this.pipe, 'e', payload);
      for (;;) {
        const report = texts.splice(0).map((text) => JSON.parse(text)).find(({ pipe }) => pipe === `_answer_to_${this.pipe}`);
        if (report) {
          this.#done(report, payload);
          break;
        }
        if (client.ended) break;
        await new Promise((resolve) => (heard = resolve));
      }
    }
    client.destroy();
  }

  #done({ data, offset }, payload) {
    if (data.message !== payload) throw new Error(`the report is on ${data.message}, not on ${payload}`);
    this.unanswered.pop();
    this.offsets.set(offset, payload);
    this.acknowledged += 1;
  }
}

export class MailWriter {
  acknowledged = 0;
  sent = [];
  unanswered = [];
  #count = 0;

  constructor(server, userId) {
    Object.assign(this, { server, userId });
  }

  async work() {
    try {
      const sql = await this.server.sql();
      for (;;) {
        const text = `letter:${(this.#count += 1)}:`;
        this.unanswered.push(text);
        await sql.query("INSERT INTO users_messages (id, event, message) VALUES (?, 'e', ?)", [this.userId, text]);
        this.unanswered.pop();
        this.sent.push(text);
        this.acknowledged += 1;
      }
    } catch (error) {
      if (!isTheEnd(error, this.server)) throw error;
    }
  }
}
