// The README's quick start, run as it is printed: only the default ports are
// replaced by those of the server this test started.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { BINARY, REPOSITORY, temporaryDirectory } from '../support/paths.mjs';
import { run } from '../support/program.mjs';
import { Server } from '../support/server.mjs';

const MARK = '<!-- test: quickstart -->';
const BLOCK = /<!-- test: quickstart -->\s*\n```(sh|sql|php)\n([\s\S]*?)\n```/g;
const DEFAULT_SQL_PORT = '3307';
const DEFAULT_HTTP_PORT = '8087';
/** Getting the sources, and running these very tests. */
const NOT_HERE = /^(git clone|cd|tests\/run)\b/;

test('every quick-start block of the README does what it says', async (t) => {
  const readme = readFileSync(join(REPOSITORY, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(BLOCK)].map(([, language, code]) => ({ language, code }));
  assert.ok(blocks.length > 0, `README.md has no block after ${MARK}`);
  assert.equal(blocks.length, readme.split(MARK).length - 1, 'a mark without a sh, sql or php block');

  const dataDir = join(temporaryDirectory(), 'cometwire-data');
  const server = await Server.start({ rootKey: '', dataDir });
  t.after(() => server.stop());
  const cwd = dirname(dataDir);
  const key = readFileSync(join(dataDir, 'root.key'), 'utf8').trim();
  const pipes = [...new Set(readme.match(/(?<=VALUES \(')[\w-]+|\bweb_\w+/g))];
  const browser = await server.browser();
  await browser.subscribe(...pipes);

  for (const { language, code } of blocks) {
    await t.test(`${language}: ${code.split('\n')[0]}`, async () => {
      const text = code
        .replaceAll(DEFAULT_SQL_PORT, String(server.cometqlPort))
        .replaceAll(DEFAULT_HTTP_PORT, String(server.httpPort));
      if (language === 'sql') await sql(text);
      else if (language === 'php') await php(text);
      else await shell(text);
      if (/INSERT INTO pipes_messages/i.test(text)) {
        await browser.take((message) => pipes.includes(message.pipe), 'the published message');
      }
    });
  }

  function sql(text) {
    const args = [`-h${server.host}`, `-P${server.cometqlPort}`, '-uroot', `-p${key}`, 'CometQL_v1'];
    return run('mysql', args, { input: `${text}\n` });
  }

  function php(text) {
    const script = text.startsWith('<?php') ? text : `<?php\n${text}`;
    const env = { ...process.env, COMETWIRE_ROOT_KEY: key };
    return run('php', ['-d', 'display_errors=stderr'], { input: script, cwd, env });
  }

  async function shell(text) {
    const commands = text.replaceAll('\\\n', ' ').split('\n');
    for (const command of commands.filter((line) => line && !line.startsWith('#') && !NOT_HERE.test(line))) {
      const start = /^cargo run --release(?: -- (.*))?$/.exec(command);
      // The server is built and running: what is left to check are its flags.
      if (start) await run(BINARY, [...(start[1]?.split(/\s+/) ?? []), '--help']);
      else await run('bash', ['-euo', 'pipefail', '-c', command], { cwd });
    }
  }
});
