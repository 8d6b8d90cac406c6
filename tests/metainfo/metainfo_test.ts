import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { encode } from "../../src/bencode/bencode_encode.ts";
import { type Metainfo, parseTorrent } from "../../src/metainfo/metainfo.ts";
import { verifierOf } from "../../src/metainfo/piece_verifier.ts";
import { torrentFileOf } from "../../src/metainfo/torrent_file.ts";
import { concatBytes, fromLatin1, toHex } from "../../src/util/bytes.ts";
import { TorrentFileError } from "../../src/util/errors.ts";
import { randomBytes } from "../harness/random_bytes.ts";
import {
  fileOf,
  folderOf,
  infoOf,
  parse,
  pathsOf,
  PIECE,
  refusal,
  sha1,
} from "../harness/torrent_samples.ts";

const b = fromLatin1;

describe("parseTorrent: valid torrents", () => {
  it("a single-file torrent", () => {
    const pieces = randomBytes(1, 80);
    const meta = parse(infoOf({ pieces }), {
      announce: "http://tracker.example/announce",
      comment: "hello",
      "created by": "me/1.0",
      "creation date": 1700000000,
    });
    assert.equal(meta.name, "sample.bin");
    assert.equal(meta.singleFile, true);
    assert.equal(meta.size, 3 * PIECE + 1);
    assert.equal(meta.pieceLength, PIECE);
    const path = ["sample.bin"];
    assert.deepEqual(meta.files, [{ path, safePath: path, length: 3 * PIECE + 1, pad: false }]);
    assert.equal(meta.layout.pieceCount, 4);
    const verifier = verifierOf(meta);
    assert.equal(verifier.algorithm, "sha1");
    const matching = [0, 1, 2, 3].filter((piece) =>
      verifier.matches(piece, pieces.subarray(60, 80))
    );
    assert.deepEqual(matching, [3]);
    assert.equal(verifier.matches(3, pieces.subarray(60, 79)), false, "too short");
    assert.equal(verifier.matches(4, pieces.subarray(60, 80)), false, "there is no such piece");
    assert.deepEqual(meta.announce, [["http://tracker.example/announce"]]);
    assert.deepEqual(meta.webSeeds, []);
    assert.equal(meta.comment, "hello");
    assert.equal(meta.createdBy, "me/1.0");
    assert.equal(meta.creationDate, 1700000000);
    assert.deepEqual([meta.private, meta.hybrid, meta.warnings], [false, false, []]);
  });

  it("a multi-file torrent, empty files and all", () => {
    const meta = parse(folderOf([fileOf("a/b.txt", 5), fileOf("c", 0), fileOf("d", PIECE)]));
    assert.equal(meta.singleFile, false);
    assert.deepEqual(pathsOf(meta), ["top/a/b.txt", "top/c", "top/d"]);
    assert.deepEqual(meta.layout.slices(0).map(({ file, length }) => [file, length]), [
      [0, 5],
      [2, PIECE - 5],
    ]);
    assert.equal(meta.size, PIECE + 5);
    // One file in a list stays in its folder.
    const one = parse(folderOf([fileOf("a", 5)]));
    assert.deepEqual([one.singleFile, pathsOf(one)], [false, ["top/a"]]);
  });

  it("nothing else is needed, and fields of a wrong type count as missing", () => {
    const meta = parse(infoOf({ private: "1" }), {
      comment: 5,
      "created by": ["x"],
      "creation date": "yesterday",
      announce: 1,
      "announce-list": "no list",
      "url-list": 7,
    });
    assert.deepEqual([meta.comment, meta.createdBy, meta.creationDate], [null, null, null]);
    assert.deepEqual([meta.announce, meta.webSeeds, meta.private], [[], [], false]);
    assert.equal(parse(infoOf(), { "creation date": -5 }).creationDate, null);
    assert.equal(parse(infoOf(), { "creation date": 2 ** 52 }).creationDate, null);
  });

  it("private (BEP 27)", () => {
    assert.equal(parse(infoOf({ private: 1 })).private, true);
    assert.equal(parse(infoOf({ private: 0 })).private, false);
  });

  it("the .utf-8 fields win", () => {
    const meta = parse(
      folderOf([{ path: [b("\xff")], "path.utf-8": ["h\u00e9", "x"], length: 1 }], {
        name: b("\xfe\xfe"),
        "name.utf-8": "n\u00e4me",
      }),
      { comment: b("\xff"), "comment.utf-8": "f\u00fcr" },
    );
    assert.deepEqual(pathsOf(meta), ["n\u00e4me/h\u00e9/x"]);
    assert.equal(meta.comment, "f\u00fcr");
    assert.equal(parse(infoOf({ name: undefined, "name.utf-8": "only" })).name, "only");
    assert.equal(parse(infoOf(), { comment: b("x\xffy") }).comment, "x_y");
  });
});

describe("parseTorrent: info-hash", () => {
  it("is of the bytes as found: unknown, unsorted and binary keys change nothing about that", () => {
    const info = `d6:pieces20:${"h".repeat(20)}12:piece lengthi16384e4:name1:n6:lengthi5e` +
      "2:\xff\xfei1e9:__proto__d1:xi1eee";
    const bytes = b(`d1:z1:y4:info${info}8:announce0:e\r\n`);
    const meta = parseTorrent(bytes, sha1);
    assert.equal(meta.infoBytes.length, info.length);
    assert.deepEqual(meta.infoBytes, b(info));
    assert.equal(toHex(meta.infoHash), toHex(sha1(b(info))));
  });

  it("infoBytes and pieceHashes are views on the file", () => {
    const bytes = encode({ info: infoOf() });
    const meta = parseTorrent(bytes, sha1);
    assert.equal(meta.infoBytes.buffer, bytes.buffer);
    assert.equal(meta.pieceHashes.buffer, bytes.buffer);
  });
});

describe("parseTorrent: padding and symlinks (BEP 47)", () => {
  it("attr p is padding: counted in pieces, not in size, never renamed", () => {
    const pad = { attr: "hp" };
    const meta = parse(folderOf([
      fileOf("a", 10),
      fileOf(".pad/100", 100, pad),
      fileOf("b", 10),
      fileOf(".pad/100", 100, pad),
      fileOf(null, 7, pad),
    ]));
    assert.deepEqual(meta.files.map((file) => file.pad), [false, true, false, true, true]);
    assert.deepEqual(pathsOf(meta).slice(3), ["top/.pad/100", ".pad/7"]);
    assert.deepEqual([meta.size, meta.layout.totalLength], [20, 227]);
    assert.deepEqual(meta.layout.slices(0).map(({ pad }) => pad), [false, true, false, true, true]);
    assert.deepEqual(meta.warnings, []);
  });

  it("so is a file with BitComet's padding name, at the end of its path only", () => {
    const meta = parse(folderOf([
      fileOf("a", 10),
      fileOf("_____padding_file_0_if you see this file, update", 6),
      fileOf("_____padding_file_/b", 10),
      fileOf("_____padding_fil", 10),
    ]));
    assert.deepEqual(meta.files.map((file) => file.pad), [false, true, false, false]);
  });

  it("a symlink has no bytes and no file, whatever length it claims", () => {
    const meta = parse(folderOf([
      fileOf("a", 10),
      fileOf("link", 99, { attr: "l", "symlink path": ["..", "etc", "passwd"] }),
      fileOf("link", 10),
      { path: ["bare"], attr: "xl" },
    ]));
    assert.deepEqual(
      meta.files.slice(1).map(({ path, length, pad }) => [path.join("/"), length, pad]),
      [["top/link", 0, true], ["top/link", 10, false], ["top/bare", 0, true]],
    );
    assert.equal(meta.layout.totalLength, 20);
    assert.match(meta.warnings.join(), /2 symbolic link/);
  });

  it("other attributes change nothing", () => {
    const meta = parse(folderOf([fileOf("a", 10, { attr: "xhz" }), fileOf("b", 1, { attr: "" })]));
    assert.deepEqual(meta.files.map((file) => file.pad), [false, false]);
  });
});

describe("parseTorrent: names", () => {
  const safePathsOf = (meta: Metainfo) => meta.files.map(({ safePath }) => safePath);

  it("stay inside the torrent's folder, and have a safe form as well", () => {
    const meta = parse(folderOf([
      fileOf("../../etc/passwd", 1),
      { path: ["/abs", "C:\\x", "a\0b", ".", "", "\u202egpj.exe"], length: 1 },
    ], { name: "../evil" }));
    assert.deepEqual(meta.files.map((file) => file.path), [
      ["..evil", "_", "_", "etc", "passwd"],
      ["..evil", "abs", "C:\\x", "ab", "_", "_", "\u202egpj.exe"],
    ]);
    assert.deepEqual(safePathsOf(meta), [
      ["..evil", "_", "_", "etc", "passwd"],
      ["..evil", "abs", "C:x", "ab", "_", "_", "gpj.exe"],
    ]);
  });

  it("in an old code page are read by the torrent's `encoding`", () => {
    const info = folderOf([{ path: [b("\xf4\xe8.avi")], length: 1 }], { name: b("\xca\xee") });
    const meta = parse(info, { encoding: "windows-1251", comment: b("\xf4\xe8") });
    assert.equal(meta.comment, "\u0444\u0438");
    assert.deepEqual(meta.files[0]!.path, ["\u041a\u043e", "\u0444\u0438.avi"]);
    assert.equal(meta.name, "\u041a\u043e");
    const kept = parseTorrent(torrentFileOf(meta), sha1);
    assert.deepEqual(kept.files, meta.files, "also when the torrent is written again");
    assert.deepEqual(parse(info, { encoding: "\0nonsense" }).files[0]!.path, ["__", "__.avi"]);
    assert.deepEqual(parse(info, { encoding: 5 }).files[0]!.path, ["__", "__.avi"]);
  });

  it("an unusable torrent name is replaced by the info-hash", () => {
    for (const name of ["..", "/", "\0"]) {
      const meta = parse(infoOf({ name }));
      assert.equal(meta.name, toHex(meta.infoHash));
      assert.deepEqual(meta.files[0]!.path, [meta.name]);
    }
    assert.equal(parse(infoOf({ name: "" })).name, "_");
  });

  it("that are equal are renamed, with a warning", () => {
    const meta = parse(folderOf([fileOf("A.txt", 1), fileOf("A.txt", 1), fileOf("A.txt/x", 1)]));
    assert.deepEqual(pathsOf(meta), ["top/A.1.txt", "top/A.2.txt", "top/A.txt/x"]);
    assert.match(meta.warnings.join(), /2 file\(s\) renamed/);
  });

  it("that differ in case keep their own, and have safe ones that differ on every disk", () => {
    const info = folderOf([fileOf("A.txt", 1), fileOf("a.txt", 1), fileOf("a.TXT/x", 1)]);
    const meta = parse(info);
    assert.deepEqual(pathsOf(meta), ["top/A.txt", "top/a.txt", "top/a.TXT/x"]);
    const apart = ["top/A.1.txt", "top/a.2.txt", "top/a.TXT/x"];
    assert.deepEqual(safePathsOf(meta).map((path) => path.join("/")), apart);
    assert.deepEqual(meta.warnings, []);
    assert.deepEqual(pathsOf(parse(info, {}, { windows: true })), apart);
  });

  it("option windows makes them suit that system", () => {
    const meta = parse(folderOf([fileOf("con/a:b.", 1)], { name: "top." }), {}, { windows: true });
    assert.deepEqual(meta.files[0]!.path, ["top", "_con", "a_b"]);
  });
});

describe("parseTorrent: invalid torrents", () => {
  const refused = (code: string, info: Parameters<typeof parse>[0], message?: RegExp) => {
    const error = refusal(() => parse(info));
    assert.equal(error.code, code, error.message);
    if (message) assert.match(error.message, message);
  };
  const code = (bytes: Uint8Array) => refusal(() => parseTorrent(bytes, sha1)).code;

  it("data that is not a torrent", () => {
    assert.equal(code(b("<!DOCTYPE html><html>")), "not-a-torrent");
    assert.equal(code(b("4:spam")), "not-a-torrent");
    assert.equal(code(b("le")), "not-a-torrent");
    assert.equal(code(b("")), "bad-bencode");
    assert.equal(code(b("\x1f\x8b\x08\0")), "bad-bencode");
    assert.equal(code(b("de")), "missing-info");
    assert.equal(code(b("d4:infolee")), "missing-info");
    assert.equal(code(b("d4:info3:abce")), "missing-info");
  });

  it("broken bencode, with its place and cause", () => {
    const error = refusal(() => parseTorrent(b("d4:infod4:name3:ab"), sha1));
    assert.equal(error.code, "bad-bencode");
    assert.match(error.message, /byte 14/);
    assert.equal((error.cause as { code: string }).code, "truncated");
    assert.equal(code(b("d1:ai1e1:ai2ee")), "bad-bencode");
    assert.equal(code(concatBytes(encode({ info: infoOf() }), b("x"))), "bad-bencode");
  });

  it("a file over 32 MiB", () => {
    assert.equal(code(new Uint8Array(32 * 1024 * 1024 + 1)), "too-large");
  });

  it("names that are missing or no text", () => {
    refused("missing-name", infoOf({ name: undefined }));
    refused("missing-name", infoOf({ name: 5 }));
    refused("bad-path", folderOf([{ length: 1 }]));
    refused("bad-path", folderOf([{ path: [], length: 1 }]));
    refused("bad-path", folderOf([{ path: ["a", 1], length: 1 }]));
    refused("bad-path", folderOf([{ path: "a", length: 1 }]));
    refused("bad-path", infoOf({ files: ["a"], length: undefined }));
    refused("bad-path", folderOf([{ path: Array(101).fill("d"), length: 1 }]), /folders deep/);
    assert.equal(parse(folderOf([{ path: Array(100).fill("d"), length: 1 }])).files.length, 1);
  });

  it("piece lengths outside 1 byte to 512 MiB", () => {
    for (const wrong of [undefined, 0, -1, -16384, 2 ** 29 + 1, 2 ** 40, "16384", [1]]) {
      refused("bad-piece-length", infoOf({ "piece length": wrong }));
    }
    const pieces = new Uint8Array(20);
    assert.ok(parse(infoOf({ length: 5, "piece length": 2 ** 29, pieces })));
    assert.ok(parse(infoOf({ length: 1, "piece length": 1, pieces })));
  });

  it("sizes that are missing, negative or add up beyond 2^53", () => {
    const pieces = new Uint8Array(20);
    for (const length of [undefined, -1, "5", [5]]) {
      refused("bad-length", infoOf({ length, pieces }));
    }
    refused("bad-length", folderOf([fileOf("a", -1)], { pieces }));
    refused("bad-length", folderOf([fileOf("a", 2 ** 53 - 1), fileOf("b", 1)], { pieces }));
    const huge = b(`d4:infod6:lengthi9223372036854775807e4:name1:n12:piece lengthi1e6:pieces0:ee`);
    assert.equal(code(huge), "bad-length");
  });

  it("torrents without data", () => {
    refused("empty", infoOf({ length: 0 }));
    refused("empty", folderOf([]));
    refused("empty", folderOf([fileOf("a", 0), fileOf("b", 0)]));
    refused("empty", folderOf([fileOf("a", 0), fileOf("p", 5, { attr: "p" })]));
  });

  it("piece hashes that are missing, odd, too few or too many", () => {
    for (const length of [0, 19, 60, 79, 81, 100]) {
      refused("bad-pieces", infoOf({ pieces: new Uint8Array(length) }));
    }
    refused("bad-pieces", infoOf({ pieces: undefined }));
    refused("bad-pieces", infoOf({ pieces: 5 }));
  });

  it("more than 2^21 pieces, before anything is made for them", () => {
    const over = { length: 2 ** 21 * PIECE + 1, pieces: "" };
    refused("too-many-pieces", infoOf(over), /2097153 pieces/);
    refused("too-many-pieces", infoOf({ length: 2 ** 53 - 1, "piece length": 1, pieces: "" }));
  });

  it("kinds of torrents it does not know, by name", () => {
    const tree = { n: { "": { length: 1, "pieces root": "x".repeat(32) } } };
    refused(
      "v2-only",
      { name: "n", "piece length": PIECE, "meta version": 2, "file tree": tree },
      /BitTorrent v2 only.*not support yet/,
    );
    refused("v2-only", infoOf({ "meta version": 2, "file tree": tree, pieces: undefined }));
    refused("unknown-version", infoOf({ "meta version": 3, "file tree": tree }), /v3/);
    refused("merkle", infoOf({ "root hash": "x".repeat(20), pieces: undefined }), /BEP 30/);
  });
});

describe("parseTorrent: hostile files by seed", () => {
  const sample = encode({
    announce: "http://tracker.example/announce",
    "announce-list": [["http://a.example"], ["udp://b.example:1", "c"]],
    info: folderOf([fileOf("a/b", 9), fileOf(".pad/7", 7, { attr: "p" }), fileOf("c", PIECE)]),
    "url-list": ["http://seed.example/a b"],
  });

  it("every cut is refused as broken", () => {
    for (let length = 0; length < sample.length; length++) {
      const error = refusal(() => parseTorrent(sample.subarray(0, length), sha1));
      assert.equal(error.code, "bad-bencode", `${length} bytes`);
    }
  });

  it("changed bytes result in a valid torrent or a TorrentFileError", { timeout: 30_000 }, () => {
    let taken = 0, refusedCount = 0;
    for (let seed = 0; seed < 4000; seed++) {
      const bytes = sample.slice(), dice = randomBytes(seed, 9);
      for (let i = 0; i < 1 + dice[0]! % 3; i++) {
        const digit = "0123456789dlie:-"[dice[i + 4]! % 16]!;
        const at = (dice[i + 1]! * 256 + dice[i + 6]!) % bytes.length;
        bytes[at] = seed % 3 ? digit.charCodeAt(0) : dice[i + 4]!;
      }
      try {
        const meta = parseTorrent(bytes, sha1);
        assert.equal(meta.pieceHashes.length, 20 * meta.layout.pieceCount);
        for (const { path } of meta.files) {
          for (const name of path) assert.ok(!/[/\0]|^\.{0,2}$/.test(name), JSON.stringify(path));
        }
        taken++;
      } catch (error) {
        assert.ok(error instanceof TorrentFileError, String(error));
        refusedCount++;
      }
    }
    assert.ok(taken > 100 && refusedCount > 500, `${taken} taken, ${refusedCount} refused`);
  });

  it("a list of 23,500 files", { timeout: 30_000 }, () => {
    const files = Array.from({ length: 23_500 }, (_, i) => fileOf(`dir${i >> 6}/sub/file ${i}`, i));
    const bytes = encode({ info: folderOf(files) });
    const meta = parseTorrent(bytes, sha1);
    assert.equal(meta.files.length, 23_500);
    assert.equal(pathsOf(meta)[23_499], "top/dir367/sub/file 23499");
  });
});
