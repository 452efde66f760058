// Queries both servers are asked, in this order: some of them SET what those after
// them depend on.

export const QUERIES = `
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
SELECT BIT_AND(id), BIT_OR(id), BIT_XOR(id) FROM users_auth
SELECT BIT_AND(id), BIT_OR(id), BIT_XOR(id) FROM users_auth WHERE 0
SELECT STD(id), STDDEV(id), STDDEV_POP(id), STDDEV_SAMP(id) FROM users_auth
SELECT VARIANCE(id), VAR_POP(id), VAR_SAMP(id) FROM users_auth
SELECT VAR_SAMP(id) FROM users_auth WHERE id = 7
SELECT VARIANCE(id) FROM users_auth WHERE 0
SELECT VARIANCE(id + 0e0), STD(hash) FROM users_auth
SELECT id, VAR_POP(id + 0e0) OVER (ORDER BY id ROWS 1 PRECEDING) AS v FROM users_auth ORDER BY id
SELECT JSON_ARRAYAGG(id) FROM users_auth
SELECT JSON_ARRAYAGG(hash) FROM users_auth WHERE id < 10
SELECT JSON_OBJECTAGG(hash, id) FROM users_auth
SELECT JSON_ARRAYAGG(id) FROM users_auth WHERE 0
SELECT JSON_ARRAYAGG(JSON_OBJECT('a', id)) FROM users_auth WHERE id = 7
SELECT length, ANY_VALUE(age) FROM pipes_settings GROUP BY length ORDER BY length
SELECT length, BIT_OR(length) AS b, STD(length) AS s FROM pipes_settings GROUP BY length ORDER BY length
SELECT id FROM users_auth WHERE id & 2 ORDER BY id
SELECT id, id << 1, id >> 1, id | 1, id ^ 7, ~id FROM users_auth ORDER BY id
SELECT id FROM users_auth WHERE hash REGEXP 'SEVEN'
SELECT id FROM users_auth ORDER BY CRC32(hash)
SELECT 1., 2.
SELECT .5 + .25, 1.e1, .5e1
SELECT id FROM users_auth WHERE id > .5 ORDER BY id
SELECT (SELECT id FROM users_auth)
SELECT (SELECT id FROM users_auth WHERE id > 100)
SELECT (SELECT id FROM users_auth WHERE id = 7) + 1
SELECT (SELECT hash FROM users_auth u WHERE u.id = a.id) FROM users_auth a ORDER BY id
SELECT (SELECT name FROM pipes_settings s WHERE s.length = a.id) FROM users_auth a ORDER BY id
SELECT (SELECT name FROM pipes_settings s WHERE s.length < a.id) FROM users_auth a ORDER BY id
SELECT id FROM users_auth WHERE (id, hash) = (SELECT 7, 'Seven')
SELECT id FROM users_auth WHERE (id, hash) = (SELECT id, hash FROM users_auth)
SELECT id FROM users_auth WHERE (id, hash) = (SELECT id, hash FROM users_auth WHERE id = 7)
SELECT id FROM users_auth WHERE (id, hash) = (SELECT 7)
SELECT id FROM users_auth WHERE (id, id) = (SELECT id, id FROM users_auth WHERE id = 7)
SELECT id FROM users_auth WHERE id = (SELECT 1, 2)
SELECT (SELECT 1, 2)
SELECT 1 IN (SELECT 1, 2)
SELECT (1, 2) IN (SELECT 1)
SELECT (SELECT length / 3 FROM pipes_settings WHERE length = 99) * 3
SELECT (SELECT 'A' FROM users_auth WHERE id = 7) = 'a'
SELECT (SELECT hash FROM users_auth WHERE id = 7) = 'seven'
SELECT (SELECT 1 UNION SELECT 2)
SELECT (SELECT 1 UNION SELECT 1)
SELECT (SELECT id FROM users_auth ORDER BY id DESC LIMIT 1)
SELECT (SELECT id FROM users_auth ORDER BY id DESC LIMIT 2)
SELECT id FROM users_auth WHERE id > (SELECT AVG(id) FROM users_auth) ORDER BY id
SELECT id FROM users_auth ORDER BY (SELECT COUNT(*) FROM pipes_settings WHERE length > id), id
SELECT 1.5 UNION SELECT 2
SELECT 1.5 AS a UNION ALL SELECT 2 UNION ALL SELECT 1e0
SELECT 1, 1.5 UNION SELECT 2.25, 3
SELECT id, id FROM users_auth UNION SELECT 1.5, 2 ORDER BY 1
SELECT NULL UNION SELECT 1.5
SELECT 'a' UNION SELECT 1.50
SELECT 1 EXCEPT SELECT 1.0
SELECT 1 INTERSECT SELECT 1.0
(SELECT 1) UNION (SELECT 2.5 LIMIT 1)
(SELECT 1 UNION SELECT 2.25) UNION SELECT 3.5
SELECT x + 1 FROM (SELECT 1 AS x UNION SELECT 2.5) t ORDER BY x
SELECT SUM(x) FROM (SELECT 1 AS x UNION SELECT 2.5) t
SET @a = 1, @b = @a
SELECT @a, @b
SET @a = 2, @b = @a
SELECT @a, @b AS again
SET @x := 1.50, @y = 'it''s', @z = 1e3
SELECT @x * 2, @y, @z, @x + @z
SELECT @X, @never
SET @\`a b\` = 5
SELECT @\`a b\` + 1, @'a b'
SET @s = 'SEVEN'
SELECT id FROM users_auth WHERE hash = @s
SELECT @s = 'seven', @s LIKE 'sev%', LENGTH(@s)
SET @n = (SELECT COUNT(*) FROM users_auth)
SELECT id FROM users_auth WHERE id > @n ORDER BY id
SELECT @n, @n / 3
SET @n = NULL
SELECT @n, @n IS NULL, IFNULL(@n, 'none')
SET @r = 5 DIV 2, @t = NOW() > '2000-01-01'
SELECT @r, @t
SET @m = (SELECT id FROM users_auth)
SET @m = 9223372036854775807
SELECT @m, @m + 1
SELECT @m - 1
SET @d = 1 / 3
SELECT @d, @d * 3
SET @neg = -5
SELECT 3 - @neg, -@neg
SET @j = JSON_OBJECT('a', 1)
SELECT JSON_EXTRACT(@j, '$.a')
SELECT @a UNION SELECT @s
SELECT COUNT(*) FROM users_auth GROUP BY @a
SET @c = CURDATE() + INTERVAL 0 DAY = CURDATE()
SELECT @c
SELECT NOT EXISTS (SELECT 1) IS NULL, NOT EXISTS (SELECT 1) AND 0, (NOT EXISTS (SELECT 1 FROM users_auth WHERE 0)) IS NULL
SELECT CAST(~0 AS SIGNED), CAST(~0 >> 1 AS SIGNED), CAST(18446744073709551615 AS SIGNED)
SELECT x FROM (SELECT 5 & 4 AS x UNION SELECT 30 UNION SELECT -1) AS t ORDER BY x
`
  .trim()
  .split('\n');
