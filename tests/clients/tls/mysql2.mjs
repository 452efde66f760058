// Node's mysql2 inside TLS; without COMET_CA it trusts any certificate.

import { readFileSync } from 'node:fs';
import mysql from 'mysql2/promise';
import { PUBLISH, host, password, pipe, port, say, text, user } from '../node/steps.mjs';

const { COMET_CA } = process.env;
// docs: connect
const ssl = COMET_CA ? { ca: readFileSync(COMET_CA) } : { rejectUnauthorized: false };
const connection = await mysql.createConnection({ host, port, user, password, database: 'CometQL_v1', ssl });
// docs: end
const [[{ Value: version }]] = await connection.query("SHOW STATUS LIKE 'Ssl_version'");
say('tls', version);
await connection.execute(PUBLISH, [pipe, 'tls', text]);
await connection.end();
