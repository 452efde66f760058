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
    ['alpha', 0, 0, '', '', '', '', '', 0],
    ['beta', 10, 0, '', '', '', '', '', 0],
    ['web_chat', 99, 0, '', '', '', '', '', 0],
    ['web_admins', 10, 0, '', '', '', '', '', 0],
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
0.5
.5
5.
007.50
-1.5
- -1.5
1.5 + 1
1.5 - 2.25
1.5 * 1.25
1.10 * 3
2.5 * 2.5 * 2.5
7.5 / 2
1 / 3 * 3
1 / 3 * 100
(1 / 3) + 0
2 / 3 + 1 / 3
10 / 4 / 2
1.0 / 7
5.5 % 2
-5.5 % 2
5.5 MOD 1.5
MOD(5.5, 2)
5.5 DIV 2
7 DIV 2.5
1.5 % 0
1.5 / 0
0.1 * 3 = 0.3
1.50 = 1.5
10.0 > 9
2 = 2.0
'2' = 2.0
1e0 = 1.0
'10.5' < 9.5
1.5 IN (1, 1.50)
1 IN (1.0)
'1.0' IN (1.0)
2.5 BETWEEN 2 AND 10
2 BETWEEN 1.5 AND 2.5
'10' BETWEEN 2.5 AND 100
CASE 1.0 WHEN 1 THEN 'one' END
CASE WHEN 1 THEN 1 ELSE 2.50 END
CASE '1' WHEN 1 THEN 'a' END
IF(1, 1, 2.5)
IF(0.0, 1, 2.50)
IF(0.5, 1, 2)
IFNULL(NULL, 2.50)
IFNULL(1, 2.50)
COALESCE(NULL, 0.5, 1)
COALESCE(NULL, 0.5) < 3
NULLIF(1.0, 1)
NULLIF(1.5, 1)
GREATEST(9, 10.5)
GREATEST(1, 2.5, 2)
LEAST(2, 1.5)
LEAST('b', 'A')
GREATEST(1, '2')
ABS(-2.50)
SIGN(-0.5)
SIGN(0.0)
CEIL(1.0001)
CEIL(-1.5)
FLOOR(-1.5)
FLOOR(2)
FLOOR('2.7')
ROUND(2.345, 2)
ROUND(2.5, 3)
ROUND(-1.005, 2)
ROUND(1250, -2)
ROUND(1234.567, -2)
ROUND(2.5e0)
ROUND('2.567', 2)
ROUND(15)
ROUND(1.5, NULL)
TRUNCATE(1.999, 1)
TRUNCATE(-1.999, 1)
TRUNCATE(1999, -2)
TRUNCATE(1.5, 3)
1.5 + '1.5'
1.5 + '1'
'1.50' + 0
NULL + 1.5
1.5 XOR 0
NOT 0.0
NOT 0.5
0.5 AND 1
HEX(2.5)
CONCAT(1.50, 'x')
CONCAT(1 / 3)
LENGTH(1.50)
18446744073709551615
18446744073709551615 + 1
9223372036854775808 > 1
~0
~5 & 7
1 | 6
1 << 62
-1 & 255
CAST('1.256' AS DECIMAL(5,2))
CAST(12345.6 AS DECIMAL(5,2))
CAST(2.5 AS DECIMAL)
CAST('abc' AS DECIMAL(5,2))
CAST(1 AS DECIMAL(5,2))
CAST(2.5 AS SIGNED)
CAST(-2.5 AS SIGNED)
CAST('2.5' AS SIGNED)
CAST(2.5e0 AS SIGNED)
CAST(1.5 AS CHAR)
CAST(1.5 AS UNSIGNED)
CAST(18446744073709551615 AS UNSIGNED)
CAST('5' AS UNSIGNED)
CAST('12' AS DOUBLE)
CONVERT('1.25', DECIMAL(3,1))
FORMAT(2.5, 0)
FORMAT(1234.5, 3)
JSON_OBJECT('a', 1.50)
JSON_ARRAY(1.5, 2)
1 <=> 1.0
NULL <=> 1.5
1.5 <=> NULL
(1, 2) <=> (1, 2)
1 XOR 2
0 XOR 0
5 DIV 0
-7 DIV 3
-7 MOD 3
7 MOD -3
'7' DIV 2
'7abc' MOD 4
5 DIV NULL
NOT 1 = 1
!1 = 2
!1 + 1
! 0 + 5
!(1 = 2)
!NULL
!'a'
- 2 * 3
-(2 + 3)
2 * -3
1 + 2 = 3 AND 4
1 OR 0 AND 0
1 = 1 = 1
2 > 1 > 0
NOT 0 AND 0
1 IS NULL IS NULL
5 & 3 + 1
1 | 2 ^ 3
2 << 1 + 1
NULL IN (1, 2)
NULL NOT IN (1, 2)
1 NOT BETWEEN NULL AND 0
'a' IN ('A')
'abc' LIKE 'ABC'
'a_c' LIKE 'a\\\\_c'
'' LIKE '%'
'a' LIKE ''
NOT 'abc' LIKE 'x%'
DATE_ADD('2026-01-31 10:00:00', INTERVAL 90 SECOND)
DATE_ADD('2026-01-31', INTERVAL -1 DAY)
DATE_ADD('2026-01-31', INTERVAL 2 WEEK)
DATE_ADD('2026-12-31 23:59:59', INTERVAL 1 SECOND)
DATE_ADD('2026-01-01', INTERVAL '1:30' HOUR_MINUTE)
DATE_ADD('2026-01-01', INTERVAL '1 12' DAY_HOUR)
DATE_ADD('2026-01-01 00:00:00', INTERVAL '1 01:01:01' DAY_SECOND)
DATE_ADD('2026-01-01', INTERVAL '1-6' YEAR_MONTH)
DATE_ADD('2026-01-01', INTERVAL '10:20' MINUTE_SECOND)
DATE_ADD('2026-01-01 10:00:00', INTERVAL 500000 MICROSECOND)
DATE_ADD('2026-01-01', INTERVAL '1.5' DAY)
DATE_ADD('nonsense', INTERVAL 1 DAY)
DATE_ADD(NULL, INTERVAL 1 DAY)
DATE_ADD('2026-01-31', INTERVAL NULL DAY)
DATE_ADD('9999-12-31', INTERVAL 1 DAY)
DATE_SUB('2026-01-31 10:00:00', INTERVAL 1 YEAR)
ADDDATE('2026-01-31', 10)
ADDDATE('2026-01-31', INTERVAL 1 MONTH)
SUBDATE('2026-01-31', 31)
INTERVAL 1 DAY + '2026-01-31'
'2026-01-31' + INTERVAL 1 + 1 DAY
'2026-01-31 12:00:00' - INTERVAL 1 DAY - INTERVAL 1 HOUR
WEEKDAY('2026-11-25')
DAYOFWEEK('2026-11-25')
DAYOFYEAR('2026-11-25')
WEEK('2026-11-25')
WEEK('2026-01-01')
WEEK('2026-11-25', 1)
WEEK('2026-01-01', 3)
WEEK('2027-01-01', 3)
WEEKOFYEAR('2026-11-25')
YEARWEEK('2026-01-01')
YEARWEEK('2027-01-01', 1)
TO_DAYS('2026-11-25')
FROM_DAYS(740310)
TO_SECONDS('2026-11-25 10:00:00')
MAKEDATE(2026, 60)
MAKEDATE(2026, 0)
MAKETIME(12, 15, 30)
MAKETIME(12, 60, 0)
STR_TO_DATE('25,11,2026', '%d,%m,%Y')
STR_TO_DATE('2026-11-25 10:20:30', '%Y-%m-%d %H:%i:%s')
STR_TO_DATE('November 5 2026', '%M %e %Y')
STR_TO_DATE('nonsense', '%Y')
TIMEDIFF('2026-01-02 00:00:00', '2026-01-01 12:30:00')
TIMEDIFF('10:00:00', '12:30:00')
ADDTIME('2026-01-01 23:59:59', '00:00:02')
ADDTIME('10:00:00', '15:30:00')
SUBTIME('10:00:00', '00:30:00')
TIME_TO_SEC('01:02:03')
TIME_TO_SEC('-01:00:00')
SEC_TO_TIME(3723)
SEC_TO_TIME(100000)
SEC_TO_TIME(-60)
TIME('10:11:12')
TIME('838:59:59')
HOUR('25:30:00')
MINUTE('10:11:12')
SECOND('10:11:12')
TIMESTAMPADD(MINUTE, 5, '2026-01-01 10:00:00')
TIMESTAMPADD(MONTH, 1, '2026-01-31')
TIMESTAMPDIFF(MONTH, '2026-01-31', '2026-03-01')
TIMESTAMPDIFF(DAY, '2026-03-01', '2026-01-01')
TIMESTAMPDIFF(YEAR, '2000-02-29', '2026-02-28')
MICROSECOND('2026-01-01 10:00:00.123456')
EXTRACT(DAY FROM '2026-01-31 10:11:12')
EXTRACT(HOUR FROM '2026-01-31 10:11:12')
EXTRACT(YEAR_MONTH FROM '2026-01-31')
EXTRACT(DAY_SECOND FROM '2026-01-31 10:11:12')
EXTRACT(WEEK FROM '2026-11-25')
EXTRACT(QUARTER FROM '2026-11-25')
TIME_FORMAT('10:11:12', '%H-%i-%s')
DATE_FORMAT('2026-11-25', '%a %b %D %u %v %x')
PERIOD_ADD(202611, 3)
PERIOD_DIFF(202611, 202601)
LAST_DAY('2024-02-01')
DATE('2026-01-31T10:11:12')
DATE('20260131')
DATE('2026-1-5')
YEAR('0000-00-00')
TIMESTAMP('2026-01-31', '10:00:00')
CAST('2026-01-31 10:11:12.5' AS DATETIME)
CAST('2026-01-31 10:11:12.5' AS DATETIME(1))
CAST('25:61:00' AS TIME)
EXP(0)
LN(1)
LOG(2, 8)
LOG2(8)
LOG10(1000)
SIN(0)
COS(0)
DEGREES(0)
RADIANS(0)
CRC32('abc')
CONV('ff', 16, 10)
CONV(10, 10, 2)
BIN(5)
OCT(8)
BIT_COUNT(7)
INSERT('abcdef', 2, 3, 'X')
CHAR(65, 66)
ORD('a')
QUOTE('it''s')
TO_BASE64('abc')
FROM_BASE64('YWJj')
INET_ATON('10.0.5.9')
INET_NTOA(167773449)
REGEXP_REPLACE('abc', 'b', 'X')
REGEXP_SUBSTR('abc123', '[0-9]+')
REGEXP_INSTR('abc123', '[0-9]')
JSON_REMOVE('{"a":1,"b":2}', '$.a')
JSON_INSERT('{"a":1}', '$.b', 2)
JSON_REPLACE('{"a":1}', '$.a', 2)
JSON_SET('{"a":1}', '$.b', 'x')
JSON_MERGE_PATCH('{"a":1}', '{"b":2}')
JSON_DEPTH('[1,[2]]')
JSON_VALUE('{"a":"x"}', '$.a')
JSON_QUOTE('a"b')
JSON_EXTRACT('[1,2,3]', '$[last]')
JSON_LENGTH('{"a":1,"b":2}')
JSON_CONTAINS('{"a":1}', '1', '$.a')
JSON_SEARCH('["a","b"]', 'one', 'b')
CONCAT_WS('-', 1, 2.50, NULL)
LPAD(5, 3, 0)
SUBSTRING('abc', 2, -1)
SUBSTRING('abc', NULL)
LEFT(12345, 2)
REPLACE('Abc', 'a', 'x')
TRIM('x' FROM 'xaxx')
FIELD('x', 'a', 'b')
FIELD(2, 1, 2)
ELT(0, 'a')
STRCMP('a', 'A')
UPPER(NULL)
LENGTH(NULL)
SPACE(0) = ''
REPEAT('a', 0)
COALESCE(NULL)
ISNULL(1/0)
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
SELECT id, RANK() OVER (ORDER BY id > 10) AS r FROM users_auth ORDER BY id
SELECT name, DENSE_RANK() OVER (ORDER BY length) AS r FROM pipes_settings ORDER BY name
SELECT name, RANK() OVER (ORDER BY length DESC) AS r FROM pipes_settings ORDER BY name
SELECT name, ROW_NUMBER() OVER (PARTITION BY length ORDER BY name) AS r FROM pipes_settings ORDER BY name
SELECT name, PERCENT_RANK() OVER (ORDER BY length) AS r FROM pipes_settings ORDER BY name
SELECT name, CUME_DIST() OVER (ORDER BY length) AS r FROM pipes_settings ORDER BY name
SELECT id, NTILE(2) OVER (ORDER BY id) AS r FROM users_auth ORDER BY id
SELECT id, LAG(id) OVER (ORDER BY id) AS r FROM users_auth ORDER BY id
SELECT id, LAG(hash, 2) OVER (ORDER BY id) AS r FROM users_auth ORDER BY id
SELECT id, LEAD(id, 1) OVER (ORDER BY id) AS r FROM users_auth ORDER BY id
SELECT id, FIRST_VALUE(hash) OVER (ORDER BY id DESC) AS r FROM users_auth ORDER BY id
SELECT id, LAST_VALUE(hash) OVER (ORDER BY id) AS r FROM users_auth ORDER BY id
SELECT id, LAST_VALUE(id) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS r FROM users_auth ORDER BY id
SELECT id, NTH_VALUE(id, 2) OVER (ORDER BY id) AS r FROM users_auth ORDER BY id
SELECT name, SUM(length) OVER (PARTITION BY length) AS s FROM pipes_settings ORDER BY name
SELECT name, AVG(length) OVER (ORDER BY length, name) AS s FROM pipes_settings ORDER BY length, name
SELECT name, COUNT(*) OVER () AS n FROM pipes_settings ORDER BY name
SELECT id, SUM(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS s FROM users_auth ORDER BY id
SELECT id, SUM(id) OVER (ORDER BY id ROWS 1 PRECEDING) AS s FROM users_auth ORDER BY id
SELECT id, SUM(id) OVER (ORDER BY id RANGE BETWEEN 10 PRECEDING AND CURRENT ROW) AS s FROM users_auth ORDER BY id
SELECT id, MIN(id) OVER w AS a, MAX(id) OVER w AS b FROM users_auth WINDOW w AS (ORDER BY id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) ORDER BY id
SELECT id, SUM(id) OVER (w ROWS 1 PRECEDING) AS s FROM users_auth WINDOW w AS (ORDER BY id) ORDER BY id
SELECT length, SUM(COUNT(*)) OVER () AS s FROM pipes_settings GROUP BY length ORDER BY length
SELECT id FROM users_auth ORDER BY ROW_NUMBER() OVER (ORDER BY id DESC)
SELECT t.id FROM (SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS r FROM users_auth) AS t WHERE t.r = 2
SELECT id FROM users_auth WHERE ROW_NUMBER() OVER (ORDER BY id) = 1
SELECT ROW_NUMBER() FROM users_auth
SELECT SUM(id) OVER nowhere FROM users_auth
WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i, i * i FROM n
WITH RECURSIVE n (i) AS (SELECT 1 UNION SELECT (i * 2) % 7 FROM n) SELECT i FROM n ORDER BY i
WITH RECURSIVE f AS (SELECT 0 AS a, 1 AS b UNION ALL SELECT b, a + b FROM f WHERE b < 50) SELECT a FROM f
WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3), m AS (SELECT i FROM n WHERE i > 1) SELECT * FROM m
WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 50) SELECT u.id FROM users_auth u JOIN n ON n.i = u.id ORDER BY u.id
WITH RECURSIVE d AS (SELECT '2026-11-25' AS day UNION ALL SELECT day + INTERVAL 1 DAY FROM d WHERE day < '2026-11-28') SELECT day FROM d
WITH RECURSIVE c AS (SELECT 1 AS one) SELECT * FROM c
WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT x, y FROM a, b
WITH a (p, q) AS (SELECT id, hash FROM users_auth) SELECT q FROM a WHERE p = 7
SELECT * FROM (WITH a AS (SELECT 1 AS x) SELECT x FROM a) AS t
SELECT GROUP_CONCAT(name) FROM pipes_settings WHERE length = 10
SELECT GROUP_CONCAT(name ORDER BY name DESC) FROM pipes_settings
SELECT GROUP_CONCAT(DISTINCT length ORDER BY length DESC SEPARATOR '; ') FROM pipes_settings
SELECT GROUP_CONCAT(name, '=', length ORDER BY name) FROM pipes_settings
SELECT GROUP_CONCAT(DISTINCT length % 2 ORDER BY 1) FROM pipes_settings
SELECT GROUP_CONCAT(name SEPARATOR '') FROM pipes_settings WHERE length > 1000
SELECT GROUP_CONCAT(NULL) FROM pipes_settings
SELECT length, GROUP_CONCAT(name ORDER BY name) AS names FROM pipes_settings GROUP BY length HAVING COUNT(*) > 1
SELECT SUM(length), AVG(length), SUM(length) / COUNT(*) FROM pipes_settings
SELECT AVG(length) * 2, AVG(length / 3) FROM pipes_settings
SELECT SUM(length / 3) FROM pipes_settings
SELECT SUM(length * 1.5), MAX(length * 0.1), MIN(length - 0.5) FROM pipes_settings
SELECT SUM(DISTINCT length), AVG(DISTINCT length), COUNT(DISTINCT length) FROM pipes_settings
SELECT SUM(hash) FROM users_auth
SELECT AVG(hash) FROM users_auth
SELECT SUM(length) / 0 FROM pipes_settings
SELECT ROUND(AVG(length), 1), TRUNCATE(AVG(length), 1), FLOOR(AVG(length)) FROM pipes_settings
SELECT SUM(length > 5), SUM(length = 10) FROM pipes_settings
SELECT SUM(IF(length > 5, 1, 0)) / COUNT(*) * 100 AS percent FROM pipes_settings
SELECT name, length / 3 AS third FROM pipes_settings ORDER BY third DESC, name
SELECT name FROM pipes_settings WHERE length * 0.1 = 1 ORDER BY name
SELECT name FROM pipes_settings WHERE length / 4 > 2.5 ORDER BY name
SELECT length * 1.0 AS l, COUNT(*) FROM pipes_settings GROUP BY l ORDER BY l
SELECT 1 UNION SELECT 2.5
SELECT 1.50 UNION SELECT 1.5
SELECT 'a' UNION SELECT 1
SELECT x FROM (SELECT 10.5 AS x UNION SELECT 9.5 UNION SELECT 10.50) AS t ORDER BY x
SELECT id FROM users_auth WHERE id IN (SELECT length * 4.2 FROM pipes_settings)
SELECT id FROM users_auth WHERE id > ANY (SELECT length FROM pipes_settings) ORDER BY id
SELECT id FROM users_auth WHERE id < ALL (SELECT length FROM pipes_settings WHERE length > 5) ORDER BY id
SELECT id FROM users_auth WHERE id >= ALL (SELECT id FROM users_auth)
SELECT id FROM users_auth WHERE id <> ANY (SELECT 7) ORDER BY id
SELECT id FROM users_auth WHERE id = ALL (SELECT 7 FROM pipes_settings) ORDER BY id
SELECT id FROM users_auth WHERE id > ALL (SELECT length FROM pipes_settings WHERE length > 1000) ORDER BY id
SELECT 1 > ALL (SELECT NULL), 1 > ANY (SELECT NULL), 1 = SOME (SELECT 1)
SELECT id FROM users_auth WHERE NOT EXISTS (SELECT 1 FROM pipes_settings WHERE length = id) ORDER BY id
SELECT id FROM users_auth WHERE (id, hash) IN (SELECT 7, 'Seven')
SELECT id FROM users_auth WHERE (id, hash) = (7, 'Seven')
SELECT (SELECT COUNT(*) FROM pipes_settings WHERE length < id) AS n FROM users_auth ORDER BY id
SELECT a.name FROM pipes_settings a WHERE a.length > (SELECT AVG(b.length) FROM pipes_settings b)
SELECT length, COUNT(*) FROM pipes_settings GROUP BY length HAVING COUNT(*) > 1 AND length > 5
SELECT length DIV 10 AS d, GROUP_CONCAT(name ORDER BY name) FROM pipes_settings GROUP BY d ORDER BY d
SELECT COUNT(*) AS n, length FROM pipes_settings GROUP BY length ORDER BY n DESC, length
SELECT DISTINCT length % 2 AS odd FROM pipes_settings ORDER BY odd
SELECT id FROM users_auth EXCEPT SELECT 7 ORDER BY id
SELECT id FROM users_auth INTERSECT SELECT 7
SELECT 1 UNION ALL SELECT 2 UNION SELECT 1 ORDER BY 1 DESC
SELECT 1 AS a UNION SELECT 2 ORDER BY b
SELECT id FROM users_auth ORDER BY 3
SELECT id FROM users_auth GROUP BY 2
SELECT hash FROM users_auth ORDER BY hash
SELECT hash FROM users_auth ORDER BY hash DESC LIMIT 1
SELECT hash FROM users_auth ORDER BY BINARY hash
SELECT name FROM pipes_settings ORDER BY LENGTH(name), name
SELECT id FROM users_auth WHERE hash LIKE '1%' OR hash REGEXP '^f'
SELECT id, hash FROM users_auth WHERE hash BETWEEN 'A' AND 'Z'
SELECT id FROM users_auth WHERE id BETWEEN 2.5 AND 50 ORDER BY id
SELECT id FROM users_auth WHERE id IN (2.0, 7.5) ORDER BY id
SELECT id FROM users_auth WHERE id <=> 7
SELECT id FROM users_auth WHERE id = 7 XOR id = 2 ORDER BY id
SELECT id FROM users_auth WHERE !(id = 7) ORDER BY id
SELECT MIN(hash), MAX(hash) FROM users_auth
SELECT COUNT(id), COUNT(NULL) FROM users_auth
SELECT COUNT(*) FROM users_auth WHERE 1 = 0
SELECT MAX(id) FROM users_auth WHERE 1 = 0
SELECT COUNT(*) FROM users_auth GROUP BY id HAVING 0
SELECT x.id, y.id FROM users_auth x LEFT JOIN users_auth y ON y.id = x.id + 5 ORDER BY x.id
SELECT x.id FROM users_auth x JOIN users_auth y USING (id) JOIN users_auth z USING (id) ORDER BY id
SELECT * FROM users_auth x JOIN users_auth y USING (id, hash) WHERE id = 7
SELECT x.* FROM users_auth AS x, pipes_settings AS s WHERE s.length = 99 ORDER BY x.id
SELECT users_auth.id FROM users_auth WHERE users_auth.hash = 'two'
SELECT CometQL_v1.users_auth.id FROM CometQL_v1.users_auth WHERE id = 2
SELECT id AS i FROM users_auth WHERE i = 7
SELECT id AS i FROM users_auth HAVING i = 7
SELECT id + 1 AS i FROM users_auth GROUP BY i HAVING i > 10 ORDER BY i
SELECT ALL id FROM users_auth WHERE id = 7
SELECT DISTINCTROW length FROM pipes_settings WHERE length = 10
SELECT SQL_CALC_FOUND_ROWS id FROM users_auth LIMIT 1
SELECT STRAIGHT_JOIN id FROM users_auth WHERE id = 7
SELECT id FROM users_auth WHERE id = 7 FOR UPDATE
SELECT id FROM users_auth WHERE id = 7 LOCK IN SHARE MODE
SELECT 1 FROM dual
SELECT 1 FROM dual WHERE 0
SELECT 1 LIMIT 0
SELECT 1 WHERE 1
SELECT id FROM users_auth LIMIT 1.5
SELECT id FROM users_auth LIMIT 'a'
SELECT id, COUNT(*) OVER () FROM users_auth WHERE id = 7
SELECT COUNT(id, hash) FROM users_auth
SELECT ABS()
SELECT ABS(1, 2)
SELECT 1 = (1, 2)
SELECT id FROM users_auth WHERE id = (SELECT id FROM users_auth)
SELECT SUM(COUNT(*)) FROM users_auth
SELECT id FROM (SELECT id FROM users_auth)
SELECT a.id FROM users_auth a, users_auth b, users_auth a
SELECT CAST(1 AS DECIMAL(99, 0))
SELECT CAST(1 AS DECIMAL(3, 5))
SET SESSION group_concat_max_len = 8
SELECT GROUP_CONCAT(name ORDER BY name) FROM pipes_settings
SET SESSION group_concat_max_len = 1048576
SET div_precision_increment = 2
SELECT 1 / 3, 7 / 2
SET div_precision_increment = 4
SET sql_mode = 'PIPES_AS_CONCAT'
SELECT 'a' || 'b'
SELECT 1 || 0 || NULL
SELECT 'a' || 1 + 1
SELECT 1 = '1' || ''
SELECT @@sql_mode
SET sql_mode = (SELECT CONCAT(@@sql_mode, ',NO_ENGINE_SUBSTITUTION'))
SELECT 'c' || 'd'
SET sql_mode = ''
SELECT 'a' || 'b' AS either
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
