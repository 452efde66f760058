// The module beside the script, and the declarations: what they say exists, and nothing exists that they do not say.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { openPage } from "./browser.mjs";

const asset = (name) => new URL(`../../crates/ws-gateway/assets/${name}`, import.meta.url);
const path = (name) => fileURLToPath(new URL(name, import.meta.url));
const DECLARATIONS = readFileSync(asset("CometServerApi.d.ts"), "utf8");

test("the module exports what the script makes global, with its own address as the default node", async () => {
  const module = await import(asset("CometServerApi.mjs"));
  assert.equal(module.default, module.CometServer);
  assert.equal(module.CometServer(), globalThis.cometApi);
  for (const name of ["cometApi", "cometServerApi", "comet_server_signal", "tabSignal"]) {
    assert.equal(module[name], globalThis[name], name);
  }
  assert.equal(module.cometServerApi.scriptUrl, asset("CometServerApi.mjs").href);
});

test("the default node of an imported script is where the module came from", () => {
  const { page, client } = openPage({ script: "", location: "https://shop.example/" });
  page.cometServerApi.scriptUrl = "https://comet.example:8087/prefix/CometServerApi.mjs";
  assert.match(client.getUrl(), /^wss:\/\/comet\.example:8087\/prefix\/ws\/sesion=/);
});

test("every public name of the client is declared, and every declared one exists", () => {
  const { page, client } = openPage();
  const body = DECLARATIONS.slice(DECLARATIONS.indexOf("class CometServerApi {"), DECLARATIONS.indexOf("interface Signals"));
  const declared = new Set([...body.matchAll(/^ {2}(?:readonly )?(\w+)(?:<[^>]*>)?[(:]/gm)].map((match) => match[1]));
  const existing = new Set([...Object.getOwnPropertyNames(page.cometServerApi.prototype), ...Object.keys(client)]);
  assert.deepEqual([...declared].sort(), [...existing].sort());
  const globals = [...DECLARATIONS.matchAll(/^ {2}(?:var|function) (\w+)/gm)].map((match) => match[1]);
  for (const name of globals) {
    assert.ok(name in page, name);
  }
  for (const name of Object.keys(client.options)) {
    assert.match(DECLARATIONS, new RegExp(`^  ${name}\\?:`, "m"));
  }
});

test("pages in TypeScript compile against the declarations", async () => {
  const compiler = path("../node_modules/typescript/bin/tsc");
  await promisify(execFile)(process.execPath, [compiler, "--project", path("../typescript/tsconfig.json")])
    .catch((error) => assert.fail(error.stdout || error.message));
});
