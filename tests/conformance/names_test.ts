/** The name vectors of ../shared/reference: file names and UTF-8 from hostile torrents. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sanitizeElement } from "../../src/metainfo/file_names.ts";
import { decodeUtf8, repairUtf8 } from "../../src/bencode/utf8.ts";
import { fromHex, toHex } from "../../src/util/bytes.ts";
import { readVectors, skip } from "./reference.ts";

interface PathVector {
  elements_hex: string[];
  /** True for files, whose unusable elements become "_"; false: they are dropped. */
  force: boolean;
  expect_hex: string;
  expect_windows_hex?: string;
  note?: string;
}

function cleanPath({ elements_hex, force }: PathVector, windows: boolean): string {
  return elements_hex
    .map((hex) => sanitizeElement(fromHex(hex), windows) || (force ? "_" : ""))
    .filter((element) => element !== "")
    .join(windows ? "\\" : "/");
}

const hexOf = (text: string) => toHex(new TextEncoder().encode(text));

describe("sanitizeElement against sanitize_path.json", { skip }, () => {
  it("returns the POSIX names", { skip }, () => {
    for (const vector of readVectors<PathVector>("sanitize_path.json")) {
      assert.equal(hexOf(cleanPath(vector, false)), vector.expect_hex, JSON.stringify(vector));
    }
  });

  it("returns the Windows names, with their own separator", { skip }, () => {
    for (const vector of readVectors<PathVector>("sanitize_path.json")) {
      const posix = repairUtf8(fromHex(vector.expect_hex));
      const wanted = vector.expect_windows_hex ?? hexOf(posix.replaceAll("/", "\\"));
      assert.equal(hexOf(cleanPath(vector, true)), wanted, JSON.stringify(vector));
    }
  });
});

describe("repairUtf8 against verify_encoding.json", { skip }, () => {
  it("turns each invalid sequence into one underscore", { skip }, () => {
    type Vector = { input_hex: string; valid: boolean; output_hex: string };
    for (const { input_hex, valid, output_hex } of readVectors<Vector>("verify_encoding.json")) {
      assert.equal(hexOf(repairUtf8(fromHex(input_hex))), output_hex, input_hex);
      assert.equal(decodeUtf8(fromHex(input_hex)) !== null, valid, input_hex);
    }
  });
});

describe("decodeUtf8 against utf8.json", { skip }, () => {
  it("distinguishes valid code points from overlong, truncated and stray bytes", { skip }, () => {
    for (const { hex, valid } of readVectors<{ hex: string; valid: boolean }>("utf8.json")) {
      assert.equal(decodeUtf8(fromHex(hex)) !== null, valid, hex);
    }
  });
});
