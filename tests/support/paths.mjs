// Where things are, and directories that disappear with the test process.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const TESTS = dirname(dirname(fileURLToPath(import.meta.url)));
export const REPOSITORY = dirname(TESTS);
export const BINARY = process.env.COMETWIRE_BINARY ?? join(REPOSITORY, 'target', 'release', 'cometwire');
export const PYTHON =
  process.env.COMETWIRE_TEST_PYTHON ?? join(REPOSITORY, 'target', 'test-python', 'bin', 'python3');
export const CHROMIUM = process.env.COMETWIRE_TEST_CHROMIUM ?? '/usr/bin/chromium';

const made = [];

process.on('exit', () => {
  for (const directory of made) rmSync(directory, { recursive: true, force: true });
});

export function temporaryDirectory() {
  const directory = mkdtempSync(join(tmpdir(), 'cometwire-test-'));
  made.push(directory);
  return directory;
}
