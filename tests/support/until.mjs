// Waiting for something that becomes true. Nothing here sleeps to "give the
// server time": a wait ends when its condition holds and fails at its deadline.

import { setTimeout as delay } from 'node:timers/promises';

const POLL_MILLISECONDS = 15;
const DEADLINE_MILLISECONDS = 10_000;

/**
 * Waits until `condition` returns something truthy, and returns that.
 * A condition that throws counts as not yet true; its last error is the cause
 * of the failure.
 */
export async function until(what, condition, { within = DEADLINE_MILLISECONDS } = {}) {
  const deadline = Date.now() + within;
  for (;;) {
    let reason;
    try {
      const value = await condition();
      if (value) return value;
      reason = `last value: ${JSON.stringify(value)}`;
    } catch (error) {
      reason = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`not within ${within} ms: ${what}`, { cause: reason });
    }
    await delay(POLL_MILLISECONDS);
  }
}

/** Rejects with a sentence when `promise` has not settled in time. */
export async function settled(what, promise, { within = DEADLINE_MILLISECONDS } = {}) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${within} ms: ${what}`)), within);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
