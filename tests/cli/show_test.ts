import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { describeAsData, describeAsText, fileTree } from "../../src/cli/commands/show.ts";
import { encode } from "../../src/bencode/bencode_encode.ts";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import { toHex } from "../../src/util/bytes.ts";
import { newFolder, platform, removeFolders, ROOT, shoal } from "./run_shoal.ts";

after(removeFolders);

const REFERENCE = join(ROOT, "../shared/reference/torrents");
const HAS_REFERENCE = existsSync(REFERENCE);

const BYTES = encode({
  announce: "http://tracker.example/announce",
  "announce-list": [["http://tracker.example/announce"], ["udp://other.example:6969"]],
  comment: "tricky \x1b[2J\u202Ecomment",
  "creation date": 1234567,
  "url-list": ["http://seed.example/files/"],
  info: {
    files: [
      { length: 20000, path: ["deep", "er", "one.txt"] },
      { attr: "p", length: 12768, path: [".pad", "12768"] },
      { length: 5, path: ["two.txt"] },
    ],
    name: "folder",
    "piece length": 16384,
    pieces: new Uint8Array(60),
    private: 1,
  },
});

const META = parseTorrent(BYTES, (bytes) => platform.hasher.digest("sha1", bytes));

describe("describeAsData", () => {
  it("has the documented fields and leaves padding out", () => {
    assert.deepEqual(describeAsData(META), {
      name: "folder",
      infoHash: toHex(META.infoHash),
      size: 20005,
      pieceLength: 16384,
      pieces: 3,
      private: true,
      files: [
        { number: 1, path: "folder/deep/er/one.txt", size: 20000 },
        { number: 2, path: "folder/two.txt", size: 5 },
      ],
      announce: [["http://tracker.example/announce"], ["udp://other.example:6969"]],
      webSeeds: ["http://seed.example/files/"],
      comment: "tricky \x1b[2J\u202Ecomment",
      createdBy: null,
      creationDate: 1234567,
      hybrid: false,
      warnings: [],
    });
  });
});

describe("describeAsText", () => {
  it("shows the contents as a table and a tree, without control characters", () => {
    const text = describeAsText(META, { unicode: false });
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f\u202e]/);
    for (
      const line of [
        "name        folder",
        "size        19.5 KiB in 2 files",
        "pieces      3 pieces of 16.0 KiB",
        "private     yes: peers from its trackers only",
        "created     1970-01-15 06:56 UTC",
        "comment     tricky \\x1b[2J\\u202ecomment",
        "trackers 1  http://tracker.example/announce",
        "trackers 2  udp://other.example:6969",
        "web seeds   http://seed.example/files/",
        "`-- folder/",
        "    |-- deep/",
        "    |   `-- er/",
        "    |       `-- 1  one.txt  19.5 KiB",
        "    `-- 2  two.txt  5 B",
      ]
    ) assert.ok(text.split("\n").includes(line), line + "\n---\n" + text);
  });

  it("survives a date beyond all calendars", () => {
    const text = describeAsText({ ...META, creationDate: Number.MAX_SAFE_INTEGER }, {
      unicode: false,
    });
    assert.match(text, /created {5}9007199254740991 s after 1970/);
  });
});

describe("fileTree", () => {
  it("draws a single file without folders", () => {
    assert.deepEqual(fileTree([{ path: ["a.iso"], number: 1, length: 1024 }], { unicode: true }), [
      "└── 1  a.iso  1.00 KiB",
    ]);
  });
});

describe("shoal show", () => {
  it("prints one JSON object that a program can read", { timeout: 20_000 }, async () => {
    const path = join(newFolder(), "x.torrent");
    writeFileSync(path, BYTES);
    const run = await shoal("show", path, "--json");
    assert.equal(run.code, 0);
    assert.match(run.out, /^[ -~]+\n$/);
    assert.deepEqual(JSON.parse(run.out), describeAsData(META));
    const human = await shoal("show", path);
    assert.match(human.out, /^name {8}folder\n/);
  });

  const skip = HAS_REFERENCE ? false : "no ../shared here";
  it("agrees with libtorrent about its test torrents", { skip, timeout: 60_000 }, async () => {
    const expected = JSON.parse(readFileSync(join(REFERENCE, "expected.json"), "utf8"));
    const plain = expected.filter((entry: Record<string, unknown>) =>
      entry.expect === "ok" && entry.infohash_v1 && entry.infohash_v2 === undefined
    ).slice(0, 8);
    assert.equal(plain.length, 8);
    for (const entry of plain) {
      const run = await shoal("show", join(REFERENCE, entry.file), "--json");
      assert.equal(run.code, 0, run.err);
      const shown = JSON.parse(run.out);
      assert.equal(shown.infoHash, entry.infohash_v1, entry.file);
      assert.equal(shown.pieces, entry.num_pieces, entry.file);
      assert.equal(shown.pieceLength, entry.piece_length, entry.file);
    }
  });
});
