// Statements made at random from the grammar that both servers are meant to have
// in common. The same seed makes the same statements. What is known to differ is
// not made: the reasons are in `differences.mjs` and in docs/sql.md.

import { ROWS } from './statements.mjs';

/** `count` statements, none of them twice. */
export function randomStatements(seed, count) {
  const maker = new Maker(seed);
  const statements = new Set();
  while (statements.size < count) statements.add(maker.statement());
  return [...statements];
}

const TABLES = {
  users_auth: { number: 'id', text: 'hash' },
  pipes_settings: { number: 'length', text: 'name' },
};

const TEXTS = ['', 'a', 'A', 'abc', 'Seven', 'é', 'Привет', '12', '12abc', '-3.5', ' x ', '1e2', "it''s", 'web\\_%', '%b%'];
const DATES = ['2026-01-31', '2024-02-29', '1999-12-31 23:59:59', '2026-11-25 10:20:30', 'nonsense'];
const TIMES = ['10:20:30', '-01:00:00', '100:00:00', '00:00:59'];
const NUMBERS = ['0', '1', '2', '7', '10', '42', '-1', '-3', '1.5', '0.25', '-2.75', '100.00'];
const UNITS = ['SECOND', 'MINUTE', 'HOUR', 'DAY', 'WEEK', 'MONTH', 'QUARTER', 'YEAR'];
const DEEPEST = 3;

class Maker {
  constructor(seed) {
    this.state = seed >>> 0;
    this.depth = 0;
  }

  /** Mulberry32: small, and the same everywhere. */
  random() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  pick(choices) {
    return choices[Math.floor(this.random() * choices.length)];
  }

  /** One of the ways to make something; beyond the greatest depth the first, which goes no deeper. */
  make(ways) {
    if (this.depth >= DEEPEST) return ways[0]();
    this.depth += 1;
    const made = this.pick(ways)();
    this.depth -= 1;
    return made;
  }

  statement() {
    return this.pick([
      () => `SELECT ${this.value()} AS v`,
      () => `SELECT ${this.value()} AS v`,
      () => `SELECT ${this.value()} AS v`,
      () => this.rows(),
      () => this.rows(),
      () => this.groups(),
      () => this.union(),
    ])();
  }

  rows() {
    const table = this.table();
    const order = `${table.number}${this.pick(['', ' DESC'])}, ${table.text}`;
    const limit = this.pick(['', '', ' LIMIT 2', ' LIMIT 1, 2']);
    const distinct = limit || this.random() < 0.8 ? '' : 'DISTINCT ';
    if (distinct) return `SELECT DISTINCT ${this.number(table)} AS v FROM ${table.name} ORDER BY 1`;
    return `SELECT ${this.value(table)} AS v, ${table.number} FROM ${table.name}${this.where(table)} ORDER BY ${order}${limit}`;
  }

  groups() {
    const table = this.table();
    const key = this.pick([table.number, `${table.number} % 3`, `LENGTH(${table.text})`]);
    const counted = this.pick([
      'COUNT(*)',
      `SUM(${table.number})`,
      `AVG(${table.number})`,
      `MIN(${table.text})`,
      `MAX(${this.number(table)})`,
      `COUNT(DISTINCT ${this.number(table)})`,
      `BIT_OR(${table.number})`,
      `GROUP_CONCAT(${table.text} ORDER BY ${table.text})`,
    ]);
    const having = this.pick(['', '', ' HAVING COUNT(*) > 1', ' HAVING k IS NOT NULL']);
    return `SELECT ${key} AS k, ${counted} AS v FROM ${table.name}${this.where(table)} GROUP BY k${having} ORDER BY k`;
  }

  union() {
    const make = this.pick([() => this.integer(), () => this.pick(NUMBERS), () => `'${this.pick(TEXTS)}'`]);
    const word = this.pick(['UNION', 'UNION ALL']);
    return `SELECT x FROM (SELECT ${make()} AS x ${word} SELECT ${make()} ${word} SELECT ${make()}) AS t ORDER BY x, HEX(x)`;
  }

  table() {
    const name = this.pick(Object.keys(TABLES));
    return { name, ...TABLES[name], rows: ROWS[name] };
  }

  where(table) {
    return this.random() < 0.5 ? '' : ` WHERE ${this.condition(table)}`;
  }

  value(table) {
    return this.pick([
      () => this.number(table),
      () => this.text(table),
      () => this.condition(table),
      () => this.date(),
      () => this.time(),
    ])();
  }

  number(table) {
    return this.make([() => this.integer(table), () => this.integer(table), () => this.decimal(table)]);
  }

  integer(table) {
    const number = () => this.integer(table);
    return this.make([
      () => (table && this.random() < 0.5 ? table.number : this.pick(NUMBERS.filter((text) => !text.includes('.')))),
      () => `(${number()} ${this.pick(['+', '-', '*', '%', 'DIV', 'MOD'])} ${number()})`,
      () => `CAST(${number()} ${this.pick(['&', '|', '^', '<<', '>>'])} ${number()} AS SIGNED)`,
      () => `CAST(${this.pick(['~', 'CRC32'])}(${number()}) AS SIGNED)`,
      () => `${this.pick(['ABS', 'SIGN', 'BIT_COUNT', 'ISNULL', '-'])}(${number()})`,
      () => `${this.pick(['LENGTH', 'CHAR_LENGTH', 'ASCII', 'ORD'])}(${this.text(table)})`,
      () => `${this.pick(['FLOOR', 'CEIL', 'ROUND'])}(${this.decimal(table)})`,
      () => `LOCATE(${this.text(table)}, ${this.text(table)})`,
      () => `${this.pick(['YEAR', 'MONTH', 'DAYOFYEAR', 'WEEKDAY', 'TO_DAYS', 'QUARTER'])}(${this.date()})`,
      () => `WEEK(${this.date()}, ${this.pick(['0', '1', '2', '3', '4', '5', '6', '7'])})`,
      () => `${this.pick(['HOUR', 'MINUTE', 'SECOND', 'TIME_TO_SEC'])}(${this.time()})`,
      () => `TIMESTAMPDIFF(${this.pick(UNITS)}, ${this.date()}, ${this.date()})`,
      () => `FIELD(${number()}, ${number()}, ${number()})`,
      () => this.chosen(() => number()),
    ]);
  }

  decimal(table) {
    const number = () => this.number(table);
    return this.make([
      () => this.pick(NUMBERS),
      () => `(${number()} ${this.pick(['+', '-', '*'])} ${this.decimal(table)})`,
      () => `(${number()} / ${this.pick(['2', '3', '7', '0', '1.5'])})`,
      () => `${this.pick(['ABS', '-'])}(${this.decimal(table)})`,
      () => `${this.pick(['ROUND', 'TRUNCATE'])}(${this.decimal(table)}, ${this.pick(['0', '1', '2', '-1'])})`,
      () => `CAST(${number()} AS DECIMAL(10, ${this.pick(['0', '2', '4'])}))`,
      () => this.chosen(() => this.decimal(table)),
    ]);
  }

  text(table) {
    const text = () => this.text(table);
    const count = () => this.pick(['0', '1', '2', '3', '-1', '10']);
    return this.make([
      () => (table && this.random() < 0.5 ? `(${table.text} COLLATE utf8mb4_general_ci)` : `'${this.pick(TEXTS)}'`),
      () => `CONCAT(${text()}, ${text()})`,
      () => `${this.pick(['UPPER', 'LOWER', 'TRIM', 'LTRIM', 'RTRIM', 'REVERSE', 'HEX', 'MD5', 'TO_BASE64', 'QUOTE'])}(${text()})`,
      () => `${this.pick(['LEFT', 'RIGHT', 'SUBSTRING', 'REPEAT'])}(${text()}, ${count()})`,
      () => `SUBSTRING(${text()}, ${count()}, ${count()})`,
      () => `INSERT(${text()}, ${count()}, ${count()}, ${text()})`,
      () => `SUBSTRING_INDEX(${text()}, 'b', ${this.pick(['1', '-1', '2'])})`,
      () => `REPLACE(${text()}, 'a', ${text()})`,
      () => `${this.pick(['LPAD', 'RPAD'])}(${text()}, ${this.pick(['0', '2', '5'])}, 'xy')`,
      () => `CONV(${this.integer(table)}, 10, ${this.pick(['2', '16', '36'])})`,
      () => `${this.pick(['BIN', 'OCT'])}(${this.integer(table)})`,
      () => `CAST(${this.number(table)} AS CHAR)`,
      () => `CONCAT_WS(',', ${text()}, ${this.number(table)}, NULL)`,
      () => `ELT(${this.integer(table)}, ${text()}, ${text()})`,
      () => this.chosen(text),
    ]);
  }

  date() {
    const date = () => this.date();
    return this.make([
      () => `'${this.pick(DATES)}'`,
      () => `DATE(${date()})`,
      () => `(${date()} ${this.pick(['+', '-'])} INTERVAL ${this.pick(['1', '2', '-1', '40'])} ${this.pick(UNITS)})`,
      () => `(${date()} + INTERVAL '1 2' ${this.pick(['DAY_HOUR', 'HOUR_MINUTE', 'YEAR_MONTH', 'MINUTE_SECOND'])})`,
      () => `DATE_FORMAT(${date()}, '%Y-%m-%d')`,
      () => `LAST_DAY(${date()})`,
    ]);
  }

  time() {
    const time = () => this.time();
    return this.make([
      () => `'${this.pick(TIMES)}'`,
      () => `CAST(${time()} AS TIME)`,
      () => `${this.pick(['ADDTIME', 'SUBTIME', 'TIMEDIFF'])}(${time()}, ${time()})`,
      () => `SEC_TO_TIME(${this.pick(['0', '90', '-3600', '100000'])})`,
      () => `MAKETIME(${this.pick(['0', '10', '-5', '20'])}, ${this.pick(['0', '59', '60'])}, 30)`,
    ]);
  }

  condition(table) {
    const condition = () => this.condition(table);
    return this.make([
      () => `(${this.integer(table)} ${this.pick(['=', '<', '>', '<=', '>=', '<>', '<=>'])} ${this.decimal(table)})`,
      () => `(${this.text(table)} ${this.pick(['=', '<', '>', '<>', '<=>'])} ${this.text(table)})`,
      () => `(${this.text(table)} ${this.pick(['LIKE', 'NOT LIKE'])} '${this.pick(TEXTS)}')`,
      () => `(${condition()} ${this.pick(['AND', 'OR', 'XOR'])} ${condition()})`,
      () => `NOT ${condition()}`,
      () => `(${this.value(table)} IS ${this.pick(['', 'NOT '])}NULL)`,
      () => `(${this.integer(table)} ${this.pick(['', 'NOT '])}IN (${this.integer(table)}, ${this.integer(table)}, NULL))`,
      () => `(${this.decimal(table)} BETWEEN ${this.decimal(table)} AND ${this.decimal(table)})`,
      () => `(${this.text(table)} IN (${this.text(table)}, ${this.text(table)}))`,
      () => `(${this.integer(table)} > (SELECT AVG(id) FROM users_auth))`,
      () => `EXISTS (SELECT 1 FROM pipes_settings s WHERE s.length = ${this.integer(table)})`,
    ]);
  }

  /** One of several values of a kind. */
  chosen(make) {
    return this.pick([
      () => `IF(${this.condition()}, ${make()}, ${make()})`,
      () => `IFNULL(NULLIF(${make()}, ${make()}), ${make()})`,
      () => `COALESCE(NULL, ${make()}, ${make()})`,
      () => `CASE WHEN ${this.condition()} THEN ${make()} ELSE ${make()} END`,
      () => `${this.pick(['GREATEST', 'LEAST'])}(${make()}, ${make()})`,
    ])();
  }
}
