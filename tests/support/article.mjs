// The article's two programs, unchanged but for their placeholders, on PHP's own
// web server: another origin than the server's, as on a real site.

import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TESTS, temporaryDirectory } from './paths.mjs';
import { phpServer } from './php.mjs';

/** The key the article gives dev_id 15. */
export const ARTICLE_KEY = 'lPXBFPqNg3f661JcegBY0N0dPXqUBdHXqj2cHf04PZgLHxT6z55e20ozojvMRvB8';

/**
 * Serves `/chat.html` and, as `/`, `authChat.php`.
 * `cometqlHost` may carry PHP's `p:` for persistent connections.
 */
export async function serveArticle(server, { cometqlHost = server.host } = {}) {
  const site = temporaryDirectory();
  const placeholders = {
    '@SERVER@': server.origin,
    '@JQUERY@': '/jquery.js',
    '@COMETQL_HOST@': cometqlHost,
    '@COMETQL_PORT@': String(server.cometqlPort),
  };
  for (const [source, target] of [
    ['chat.html', 'chat.html'],
    ['authChat.php', 'index.php'],
  ]) {
    let text = readFileSync(join(TESTS, 'article', source), 'utf8');
    for (const [name, value] of Object.entries(placeholders)) text = text.replaceAll(name, value);
    writeFileSync(join(site, target), text);
  }
  copyFileSync(join(TESTS, 'node_modules', 'jquery', 'dist', 'jquery.min.js'), join(site, 'jquery.js'));
  return phpServer(site);
}
