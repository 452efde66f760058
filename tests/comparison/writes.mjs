// Statements that set what is there, put to both servers in this order. Each must
// be counted alike and leave the same rows. DELETE alone is not counted: here it
// always affects 0 rows and says the number in its information line.

export const WRITES = [
  "REPLACE INTO users_data (id, data) VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, '10')",
  "INSERT INTO users_data (id, data) VALUES (1, 'x') ON DUPLICATE KEY UPDATE data = CONCAT(data, VALUES(data))",
  "INSERT INTO users_data (id, data) VALUES (1, 'x') ON DUPLICATE KEY UPDATE data = CONCAT(data, '')",
  "INSERT INTO users_data (id, data) VALUES (5, 'new') ON DUPLICATE KEY UPDATE data = 'never'",
  "INSERT INTO users_data (id, data) VALUES (4, '7') ON DUPLICATE KEY UPDATE data = data + VALUES(data) * 2",
  "INSERT INTO users_data (id, data) VALUES (6, 'p'), (6, 'q'), (6, 'r') ON DUPLICATE KEY UPDATE data = CONCAT(VALUES(data), data)",
  "INSERT INTO users_data (id, data) VALUES (2, 'B') ON DUPLICATE KEY UPDATE id = VALUES(id), data = VALUES(data)",
  "INSERT INTO users_data (id, data) VALUES (2, 'x') ON DUPLICATE KEY UPDATE data = IF(VALUES(data) > data, VALUES(data), data)",
  "INSERT INTO users_data (id, data) SELECT id, 'y' FROM users_auth WHERE id < 50 ON DUPLICATE KEY UPDATE data = CONCAT(users_data.data, VALUES(data))",
  "INSERT IGNORE INTO users_data (id, data) VALUES (2, 'never'), (8, 'once'), (8, 'twice')",
  "INSERT INTO users_data (id, data) VALUES (1, 'x') ON DUPLICATE KEY UPDATE data = nope",
  "INSERT INTO users_data (id, data) VALUES (1, 'x') ON DUPLICATE KEY UPDATE data = CONCAT(nope, 'x')",
  "INSERT INTO users_data (id, data) VALUES (1, 'x') ON DUPLICATE KEY UPDATE data = MAX(data)",
  "UPDATE users_data SET data = CONCAT(data, '!') WHERE id IN (1, 2)",
  "UPDATE users_data SET data = data WHERE id IN (1, 2)",
  "UPDATE users_data SET data = UPPER(data) WHERE id < 5 ORDER BY id DESC LIMIT 2",
  "UPDATE users_data SET data = 'first' WHERE id > 1 ORDER BY data, id LIMIT 1",
  "UPDATE users_data SET data = 'none' WHERE id > 1 LIMIT 0",
  "UPDATE users_data AS d SET d.data = LENGTH(d.data) WHERE d.id = 3",
  "UPDATE users_data d JOIN users_auth a ON a.id = d.id SET d.data = CONCAT(a.hash, d.data) WHERE a.id > 2",
  "UPDATE users_data d LEFT JOIN users_auth a ON a.id = d.id SET d.data = COALESCE(a.hash, 'nobody') WHERE d.id > 4",
  "UPDATE users_data SET data = (SELECT hash FROM users_auth WHERE id = 7) WHERE id = 1",
  "UPDATE users_data SET nope = 1 WHERE id = 1",
  "UPDATE users_data SET data = SUM(id) WHERE id = 1",
  "DELETE FROM users_data WHERE data <> 'x' ORDER BY id DESC LIMIT 1",
  "DELETE FROM users_data WHERE id < 100 LIMIT 0",
  "DELETE d FROM users_data d JOIN users_auth a ON a.id = d.id WHERE a.id = 2",
  "DELETE FROM d USING users_data AS d LEFT JOIN users_auth a ON a.id = d.id WHERE a.id IS NULL AND d.id > 4",
];
