import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { decodeAdded, encodeAdded } from "../../src/client/added_file.ts";
import type { AddOptions } from "../../src/client/types.ts";
import type { Metainfo } from "../../src/protocol/metainfo.ts";
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

function bytesOf(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

describe("decodeAdded", () => {
  it("gives what was encoded, with folders as they were meant", () => {
    const link = `magnet:?xt=urn:btih:${"a".repeat(40)}`;
    const added = { link, paused: true, options: OPTIONS };
    assert.deepEqual(decodeAdded(encodeAdded(added, null, absolute)), {
      ...added,
      options: { ...OPTIONS, dir: "/home/here", reuse: ["/home/other"] },
    });
  });

  it("gives the files that a function chose, once they are known", () => {
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
    const { options: again } = decodeAdded(
      encodeAdded({ link: null, paused: false, options }, meta, absolute),
    );
    assert.deepEqual(again.files, { priorities: new Map([[0, 4], [1, 0]]), endsFirst: true });
    assert.deepEqual(again.rename, new Map([[1, "x"]]));
  });

  it("keeps nothing that was only true on that day", () => {
    const options = { dir: "/d", trustFiles: true, metadataOnly: true };
    const bytes = encodeAdded({ link: null, paused: false, options }, null, absolute);
    assert.deepEqual(decodeAdded(bytes).options, { dir: "/d" });
  });

  it("throws a ResumeError for what is damaged, of another kind or out of range", () => {
    const sound = JSON.parse(new TextDecoder().decode(
      encodeAdded({ link: null, paused: false, options: OPTIONS }, null, absolute),
    ));
    decodeAdded(bytesOf(sound));
    const wrong: unknown[] = [
      [],
      null,
      { ...sound, format: "x" },
      { ...sound, version: 2 },
      { ...sound, link: 5 },
      { ...sound, paused: 1 },
      { ...sound, options: undefined },
    ];
    for (
      const [key, value] of [
        ["dir", undefined],
        ["dir", 5],
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
        ["files", { sequential: ["x"] }],
      ] as const
    ) wrong.push({ ...sound, options: { ...sound.options, [key]: value } });
    for (const value of wrong) {
      assert.throws(() => decodeAdded(bytesOf(value)), ResumeError, JSON.stringify(value));
    }
    const torn = bytesOf(sound).subarray(0, 50);
    assert.throws(() => decodeAdded(torn), ResumeError);
  });
});
