// The statements both servers are asked. Each must be answered alike: column
// names, rows as text, error number and SQLSTATE; `differences.mjs` lists those
// that are not. The tables hold the rows that `ROWS` gives them.

import { EXPRESSIONS } from './expressions.mjs';
import { CALLS } from './functions.mjs';
import { QUERIES } from './queries.mjs';

export const ROWS = {
  users_auth: [
    [2, 'two'],
    [7, 'Seven'],
    [42, '12abc'],
    [100, 'four+four'],
  ],
  pipes_settings: [
    ['alpha', 0, 0, '', '', '', '', '', 0],
    ['beta', 10, 0, '', '', '', '', '', 0],
    ['web_chat', 99, 0, '', '', '', '', '', 0],
    ['web_admins', 10, 0, '', '', '', '', '', 0],
  ],
};

const asked = [...EXPRESSIONS, ...CALLS].map((expression) => `SELECT ${expression}`);

export const STATEMENTS = [...asked, ...QUERIES];
