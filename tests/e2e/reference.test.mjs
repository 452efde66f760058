// Every statement that docs/cometql.md shows with its answer, against the server.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { Server } from '../support/server.mjs';

let server;
let sql;
before(async () => {
  server = await Server.start();
  sql = await server.sql();
});
after(() => server?.stop());

/** The statements of a block with the lines of their answers. */
function examplesOf(block) {
  const examples = [];
  for (const line of block.trim().split('\n')) {
    if (line.startsWith('-- ')) examples.at(-1).answer.push(line.slice(3));
    else examples.push({ statement: line, answer: [] });
  }
  return examples;
}

/** What the server answers, written as the page writes it. */
async function answerTo(statement) {
  try {
    const [result, fields] = await sql.query(statement);
    if (fields !== undefined) {
      const header = fields.map((field) => field.name);
      return [header, ...result.map((row) => Object.values(row))].map((cells) => cells.join(' | '));
    }
    const words = ['OK', `affected rows ${result.affectedRows}`];
    if (result.insertId) words.push(`insert id ${result.insertId}`);
    // mysql2 leaves the length before the text.
    if (result.info) words.push(`info: ${result.info.slice(1)}`);
    return [words.join(', ')];
  } catch (error) {
    if (error.errno === undefined) throw error;
    return [`ERROR ${error.errno}`];
  }
}

const cells = (line) => line.split(' | ');

test('the examples of every table answer what the page shows', async () => {
  const page = await readFile(new URL('../../docs/cometql.md', import.meta.url), 'utf8');
  const tables = page.slice(page.indexOf('<!-- tables -->'), page.indexOf('<!-- end of tables -->'));
  const blocks = [...tables.matchAll(/```sql\n(.*?)```/gs)].map((match) => match[1]);
  assert.ok(blocks.length >= 12, `${blocks.length} tables with examples`);
  for (const { statement, answer } of blocks.flatMap(examplesOf)) {
    const given = await answerTo(statement);
    const shown = given.map((line, row) =>
      cells(line)
        .map((cell, column) => (cells(answer[row] ?? '')[column] === '…' ? '…' : cell))
        .join(' | '),
    );
    assert.deepEqual(shown, answer, statement);
  }
});

test('every table has a section with what it does, and examples', async () => {
  const page = await readFile(new URL('../../docs/cometql.md', import.meta.url), 'utf8');
  const tables = page.slice(page.indexOf('<!-- tables -->'), page.indexOf('<!-- end of tables -->'));
  const sections = new Map(tables.split('\n## ').slice(1).map((section) => [section.slice(0, section.indexOf('\n')), section]));
  const [listed] = await sql.query('SHOW TABLES');
  const names = listed.map((row) => Object.values(row)[0]);
  assert.deepEqual([...sections.keys()].sort(), [...names].sort());
  for (const [name, section] of sections) {
    const [columns] = await sql.query(`DESCRIBE ${name}`);
    for (const { Field, Type } of columns) assert.ok(section.includes(`| \`${Field}\` | ${Type} | `), `${name}.${Field}`);
    assert.match(section, /```sql\n[^`]*\bFROM /, `${name}: an example`);
    const [, text] = section.split(/```\n/).slice(-2);
    assert.ok(text.trim().length > 40, `${name}: what it does`);
  }
});
