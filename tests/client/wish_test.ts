import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { decodeAdded, wishInRecord } from "../../src/client/old_records.ts";
import { asNew, decodeWish, encodeWish } from "../../src/client/wish.ts";
import { settled } from "../../src/torrent/options.ts";
import { type Encodable, encode } from "../../src/bencode/bencode_encode.ts";
import { resumeBody } from "../../src/state/resume_codec.ts";
import type { AddOptions } from "../../src/client/types.ts";
import type { Metainfo } from "../../src/metainfo/metainfo.ts";
import { ResumeError } from "../../src/util/errors.ts";

const absolute = (path: string) => path.startsWith("/") ? path : `/home/${path}`;

const OPTIONS: AddOptions = {
  dir: "here",
  incompleteDir: "/there",
  reuse: ["other"],
  seedGoal: { kind: "ratio", ratio: 1.5 },
  limits: { down: Infinity, up: 5000 },
  peerLimits: { up: 100 },
  seedOnly: true,
  pex: false,
  maxPeers: 3,
  finalCheck: "full",
  peers: ["192.0.2.1:6881"],
  rename: new Map([[2, "top/other name"]]),
  files: { priorities: new Map([[1, 7]]), others: 0, sequential: new Set([1]), endsFirst: true },
};

const BLANK = asNew(0);

function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

describe("decodeWish", () => {
  it("decodes to what was encoded, with absolute folders", () => {
    const link = `magnet:?xt=urn:btih:${"a".repeat(40)}`;
    const standing = { paused: true, goalReached: true, done: true, rank: 2.5 };
    const wish = { ...asNew(1_796_000_000), link, ...standing, options: OPTIONS, movesTo: "/new" };
    assert.deepEqual(decodeWish(encodeWish(wish, absolute)), {
      ...wish,
      options: { ...OPTIONS, dir: "/home/here", reuse: ["/home/other"] },
    });
  });

  it("has the files that a function chose, once they are known", () => {
    const files = [{ path: ["a"] }, { path: ["b"] }].map((file) => ({
      ...file,
      length: 1,
      pad: false,
    }));
    const options = {
      dir: "/d",
      files: () => ({ priorities: new Map([[1, 0]]), endsFirst: true }),
      rename: () => new Map([[1, "x"]]),
    };
    const meta = { files } as unknown as Metainfo;
    const again =
      decodeWish(encodeWish({ ...BLANK, options: settled(options, meta) }, absolute)).options;
    assert.deepEqual(again.files, { priorities: new Map([[1, 0]]), endsFirst: true });
    assert.deepEqual(again.rename, new Map([[1, "x"]]));
  });

  it("keeps no option that only applied to one run", () => {
    const options = { dir: "/d", trustFiles: true, metadataOnly: true };
    const bytes = encodeWish({ ...BLANK, options }, absolute);
    assert.deepEqual(decodeWish(bytes).options, { dir: "/d" });
  });

  it("throws a ResumeError for data that is damaged, of another kind or out of range", () => {
    const sound = JSON.parse(new TextDecoder().decode(
      encodeWish({ ...BLANK, options: OPTIONS }, absolute),
    ));
    decodeWish(bytesOf(sound));
    const wrong: unknown[] = [
      [],
      null,
      { ...sound, format: "x" },
      { ...sound, version: 2 },
      { ...sound, link: 5 },
      { ...sound, paused: 1 },
      { ...sound, addedAt: 0.5 },
      { ...sound, options: undefined },
    ];
    for (
      const [key, value] of [
        ["dir", undefined],
        ["dir", 5],
        ["dir", "data"],
        ["dir", "/data/../etc"],
        ["incompleteDir", {}],
        ["reuse", "x"],
        ["peers", [1]],
        ["limits", { up: -1 }],
        ["limits", []],
        ["seedGoal", { kind: "x" }],
        ["maxPeers", 0],
        ["pex", "no"],
        ["files", { priorities: [[-1, 2]] }],
        ["files", { priorities: [3] }],
        ["files", { priorities: [[0, 1e9, 4]] }],
        ["files", { priorities: [[0, 8]] }],
        ["files", { sequential: ["x"] }],
      ] as const
    ) wrong.push({ ...sound, options: { ...sound.options, [key]: value } });
    for (const value of wrong) {
      assert.throws(() => decodeWish(bytesOf(value)), ResumeError, JSON.stringify(value));
    }
    const torn = bytesOf(sound).subarray(0, 50);
    assert.throws(() => decodeWish(torn), ResumeError);
  });
});

describe("What version 0.1 kept", () => {
  it("is made from the add options", () => {
    const options = {
      dir: "/d",
      limits: { down: null, up: 5 },
      files: { priorities: [[0, 4], [1, 0]] },
      rename: [[2, "folder/x"]],
    };
    const bytes = bytesOf({ format: "shoal added", version: 1, link: null, paused: true, options });
    assert.deepEqual(decodeAdded(bytes), {
      ...asNew(0),
      paused: true,
      options: {
        dir: "/d",
        limits: { down: Infinity, up: 5 },
        files: { priorities: new Map([[0, 4], [1, 0]]) },
        rename: new Map([[2, "folder/x"]]),
      },
    });
  });

  it("is read from a resume record, and refused if it is out of range", () => {
    assert.deepEqual(wishInRecord(bodyOf(OLD)), {
      ...asNew(1_700_000_000),
      paused: true,
      options: {
        dir: "/home/y",
        incompleteDir: "/home/x",
        seedOnly: true,
        pex: false,
        maxPeers: 9,
        finalCheck: "full",
        peers: ["a.example:6881"],
        limits: { down: 1000 },
        peerLimits: {},
        seedGoal: { kind: "ratio", ratio: 1.25 },
        files: {
          priorities: new Map([[0, 0], [1, 4], [2, 7]]),
          sequential: new Set([2, 0]),
          endsFirst: true,
        },
      },
    });
    const wrong: Record<string, Encodable>[] = [
      { target: "./data" },
      { priorities: Uint8Array.of(8) },
      { goal: { kind: "ratio", value: "much" } },
      { goal: { kind: "sometime", value: "1" } },
      { limits: { down: "x" } },
      { choices: { seedOnly: 2 } },
      { choices: { pex: -1 } },
      { choices: { maxPeers: 0 } },
      { choices: { piecesPerPeer: "3" } },
      { choices: { finalCheck: "sometimes" } },
      { choices: { peers: "a:1" } },
      { choices: { peers: [5] } },
      { choices: { filesInOrder: [-1] } },
    ];
    for (const fields of wrong) {
      const body = bodyOf({ ...OLD, ...fields });
      assert.throws(() => wishInRecord(body), ResumeError, JSON.stringify(fields));
    }
    const { paused: _, ...later } = OLD;
    assert.equal(wishInRecord(bodyOf(later)), null, "later records have no wishes");
  });
});

const OLD = {
  added: 1_700_000_000,
  dir: "/home/x",
  target: "/home/y",
  paused: 1,
  priorities: Uint8Array.of(0, 4, 7),
  goal: { kind: "ratio", value: "1.25" },
  limits: { down: 1000 },
  "peer limits": {},
  choices: {
    seedOnly: 1,
    pex: 0,
    maxPeers: 9,
    finalCheck: "full",
    peers: ["a.example:6881"],
    filesInOrder: [2, 0],
    endsFirst: 1,
  },
};

function bodyOf(fields: Record<string, Encodable>) {
  const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());
  const body = encode(fields);
  return resumeBody(encode({ body, check: sha1(body), format: "shoal resume", version: 1 }), sha1);
}
