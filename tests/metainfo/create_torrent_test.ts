import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import {
  checkPieceLength,
  checkUrls,
  choosePieceLength,
  encodeTorrent,
} from "../../src/metainfo/create_torrent.ts";
import type { ListedFile } from "../../src/metainfo/file_list.ts";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import { toLatin1 } from "../../src/util/bytes.ts";
import { TorrentFileError } from "../../src/util/errors.ts";

const KIB = 1024, MIB = 1024 * KIB, GIB = 1024 * MIB;
const HASHES = new Uint8Array(20).fill(0x68);
const SINGLE = {
  name: "a.bin",
  pieceLength: 16 * KIB,
  files: [{ path: [], length: 5, pad: false }],
};

function text(bytes: Uint8Array): string {
  return toLatin1(bytes);
}

function read(bytes: Uint8Array) {
  return parseTorrent(bytes, (part) => createHash("sha1").update(part).digest());
}

function code(expected: string) {
  return (error: unknown) => error instanceof TorrentFileError && error.code === expected;
}

describe("choosePieceLength", () => {
  it("stays between 16 KiB and 16 MiB", () => {
    assert.equal(choosePieceLength(1), 16 * KIB);
    assert.equal(choosePieceLength(32 * MIB), 16 * KIB);
    assert.equal(choosePieceLength(1000 * GIB), 16 * MIB);
  });

  it("makes 1,024 to 2,048 pieces in between", () => {
    for (let size = 32 * MIB + 1; size < 32 * GIB; size = Math.floor(size * 1.37)) {
      const pieces = Math.ceil(size / choosePieceLength(size));
      assert.ok(pieces >= 1024 && pieces <= 2048, `${size} bytes in ${pieces} pieces`);
    }
    assert.equal(choosePieceLength(4 * GIB), 2 * MIB);
    assert.equal(choosePieceLength(4 * GIB + 1), 4 * MIB);
  });
});

describe("checkPieceLength", () => {
  it("takes powers of two from 16 KiB to 256 MiB only", () => {
    for (let length = 16 * KIB; length <= 256 * MIB; length *= 2) checkPieceLength(length);
    for (const length of [0, -16384, 8 * KIB, 48 * KIB, 16 * KIB + 1, 512 * MIB, NaN, Infinity]) {
      assert.throws(() => checkPieceLength(length), code("bad-piece-length"), String(length));
    }
  });
});

describe("checkUrls", () => {
  it("takes the schemes that clients know", () => {
    checkUrls({
      announce: [["http://a/announce", "https://b/x?y"], ["udp://c:80", "wss://d", "ws://e:1/"]],
      webSeeds: ["http://a/b%20c", "https://[::1]:8080/"],
    });
  });

  it("refuses everything else", () => {
    for (const url of ["", "a", "a.example:80", "ftp://a/", "http://", "http://a b/", "udp:x\n"]) {
      assert.throws(() => checkUrls({ announce: [["http://a"], [url]] }), code("bad-url"), url);
    }
    for (const url of ["", "udp://a:1", "file:///etc/passwd", "/x"]) {
      assert.throws(() => checkUrls({ webSeeds: [url] }), code("bad-url"), url);
    }
  });
});

describe("encodeTorrent", () => {
  it("writes only the given fields of a single file", () => {
    assert.equal(
      text(encodeTorrent(SINGLE, HASHES)),
      "d4:infod6:lengthi5e4:name5:a.bin12:piece lengthi16384e6:pieces20:" + "h".repeat(20) + "ee",
    );
  });

  it("writes everything in canonical order", () => {
    const bytes = encodeTorrent(SINGLE, HASHES, {
      announce: [["http://a", "http://b"], [], ["http://c"]],
      webSeeds: ["http://w/1", "http://w/2"],
      private: true,
      source: "S",
      comment: "c",
      createdBy: "me",
      creationDate: 7,
    });
    assert.equal(
      text(bytes),
      "d8:announce8:http://a13:announce-listll8:http://a8:http://bel8:http://cee7:comment1:c" +
        "10:created by2:me13:creation datei7e4:infod6:lengthi5e4:name5:a.bin12:piece lengthi16384e" +
        "6:pieces20:" + "h".repeat(20) + "7:privatei1e6:source1:Se8:url-list" +
        "l10:http://w/110:http://w/2ee",
    );
  });

  it("writes one tracker without a list and one web seed as a string", () => {
    const details = { announce: [["http://a"]], webSeeds: ["http://w/"] };
    const bytes = text(encodeTorrent(SINGLE, HASHES, details));
    assert.match(bytes, /^d8:announce8:http:\/\/a4:info/);
    assert.match(bytes, /8:url-list9:http:\/\/w\/e$/);
  });

  it("leaves out empty, null and false fields", () => {
    const details = { announce: [[]], webSeeds: [], private: false, source: "", comment: "" };
    const nothing = { ...details, createdBy: null, creationDate: null };
    assert.deepEqual(encodeTorrent(SINGLE, HASHES, nothing), encodeTorrent(SINGLE, HASHES));
  });

  it("marks padding (BEP 47) and keeps folders and empty files", () => {
    const files: ListedFile[] = [
      { path: ["x", "é"], length: 16383, pad: false },
      { path: [".pad", "1"], length: 1, pad: true },
      { path: ["y"], length: 0, pad: false },
      { path: ["z"], length: 16384, pad: false },
    ];
    const bytes = encodeTorrent({ ...SINGLE, name: "top", files }, new Uint8Array(40));
    assert.match(text(bytes), /d4:attr1:p6:lengthi1e4:pathl4:\.pad1:1ee/);
    const meta = read(bytes);
    assert.deepEqual(meta.files.map(({ path, length, pad }) => [path.join("/"), length, pad]), [
      ["top/x/é", 16383, false],
      ["top/.pad/1", 1, true],
      ["top/y", 0, false],
      ["top/z", 16384, false],
    ]);
    assert.deepEqual([meta.size, meta.layout.totalLength, meta.singleFile], [32767, 32768, false]);
  });

  it("makes a folder of one file when that has a path", () => {
    const files = [{ path: ["only"], length: 5, pad: false }];
    const meta = read(encodeTorrent({ ...SINGLE, files }, HASHES));
    assert.deepEqual([meta.singleFile, meta.files[0]!.path], [false, ["a.bin", "only"]]);
  });

  it("refuses text that has no UTF-8 and dates that are no whole numbers", () => {
    const half = "\ud83d";
    assert.throws(() => encodeTorrent({ ...SINGLE, name: half }, HASHES), code("bad-value"));
    assert.throws(() => encodeTorrent(SINGLE, HASHES, { comment: half }), code("bad-value"));
    assert.throws(() => encodeTorrent(SINGLE, HASHES, { creationDate: 1.5 }), code("bad-value"));
  });
});
