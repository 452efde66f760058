// Headless Chromium, driven through playwright-core.

import { chromium } from 'playwright-core';
import { CHROMIUM, temporaryDirectory } from './paths.mjs';
import { Program } from './program.mjs';
import { until } from './until.mjs';

const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts Chromium with a profile of its own; contexts of it share nothing. */
export function launchBrowser() {
  return chromium.launch({ executablePath: CHROMIUM, headless: true, args: ARGUMENTS });
}

/**
 * Starts Chromium as people do: with one context, where only the tab in front is visible, hidden ones may freeze, and
 * pages that were left may come back as they were. Playwright's own launch switches all of that off.
 */
export async function launchEverydayBrowser() {
  const profile = temporaryDirectory();
  const program = Program.start(CHROMIUM, [
    ...ARGUMENTS, '--headless', `--user-data-dir=${profile}`, '--remote-debugging-port=0', 'about:blank',
  ]);
  const [, endpoint] = await until('Chromium tells its address', () => /DevTools listening on (\S+)/.exec(program.output), {
    within: 30_000,
  });
  const browser = await chromium.connectOverCDP(endpoint, { noDefaults: true });
  return {
    context: browser.contexts()[0],
    async close() {
      await browser.close();
      program.signal('SIGTERM');
      await program.finished();
    },
  };
}

/** A page in a context of its own that fails the test on a script error. */
export async function openPage(browser, url) {
  const context = await browser.newContext();
  return openTab(context, url);
}

/** One more page in an existing context. */
export async function openTab(context, url) {
  const page = await context.newPage();
  page.scriptErrors = [];
  page.on('pageerror', (error) => page.scriptErrors.push(String(error)));
  await page.goto(url);
  return page;
}
