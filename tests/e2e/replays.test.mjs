// Clients that the tests cannot install (MySQL Connector/J, DBeaver, MySQL Workbench): what they
// ask on connecting (compatibility reference §5.2) is replayed, as text and prepared.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Server } from '../support/server.mjs';

const CONNECTOR_J_VARIABLES = [
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
  'sql_mode',
  'system_time_zone',
  'time_zone',
  'transaction_isolation',
  'wait_timeout',
];
const items = CONNECTOR_J_VARIABLES.map((name) => `@@${name} AS ${name}`).join(', ');

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
