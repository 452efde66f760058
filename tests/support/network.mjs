// A network that goes away without a word: the server has one of its own, a loopback
// device in a network namespace, which can be switched off. Who watches meanwhile
// uses the server's Unix socket.

import { run } from './program.mjs';
import { temporaryDirectory } from './paths.mjs';
import { join } from 'node:path';

const IS_ROOT = process.getuid() === 0;
const OWN_NETWORK = IS_ROOT ? ['unshare', '-n'] : ['unshare', '-r', '-n'];

/** A wrapper for the server: nobody reaches its ports but from inside its network. */
export function ownNetwork() {
  return [...OWN_NETWORK, 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh'];
}

/** Words to stand before a command that is to run in the server's network. */
export function inNetworkOf(server) {
  const pid = String(server.program.child.pid);
  return ['nsenter', '-t', pid, ...(IS_ROOT ? [] : ['-U', '--preserve-credentials']), '-n'];
}

/** Cuts everybody off: no packet arrives any more, and nobody is told. */
export async function switchOff(server) {
  const [command, ...args] = inNetworkOf(server);
  await run(command, [...args, 'ip', 'link', 'set', 'lo', 'down']);
}

export function socketPath() {
  return join(temporaryDirectory(), 'cometql.sock');
}
