// phpMyAdmin as Debian packages it, served by PHP with a configuration of its own. Where the
// configuration lies is written in the package, so a copy of the package is served.

import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from './paths.mjs';
import { phpServer } from './php.mjs';

const PACKAGE = '/usr/share/phpmyadmin';
/** Not needed to drive it, and large. */
const LEFT_OUT = /\/(?:locale|doc)\/|\/themes\/(?:metro|bootstrap|original)/;

/** Serves phpMyAdmin for one CometWire server; logins are kept in cookies. */
export async function phpMyAdmin(server) {
  const directory = temporaryDirectory();
  const site = join(directory, 'site');
  const scratch = join(directory, 'scratch');
  const configuration = join(directory, 'config.inc.php');
  mkdirSync(scratch);
  cpSync(PACKAGE, site, { recursive: true, filter: (path) => !LEFT_OUT.test(path) });
  writeFileSync(
    configuration,
    `<?php
$cfg['blowfish_secret'] = 'thirty-two-bytes-for-its-cookies';
$cfg['Servers'][1] = ['auth_type' => 'cookie', 'host' => '${server.host}', 'port' => '${server.cometqlPort}'];
$cfg['TempDir'] = '${scratch}';
$cfg['SendErrorReports'] = 'never';
$cfg['VersionCheck'] = false;
`,
  );
  const vendor = join(site, 'libraries', 'vendor_config.php');
  writeFileSync(
    vendor,
    readFileSync(vendor, 'utf8')
      .replace("'/etc/phpmyadmin/config.inc.php'", `'${configuration}'`)
      .replace("'/var/lib/phpmyadmin/tmp/'", `'${scratch}/'`),
  );
  return phpServer(site);
}
