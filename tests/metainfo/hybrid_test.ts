import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Encodable } from "../../src/bencode/bencode_encode.ts";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import { fromLatin1 } from "../../src/util/bytes.ts";
import {
  type Fields,
  fileOf,
  folderOf,
  infoOf,
  parse,
  pathsOf,
  PIECE,
  refusal,
  sha1,
} from "../harness/torrent_samples.ts";

const root = "r".repeat(32);

/** A file of a v2 tree. */
function leaf(length: number, extra: Fields = {}): Fields {
  return { "": { length, ...(length > 0 ? { "pieces root": root } : {}), ...extra } };
}

const V2 = { "meta version": 2 };

function single(tree: Encodable, changes: Fields = {}): Fields {
  return infoOf({ name: "one", length: 5, ...V2, "file tree": tree, ...changes });
}

const FILES = [
  fileOf("a/x", 100),
  fileOf(".pad/1", PIECE - 100, { attr: "p" }),
  fileOf("a/y", 0),
  fileOf("b", PIECE),
];
const TREE = { a: { x: leaf(100), y: leaf(0) }, b: leaf(PIECE) };

function multi(tree: Encodable, files: Fields[] = FILES, changes: Fields = {}): Fields {
  return folderOf(files, { ...V2, "file tree": tree, ...changes });
}

function assertRefused(info: Fields, message: RegExp, code = "v2-mismatch"): void {
  const error = refusal(() => parse(info));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
}

describe("parseTorrent: hybrid torrents (BEP 52)", () => {
  it("load through their v1 half", () => {
    const one = parse(single({ one: leaf(5) }));
    assert.deepEqual([one.hybrid, pathsOf(one)], [true, ["one"]]);
    const many = parse(multi(TREE));
    assert.deepEqual([many.hybrid, many.size], [true, PIECE + 100]);
    assert.deepEqual(pathsOf(many), ["top/a/x", "top/.pad/1", "top/a/y", "top/b"]);
  });

  it("with or without padding after the last file, and with empty folders", () => {
    const tail = fileOf(".pad/2", PIECE - 5, { attr: "p" });
    const tree = { a: { nothing: {}, x: leaf(5) } };
    assert.ok(parse(multi(tree, [fileOf("a/x", 5)])).hybrid);
    assert.ok(parse(multi(tree, [fileOf("a/x", 5), tail])).hybrid);
  });

  it("with symlinks in both halves", () => {
    const link: Fields = { attr: "l", "symlink path": ["b"] };
    const info = multi({ b: leaf(5), l: { "": link } }, [fileOf("b", 5), { path: ["l"], ...link }]);
    assert.deepEqual(parse(info).files.map(({ pad }) => pad), [false, true]);
  });

  it("names are compared as bytes, the .utf-8 ones first", () => {
    const tree = new Map<string, Encodable>([["\u00e9", leaf(5)]]);
    const file = { path: [fromLatin1("\xe9")], "path.utf-8": ["\u00e9"], length: 5 };
    assert.ok(parse(multi(tree, [file])).hybrid);
    assertRefused(multi(tree, [{ path: [fromLatin1("\xe9")], length: 5 }]), /different files/);
  });

  it("are refused when the halves name different files or sizes", () => {
    assertRefused(single({ two: leaf(5) }), /different files/);
    assertRefused(single({ "/one": leaf(5) }), /different files/);
    assertRefused(single({ one: leaf(6) }), /sizes/);
    assertRefused(single({ one: leaf(5), two: leaf(5) }), /different files/);
    assertRefused(single({}), /fewer files/);
    assertRefused(multi({ a: TREE.a }), /fewer files/);
    assertRefused(multi({ a: { x: leaf(100), z: leaf(0) }, b: leaf(PIECE) }), /different files/);
    assertRefused(multi({ a: { x: { deep: leaf(100) } }, b: leaf(PIECE) }), /different files/);
    const swapped = [FILES[3]!, FILES[0]!, FILES[1]!, FILES[2]!];
    assertRefused(multi(TREE, swapped), /different files/);
  });

  it("are refused when a file does not start on a piece", () => {
    const short = fileOf(".pad/1", PIECE - 101, { attr: "p" });
    assertRefused(multi(TREE, [FILES[0]!, short, FILES[2]!, FILES[3]!]), /start on a piece/);
    assertRefused(multi(TREE, [FILES[0]!, FILES[2]!, FILES[3]!]), /start on a piece/);
  });

  it("are refused when the tree is broken", () => {
    const broken: Encodable[] = [
      { one: { length: 5, "pieces root": root } },
      { one: { ...leaf(5), more: leaf(5) } },
      { one: { "": 5 } },
      { one: 5 },
      { "": leaf(5) },
      leaf(5),
      { one: { "": leaf(5) } },
    ];
    for (const tree of broken) assertRefused(single(tree), /tree/);
    assertRefused(single([]), /tree is not a dictionary/);
    assertRefused(single({ one: leaf(5, { attr: "p" }) }), /padding/);
    assertRefused(single({ one: leaf(5, { length: -5 }) }), /size/);
    assertRefused(single({ one: leaf(5, { length: "5" }) }), /size/);
    assertRefused(single({ one: leaf(5, { "pieces root": "short" }) }), /hash/);
    assertRefused(single({ one: leaf(5, { "pieces root": "\0".repeat(32) }) }), /hash/);
    assertRefused(single({ one: { "": { length: 5 } } }), /hash/);
  });

  it("are refused if version and tree contradict each other", () => {
    assertRefused(infoOf(V2), /half v1, half v2/);
    assertRefused(infoOf({ "file tree": { "sample.bin": leaf(3 * PIECE + 1) } }), /half v1/);
  });

  it("need a piece length that v2 allows", () => {
    for (const length of [8192, 16385, 24576]) {
      const info = single({ one: leaf(5) }, { "piece length": length });
      assertRefused(info, /power of two/, "bad-piece-length");
    }
  });

  it("must be sorted within info, though a v1 torrent need not be", () => {
    const head = `6:lengthi5e12:meta versioni2e4:name3:one`;
    const tail = `12:piece lengthi16384e6:pieces20:${"h".repeat(20)}`;
    const tree = `9:file treed3:oned0:d6:lengthi5e11:pieces root32:${root}eee`;
    const sorted = fromLatin1(`d4:infod${tree}${head}${tail}e1:ai1ee`);
    assert.equal(parseTorrent(sorted, sha1).hybrid, true);
    const unsorted = fromLatin1(`d4:infod${head}${tree}${tail}ee`);
    const error = refusal(() => parseTorrent(unsorted, sha1));
    assert.equal(error.code, "bad-bencode");
    assert.match(error.message, /byte order/);
  });

  it("a deep tree is walked without recursion or quadratic work", () => {
    const names = Array.from({ length: 40 }, (_, i) => `d${i}`);
    let tree: Fields = Object.fromEntries(
      Array.from({ length: 500 }, (_, i) => [`f${String(i).padStart(3, "0")}`, leaf(0)]),
    );
    for (const name of [...names].reverse()) tree = { [name]: tree };
    const files = Array.from(
      { length: 500 },
      (_, i) => fileOf(`${names.join("/")}/f${String(i).padStart(3, "0")}`, 0),
    );
    const info = multi({ ...tree, z: leaf(5) }, [...files, fileOf("z", 5)]);
    assert.equal(parse(info).files.length, 501);
  });
});
