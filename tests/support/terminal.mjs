// A program on a terminal of its own, driven by what a person would type and see. The terminal
// is made by `script`.

import { join } from 'node:path';
import { Program } from './program.mjs';
import { temporaryDirectory } from './paths.mjs';
import { until } from './until.mjs';

/** Colours, movements of the cursor, and other sequences a terminal does not show. */
const UNSEEN = /\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07]*\x07|[=>]|\([AB0])|[\r\x07]/g;
/** Drawing what has been typed and starting Python take their time on a busy machine. */
const WITHIN = { within: 30_000 };

export class Terminal {
  static start(command, args, { env = process.env } = {}) {
    const quoted = [command, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
    const record = join(temporaryDirectory(), 'record');
    const sized = `stty rows 40 columns 120; exec ${quoted}`;
    const program = Program.start('script', ['-qefc', sized, record], { env, keepInputOpen: true });
    return new Terminal(program);
  }

  #seen = 0;

  constructor(program) {
    this.program = program;
    // Some programs ask the terminal where its cursor is, and draw menus only when told.
    program.child.stdout.on('data', (text) => {
      if (text.includes('\x1b[6n')) this.type('\x1b[1;1R');
    });
  }

  type(keys) {
    this.program.child.stdin.write(keys);
  }

  /** Waits for something on the screen, below what was waited for before. */
  async shows(pattern) {
    await until(`the terminal shows ${pattern}`, () => this.#sees(pattern), WITHIN).catch((error) => {
      throw new Error(`${error.message}\n${this.#screen}`);
    });
    this.#seen = this.#screen.length;
  }

  /** Types a line and waits for its answer. */
  async answers(line, pattern) {
    this.type(`${line}\r`);
    await this.shows(pattern);
  }

  async leave(line) {
    this.type(`${line}\r`);
    const { code } = await this.program.finished();
    if (code !== 0) throw new Error(`it ended with ${code}:\n${this.#screen}`);
  }

  /** Ends the program, whatever it is doing. */
  close() {
    this.program.signal('SIGKILL');
  }

  #sees(pattern) {
    if (this.program.exit) throw new Error('it ended');
    return pattern.test(this.#screen.slice(this.#seen));
  }

  get #screen() {
    return this.program.stdout.replace(UNSEEN, '');
  }
}
