// Headless Chromium, driven through playwright-core.

import { chromium } from 'playwright-core';
import { CHROMIUM } from './paths.mjs';

/** Starts Chromium with a profile of its own; contexts of it share nothing. */
export function launchBrowser() {
  return chromium.launch({
    executablePath: CHROMIUM,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
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
