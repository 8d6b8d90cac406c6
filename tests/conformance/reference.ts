/** Where the reference data lies, when it does: ../shared is not part of the project. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";

const REFERENCE = new URL("../../../shared/reference/", import.meta.url);

/** For a test's options: false, or why it cannot run. */
export const skip: false | string = existsSync(REFERENCE) ? false : "no ../shared here";

export function readReference(path: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(path, REFERENCE)));
}

// deno-lint-ignore no-explicit-any
export function readReferenceJson(path: string): any {
  return JSON.parse(readFileSync(new URL(path, REFERENCE), "utf8"));
}

/** The vectors of one file of vectors/; fails when there are none. */
export function readVectors<T>(name: string): T[] {
  const vectors: T[] = readReferenceJson(`vectors/${name}`).vectors;
  assert.ok(vectors.length > 0, `${name} has vectors`);
  return vectors;
}
