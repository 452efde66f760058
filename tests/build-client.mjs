// Makes the scripts that are served of their readable sources, crates/ws-gateway/assets: without comments and with short
// names, and a source map by which a browser's debugger shows the sources. By hand, after a source has changed:
// node tests/build-client.mjs. A test compares what lies there with what this makes (client/build.test.mjs).

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { minify } from 'terser';
import { REPOSITORY } from './support/paths.mjs';

export const SOURCES = join(REPOSITORY, 'crates', 'ws-gateway', 'assets');
export const SERVED = join(SOURCES, 'served');

const SCRIPTS = ['CometServerApi.js', 'CometServerTabs.mjs', 'CometServerHttp.mjs'];

/** The address a script's source is served at, beside it. */
const sourceName = (script) => script.replace(/\.(\w+)$/, '.src.$1');

/** File name -> content, of every script and its map. */
export async function build() {
  const files = new Map();
  for (const script of SCRIPTS) {
    const source = readFileSync(join(SOURCES, script), 'utf8');
    const { code, map } = await minify({ [sourceName(script)]: source }, {
      compress: { ecma: 2020, passes: 3 },
      format: { ecma: 2020, comments: /^!/ },
      module: script.endsWith('.mjs'),
      sourceMap: { filename: script, url: `${script}.map` },
    });
    files.set(script, `${code}\n`);
    files.set(`${script}.map`, `${map}\n`);
  }
  return files;
}

if (import.meta.filename === process.argv[1]) {
  for (const [name, content] of await build()) {
    writeFileSync(join(SERVED, name), content);
    console.log(join(SERVED, name), content.length);
  }
}
