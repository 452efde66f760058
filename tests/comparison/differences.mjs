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
