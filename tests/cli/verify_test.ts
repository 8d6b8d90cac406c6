import assert from "node:assert/strict";
import {
  appendFileSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { createHash } from "node:crypto";
import { runCli } from "../../src/cli/main.ts";
import { encode } from "../../src/bencode/bencode_encode.ts";
import { fakeWorld, until } from "./fakes.ts";
import { newFolder, removeFolders, shoal } from "./run_shoal.ts";

after(removeFolders);

const PIECE = 16384;

interface Sample {
  torrent: string;
  dir: string;
  file(name: string): string;
}

/** Three files of 2.5, 1 and 1.5 pieces and an empty one, in folders, all there. */
function makeSample(): Sample {
  const dir = newFolder(), top = join(dir, "top");
  const files = [
    { path: ["a.bin"], length: 2.5 * PIECE },
    { path: ["sub", "b.bin"], length: PIECE },
    { path: ["sub", "c.bin"], length: 1.5 * PIECE },
    { path: ["empty"], length: 0 },
  ];
  mkdirSync(join(top, "sub"), { recursive: true });
  const all = new Uint8Array(5 * PIECE).map((_, i) => (i * 7 + (i >> 8)) & 255);
  let at = 0;
  for (const { path, length } of files) {
    writeFileSync(join(top, ...path), all.subarray(at, at += length));
  }
  const pieces = new Uint8Array(100);
  for (let i = 0; i < 5; i++) {
    const piece = all.subarray(i * PIECE, (i + 1) * PIECE);
    pieces.set(createHash("sha1").update(piece).digest(), 20 * i);
  }
  const torrent = join(dir, "top.torrent");
  writeFileSync(torrent, encode({ info: { files, name: "top", "piece length": PIECE, pieces } }));
  return { torrent, dir, file: (name) => join(top, name) };
}

async function verify(torrent: string, dir: string, ...more: string[]) {
  const world = fakeWorld(["verify", torrent, dir, ...more]);
  await runCli(world.platform, world.openClient);
  const { code, printed, errors } = world.process;
  return { code, printed, errors };
}

describe("shoal verify", () => {
  it("ends with 0 if everything is right", async () => {
    const { torrent, dir } = makeSample();
    const run = await verify(torrent, dir);
    assert.match(run.printed, /^top: all 5 pieces are right \(80\.0 KiB in /);
    assert.deepEqual([run.code, run.errors], [0, ""]);
  });

  it("lists missing, short and damaged files, and ends with 1", async () => {
    const missing = makeSample();
    writeFileSync(join(missing.dir, "note"), "");
    rmSync(missing.file("sub/b.bin"));
    rmSync(missing.file("empty"));
    assert.deepEqual(await verify(missing.torrent, missing.dir), {
      code: 1,
      printed: "missing: top/sub/b.bin\nmissing: top/empty\n" +
        "top: 2 of 5 pieces are missing or bad\n",
      errors: "",
    });

    assert.deepEqual(await verify(missing.torrent, missing.dir, "--files", "4"), {
      code: 1,
      printed: "missing: top/empty\ntop: nothing could be checked\n",
      errors: "",
    });

    const short = makeSample();
    truncateSync(short.file("a.bin"), PIECE + 1);
    assert.match(
      (await verify(short.torrent, short.dir)).printed,
      /^too short: top\/a\.bin\ntop: 2 /,
    );

    const damaged = makeSample();
    writeFileSync(damaged.file("a.bin"), new Uint8Array(2.5 * PIECE));
    const run = await verify(damaged.torrent, damaged.dir);
    assert.equal(run.code, 1);
    // The third piece goes through both files, and only the hash knows that it is wrong.
    assert.match(
      run.printed,
      /^damaged or incomplete: top\/a\.bin\ndamaged or incomplete: top\/sub\/b\.bin\n/,
    );
    assert.match(run.printed, /top: 3 of 5 pieces/);
  });

  it("lists files that are too long, and ends with 1", async () => {
    const long = makeSample();
    appendFileSync(long.file("a.bin"), "more");
    const run = await verify(long.torrent, long.dir);
    assert.equal(run.code, 1);
    assert.match(run.printed, /^too long: top\/a\.bin\ntop: all 5 pieces are right \(/);
    const { problems } = JSON.parse((await verify(long.torrent, long.dir, "--json")).printed);
    assert.deepEqual(problems, [{ path: "top/a.bin", kind: "long" }]);
  });

  it("with --files checks only these, and reports what it cannot check", async () => {
    const sample = makeSample(), { torrent, dir } = sample;
    rmSync(sample.file("a.bin"));
    // b.bin has half of the third piece, which begins in a.bin, and half of the fourth.
    const run = await verify(torrent, dir, "--files", "2-3");
    assert.deepEqual([run.code, run.errors], [6, ""]);
    assert.match(
      run.printed,
      /^top: all 2 pieces are right \(32\.0 KiB in .*\)\n1 piece cannot be checked/,
    );
    writeFileSync(sample.file("sub/c.bin"), new Uint8Array(1.5 * PIECE));
    const bad = await verify(torrent, dir, "--files", "2-3");
    assert.equal(bad.code, 1);
    assert.match(bad.printed, /damaged or incomplete: top\/sub\/c\.bin/);
    const first = await verify(torrent, dir, "--files", "1");
    assert.equal(first.code, 1);
    assert.match(first.printed, /^missing: top\/a\.bin\n/);
  });

  it("reports the result as JSON, and with --quiet by its exit code alone", async () => {
    const { torrent, dir, file } = makeSample();
    const right = await verify(torrent, dir, "--json");
    const { type, checked, bad, unknown, problems } = JSON.parse(right.printed);
    assert.deepEqual([type, checked, bad, unknown, problems], ["verified", 5, 0, 0, []]);
    rmSync(file("sub/b.bin"));
    const wrong = await verify(torrent, dir, "--json");
    assert.equal(wrong.code, 1);
    assert.deepEqual(JSON.parse(wrong.printed).problems, [
      { path: "top/sub/b.bin", kind: "missing" },
    ]);
    const quiet = await verify(torrent, dir, "--quiet");
    assert.deepEqual([quiet.code, quiet.printed, quiet.errors], [1, "", ""]);
  });

  it("says which folder it expects if no file exists", async () => {
    const { torrent, dir } = makeSample();
    const run = await verify(torrent, join(dir, "top"));
    assert.equal(run.code, 1);
    assert.match(run.printed, /DIR is the folder that contains "top"\n$/);
  });

  it("ends with 5 for a path that is not a folder, and for a symlink in a file's place", async () => {
    const { torrent, dir, file } = makeSample();
    assert.match((await verify(torrent, torrent)).errors, /^shoal: .*the path is not a folder\n$/);
    const none = await verify(torrent, join(dir, "none"));
    assert.match(none.errors, /there is no such folder\n$/);
    assert.equal(none.code, 5);
    rmSync(file("a.bin"));
    symlinkSync(file("sub/b.bin"), file("a.bin"));
    const linked = await verify(torrent, dir);
    assert.notEqual(linked.code, 0);
    assert.doesNotMatch(linked.printed, /all 5 pieces/);
  });

  it("shows a bar on a terminal and wipes it", async () => {
    const { torrent, dir } = makeSample();
    const world = fakeWorld(["verify", torrent, dir]);
    world.process.size = { columns: 80, rows: 24, color: false };
    const hashing = Promise.withResolvers<void>();
    const { hasher } = world.platform;
    const slow = {
      ...hasher,
      concurrency: 1,
      hashFiles: async (...args: Parameters<typeof hasher.hashFiles>) => {
        await hashing.promise;
        return await hasher.hashFiles(...args);
      },
      close: () => {},
    };
    let over = false;
    const running = runCli(
      { ...world.platform, hasher: slow },
      world.openClient,
    )
      .then(() => over = true);
    await until(() => world.clock.pending > 0);
    await world.clock.pass(1000);
    assert.equal(over, false);
    assert.match(world.process.printed, /\[-+\] 0\.0% {2}top\n/);
    hashing.resolve();
    await running;
    assert.equal(world.process.code, 0);
    assert.equal(world.clock.pending, 0);
    assert.ok(world.process.printed.includes("\x1b[Jtop: all 5 pieces are right"));
  });

  it("ends with 130 when interrupted", async () => {
    const { torrent, dir } = makeSample();
    const world = fakeWorld(["verify", torrent, dir]);
    const never = {
      ...world.platform.hasher,
      hashFiles: () => new Promise<null>(() => {}),
      close() {},
    };
    const running = runCli({ ...world.platform, hasher: never }, world.openClient);
    await until(() => world.process.interruptHandlers.length > 0);
    world.process.interrupt();
    await running;
    assert.equal(world.process.exited, 130);
  });

  it("works as a separate process", { timeout: 20_000 }, async () => {
    const { torrent, dir } = makeSample();
    const run = await shoal("verify", torrent, dir);
    assert.deepEqual([run.code, run.err], [0, ""]);
  });
});
