// Where this server answers otherwise than MariaDB, and why. A difference that
// is not here fails the comparison, and so does one that is no longer there.

export const DIFFERENCES = [
  {
    reason:
      'exact numbers are computed as floating point and written without trailing zeros',
    statements: [
      'SELECT 2 * 3.5',
      'SELECT 7 / 2',
      'SELECT 1 / 3',
      'SELECT 0.1 + 0.2',
      'SELECT 0.1 + 0.2 = 0.3',
      'SELECT 1.50',
      'SELECT AVG(length) FROM pipes_settings',
    ],
  },
  {
    reason:
      "an exact number's last digits, rounding and bounds follow floating point",
    statements: [
      'SELECT ~1',
      'SELECT ROUND(1234, -2)',
      'SELECT CAST(1.6 AS SIGNED)',
      'SELECT CAST(-1 AS UNSIGNED)',
    ],
  },
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
      'SELECT id FROM users_auth WHERE id > ALL (SELECT 7) ORDER BY id',
      "SELECT GROUP_CONCAT(DISTINCT length ORDER BY length SEPARATOR ';') FROM pipes_settings",
      'SELECT length, COUNT(*) FROM pipes_settings GROUP BY length WITH ROLLUP',
      'WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT SUM(i) FROM n',
      'SELECT id, ROW_NUMBER() OVER (ORDER BY id DESC) AS r FROM users_auth ORDER BY id',
      'SELECT id, SUM(id) OVER (ORDER BY id) AS s FROM users_auth ORDER BY id',
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
      "SHOW DATABASES LIKE 'Comet%'",
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
];
