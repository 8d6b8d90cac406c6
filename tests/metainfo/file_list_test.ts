import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  inPathOrder,
  inTreeOrder,
  type ListedFile,
  withPadding,
} from "../../src/metainfo/file_list.ts";

function file(path: string, length = 1): ListedFile {
  return { path: path.split("/"), length, pad: false };
}

function paths(files: readonly ListedFile[]): string[] {
  return files.map(({ path }) => path.join("/"));
}

/** In the order of their bytes: U+FF5E is three bytes, U+1F600 four, though two in UTF-16. */
const NAMES = ["Z", "a", "é", "\uff5e", "\u{1f600}"];

describe("inPathOrder", () => {
  it("compares whole paths, so that characters before the slash decide", () => {
    const sorted = ["a b", "a-b/c", "a.txt", "a/b", "a/c/d", "a0"];
    assert.deepEqual(paths(inPathOrder(sorted.toReversed().map((path) => file(path)))), sorted);
  });

  it("compares bytes, not UTF-16, and does not change its input", () => {
    const given = NAMES.toReversed().map((name) => file(name));
    assert.deepEqual(paths(inPathOrder(given)), NAMES);
    assert.deepEqual(paths(given), NAMES.toReversed());
  });
});

describe("inTreeOrder", () => {
  it("compares name by name, so that a folder's files stand together", () => {
    const sorted = ["a/b", "a/c/d", "a b", "a-b/c", "a.txt", "a0"];
    assert.deepEqual(paths(inTreeOrder(sorted.toReversed().map((path) => file(path)))), sorted);
  });

  it("goes by bytes and not by UTF-16", () => {
    const given = NAMES.toReversed().map((name) => file(`x/${name}`));
    assert.deepEqual(paths(inTreeOrder(given)), NAMES.map((name) => `x/${name}`));
  });
});

describe("withPadding", () => {
  const PIECE = 16384;

  it("pads after every file, including the last one, but not after empty and whole ones", () => {
    const files = [file("a", PIECE + 1), file("b", 0), file("c", 2 * PIECE), file("d", 5)];
    const padded = withPadding(files, PIECE);
    assert.deepEqual(paths(padded), ["a", ".pad/16383", "b", "c", "d", ".pad/16379"]);
    assert.deepEqual(padded.map(({ pad }) => pad), [false, true, false, false, false, true]);
    assert.equal(padded.reduce((sum, { length }) => sum + length, 0) % PIECE, 0);
  });

  it("leaves a single file unpadded", () => {
    const files = [file("a", 5)];
    assert.deepEqual(withPadding(files, PIECE), files);
  });
});
