import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, describe, it } from "node:test";
import { createTorrent as createHere } from "../../mod.ts";
import { createTorrent } from "../../src/client/create_torrent.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import type { Platform } from "../../src/platform/types.ts";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import { FileError, TorrentFileError } from "../../src/util/errors.ts";

const platform = selectPlatform();
const PIECE = 16384;
const folders: string[] = [];
/** The folder to be shared, "top", inside one of its own. */
let top = "";

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), "shoal-create-"));
  folders.push(folder);
  top = join(folder, "top");
  mkdirSync(top);
});
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  platform.hasher.close();
});

/** Writes `length` bytes that no other part of any file has in common. */
function put(path: string, length: number): Uint8Array {
  const full = join(top, path);
  mkdirSync(join(full, ".."), { recursive: true });
  const bytes = new Uint8Array(length).map((_, i) => (i * 31 + (i >> 8) * 7 + path.length) & 255);
  writeFileSync(full, bytes);
  return bytes;
}

function sha1(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha1").update(bytes).digest());
}

function expectedHashes(bytes: Uint8Array): Uint8Array {
  const hashes: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += PIECE) {
    hashes.push(sha1(bytes.subarray(at, at + PIECE)));
  }
  return Buffer.concat(hashes);
}

/** The platform with `meanwhile` done before the first job is hashed. */
function withHash(meanwhile: () => void): Platform {
  let first = true;
  const hashFiles: Platform["hasher"]["hashFiles"] = (...job) => {
    if (first) meanwhile();
    first = false;
    return platform.hasher.hashFiles(...job);
  };
  const { hasher } = platform;
  return {
    ...platform,
    hasher: { ...hasher, hashFiles, concurrency: 1 },
  };
}

function failsWith(kind: typeof FileError | typeof TorrentFileError, code: string, message = /./) {
  return (error: unknown) =>
    error instanceof kind && error.code === code && message.test(error.message);
}

describe("createTorrent", () => {
  it("hashes pieces across files, in order, without the empty ones", async () => {
    const b = put("b.bin", PIECE + 100), a = put("a/deep/a.bin", 70_001), c = put("c", 1);
    put("empty", 0);
    const { bytes, meta, source, warnings } = await createTorrent(platform, top, {
      pieceLength: PIECE,
    });
    assert.equal(source, top);
    assert.deepEqual(warnings, []);
    const order = ["top/a/deep/a.bin", "top/b.bin", "top/c", "top/empty"];
    assert.deepEqual(meta.files.map(({ path }) => path.join("/")), order);
    assert.deepEqual(
      Buffer.from(meta.pieceHashes),
      Buffer.from(expectedHashes(Buffer.concat([a, b, c]))),
    );
    assert.deepEqual(parseTorrent(bytes, sha1).infoHash, meta.infoHash);
    assert.deepEqual(meta.infoHash, sha1(meta.infoBytes));
  });

  it("hashes padding as zeros, so that every file starts with a piece", async () => {
    const a = put("a.bin", PIECE + 1), b = put("b.bin", 5);
    const { meta } = await createTorrent(platform, top, { pieceLength: PIECE, pad: true });
    const all = Buffer.concat([a, Buffer.alloc(PIECE - 1), b, Buffer.alloc(PIECE - 5)]);
    assert.deepEqual(Buffer.from(meta.pieceHashes), Buffer.from(expectedHashes(all)));
    assert.equal(meta.size, PIECE + 6);
  });

  it("adds program and date by default, and leaves them out on request", async () => {
    put("x", 1);
    const clock = { ...platform.clock, wallTime: () => 1_700_000_000_999 };
    const { meta } = await createTorrent({ ...platform, clock }, join(top, "x"));
    assert.deepEqual([meta.createdBy?.split(" ")[0], meta.creationDate], ["shoal", 1_700_000_000]);
    const plain = await createTorrent(platform, join(top, "x"), {
      createdBy: null,
      creationDate: null,
    });
    assert.deepEqual([plain.meta.createdBy, plain.meta.creationDate], [null, null]);
    assert.deepEqual(plain.meta.infoHash, meta.infoHash);
  });

  it("writes all options, under the given name", async () => {
    put("x", 1);
    const { meta } = await createHere(join(top, "x"), {
      name: "other name",
      announce: [["http://a/announce"], ["udp://b:1", "udp://c:1"]],
      webSeeds: ["https://w/x"],
      private: true,
      comment: "hello",
      source: "SRC",
    });
    assert.deepEqual(
      [meta.name, meta.announce, meta.webSeeds, meta.private, meta.comment],
      [
        "other name",
        [["http://a/announce"], ["udp://b:1", "udp://c:1"]],
        ["https://w/x"],
        true,
        "hello",
      ],
    );
    assert.match(Buffer.from(meta.infoBytes).toString("latin1"), /6:source3:SRCe$/);
  });

  it("reports its progress for every piece", async () => {
    put("x", 4 * PIECE + 1);
    const seen: [number, number][] = [];
    await createTorrent(platform, top, {
      pieceLength: PIECE,
      onProgress: (hashed, total) => seen.push([hashed, total]),
    });
    assert.equal(seen.length, 5);
    assert.ok(
      seen.every(([hashed, total], i) => total === 4 * PIECE + 1 && hashed > i * PIECE - PIECE),
    );
    assert.deepEqual(seen.at(-1), [4 * PIECE + 1, 4 * PIECE + 1]);
  });

  it("reports the files that it leaves out and the names that other clients change", async () => {
    put("ok", 1);
    put("back\\slash", 1);
    put("Case", 1);
    put("case", 1);
    put("_____padding_file_0", 1);
    symlinkSync("ok", join(top, "link1"));
    symlinkSync("ok", join(top, "link2"));
    const { warnings, meta } = await createTorrent(platform, top, { private: true });
    const [links, padding, names, tracker] = warnings;
    assert.equal(warnings.length, 4);
    assert.match(links!, /top\/link1: symbolic link left out.*; 2 such symbolic links in all$/);
    assert.match(
      padding!,
      /^top\/_____padding_file_0: file name means padding: .*rename it$/,
    );
    assert.match(
      names!,
      /^top\/back\\slash: file name that some clients .* change: .*; 2 such file names in all$/,
    );
    assert.match(tracker!, /private but has no tracker/);
    assert.equal(meta.files.length, 5);
  });
});

describe("createTorrent if a file changes meanwhile", () => {
  const cases: [what: string, change: (path: string) => void][] = [
    ["grows", (path) => appendFileSync(path, "more")],
    ["shrinks", (path) => truncateSync(path, 10)],
    ["vanishes", (path) => rmSync(path)],
    ["is written to", (path) => utimesSync(path, 5, 5)],
  ];
  for (const [what, change] of cases) {
    it(`rejects with "changed" when it ${what}`, async () => {
      put("a.bin", 3 * PIECE);
      put("z.bin", 3 * PIECE);
      const path = join(top, "z.bin");
      let changed = false;
      const world = withHash(() => {
        change(path);
        changed = true;
      });
      const making = createTorrent(world, top, { pieceLength: PIECE });
      await assert.rejects(making, failsWith(FileError, "changed", /z\.bin changed while/));
      assert.ok(changed);
    });
  }
});

describe("createTorrent with unusable input", () => {
  it("refuses folders without bytes", async () => {
    await assert.rejects(
      createTorrent(platform, top),
      failsWith(TorrentFileError, "empty", /the folder contains no files/),
    );
    put("empty", 0);
    await assert.rejects(
      createTorrent(platform, top),
      failsWith(TorrentFileError, "empty", /all files are empty/),
    );
    await assert.rejects(
      createTorrent(platform, join(top, "no")),
      failsWith(FileError, "not-found"),
    );
  });

  it("refuses bad choices before anything is hashed", async () => {
    put("x", 1);
    const idle = withHash(() => assert.fail("it has hashed"));
    const cases: [Parameters<typeof createTorrent>[2], string][] = [
      [{ pieceLength: 1000 }, "bad-piece-length"],
      [{ announce: [["nonsense"]] }, "bad-url"],
      [{ announce: "http://t.example/announce" as never }, "bad-url"],
      [{ announce: ["http://t.example/announce"] as never }, "bad-url"],
      [{ webSeeds: ["udp://x:1"] }, "bad-url"],
      [{ name: "a/b" }, "bad-name"],
      [{ name: ".." }, "bad-name"],
      [{ name: "" }, "bad-name"],
      [{ comment: "\ud800" }, "bad-value"],
      [{ creationDate: 0.5 }, "bad-value"],
    ];
    for (const [options, code] of cases) {
      await assert.rejects(
        createTorrent(idle, top, options),
        failsWith(TorrentFileError, code),
        code,
      );
    }
    await assert.rejects(createTorrent(idle, top, { piceLength: 2 ** 20 } as never), {
      name: "RangeError",
      message: "There is no option piceLength: did you mean pieceLength?",
    });
  });

  it("refuses an info dictionary over 32 MiB before it allocates the memory", async () => {
    put("x", 1);
    truncateSync(join(top, "x"), 64 * 2 ** 30);
    const idle = withHash(() => assert.fail("it has hashed"));
    await assert.rejects(
      createTorrent(idle, top, { pieceLength: PIECE }),
      failsWith(TorrentFileError, "too-large", /larger piece length/),
    );
  });

  it("rejects with a read error unchanged", async () => {
    put("x", PIECE);
    const error = new FileError("permission", "/x", "Cannot read /x: permission denied");
    const hasher = {
      ...platform.hasher,
      concurrency: 1,
      hashFiles: () => Promise.reject(error),
    };
    await assert.rejects(createTorrent({ ...platform, hasher }, top), error);
  });
});

describe("createTorrent and its signal", () => {
  it("rejects with the reason, before and while hashing", async () => {
    put("x", 8 * PIECE);
    const reason = new Error("enough");
    await assert.rejects(
      createTorrent(withHash(() => assert.fail("it has hashed")), top, {
        signal: AbortSignal.abort(reason),
      }),
      reason,
    );
    const controller = new AbortController();
    const making = createTorrent(platform, top, {
      pieceLength: PIECE,
      signal: controller.signal,
      onProgress: () => controller.abort(reason),
    });
    await assert.rejects(making, reason);
  });
});
