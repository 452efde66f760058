// The programs in tests/clients: started like any program, they tell what they saw as lines
// of words separated by tabs, and stop once, inside a transaction, until they are told to go on.

import { Program } from './program.mjs';
import { until } from './until.mjs';

export class ClientProgram {
  /** Starts a program that is to publish `text` to `pipe` as `user`. */
  static start(server, [command, ...args], { user, pipe, text, env = {} }) {
    const program = Program.start(command, args, {
      keepInputOpen: true,
      env: {
        ...process.env,
        COMET_HOST: server.host,
        COMET_PORT: String(server.cometqlPort),
        COMET_USER: String(user),
        COMET_KEY: server.keyOf(user),
        COMET_PIPE: pipe,
        COMET_TEXT: text,
        COMET_TEXT_HEX: Buffer.from(text).toString('hex'),
        ...env,
      },
    });
    return new ClientProgram(program);
  }

  constructor(program) {
    this.program = program;
  }

  /** What it has told so far: the words of each step. */
  get told() {
    const lines = this.program.stdout.split('\n').filter((line) => line !== '');
    return Object.fromEntries(
      lines.map((line) => {
        const [step, ...words] = line.split('\t');
        return [step, words];
      }),
    );
  }

  /** Waits until it stands between its INSERT and its COMMIT. */
  async waits() {
    await until('the program stops inside its transaction', () => this.told.waiting || this.program.exit, {
      within: 60_000,
    });
    if (this.program.exit) throw new Error(`it ended early:\n${this.program.output}`);
  }

  goOn() {
    this.program.child.stdin.end('go on\n');
  }

  /** Waits for its end and returns what it told. */
  async finished() {
    const { code, signal } = await this.program.finished();
    if (code !== 0) throw new Error(`it ended with ${code ?? signal}:\n${this.program.output}`);
    return this.told;
  }
}
