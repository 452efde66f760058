// Go programs, built with Debian's packages: those are outside any module, so Go builds
// without modules.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { REPOSITORY, temporaryDirectory } from './paths.mjs';

/** Builds a program of one file and returns where it is. */
export function buildGoProgram(source) {
  const built = join(temporaryDirectory(), 'program');
  execFileSync('go', ['build', '-o', built, source], {
    env: {
      ...process.env,
      GO111MODULE: 'off',
      GOPATH: '/usr/share/gocode',
      GOFLAGS: '',
      GOPROXY: 'off',
      GOCACHE: join(REPOSITORY, 'target', 'go-cache'),
    },
  });
  return built;
}
