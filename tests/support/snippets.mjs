// The lines of a client program that the documentation shows: those between `docs: connect`
// and `docs: end`.

import { readFileSync } from 'node:fs';

/** The snippets of a program, without their indentation. */
export function snippetsOf(file) {
  const source = readFileSync(file, 'utf8');
  const found = [...source.matchAll(/docs: (?:connect|persistent)\n([^]*?)\n[^\n]*docs: end/g)];
  if (found.length === 0) throw new Error(`${file} has no connection line for the documentation`);
  return found.map(([, snippet]) => dedented(snippet));
}

function dedented(text) {
  const lines = text.split('\n');
  const indent = Math.min(...lines.map((line) => line.length - line.trimStart().length));
  return lines.map((line) => line.slice(indent)).join('\n');
}
