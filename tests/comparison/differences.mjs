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
      'TIME without a date is not read',
    statements: [
      "SELECT CAST('10:11:12' AS TIME)",
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
      'a number begins with a digit',
    statements: [
      'SELECT .5',
    ],
  },
  {
    reason:
      'halves of floating-point numbers are rounded away from zero',
    statements: [
      'SELECT ROUND(2.5e0)',
      'SELECT CAST(2.5e0 AS SIGNED)',
    ],
  },
  {
    reason:
      'numbers past 63 bits are exact numbers, not unsigned integers',
    statements: [
      'SELECT 18446744073709551615 + 1',
      'SELECT ~5 & 7',
      'SELECT CAST(18446744073709551615 AS UNSIGNED)',
    ],
  },
  {
    reason:
      'units of several parts, and microseconds, are not offered',
    statements: [
      "SELECT DATE_ADD('2026-01-01', INTERVAL '1:30' HOUR_MINUTE)",
      "SELECT DATE_ADD('2026-01-01', INTERVAL '1 12' DAY_HOUR)",
      "SELECT DATE_ADD('2026-01-01 00:00:00', INTERVAL '1 01:01:01' DAY_SECOND)",
      "SELECT DATE_ADD('2026-01-01', INTERVAL '1-6' YEAR_MONTH)",
      "SELECT DATE_ADD('2026-01-01', INTERVAL '10:20' MINUTE_SECOND)",
      "SELECT DATE_ADD('2026-01-01 10:00:00', INTERVAL 500000 MICROSECOND)",
      "SELECT EXTRACT(YEAR_MONTH FROM '2026-01-31')",
      "SELECT EXTRACT(DAY_SECOND FROM '2026-01-31 10:11:12')",
    ],
  },
  {
    reason:
      'the number of an interval is rounded, not cut off',
    statements: [
      "SELECT DATE_ADD('2026-01-01', INTERVAL '1.5' DAY)",
    ],
  },
  {
    reason:
      'this form of the function is not offered; DATE_ADD is',
    statements: [
      "SELECT INTERVAL 1 DAY + '2026-01-31'",
      "SELECT TIMESTAMPADD(MINUTE, 5, '2026-01-01 10:00:00')",
      "SELECT TIMESTAMPADD(MONTH, 1, '2026-01-31')",
      "SELECT TIMESTAMP('2026-01-31', '10:00:00')",
    ],
  },
  {
    reason:
      'the function is not offered, and the refusal names it',
    statements: [
      "SELECT WEEK('2026-11-25')",
      "SELECT WEEK('2026-01-01')",
      "SELECT WEEK('2026-11-25', 1)",
      "SELECT WEEK('2026-01-01', 3)",
      "SELECT WEEK('2027-01-01', 3)",
      "SELECT WEEKOFYEAR('2026-11-25')",
      "SELECT YEARWEEK('2026-01-01')",
      "SELECT YEARWEEK('2027-01-01', 1)",
      "SELECT TO_SECONDS('2026-11-25 10:00:00')",
      'SELECT MAKETIME(12, 15, 30)',
      'SELECT MAKETIME(12, 60, 0)',
      "SELECT STR_TO_DATE('25,11,2026', '%d,%m,%Y')",
      "SELECT STR_TO_DATE('2026-11-25 10:20:30', '%Y-%m-%d %H:%i:%s')",
      "SELECT STR_TO_DATE('November 5 2026', '%M %e %Y')",
      "SELECT STR_TO_DATE('nonsense', '%Y')",
      "SELECT TIMEDIFF('2026-01-02 00:00:00', '2026-01-01 12:30:00')",
      "SELECT TIMEDIFF('10:00:00', '12:30:00')",
      "SELECT ADDTIME('2026-01-01 23:59:59', '00:00:02')",
      "SELECT ADDTIME('10:00:00', '15:30:00')",
      "SELECT SUBTIME('10:00:00', '00:30:00')",
      "SELECT TIME_TO_SEC('01:02:03')",
      "SELECT TIME_TO_SEC('-01:00:00')",
      'SELECT SEC_TO_TIME(3723)',
      'SELECT SEC_TO_TIME(100000)',
      'SELECT SEC_TO_TIME(-60)',
      "SELECT MICROSECOND('2026-01-01 10:00:00.123456')",
      "SELECT TIME_FORMAT('10:11:12', '%H-%i-%s')",
      'SELECT PERIOD_ADD(202611, 3)',
      'SELECT PERIOD_DIFF(202611, 202601)',
      'SELECT EXP(0)',
      'SELECT LN(1)',
      'SELECT LOG(2, 8)',
      'SELECT LOG2(8)',
      'SELECT LOG10(1000)',
      'SELECT SIN(0)',
      'SELECT COS(0)',
      'SELECT DEGREES(0)',
      'SELECT RADIANS(0)',
      "SELECT CRC32('abc')",
      "SELECT CONV('ff', 16, 10)",
      'SELECT CONV(10, 10, 2)',
      'SELECT BIN(5)',
      'SELECT OCT(8)',
      'SELECT BIT_COUNT(7)',
      "SELECT INSERT('abcdef', 2, 3, 'X')",
      'SELECT CHAR(65, 66)',
      "SELECT ORD('a')",
      "SELECT QUOTE('it''s')",
      "SELECT TO_BASE64('abc')",
      "SELECT FROM_BASE64('YWJj')",
      "SELECT INET_ATON('10.0.5.9')",
      'SELECT INET_NTOA(167773449)',
      "SELECT REGEXP_REPLACE('abc', 'b', 'X')",
      "SELECT REGEXP_SUBSTR('abc123', '[0-9]+')",
      "SELECT REGEXP_INSTR('abc123', '[0-9]')",
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
      'a time without a date is not read',
    statements: [
      "SELECT TIME('10:11:12')",
      "SELECT TIME('838:59:59')",
      "SELECT HOUR('25:30:00')",
      "SELECT MINUTE('10:11:12')",
      "SELECT SECOND('10:11:12')",
      "SELECT CAST('2026-01-31 10:11:12.5' AS DATETIME(1))",
    ],
  },
  {
    reason:
      'weeks of the year are not offered',
    statements: [
      "SELECT EXTRACT(WEEK FROM '2026-11-25')",
      "SELECT DATE_FORMAT('2026-11-25', '%a %b %D %u %v %x')",
    ],
  },
  {
    reason:
      'a date is a real one, and CAST keeps whole seconds',
    statements: [
      "SELECT YEAR('0000-00-00')",
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
      'SELECT CAST(1 AS DECIMAL(99, 0))',
      'SELECT CAST(1 AS DECIMAL(3, 5))',
    ],
  },
  {
    reason:
      'each query of a UNION keeps the scale of its own numbers',
    statements: [
      'SELECT 1 UNION SELECT 2.5',
      'SELECT x FROM (SELECT 10.5 AS x UNION SELECT 9.5 UNION SELECT 10.50) AS t ORDER BY x',
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
      'of a sub-query with several rows that stands for a value the first is taken',
    statements: [
      'SELECT id FROM users_auth WHERE id = (SELECT id FROM users_auth)',
    ],
  },
];
