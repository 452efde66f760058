// Disks that misbehave, without touching the machine's own: a small or read-only
// file system in a mount namespace of the server alone, and system calls that
// fail or wait because strace makes them.

import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { Program } from './program.mjs';
import { until } from './until.mjs';

const OWN_MOUNTS = process.getuid() === 0 ? ['unshare', '-m'] : ['unshare', '-r', '-m'];

/** A wrapper for the server: `directory` is a file system of this many bytes, in memory. */
export function smallDisk(directory, bytes) {
  const script = `mkdir -p "$0" && mount -t tmpfs -o size=${bytes} small "$0" && exec "$@"`;
  return [...OWN_MOUNTS, 'sh', '-c', script, directory];
}

/** A wrapper for the server: what is in `directory` can be read, and nothing written. */
export function readOnlyDisk(directory) {
  const script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';
  return [...OWN_MOUNTS, 'sh', '-c', script, directory];
}

/** A path as the server sees it, in its own mounts. */
export function seenBy(server, path) {
  return join('/proc', String(server.program.child.pid), 'root', path);
}

/** Takes all the room there is on the server's disk; gives what makes room again. */
export function fill(server, directory) {
  const file = seenBy(server, join(directory, 'filler'));
  const descriptor = openSync(file, 'w');
  try {
    for (let size = 65_536; size >= 1; size = Math.floor(size / 2)) {
      try {
        for (;;) writeSync(descriptor, Buffer.alloc(size));
      } catch (error) {
        if (error.code !== 'ENOSPC') throw error;
      }
    }
  } finally {
    closeSync(descriptor);
  }
  return () => rmSync(file);
}

/**
 * From now on these system calls of the server go wrong: `fault` is what strace's
 * `inject` takes, such as `error=EIO` or `delay_enter=50ms`. Gives what makes
 * them right again.
 */
export async function inject(server, calls, fault) {
  const pid = String(server.program.child.pid);
  const strace = Program.start('strace', ['-f', '-p', pid, '-e', `trace=${calls}`, '-e', `inject=${calls}:${fault}`]);
  await until('strace is attached', () => {
    if (strace.exit) throw new Error(`strace cannot be used: ${strace.output}`);
    return /attached/.test(strace.stderr);
  });
  return async () => {
    strace.signal('SIGINT');
    await strace.finished();
    return strace.stderr;
  };
}
