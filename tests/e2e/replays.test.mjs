// Clients that the tests cannot install: what they are known to ask on connecting is replayed, as
// text and prepared. MySQL Connector/J, DBeaver and MySQL Workbench follow the compatibility
// reference (§5.2).

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Server } from '../support/server.mjs';

const CONNECTOR_J_VARIABLES = [
  'auto_increment_increment',
  'character_set_client',
  'character_set_connection',
  'character_set_results',
  'character_set_server',
  'collation_connection',
  'collation_server',
  'init_connect',
  'interactive_timeout',
  'license',
  'lower_case_table_names',
  'max_allowed_packet',
  'net_write_timeout',
  'performance_schema',
  'query_cache_size',
  'query_cache_type',
  'sql_mode',
  'system_time_zone',
  'time_zone',
  'transaction_isolation',
  'wait_timeout',
];
const items = CONNECTOR_J_VARIABLES.map((name) => `@@session.${name} AS ${name}`).join(', ');

/** Each statement with the names of its first columns; none when it is answered OK. */
const REPLAYS = {
  'MySQL Connector/J': [
    [`/* mysql-connector-j-9.1.0 */SELECT  ${items}`, CONNECTOR_J_VARIABLES],
    ['SET character_set_results = NULL', []],
    ["SET sql_mode='STRICT_TRANS_TABLES'", []],
    ['SELECT @@session.transaction_read_only', ['@@session.transaction_read_only']],
    ['SHOW WARNINGS', ['Level', 'Code', 'Message']],
    ['/* ping */ SELECT 1', ['1']],
  ],
  DBeaver: [
    ['SHOW ENGINES', ['Engine', 'Support', 'Comment']],
    ['SHOW CHARSET', ['Charset', 'Description', 'Default collation', 'Maxlen']],
    ['SHOW COLLATION', ['Collation', 'Charset', 'Id']],
    ['SHOW PLUGINS', ['Name', 'Status', 'Type']],
    ['SHOW DATABASES', ['Database']],
    ['SHOW FULL TABLES FROM CometQL_v1', ['Tables_in_CometQL_v1', 'Table_type']],
    ['SHOW FULL COLUMNS FROM users_auth FROM CometQL_v1', ['Field', 'Type', 'Collation']],
    ['SHOW CREATE TABLE CometQL_v1.users_auth', ['Table', 'Create Table']],
    ['SET SQL_SELECT_LIMIT=200', []],
  ],
  'MySQL Workbench': [
    ["SHOW SESSION VARIABLES LIKE 'lower_case_table_names'", ['Variable_name', 'Value']],
    ['SELECT current_user()', ['current_user()']],
    ['SET CHARACTER SET utf8', []],
    ["SHOW SESSION STATUS LIKE 'Ssl_cipher'", ['Variable_name', 'Value']],
    ['SHOW GLOBAL STATUS', ['Variable_name', 'Value']],
    ['SHOW FULL PROCESSLIST', ['Id', 'User', 'Host', 'db']],
  ],
  HeidiSQL: [
    ['SELECT CONNECTION_ID()', ['CONNECTION_ID()']],
    ['/*!40101 SET NAMES utf8mb4 */', []],
    ['SHOW VARIABLES', ['Variable_name', 'Value']],
    ['SHOW /*!50002 GLOBAL */ STATUS', ['Variable_name', 'Value']],
    ['SELECT NOW()', ['NOW()']],
    [
      "SELECT `DEFAULT_COLLATION_NAME` FROM `information_schema`.`SCHEMATA` WHERE `SCHEMA_NAME`='CometQL_v1'",
      ['DEFAULT_COLLATION_NAME'],
    ],
    ['SHOW TABLE STATUS FROM `CometQL_v1`', ['Name', 'Engine', 'Version']],
    ["SHOW FUNCTION STATUS WHERE `Db`='CometQL_v1'", ['Db', 'Name', 'Type']],
    ["SHOW PROCEDURE STATUS WHERE `Db`='CometQL_v1'", ['Db', 'Name', 'Type']],
    ['SHOW TRIGGERS FROM `CometQL_v1`', ['Trigger', 'Event', 'Table']],
    ['SHOW INDEXES FROM `users_auth` FROM `CometQL_v1`', ['Table', 'Non_unique', 'Key_name']],
    [
      "SELECT * FROM `information_schema`.`COLUMNS` WHERE TABLE_SCHEMA='CometQL_v1' AND TABLE_NAME='users_auth' ORDER BY ORDINAL_POSITION",
      ['TABLE_CATALOG', 'TABLE_SCHEMA', 'TABLE_NAME', 'COLUMN_NAME'],
    ],
    ['SELECT  `id`, LEFT(`hash`, 256) FROM `CometQL_v1`.`users_auth` LIMIT 1000', ['id']],
  ],
  Navicat: [
    ['SET NAMES utf8mb4', []],
    ["SHOW VARIABLES LIKE 'lower_case_%'", ['Variable_name', 'Value']],
    ["SELECT COUNT(*) AS support_ndb FROM information_schema.ENGINES WHERE Engine = 'ndbcluster'", ['support_ndb']],
    [
      'SELECT SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA',
      ['SCHEMA_NAME', 'DEFAULT_CHARACTER_SET_NAME', 'DEFAULT_COLLATION_NAME'],
    ],
    [
      "SELECT TABLE_SCHEMA, TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'CometQL_v1' ORDER BY TABLE_SCHEMA, TABLE_TYPE",
      ['TABLE_SCHEMA', 'TABLE_NAME', 'TABLE_TYPE'],
    ],
    [
      "SELECT TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME, COLUMN_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'CometQL_v1' ORDER BY TABLE_SCHEMA, TABLE_NAME",
      ['TABLE_SCHEMA', 'TABLE_NAME', 'COLUMN_NAME', 'COLUMN_TYPE'],
    ],
    [
      "SELECT TABLE_NAME, CHECK_OPTION, IS_UPDATABLE, SECURITY_TYPE, DEFINER FROM information_schema.VIEWS WHERE TABLE_SCHEMA = 'CometQL_v1' ORDER BY TABLE_NAME",
      ['TABLE_NAME', 'CHECK_OPTION', 'IS_UPDATABLE', 'SECURITY_TYPE', 'DEFINER'],
    ],
    ['SHOW TABLE STATUS', ['Name', 'Engine', 'Version']],
  ],
};

let server;
before(async () => (server = await Server.start()));
after(() => server?.stop());

for (const [client, statements] of Object.entries(REPLAYS)) {
  for (const method of ['query', 'execute']) {
    test(`${client} is answered what it asks on connecting, by ${method}`, async () => {
      const connection = await server.sql();
      for (const [statement, expected] of statements) {
        const [, fields] = await connection[method](statement);
        const names = (fields ?? []).map((field) => field.name);
        assert.deepEqual(names.slice(0, expected.length), expected, statement);
        assert.equal(names.length === 0, expected.length === 0, statement);
      }
    });
  }
}
