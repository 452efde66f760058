// This server and a real MariaDB with the same tables and rows in both, asked by
// one client.

import { ROWS } from './statements.mjs';
import { MariaDb } from '../support/mariadb.mjs';
import { Server } from '../support/server.mjs';

export class Sides {
  static async start() {
    const sides = new Sides();
    [sides.server, sides.mariadb] = await Promise.all([Server.start(), MariaDb.start()]);
    sides.ours = await sides.server.sql();
    sides.theirs = await sides.mariadb.sql();
    await sides.ours.query("SET cometwire_error_numbers = 'mysql'");
    for (const [table, rows] of Object.entries(ROWS)) {
      const [[{ 'Create Table': create }]] = await sides.ours.query(`SHOW CREATE TABLE ${table}`);
      await sides.theirs.query(create.replace('ENGINE=CometWire', 'ENGINE=InnoDB'));
      for (const connection of [sides.ours, sides.theirs]) {
        await connection.query(`INSERT INTO ${table} VALUES ?`, [rows]);
      }
    }
    return sides;
  }

  /** What either side answers. */
  async ask(statement) {
    return { here: await answer(this.ours, statement), there: await answer(this.theirs, statement) };
  }

  async stop() {
    this.theirs?.destroy();
    await this.mariadb?.stop();
    await this.server?.stop();
  }
}

/** What a user sees of an answer: names and rows as text, or number and SQLSTATE. */
async function answer(connection, statement) {
  try {
    const [rows, fields] = await connection.query({
      sql: statement,
      rowsAsArray: true,
      typeCast: (field) => field.string(),
    });
    return fields ? { columns: fields.map((field) => field.name), rows } : 'OK';
  } catch (error) {
    if (error.errno === undefined) throw error;
    return { error: error.errno, state: error.sqlState };
  }
}
