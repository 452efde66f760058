// The Rust programs of the client matrix: a workspace of their own, built into the target
// directory all builds share.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { REPOSITORY, TESTS } from './paths.mjs';

const TARGET = join(REPOSITORY, 'target', 'clients');

/** Builds the programs, if they are not yet, and returns where one of them is. */
export function buildRustPrograms() {
  const manifest = join(TESTS, 'clients', 'rust', 'Cargo.toml');
  execFileSync('cargo', ['build', '--quiet', '--locked', '--manifest-path', manifest, '--target-dir', TARGET], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  return (name) => join(TARGET, 'debug', name);
}
