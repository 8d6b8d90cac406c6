import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { runCli } from "../../src/cli/main.ts";
import { barLine } from "../../src/cli/render/progress_bar.ts";
import type { Hasher } from "../../src/platform/types.ts";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import { toHex } from "../../src/util/bytes.ts";
import { type FakeWorld, fakeWorld, until } from "./fakes.ts";
import { newFolder, platform, removeFolders, shoal, startShoal } from "./run_shoal.ts";

after(removeFolders);

/** A folder with "top" in it, which has a file of 40,000 bytes and one of 5. */
function makeTop(): { folder: string; top: string; out: string } {
  const folder = newFolder(), top = join(folder, "top");
  mkdirSync(join(top, "sub"), { recursive: true });
  writeFileSync(join(top, "a.bin"), new Uint8Array(40_000).fill(7));
  writeFileSync(join(top, "sub/b.bin"), "12345");
  return { folder, top, out: join(folder, "made.torrent") };
}

function read(path: string) {
  return parseTorrent(readFileSync(path), (part) => platform.hasher.digest("sha1", part));
}

/** Below the top folder. */
function pathsIn(torrent: string): string[] {
  return read(torrent).files.map(({ path }) => path.slice(1).join("/"));
}

async function create(...args: string[]): Promise<FakeWorld["process"]> {
  const world = fakeWorld(["create", ...args]);
  await runCli(world.platform, world.openClient);
  return world.process;
}

/** A hasher whose jobs wait until the test lets them go. */
function heldHasher(held: Promise<void>): Hasher {
  const { hasher } = platform;
  return {
    ...hasher,
    concurrency: 1,
    hashFiles: (...job) => held.then(() => hasher.hashFiles(...job)),
    close() {},
  };
}

describe("shoal create", () => {
  it("writes what its flags request and prints the path", async () => {
    const { folder, top, out } = makeTop();
    const flags = ["--announce", "http://a/announce", "--tier", "udp://b:1  http://c/announce"];
    const more = ["--announce=http://d/announce", "--webseed", "http://w/", "--private"];
    const texts = ["--comment", "hello", "--source", "SITE", "--piece-length", "16k"];
    const run = await create(top, "-o", out, ...flags, ...more, ...texts);
    assert.deepEqual([run.code, run.errors], [0, ""]);
    const meta = read(out);
    assert.deepEqual(meta.announce, [
      ["http://a/announce"],
      ["http://d/announce"],
      ["udp://b:1", "http://c/announce"],
    ]);
    assert.deepEqual(
      [meta.name, meta.webSeeds, meta.private, meta.comment, meta.pieceLength],
      ["top", ["http://w/"], true, "hello", 16384],
    );
    assert.match(Buffer.from(meta.infoBytes).toString("latin1"), /6:source4:SITEe$/);
    assert.match(meta.createdBy ?? "", /^shoal /);
    assert.equal(
      run.printed,
      "top: 39.1 KiB in 2 files, 3 pieces of 16.0 KiB, hashed in 0.0 s\n" +
        `  info hash ${toHex(meta.infoHash)}\n  in ${out}\n` +
        `To seed it: shoal seed ${out} ${folder}\n`,
    );
  });

  it("pads, uses the given name and leaves the date out as requested", async () => {
    const { top, out } = makeTop();
    const run = await create(top, "-o", out, "--pad", "--name", "New Name", "--no-date");
    assert.equal(run.code, 0);
    const meta = read(out);
    assert.deepEqual(meta.files.filter(({ pad }) => pad).length, 2);
    assert.deepEqual([meta.name, meta.creationDate], ["New Name", null]);
    assert.match(run.printed, /To seed it, rename "top" to "New Name" first\n$/);
  });

  it("reports the files that it leaves out", async () => {
    const { top, out } = makeTop();
    symlinkSync("a.bin", join(top, "link"));
    const run = await create(top, "-o", out);
    assert.match(run.printed, /^warning: .*top\/link: symbolic link left out: .*\ntop: /);
  });

  it("leaves out files made by file managers, and says so", async () => {
    const { top, out } = makeTop();
    mkdirSync(join(top, "sub/@eaDir"));
    for (const name of [".DS_Store", "sub/Thumbs.db", "sub/@eaDir/x"]) {
      writeFileSync(join(top, name), "junk");
    }
    const run = await create(top, "-o", out);
    assert.deepEqual(pathsIn(out), ["a.bin", "sub/b.bin"]);
    assert.match(run.printed, /^warning: Excluded: .*top\/\.DS_Store and 2 more\ntop: /);
    assert.equal((await create(top, "-o", out, "--force", "--keep-junk")).code, 0);
    assert.equal(pathsIn(out).length, 5);
  });

  it("leaves out the files of --exclude: by name or path, and whole folders", async () => {
    const { top, out } = makeTop();
    for (const name of ["old.torrent", "sub/c.nfo", "c.nfo"]) writeFileSync(join(top, name), "1");
    const flags = ["--exclude", "*.torrent", "--exclude", "sub/*.nfo"];
    assert.equal((await create(top, "-o", out, ...flags)).code, 0);
    assert.deepEqual(pathsIn(out), ["a.bin", "c.nfo", "sub/b.bin"]);
    assert.equal((await create(top, "-o", out, "--force", "--exclude", "sub/")).code, 0);
    assert.deepEqual(pathsIn(out), ["a.bin", "c.nfo", "old.torrent"]);
    const none = await create(top, "-o", out, "--force", "--exclude", "*");
    assert.equal(none.code, 3);
    assert.match(none.errors, /the folder contains no files besides those that are excluded/);
  });

  it("puts NAME.torrent into a folder that -o names", async () => {
    const { folder, top } = makeTop();
    assert.equal((await create(top, "-o", folder)).code, 0);
    assert.equal(read(join(folder, "top.torrent")).name, "top");
  });

  it("says nothing with --quiet", async () => {
    const { top, out } = makeTop();
    const run = await create(top, "-o", out, "-q");
    assert.deepEqual([run.code, run.printed, run.errors], [0, "", ""]);
    assert.ok(existsSync(out));
  });

  it("prints documented JSON with --json", async () => {
    const { top, out } = makeTop();
    symlinkSync("a.bin", join(top, "link"));
    const world = fakeWorld(["create", top, "-o", out, "--json", "--piece-length", "16k"]);
    const held = Promise.withResolvers<void>();
    const running = runCli(
      { ...world.platform, hasher: heldHasher(held.promise) },
      world.openClient,
    );
    await world.clock.pass(1000);
    held.resolve();
    await running;
    const lines = world.process.printed.trim().split("\n").map((line) => JSON.parse(line));
    assert.deepEqual(lines.map(({ type }) => type), ["progress", "warning", "created"]);
    assert.deepEqual(lines[0], { type: "progress", hashed: 16384, size: 40_005 });
    const { infoHash } = read(out);
    assert.deepEqual(lines[2], {
      type: "created",
      path: out,
      infoHash: toHex(infoHash),
      name: "top",
      size: 40_005,
      files: 2,
      pieces: 3,
      pieceLength: 16384,
      seconds: 1,
    });
    const reference = readFileSync(new URL("../../docs/json.md", import.meta.url), "utf8");
    const described = reference.split("\n").find((line) =>
      line.startsWith("`shoal create --json`")
    );
    for (const line of lines) {
      for (const word of [line.type, ...Object.keys(line)]) {
        assert.ok(
          word === "type" || described?.includes(`\`${word}\``),
          `docs/json.md has ${word}`,
        );
      }
    }
  });
});

describe("shoal create and the place it writes to", () => {
  it("replaces nothing without --force, and looks before it hashes", async () => {
    const { top, out } = makeTop();
    writeFileSync(out, "mine");
    const world = fakeWorld(["create", top, "-o", out]);
    const never = heldHasher(new Promise(() => {}));
    await runCli({ ...world.platform, hasher: never }, world.openClient);
    assert.equal(world.process.code, 5);
    assert.match(world.process.errors, /^shoal: .*made\.torrent exists already; --force .*\n$/);
    assert.equal(readFileSync(out, "utf8"), "mine");
    assert.equal((await create(top, "-o", out, "--force")).code, 0);
    assert.equal(read(out).name, "top");
  });

  it("notices a file that appears meanwhile", async () => {
    const { top, out } = makeTop();
    const world = fakeWorld(["create", top, "-o", out]);
    const held = Promise.withResolvers<void>();
    const running = runCli(
      { ...world.platform, hasher: heldHasher(held.promise) },
      world.openClient,
    );
    await until(() => world.process.interruptHandlers.length > 0);
    writeFileSync(out, "mine");
    held.resolve();
    await running;
    assert.deepEqual([world.process.code, readFileSync(out, "utf8")], [5, "mine"]);
  });

  it("does not overwrite the files that it hashes", async () => {
    const { top } = makeTop();
    const inside = join(top, "x.torrent");
    assert.equal((await create(top, "-o", inside)).code, 0);
    const again = await create(top, "-o", inside, "--force");
    assert.equal(again.code, 5);
    assert.match(again.errors, /one of those to be shared/);
    const itself = await create(inside, "-o", inside, "--force");
    assert.match(itself.errors, /one of those to be shared/);
  });

  it("requires an existing folder, before it hashes", async () => {
    const { top, folder } = makeTop();
    const run = await create(top, "-o", join(folder, "no/x.torrent"));
    assert.equal(run.code, 5);
    assert.match(run.errors, /^shoal: Cannot write .*there is no folder .*\/no\n$/);
  });
});

describe("shoal create with unusable input", () => {
  it("ends with one line and the right code", async () => {
    const { top, folder, out } = makeTop();
    mkdirSync(join(folder, "nothing"));
    const cases: [args: string[], code: number, message: RegExp][] = [
      [[join(folder, "none")], 5, /Cannot share .*none: there is no such file or folder/],
      [[join(folder, "nothing")], 3, /the folder contains no files/],
      [[top, "--name", "a/b"], 3, /"a\/b" cannot be a torrent's name/],
      [[top, "--piece-length", "17k"], 2, /--piece-length: .*power of two/],
      [[top, "--piece-length", "big"], 2, /--piece-length: "big" is not a size/],
      [[top, "--announce", "tracker"], 2, /--announce: "tracker" is no tracker's URL/],
      [[top, "--tier", "http://a nonsense"], 2, /--tier: "nonsense" is no tracker's URL/],
      [[top, "--tier", " "], 2, /--tier: the value is empty/],
      [[top, "--webseed", "udp://a:1"], 2, /--webseed: "udp:\/\/a:1" is no http/],
      [[top, "--json", "--quiet"], 2, /exclude each other/],
      [[], 2, /Missing PATH\. Usage: shoal create PATH/],
    ];
    for (const [args, code, message] of cases) {
      const run = await create(...args, "-o", out);
      assert.match(run.errors, message);
      assert.match(run.errors, /^shoal: [^\n]+\n$/);
      assert.deepEqual([run.code, run.printed], [code, ""], args.join(" "));
      assert.equal(existsSync(out), false);
    }
  });
});

describe("shoal create and Ctrl-C", () => {
  it("ends with 130 and removes its temporary files", async () => {
    const { folder, top, out } = makeTop();
    const before = readdirSync(folder);
    const world = fakeWorld(["create", top, "-o", out]);
    const never = heldHasher(new Promise(() => {}));
    const running = runCli({ ...world.platform, hasher: never }, world.openClient);
    await until(() => world.process.interruptHandlers.length > 0);
    world.process.interrupt();
    await running;
    assert.equal(world.process.exited, 130);
    assert.equal(world.process.printed, "Interrupted; nothing was written\n");
    assert.deepEqual(readdirSync(folder), before);
  });

  it("does so as a process, too", { timeout: 60_000 }, async () => {
    const folder = newFolder(), big = join(folder, "big.bin");
    writeFileSync(big, "");
    truncateSync(big, 64 * 2 ** 30);
    const run = startShoal(["create", big, "--json"], { cwd: folder });
    await until(() => run.out.includes('"progress"'));
    run.kill("SIGINT");
    const { code, ms, err } = await run.finished;
    assert.deepEqual([code, err], [130, ""]);
    assert.ok(ms < 30_000);
    assert.deepEqual(readdirSync(folder), ["big.bin"]);
  });
});

describe("shoal create on a terminal", () => {
  it("shows a bar with rate and time left, and wipes it", async () => {
    const { top, out } = makeTop();
    const world = fakeWorld(["create", top, "-o", out, "--piece-length", "16k"]);
    world.process.size = { columns: 100, rows: 24, color: false };
    const rest = Promise.withResolvers<void>();
    let first = true;
    const stepwise: Hasher = {
      ...heldHasher(Promise.resolve()),
      async hashFiles() {
        if (!first) await rest.promise;
        first = false;
        return new Uint8Array(20);
      },
    };
    const running = runCli({ ...world.platform, hasher: stepwise }, world.openClient);
    await until(() => world.clock.pending > 0);
    await world.clock.pass(2000);
    const bar = /\[#{12}-{19}\] 40\.9% {2}top {2}8\.00 KiB\/s {2}2\.9 s left\n/;
    assert.match(world.process.printed, bar);
    rest.resolve();
    await running;
    assert.equal(world.process.code, 0);
    assert.equal(world.clock.pending, 0);
    assert.ok(world.process.printed.includes("\x1b[Jtop: 39.1 KiB"));
  });
});

describe("barLine", () => {
  it("says no more than is known", () => {
    const text = (done: number, total: number, seconds: number) =>
      barLine({ name: "x\x1b", done, total, seconds }, 60, { unicode: false })
        .map((part) => part.text).join("");
    assert.equal(text(0, 0, 5), `[${"-".repeat(18)}] 0.0%  x\\x1b`);
    assert.equal(text(1024, 4096, 0.5), `[####${"-".repeat(14)}] 25.0%  x\\x1b`);
    assert.equal(text(1024, 4096, 2), `[####${"-".repeat(14)}] 25.0%  x\\x1b  512 B/s  6.0 s left`);
    assert.equal(text(4096, 4096, 2), `[${"#".repeat(18)}] 100%  x\\x1b  2.00 KiB/s`);
  });
});

describe("shoal create as a process", () => {
  it("makes torrents of names that leave no room for an ending, and verify takes them", {
    timeout: 30_000,
  }, async () => {
    const { folder } = makeTop();
    for (const name of ["x".repeat(255), "\u0436".repeat(127), "\u202ea\nb"]) {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, "file"), name);
      const made = await shoal("create", join(folder, name), "-o", folder, "--json");
      assert.deepEqual([made.code, made.err], [0, ""]);
      const found = readdirSync(folder).filter((file) => file.endsWith(".torrent")).sort();
      const torrent = join(folder, found.find((file) => file.startsWith(name.slice(0, 2)))!);
      const verified = await shoal("verify", torrent, folder);
      assert.deepEqual([verified.code, verified.err], [0, ""]);
    }
  });

  it("makes torrents that shoal verify and seed accept", { timeout: 30_000 }, async () => {
    const { folder } = makeTop();
    const made = await startShoal(["create", "top"], { cwd: folder }).finished;
    assert.deepEqual([made.code, made.err], [0, ""]);
    const torrent = join(folder, "top.torrent");
    const verified = await shoal("verify", torrent, folder);
    assert.deepEqual([verified.code, verified.err], [0, ""]);
  });
});
