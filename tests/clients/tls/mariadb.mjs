// Node's mariadb inside TLS: with COMET_CA it insists on that certificate; the argument "proof"
// leaves it to find out by itself whether it may trust the server, any other trusts every one.

import { readFileSync } from 'node:fs';
import mariadb from 'mariadb';
import { PUBLISH, host, password, pipe, port, say, text, user } from '../node/steps.mjs';

const { COMET_CA } = process.env;
const unverified = process.argv[2] === 'proof' ? true : { rejectUnauthorized: false };
// docs: connect
const ssl = COMET_CA ? { ca: readFileSync(COMET_CA) } : unverified;
const connection = await mariadb.createConnection({
  host, port, user, password, database: 'CometQL_v1', ssl, connectTimeout: 10_000,
});
// docs: end
const [{ Value: version }] = await connection.query("SHOW STATUS LIKE 'Ssl_version'");
say('tls', version);
await connection.query(PUBLISH, [pipe, 'tls', text]);
await connection.end();
