// What is served is made of the sources as they are now, and a debugger finds them.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { build, SERVED } from "../build-client.mjs";

test("the served scripts are made of their sources as they are (if not: node tests/build-client.mjs)", async () => {
  const made = await build();
  assert.deepEqual(readdirSync(SERVED).sort(), [...made.keys()].sort());
  for (const [name, content] of made) {
    assert.ok(readFileSync(join(SERVED, name), "utf8") === content, `${name} is older than its source`);
  }
});
