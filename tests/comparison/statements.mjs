// The statements both servers are asked. Each must be answered alike: column
// names, rows as text, error number and SQLSTATE; `differences.mjs` lists those
// that are not. The tables hold the rows that `ROWS` gives them.

export const ROWS = {
  users_auth: [
    [2, 'two'],
    [7, 'Seven'],
    [42, '12abc'],
    [100, 'four+four'],
  ],
  pipes_settings: [
    ['alpha', 0],
    ['beta', 10],
    ['web_chat', 99],
    ['web_admins', 10],
  ],
};

const EXPRESSIONS = `
1 + 1
2 * 3.5
7 / 2
1 / 3
7 DIV 2
-7 DIV 2
7 % 4
-7 % 4
7 MOD 4
MOD(7, 4)
1 / 0
1 DIV 0
1 % 0
0.1 + 0.2
0.1 + 0.2 = 0.3
1.50
1e3
1e0 / 3
-3
- -3
+5
2 + 3 * 4
(2 + 3) * 4
'12abc' + 1
'abc' + 1
'1e2' + 1
' 5' + 1
'' + 0
5 & 3
5 | 3
5 ^ 3
1 << 4
256 >> 4
~1
1 = 1
1 <> 2
1 != 2
2 < 10
'2' < '10'
'2' = 2
'2' < 10
2 <= 2
3 >= 4
1 <=> 1
NULL <=> NULL
1 <=> NULL
NULL = NULL
NULL <> 1
'abc' = 0
'12abc' = 12
'a' = 'A'
'a' = 'a '
'a' < 'B'
'a' = 'b'
'Привет' = 'привет'
'é' = 'e'
BINARY 'a' = 'A'
1 AND 0
1 AND NULL
0 AND NULL
1 OR NULL
0 OR NULL
1 XOR 1
1 XOR 0
1 XOR NULL
NOT 1
NOT NULL
!1
!0
1 || 0
0 || 0
1 && 1
NOT 1 = 2
TRUE
FALSE
NULL
TRUE + TRUE
NULL + 1
1 IS NULL
NULL IS NULL
1 IS NOT NULL
1 IS TRUE
0 IS FALSE
NULL IS TRUE
NULL IS UNKNOWN
1 IS NOT TRUE
5 BETWEEN 1 AND 10
5 NOT BETWEEN 1 AND 10
'b' BETWEEN 'a' AND 'c'
NULL BETWEEN 1 AND 2
2 IN (1, 2, 3)
2 IN ('1', '2')
4 NOT IN (1, 2, 3)
4 IN (1, NULL)
1 IN (1, NULL)
'b' IN ('A', 'B')
(1, 2) = (1, 2)
(1, 2) IN ((1, 2), (3, 4))
'abc' LIKE 'a%'
'abc' LIKE 'A_C'
'abc' NOT LIKE '%d%'
'a%c' LIKE 'a\\%c'
'abc' LIKE 'a\\%c'
'a|%' LIKE 'a||%' ESCAPE '|'
'abc' LIKE NULL
123 LIKE '1%'
'abc' REGEXP '^a.c$'
'ABC' REGEXP 'b'
'abc' RLIKE 'x'
'abc' NOT REGEXP 'x'
NULL REGEXP 'a'
'a' 'b'
'it''s'
'it\\'s'
"double"
'a\\tb'
x'48656C6C6F'
0x4D
b'101' + 0
N'text'
_utf8mb4'text'
1 /* comment */ + 1
1 /*! + 1 */
CASE WHEN 1 > 2 THEN 'a' ELSE 'b' END
CASE 2 WHEN 1 THEN 'one' WHEN 2 THEN 'two' END
CASE 5 WHEN 1 THEN 'one' END
IF(1 > 0, 'yes', 'no')
IF(NULL, 1, 2)
IFNULL(NULL, 5)
IFNULL(1, 5)
NULLIF(1, 1)
NULLIF(1, 2)
COALESCE(NULL, NULL, 3)
GREATEST(1, 5, 3)
GREATEST(1, NULL)
GREATEST('a', 'B')
LEAST(4, 2, 8)
ISNULL(NULL)
ISNULL(1)
CONCAT('a', 'b', 'c')
CONCAT('a', NULL)
CONCAT('a', 1, 2.5)
CONCAT_WS(',', 'a', NULL, 'b')
CONCAT_WS(NULL, 'a')
LENGTH('Привет')
CHAR_LENGTH('Привет')
CHARACTER_LENGTH('abc')
OCTET_LENGTH('é')
UPPER('aбc')
LOWER('AБC')
UCASE('a')
LCASE('A')
LEFT('abcdef', 2)
RIGHT('abcdef', 2)
LEFT('abc', -1)
SUBSTRING('abcdef', 2)
SUBSTRING('abcdef', 2, 3)
SUBSTRING('abcdef', -3, 2)
SUBSTRING('abcdef' FROM 2 FOR 3)
SUBSTR('abc', 0)
MID('abcdef', 2, 2)
TRIM('  a  ')
TRIM(LEADING 'x' FROM 'xxax')
TRIM(TRAILING 'x' FROM 'xaxx')
TRIM(BOTH 'x' FROM 'xax')
LTRIM('  a')
RTRIM('a  ')
REPLACE('aaa', 'a', 'b')
REPLACE('abc', '', 'x')
LOCATE('b', 'abcb')
LOCATE('b', 'abcb', 3)
LOCATE('B', 'abc')
LOCATE('z', 'abc')
INSTR('abc', 'c')
POSITION('b' IN 'abc')
HEX('abc')
HEX(255)
ABS(-3)
ABS(2.5)
SIGN(-3)
CEIL(1.2)
CEILING(-1.2)
FLOOR(1.8)
FLOOR(-1.2)
ROUND(2.567, 2)
ROUND(2.5)
ROUND(-2.5)
ROUND(1234, -2)
CAST('12' AS SIGNED)
CAST('12abc' AS SIGNED)
CAST(1.6 AS SIGNED)
CAST('1.6' AS SIGNED)
CAST(-1 AS UNSIGNED)
CAST(5 AS CHAR)
CAST('abcdef' AS CHAR(3))
CAST('1.256' AS DECIMAL(10,2))
CAST('2026-01-31' AS DATE)
CAST('2026-01-31 10:11:12' AS DATE)
CAST('2026-01-31' AS DATETIME)
CAST('10:11:12' AS TIME)
CONVERT('7', SIGNED)
CONVERT('abc' USING utf8mb4)
DATE('2026-01-31 10:11:12')
TIME('2026-01-31 10:11:12')
YEAR('2026-01-31')
MONTH('2026-01-31')
DAY('2026-01-31')
DAYOFMONTH('2026-01-31')
QUARTER('2026-05-31')
HOUR('2026-01-31 10:11:12')
MINUTE('2026-01-31 10:11:12')
SECOND('2026-01-31 10:11:12')
EXTRACT(YEAR FROM '2026-01-31')
EXTRACT(MONTH FROM '2026-01-31')
DATE_FORMAT('2026-11-22 20:05:29', '%d.%m.%Y %H:%i:%s')
DATE_FORMAT('2026-11-22 20:05:29', '%W %M %e %y %h %p %j')
DATE_FORMAT('2026-02-30', '%Y')
FROM_UNIXTIME(0)
FROM_UNIXTIME(1795368188)
FROM_UNIXTIME(86400, '%Y/%m/%d')
UNIX_TIMESTAMP('1970-01-02 00:00:00')
UNIX_TIMESTAMP('2026-11-22 17:23:08')
DATE_ADD('2026-01-31', INTERVAL 1 MONTH)
DATE_ADD('2026-01-31', INTERVAL 1 HOUR)
DATE_ADD('2026-01-31 10:00:00', INTERVAL 90 MINUTE)
DATE_SUB('2026-01-01', INTERVAL 1 DAY)
DATE_SUB('2026-03-31', INTERVAL 1 QUARTER)
'2026-01-31' + INTERVAL 1 DAY
'2024-02-29' + INTERVAL 1 YEAR
'2026-01-31' - INTERVAL 1 WEEK
CONVERT_TZ('2026-01-01 01:00:00', '+00:00', '+02:00')
CONVERT_TZ('2026-01-01 01:00:00', '+00:00', '-05:30')
DATEDIFF('2026-01-31', '2026-01-01')
TIMESTAMPDIFF(HOUR, '2026-01-01', '2026-01-02')
DAYNAME('2026-01-31')
LAST_DAY('2026-02-03')
SUBSTRING_INDEX('a.b.c', '.', 2)
LPAD('5', 3, '0')
RPAD('5', 3, '0')
REVERSE('abc')
REPEAT('ab', 3)
FIELD('b', 'a', 'b')
ELT(2, 'a', 'b')
FIND_IN_SET('b', 'a,b,c')
FORMAT(1234567.891, 2)
MD5('abc')
SHA1('abc')
SHA2('abc', 256)
UNHEX('616263')
SPACE(2)
SUBSTRING_INDEX('a.b.c', '.', -1)
LPAD('abc', 2, '0')
RPAD('a', 5, 'xy')
FIND_IN_SET('B', 'a,b,c')
ELT(5, 'a')
REPEAT('ab', -1)
MONTHNAME('2026-01-31')
POWER(2, 0.5)
SQRT(-1)
SHA('abc')
SHA2('abc', 1)
REVERSE('Привет')
DATEDIFF('2026-01-01 23:59:59', '2026-01-02')
STRCMP('a', 'b')
ASCII('a')
TRUNCATE(2.567, 2)
POW(2, 10)
SQRT(16)
PI()
JSON_VALID('{"a":1}')
JSON_VALID('{')
JSON_EXTRACT('{"a":1}', '$.a')
JSON_EXTRACT('{"a":"x"}', '$.a')
JSON_EXTRACT('{"a":[1,2]}', '$.a[1]')
JSON_EXTRACT('{"a":1}', '$.b')
JSON_UNQUOTE(JSON_EXTRACT('{"a":"x"}', '$.a'))
JSON_UNQUOTE('"a\\\\nb"')
JSON_OBJECT('a', 1)
JSON_ARRAY(1, 'x', NULL)
JSON_CONTAINS('[1,2]', '1')
JSON_LENGTH('[1,2]')
JSON_KEYS('{"a":1}')
JSON_TYPE('[1]')
DATABASE()
SCHEMA()
NO_SUCH_FUNCTION(1)
CONCAT()
nothing
`
  .trim()
  .split('\n');

const QUERIES = `
SELECT * FROM users_auth ORDER BY id
SELECT id, hash FROM users_auth WHERE id = 7
SELECT ID FROM users_auth WHERE id = '7'
SELECT u.hash FROM users_auth u WHERE u.id IN (2, 42) ORDER BY u.id
SELECT id AS number, hash AS "the key" FROM users_auth ORDER BY number DESC
SELECT hash FROM users_auth ORDER BY id LIMIT 2
SELECT hash FROM users_auth ORDER BY id LIMIT 1, 2
SELECT hash FROM users_auth ORDER BY id LIMIT 2 OFFSET 1
SELECT id FROM users_auth LIMIT 0
SELECT id FROM users_auth WHERE hash LIKE '%o%' ORDER BY id
SELECT id FROM users_auth WHERE hash LIKE 'SEVEN'
SELECT id FROM users_auth WHERE hash = 'SEVEN'
SELECT id FROM users_auth WHERE hash + 0 = 12
SELECT id FROM users_auth WHERE NOT id = 7 ORDER BY 1
SELECT id FROM users_auth WHERE id > 2 AND id < 100 OR hash = 'two' ORDER BY id
SELECT id FROM users_auth WHERE id > ALL (SELECT 7) ORDER BY id
SELECT id FROM users_auth WHERE id = ANY (SELECT 7)
SELECT id FROM users_auth WHERE id IN (SELECT length + 32 FROM pipes_settings)
SELECT id FROM users_auth a WHERE EXISTS (SELECT 1 FROM pipes_settings WHERE length > a.id) ORDER BY id
SELECT id FROM users_auth ORDER BY FIELD(id, 42, 7) DESC, id
SELECT id FROM users_auth ORDER BY id % 5, id DESC
SELECT COUNT(*) FROM users_auth
SELECT COUNT(*), COUNT(DISTINCT length), SUM(length), MIN(length), MAX(length) FROM pipes_settings
SELECT AVG(length) FROM pipes_settings
SELECT MIN(name), MAX(name) FROM pipes_settings
SELECT length, COUNT(*) FROM pipes_settings GROUP BY length ORDER BY length
SELECT length, COUNT(*) AS n FROM pipes_settings GROUP BY 1 HAVING n > 1
SELECT length AS l, GROUP_CONCAT(name ORDER BY name SEPARATOR '|') FROM pipes_settings GROUP BY l ORDER BY l
SELECT GROUP_CONCAT(DISTINCT length ORDER BY length DESC) FROM pipes_settings
SELECT GROUP_CONCAT(DISTINCT length ORDER BY length SEPARATOR ';') FROM pipes_settings
SELECT length, COUNT(*) FROM pipes_settings GROUP BY length WITH ROLLUP
SELECT DISTINCT length FROM pipes_settings ORDER BY length
SELECT SUM(length) FROM pipes_settings WHERE name = 'nobody'
SELECT COUNT(*) FROM pipes_settings HAVING COUNT(*) > 100
SELECT a.id, s.name FROM users_auth a JOIN pipes_settings s ON s.length < a.id ORDER BY a.id, s.name
SELECT a.id, s.name FROM users_auth a LEFT JOIN pipes_settings s ON s.length = a.id ORDER BY a.id
SELECT a.id, s.name FROM users_auth a RIGHT JOIN pipes_settings s ON s.length = a.id ORDER BY s.name
SELECT COUNT(*) FROM users_auth CROSS JOIN pipes_settings
SELECT COUNT(*) FROM users_auth, pipes_settings
SELECT x.name FROM pipes_settings x JOIN pipes_settings y USING (name) ORDER BY name
SELECT name FROM pipes_settings x NATURAL JOIN pipes_settings y ORDER BY name
SELECT 1 UNION SELECT 2 ORDER BY 1
SELECT 1 UNION ALL SELECT 1
SELECT 1, 1
SELECT a.*, b.* FROM users_auth a JOIN users_auth b ON a.id = b.id ORDER BY a.id
SELECT id, id FROM users_auth ORDER BY id
SELECT id AS a, hash AS a FROM users_auth ORDER BY a
SELECT * FROM (SELECT 1 AS a, 2 AS a) AS t
SELECT * FROM (SELECT a.*, b.* FROM users_auth a, users_auth b) AS t
WITH t AS (SELECT 1 AS a, 2 AS a) SELECT * FROM t
WITH t (a, a) AS (SELECT 1, 2) SELECT * FROM t
SELECT EXISTS (SELECT 1, 1)
SELECT 'a' UNION SELECT 'A'
SELECT 'b' UNION SELECT 'a' UNION SELECT 'B'
SELECT 'A' UNION SELECT 'a' UNION ALL SELECT 'a'
SELECT DISTINCT t FROM (SELECT 'b' AS t UNION ALL SELECT 'B' UNION ALL SELECT 'a') AS x
SELECT t, COUNT(*) FROM (SELECT 'b' AS t UNION ALL SELECT 'B' UNION ALL SELECT 'a') AS x GROUP BY t ORDER BY t
SELECT 1 AS a UNION SELECT 2 ORDER BY a DESC
(SELECT id FROM users_auth ORDER BY id LIMIT 1) UNION ALL (SELECT id FROM users_auth ORDER BY id DESC LIMIT 1)
SELECT n FROM (SELECT COUNT(*) AS n FROM users_auth) AS t
SELECT (SELECT MAX(id) FROM users_auth) AS top
WITH few AS (SELECT id FROM users_auth WHERE id < 10) SELECT SUM(id) FROM few
WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT SUM(i) FROM n
SELECT id, ROW_NUMBER() OVER (ORDER BY id DESC) AS r FROM users_auth ORDER BY id
SELECT id, SUM(id) OVER (ORDER BY id) AS s FROM users_auth ORDER BY id
SELECT id, CASE WHEN id > 10 THEN 'big' ELSE 'small' END AS size FROM users_auth ORDER BY id
SELECT * FROM nothing
SELECT nothing FROM users_auth
SELECT id FROM users_auth WHERE nothing = 1
SELECT id FROM users_auth ORDER BY nothing
SELECT x.id FROM users_auth
SELECT name FROM pipes_settings x, pipes_settings y
SELECT id FROM users_auth a, pipes_settings a
SELECT * FROM nowhere.users_auth
SELECT 1 UNION SELECT 1, 2
SELECT (SELECT id, hash FROM users_auth LIMIT 1)
SELECT id FROM users_auth WHERE COUNT(*) > 1
SELECT *
SELEC 1
SELECT 1 FROM
SELECT id FROM users_auth WHERE
SELECT 1 LIMIT -1
SELECT @@no_such_variable
SELECT @@autocommit
SELECT @@SESSION.autocommit
SET no_such_variable = 1
SET NAMES utf8mb4
INSERT INTO nothing (a) VALUES (1)
INSERT INTO users_auth (id, nothing) VALUES (1, 'a')
INSERT INTO users_auth (id, hash) VALUES (1)
INSERT INTO users_auth (id, id) VALUES (1, 2)
DELETE FROM nothing WHERE id = 1
USE nowhere
SHOW TABLES FROM nowhere
SHOW COLUMNS FROM nothing
SHOW DATABASES LIKE 'Comet%'
SHOW COLUMNS FROM users_auth
SHOW COLUMNS FROM pipes_settings
DESCRIBE users_auth
DESC pipes_settings
SHOW COLUMNS FROM users_auth LIKE 'h%'
SHOW FULL COLUMNS FROM users_auth
SHOW FULL TABLES WHERE Tables_in_CometQL_v1 = 'users_auth'
SHOW TABLES LIKE 'users\\_auth'
SHOW VARIABLES LIKE 'autocommit'
SHOW WARNINGS
SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ('users_auth', 'pipes_settings') ORDER BY 1
SELECT COLUMN_NAME, ORDINAL_POSITION, IS_NULLABLE, DATA_TYPE, COLUMN_TYPE, COLUMN_KEY FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'users_auth' ORDER BY ORDINAL_POSITION
SELECT INDEX_NAME, SEQ_IN_INDEX, COLUMN_NAME, NON_UNIQUE FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'pipes_settings'
SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()
`
  .trim()
  .split('\n');

export const STATEMENTS = [...EXPRESSIONS.map((expression) => `SELECT ${expression}`), ...QUERIES];
