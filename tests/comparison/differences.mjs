// Where this server answers otherwise than MariaDB, and why. A difference that
// is not here fails the comparison, and so does one that is no longer there.

export const DIFFERENCES = [
  {
    reason:
      "the computed column is called as MySQL calls it: a sign stays, of texts side by side the first counts, a comment is left out",
    statements: [
      'SELECT +5',
      "SELECT 'a' 'b'",
      "SELECT _utf8mb4'text'",
      'SELECT 1 /* comment */ + 1',
      'SELECT 1 /*! + 1 */',
    ],
  },
  {
    reason:
      'PI() is written with all its digits, MariaDB writes six',
    statements: [
      'SELECT PI()',
    ],
  },
  {
    reason:
      'not offered, refused by name',
    statements: [
      'SELECT length, COUNT(*) FROM pipes_settings GROUP BY length WITH ROLLUP',
    ],
  },
  {
    reason:
      "a database that does not exist is said to be one",
    statements: [
      'SELECT * FROM nowhere.users_auth',
    ],
  },
  {
    reason:
      'clients SET variables of other servers on connecting; unknown ones are accepted',
    statements: [
      'SET no_such_variable = 1',
    ],
  },
  {
    reason:
      'SHOW with LIKE calls its column as without',
    statements: [
      String.raw`SHOW TABLES LIKE 'users\_auth'`,
    ],
  },
  {
    reason:
      'no column has a default or a NULL, so Default is empty text; privileges are those of this server',
    statements: [
      'SHOW COLUMNS FROM users_auth',
      'SHOW COLUMNS FROM pipes_settings',
      'DESCRIBE users_auth',
      'DESC pipes_settings',
      "SHOW COLUMNS FROM users_auth LIKE 'h%'",
      'SHOW FULL COLUMNS FROM users_auth',
    ],
  },
  {
    reason:
      'numbers from 2^63 on are exact numbers, not unsigned integers',
    statements: [
      'SELECT 18446744073709551615 + 1',
    ],
  },
  {
    reason:
      'the function is not offered, and the refusal names it',
    statements: [
      `SELECT JSON_REMOVE('{"a":1,"b":2}', '$.a')`,
      `SELECT JSON_INSERT('{"a":1}', '$.b', 2)`,
      `SELECT JSON_REPLACE('{"a":1}', '$.a', 2)`,
      `SELECT JSON_MERGE_PATCH('{"a":1}', '{"b":2}')`,
      "SELECT JSON_DEPTH('[1,[2]]')",
      `SELECT JSON_VALUE('{"a":"x"}', '$.a')`,
      `SELECT JSON_SEARCH('["a","b"]', 'one', 'b')`,
    ],
  },
  {
    reason:
      'a date is a real one',
    statements: [
      "SELECT YEAR('0000-00-00')",
      "SELECT STR_TO_DATE('2026-02-30', '%Y-%m-%d')",
    ],
  },
  {
    reason:
      'a ratio is floating point here as in MySQL; MariaDB writes ten digits',
    statements: [
      'SELECT name, PERCENT_RANK() OVER (ORDER BY length) AS r FROM pipes_settings ORDER BY name',
      'SELECT name, CUME_DIST() OVER (ORDER BY length) AS r FROM pipes_settings ORDER BY name',
    ],
  },
  {
    reason:
      "this server's number for the mistake is another one",
    statements: [
      'SELECT id FROM users_auth WHERE ROW_NUMBER() OVER (ORDER BY id) = 1',
      'SELECT SUM(id) OVER nowhere FROM users_auth',
      'SELECT id FROM users_auth ORDER BY 3',
      'SELECT id FROM users_auth GROUP BY 2',
      'SELECT COUNT(id, hash) FROM users_auth',
      'SELECT 1 = (1, 2)',
      'SELECT id FROM users_auth WHERE (id, hash) = (SELECT 7)',
      'SELECT id FROM users_auth WHERE id = (SELECT 1, 2)',
      'SELECT CAST(1 AS DECIMAL(99, 0))',
      'SELECT CAST(1 AS DECIMAL(3, 5))',
    ],
  },
  {
    reason:
      'FOR UPDATE and FOR SHARE are read, the old form is not',
    statements: [
      'SELECT id FROM users_auth WHERE id = 7 LOCK IN SHARE MODE',
    ],
  },
  {
    reason:
      'parts of a second are rounded, as MySQL rounds them; MariaDB cuts them off',
    statements: [
      "SELECT CAST('2026-01-31 10:11:12.5' AS DATETIME)",
      "SELECT CAST('10:11:12.567' AS TIME(2))",
    ],
  },
  {
    reason:
      'parts of a second are written with six digits, and only if there are any',
    statements: [
      "SELECT DATE_ADD('2026-01-01 10:00:00', INTERVAL 1.5 SECOND)",
      "SELECT TIMEDIFF('10:00:00', '10:00:00.5')",
      'SELECT MAKETIME(1, 2, 3.5)',
      'SELECT SEC_TO_TIME(1.5)',
      "SELECT SEC_TO_TIME('90')",
      'SELECT FROM_UNIXTIME(1.5)',
    ],
  },
  {
    reason:
      "the longest time is MySQL's, without parts of a second",
    statements: [
      "SELECT ADDTIME('800:00:00', '800:00:00')",
      'SELECT SEC_TO_TIME(1e9)',
    ],
  },
  {
    reason:
      'a text that is a date is one, also where a time is asked for',
    statements: [
      "SELECT TIMEDIFF('2026-01-02', '2026-01-01')",
    ],
  },
  {
    reason:
      "TIME_TO_SEC gives a whole number, as MySQL's does",
    statements: [
      "SELECT TIME_TO_SEC('10:11:12.9')",
    ],
  },
  {
    reason:
      'bytes that are UTF-8 are text; MariaDB takes each for a character',
    statements: [
      'SELECT CHAR(50089)',
    ],
  },
  {
    reason:
      'MariaDB does not have this function, or not with these arguments; MySQL does',
    statements: [
      "SELECT REGEXP_REPLACE('abc def', '[a-z]+', 'X', 1, 2)",
      'SELECT ANY_VALUE(1)',
      'SELECT length, ANY_VALUE(age) FROM pipes_settings GROUP BY length ORDER BY length',
    ],
  },
  {
    reason:
      'an overflow is an error, as in MySQL; MariaDB folds the constant first',
    statements: [
      'SELECT -(-9223372036854775807 - 1)',
    ],
  },
  {
    reason:
      'how far values are spread is floating point, as in MySQL; MariaDB writes a number with a point',
    statements: [
      'SELECT STD(id), STDDEV(id), STDDEV_POP(id), STDDEV_SAMP(id) FROM users_auth',
      'SELECT VARIANCE(id), VAR_POP(id), VAR_SAMP(id) FROM users_auth',
      'SELECT length, BIT_OR(length) AS b, STD(length) AS s FROM pipes_settings GROUP BY length ORDER BY length',
    ],
  },
  {
    reason:
      'an exact number keeps its scale in a user variable; MariaDB gives it 38 digits after the point',
    statements: [
      'SELECT @x * 2, @y, @z, @x + @z',
      'SELECT @d, @d * 3',
    ],
  },
  {
    reason:
      'documents are written as MySQL writes them: a blank after each comma and colon, short names first',
    statements: [
      'SELECT JSON_ARRAYAGG(id) FROM users_auth',
      'SELECT JSON_ARRAYAGG(hash) FROM users_auth WHERE id < 10',
      'SELECT JSON_OBJECTAGG(hash, id) FROM users_auth',
    ],
  },
];
