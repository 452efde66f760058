// The declarations of CometServerApi.mjs, under the name that compilers look for.

export * from "./CometServerApi.js";
export { default } from "./CometServerApi.js";
