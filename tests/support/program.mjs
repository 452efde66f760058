// Child processes: started, listened to, and never left behind.

import { spawn } from 'node:child_process';
import { settled } from './until.mjs';

const running = new Set();

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) {
  process.on(signal, () => process.exit(1));
}

/** A running program and everything it has written so far. */
export class Program {
  static start(command, args = [], { env, cwd, input, keepInputOpen = false } = {}) {
    return new Program(command, args, { env, cwd, input, keepInputOpen });
  }

  constructor(command, args, { env = process.env, cwd, input, keepInputOpen }) {
    this.command = command;
    this.stdout = '';
    this.stderr = '';
    this.child = spawn(command, args, { env, cwd, stdio: ['pipe', 'pipe', 'pipe'] });
    running.add(this.child);
    this.child.stdout.setEncoding('utf8').on('data', (text) => (this.stdout += text));
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.stderr += text));
    this.child.stdin.on('error', () => {});
    if (!keepInputOpen) this.child.stdin.end(input);
    this.closed = new Promise((resolve, reject) => {
      this.child.once('error', (error) => {
        running.delete(this.child);
        this.exit = { error };
        reject(error);
      });
      this.child.once('close', (code, signal) => {
        running.delete(this.child);
        this.exit = { code, signal };
        resolve(this.exit);
      });
    });
    this.closed.catch(() => {});
  }

  get output() {
    return this.stdout + this.stderr;
  }

  signal(name) {
    this.child.kill(name);
  }

  /** Waits for the end; the result has `code`, `signal`, `stdout`, `stderr`. */
  async finished({ within = 60_000 } = {}) {
    try {
      const exit = await settled(`the end of ${this.command}`, this.closed, { within });
      return { ...exit, stdout: this.stdout, stderr: this.stderr };
    } catch (error) {
      this.child.kill('SIGKILL');
      throw new Error(`${error.message}\n${this.output}`, { cause: error });
    }
  }
}

/** Runs a program to its end and insists on exit code 0. */
export async function run(command, args = [], options = {}) {
  const result = await Program.start(command, args, options).finished(options);
  if (result.code !== 0) {
    throw new Error(
      `${command} ended with ${result.code ?? result.signal}:\n${result.stdout}${result.stderr}`,
    );
  }
  return result;
}

/** Runs a program to its end, whatever its exit code. */
export function attempt(command, args = [], options = {}) {
  return Program.start(command, args, options).finished(options);
}
