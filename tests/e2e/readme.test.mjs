// The README's quick start, run as it is printed.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BINARY, REPOSITORY } from '../support/paths.mjs';
import { run } from '../support/program.mjs';
import { Server } from '../support/server.mjs';

const MARK = '<!-- test: quickstart -->';
const FENCE = /<!-- test: quickstart -->\s*\n```(sh|sql|php)\n([\s\S]*?)\n```/g;
/** What the README says about addresses and keys, for the server this test started. */
const DEFAULT_SQL_PORT = '3307';
const DEFAULT_HTTP_PORT = '8087';

test('every quick-start block of the README does what it says', async (t) => {
  const readme = readFileSync(join(REPOSITORY, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(FENCE)].map(([, language, code]) => ({ language, code }));
  assert.ok(blocks.length > 0, `README.md has no block after ${MARK}`);
  assert.equal(blocks.length, readme.split(MARK).length - 1, 'a mark without a sh, sql or php block');

  const server = await Server.start({ devs: { 15: 'key-of-15' } });
  t.after(() => server.stop());
  const browser = await server.browser();
  const pipes = [...readme.matchAll(/\bweb_[a-z_]+/g)].map(([name]) => name);
  await browser.subscribe(...new Set(pipes));

  for (const { language, code } of blocks) {
    await t.test(`${language}: ${code.split('\n')[0]}`, async () => {
      const text = code
        .replaceAll(DEFAULT_SQL_PORT, String(server.cometqlPort))
        .replaceAll(DEFAULT_HTTP_PORT, String(server.httpPort))
        .replaceAll(/"?\$\(cat [^)]*root\.key\)"?/g, `'${server.rootKey}'`);
      if (language === 'sql') await runSql(text);
      else if (language === 'php') await runPhp(text);
      else await runShell(text);
    });
  }

  async function runSql(text) {
    const args = [`-h${server.host}`, `-P${server.cometqlPort}`, '-uroot', `-p${server.rootKey}`, 'CometQL_v1'];
    await run('mysql', args, { input: `${text}\n` });
    if (/INSERT INTO pipes_messages/i.test(text)) {
      await browser.take((message) => pipes.includes(message.pipe), 'the published message');
    }
  }

  async function runPhp(text) {
    const script = text.startsWith('<?php') ? text : `<?php\n${text}`;
    await run('php', ['-d', 'display_errors=stderr'], {
      input: script,
      env: { ...process.env, COMETWIRE_ROOT_KEY: server.rootKey },
    });
  }

  /** Commands that start or build the server are this test run itself: they are done already. */
  async function runShell(text) {
    for (const command of text.split('\n').filter((line) => line && !line.startsWith('#'))) {
      if (/^(git clone|cd) /.test(command)) continue;
      if (command === 'tests/run') continue;
      const [cargo, flags = ''] = /^cargo run --release(?: -- (.*))?$/.exec(command) ?? [];
      if (cargo) await run(BINARY, [...flags.split(' ').filter(Boolean), '--help']);
      else await run('bash', ['-euo', 'pipefail', '-c', command], { cwd: REPOSITORY });
    }
  }
});
