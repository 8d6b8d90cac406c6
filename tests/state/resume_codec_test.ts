import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { type BDict, decode } from "../../src/bencode/bencode.ts";
import { type Encodable, encode } from "../../src/bencode/bencode_encode.ts";
import { decodeResume, encodeResume, MAX_RESUME_BYTES } from "../../src/state/resume_codec.ts";
import { MAX_BANNED_PEERS, MAX_GOOD_PEERS, type ResumeData } from "../../src/state/resume_data.ts";
import { Bitfield } from "../../src/util/bitfield.ts";
import { ResumeError } from "../../src/util/errors.ts";
import { Prng } from "../harness/prng.ts";

const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());

function bits(length: number, ...set: number[]): Bitfield {
  const field = new Bitfield(length);
  for (const bit of set) field.set(bit);
  return field;
}

function sample(): ResumeData {
  return {
    infoHash: new Uint8Array(20).fill(7),
    name: "Ünïcode",
    dir: "/home/x/ö",
    disk: "61267-born-1796062083554",
    renamed: new Map([[2, ["a", "b"]]]),
    moving: { dir: "/mnt", renamed: new Map([[0, ["z"]]]) },
    have: bits(21, 0, 5, 20),
    partial: [{ piece: 3, blocks: bits(9, 1, 8) }],
    totals: { uploaded: 2 ** 50, downloaded: 12, seedingSeconds: 3, activeSeconds: 99 },
    completedAt: 0,
    identity: { peerId: new Uint8Array(20).fill(0xfe), trackerKey: 0xfedcba98 },
    goodPeers: [{ address: "1.2.3.4", port: 6881 }, { address: "2001:db8::1", port: 65535 }],
    bannedPeers: [{ address: "6.6.6.6", port: 0, reason: "sent wrong data" }],
    owned: new Map([[0, { inode: 2 ** 52, bornMs: 1_796_062_083_554 }], [70_000, {
      inode: 1,
      bornMs: 0.5,
    }]]),
    stamps: [
      { size: 2 ** 45, mtimeMs: 1_700_000_000_123.4567, inode: 2 ** 52 },
      null,
      undefined,
    ],
    partsStamp: { size: 512, mtimeMs: 5, inode: 0 },
    savedAtMs: 1_700_000_000_999,
  };
}

function codeOf(what: () => unknown): string {
  try {
    what();
  } catch (error) {
    if (error instanceof ResumeError) return error.code;
    throw error;
  }
  return "none";
}

/** The sample with its body changed and the check value made right again. */
function forged(change: (body: Map<string, Encodable>) => void): Uint8Array {
  const outer = decode(encodeResume(sample(), sha1)) as BDict;
  const inner = decode(outer.bytes("body")!) as BDict;
  const body = new Map([...inner.keys()].map((key) => [key, plain(inner.get(key)!)]));
  change(body);
  const bytes = encode(body);
  return encode({ body: bytes, check: sha1(bytes), format: "shoal resume", version: 1 });
}

// deno-lint-ignore no-explicit-any
function plain(value: any): Encodable {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Uint8Array || typeof value === "number") return value;
  return new Map([...value.entries()].map(([key, each]: [string, unknown]) => [key, plain(each)]));
}

describe("encodeResume and decodeResume", () => {
  it("decode to the same values, including fractions of times", () => {
    assert.deepEqual(decodeResume(encodeResume(sample(), sha1), sha1), sample());
  });

  it("keep a bounded number of good and banned peers", () => {
    const peer = (i: number) => ({ address: `10.0.${i >> 8}.${i & 255}`, port: 1 });
    const goodPeers = Array.from({ length: 1000 }, (_, i) => peer(i));
    const bannedPeers = goodPeers.map((each) => ({ ...each, reason: "x".repeat(5000) }));
    const back = decodeResume(encodeResume({ ...sample(), goodPeers, bannedPeers }, sha1), sha1);
    assert.equal(back.goodPeers.length, MAX_GOOD_PEERS);
    assert.equal(back.bannedPeers.length, MAX_BANNED_PEERS);
    assert.deepEqual(back.goodPeers[199], peer(199));
    assert.ok(back.bannedPeers[0]!.reason.length < 500);
  });

  it("skip keys of later versions and fill in what is missing", () => {
    const more = forged((body) => body.set("zeal", [1, { a: "b" }]));
    assert.deepEqual(decodeResume(more, sha1), sample());
    const less = forged((body) => {
      for (const key of [...body.keys()]) {
        if (!["info hash", "piece count", "pieces"].includes(key)) body.delete(key);
      }
    });
    const data = decodeResume(less, sha1);
    assert.deepEqual([...data.have.bytes], [...sample().have.bytes]);
    assert.equal(data.disk, "");
    assert.deepEqual([data.stamps, data.partsStamp, data.goodPeers], [[], undefined, []]);
  });
});

describe("decodeResume of damaged data", () => {
  it("notices every single changed byte and every cut", () => {
    const bytes = encodeResume(sample(), sha1);
    for (let at = 0; at < bytes.length; at++) {
      const wrong = bytes.slice();
      wrong[at]! ^= 1 << (at % 8);
      assert.ok(["damaged", "version"].includes(codeOf(() => decodeResume(wrong, sha1))), `${at}`);
      assert.equal(codeOf(() => decodeResume(bytes.subarray(0, at), sha1)), "damaged");
    }
  });

  it("refuses another version, another format and too many bytes", () => {
    const body = encode({});
    const of = (version: number, format = "shoal resume") =>
      encode({ body, check: sha1(body), format, version });
    assert.equal(codeOf(() => decodeResume(of(2), sha1)), "version");
    assert.equal(codeOf(() => decodeResume(of(1, "libtorrent resume file"), sha1)), "damaged");
    assert.equal(
      codeOf(() => decodeResume(new Uint8Array(MAX_RESUME_BYTES + 1), sha1)),
      "too-large",
    );
  });

  it("refuses fields of wrong types and out of range, though the check value is right", () => {
    const wrong: [string, Encodable][] = [
      ["info hash", new Uint8Array(19)],
      ["info hash", 5],
      ["piece count", 20],
      ["piece count", -1],
      ["piece count", Number.MAX_SAFE_INTEGER],
      ["pieces", Uint8Array.of(255, 255, 255)],
      ["partial", [{ piece: 21, blocks: 1, bits: Uint8Array.of(128) }]],
      ["partial", [{ piece: 1, blocks: 9, bits: Uint8Array.of(128) }]],
      ["partial", [1]],
      ["partial", [1, 2].map(() => ({ piece: 1, blocks: 1, bits: Uint8Array.of(128) }))],
      ["totals", { uploaded: -1 }],
      ["totals", 7],
      ["good peers", new Uint8Array(18)],
      ["good peers", new Uint8Array(19).fill(5)],
      ["banned", { peers: "x" }],
      ["stamps", new Uint8Array(24)],
      ["stamps", new Uint8Array(25).fill(3)],
      ["stamps", new Uint8Array(25).fill(2)],
      ["renamed", [{ file: 1, path: [] }]],
      ["renamed", [{ file: 1, path: ["..", "x"] }]],
      ["renamed", [{ file: 1, path: ["a", "."] }]],
      ["renamed", [{ file: 1, path: [""] }]],
      ["renamed", [{ file: 1, path: ["/etc/passwd"] }]],
      ["renamed", [{ file: 1, path: ["a\0b"] }]],
      ["renamed", [{ file: 1, path: ["x".repeat(256)] }]],
      ["renamed", [0, 1].map((file) => ({ file, path: ["same"] }))],
      ["renamed", ["a", "b"].map((name) => ({ file: 1, path: [name] }))],
      ["dir", "data"],
      ["dir", "/data/../etc"],
      ["dir", "/da\0ta"],
      ["moving", { dir: "", renamed: [] }],
      ["moving", { dir: "/a/../b", renamed: [] }],
      ["moving", { dir: "/b", renamed: [{ file: 0, path: ["..", "up"] }] }],
      ["name", [1]],
      ["moving", { dir: 5 }],
    ];
    for (const [key, value] of wrong) {
      const bytes = forged((body) => body.set(key, value));
      assert.equal(codeOf(() => decodeResume(bytes, sha1)), "bad-field", `${key}`);
    }
  });

  it("takes no backslash into a name where the folder is one of Windows", () => {
    const renamed = [{ file: 1, path: ["a\\b"] }];
    const of = (dir: string) =>
      forged((body) => {
        body.set("dir", dir);
        body.set("renamed", renamed);
      });
    assert.equal(codeOf(() => decodeResume(of("/data"), sha1)), "none");
    assert.equal(codeOf(() => decodeResume(of("C:\\data"), sha1)), "bad-field");
    assert.equal(codeOf(() => decodeResume(of("C:\\data\\..\\x"), sha1)), "bad-field");
  });

  it("stops at more values than the torrent's files can need", () => {
    const renamed = Array.from({ length: 2000 }, (_, file) => ({ file, path: [`x${file}`] }));
    const bytes = forged((body) => body.set("renamed", renamed));
    assert.equal(decodeResume(bytes, sha1).renamed.size, 2000);
    assert.equal(codeOf(() => decodeResume(bytes, sha1, 5000)), "damaged");
  });

  it("throws only its own error for random changes with a valid checksum", () => {
    const dice = new Prng(5);
    let refused = 0;
    for (let round = 0; round < 3000; round++) {
      const outer = decode(encodeResume(sample(), sha1)) as BDict;
      const body = outer.bytes("body")!.slice();
      for (let i = dice.below(3); i >= 0; i--) body[dice.below(body.length)] = dice.below(256);
      const bytes = encode({ body, check: sha1(body), format: "shoal resume", version: 1 });
      if (codeOf(() => decodeResume(bytes, sha1)) !== "none") refused++;
    }
    assert.ok(refused > 500, `${refused}`);
  });
});
