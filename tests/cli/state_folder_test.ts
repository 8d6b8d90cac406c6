/** What is remembered between runs, and what happens where nothing can be. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { openState, stateChoice, stateFolder } from "../../src/cli/state_folder.ts";
import type { Platform } from "../../src/platform/types.ts";
import { FileError } from "../../src/util/errors.ts";
import { fakeWorld } from "./fakes.ts";
import { ended, start } from "./fake_run.ts";
import { newFolder, removeFolders, shoal, startShoal } from "./run_shoal.ts";

after(removeFolders);

const limit = { timeout: 60_000 };

function at(os: string, vars: Record<string, string>): string | null {
  return stateFolder({ os, env: (name) => vars[name] });
}

/** A real disk on which nothing new can be made in or below `closed`. */
function closedAt({ platform }: ReturnType<typeof fakeWorld>, closed: string): Platform {
  const refuse = (path: string) => {
    if (!path.startsWith(closed)) return;
    throw new FileError("permission", path, `Cannot write ${path}: permission denied`);
  };
  const { files } = platform;
  return {
    ...platform,
    files: {
      ...files,
      makeDir: (path) => (refuse(path), files.makeDir(path)),
      open: (path, mode) => (refuse(path), files.open(path, mode)),
    },
  };
}

describe("stateFolder", () => {
  it("is where the system has such things", () => {
    assert.equal(at("linux", { HOME: "/home/a" }), "/home/a/.local/state/shoal");
    assert.equal(at("linux", { HOME: "/home/a", XDG_STATE_HOME: "/state" }), "/state/shoal");
    assert.equal(at("darwin", { HOME: "/Users/a" }), "/Users/a/Library/Application Support/shoal");
    assert.equal(at("windows", { LOCALAPPDATA: "C:\\Local" }), "C:\\Local/shoal");
    assert.equal(at("linux", {}), null);
  });

  it("takes an empty variable for one that is not set", () => {
    assert.equal(
      at("linux", { HOME: "/home/a", XDG_STATE_HOME: "" }),
      "/home/a/.local/state/shoal",
    );
    assert.equal(at("linux", { HOME: "", XDG_STATE_HOME: "" }), null);
  });
});

describe("openState", () => {
  const flags = (dir: string | null) => ({ "state-dir": dir, "no-state": false });

  it("creates the folder and leaves it empty", () => {
    const home = newFolder(), { platform, process } = fakeWorld([], { HOME: home });
    const opened = openState(platform, stateChoice(flags(null), process));
    assert.deepEqual(opened, { stateDir: join(home, ".local/state/shoal"), warning: null });
    assert.deepEqual(readdirSync(opened.stateDir!), []);
  });

  it("warns if the default folder cannot be created or written", () => {
    const home = newFolder(), world = fakeWorld([], { HOME: home });
    for (const isMade of [false, true]) {
      if (isMade) mkdirSync(join(home, ".local/state/shoal"), { recursive: true });
      const { stateDir, warning } = openState(
        closedAt(world, home),
        stateChoice(flags(null), world.process),
      );
      assert.equal(stateDir, null);
      assert.match(
        warning!,
        /^warning: Progress will not be saved: .*permission denied; --state-dir/,
      );
    }
  });

  it("throws where a named folder cannot be made or written, and names the flag", () => {
    const named = join(newFolder(), "state"), world = fakeWorld([], { HOME: "/nonexistent" });
    for (const isMade of [false, true]) {
      if (isMade) mkdirSync(named);
      assert.throws(
        () => openState(closedAt(world, named), stateChoice(flags(named), world.process)),
        (error) =>
          error instanceof FileError && error.code === "permission" &&
          error.message.startsWith(`--state-dir ${named}: Cannot write `),
      );
    }
  });

  it("says why no progress is saved without a home, but not with --no-state", () => {
    const { platform, process } = fakeWorld([]);
    const { warning } = openState(platform, stateChoice(flags(null), process));
    assert.match(warning!, /will not be saved: HOME is not set; --state-dir chooses a folder/);
    const wish = stateChoice({ "state-dir": null, "no-state": true }, process);
    assert.deepEqual(openState(platform, wish), { stateDir: null, warning: null });
  });
});

describe("shoal download and its state folder", () => {
  it("continues with a warning if the home cannot be written", async () => {
    const home = newFolder(), torrent = join(home, "x.torrent");
    writeFileSync(torrent, "not read by the fake client");
    const world = fakeWorld([torrent], { HOME: home });
    world.platform = closedAt(world, join(home, ".local"));
    const run = await start([torrent], world);
    run.world.client.added[0]!.finish();
    assert.equal(await ended(run), 0);
    assert.match(world.process.printed, /^warning: Progress will not be saved: /);
    assert.equal((world.openedWith as { stateDir?: string }).stateDir, undefined);
  });

  it("keeps its state in the home when XDG_STATE_HOME is empty", limit, async () => {
    const home = newFolder();
    writeFileSync(join(home, "x.txt"), "hello");
    const torrent = join(home, "x.torrent");
    assert.equal((await shoal("create", join(home, "x.txt"), "-o", torrent)).code, 0);
    const env = { HOME: home, XDG_STATE_HOME: "" };
    const run = await startShoal(["download", torrent, "-o", home], { env }).finished;
    assert.deepEqual([run.code, run.err], [0, ""]);
    assert.equal(readdirSync(join(home, ".local/state/shoal")).length > 0, true);
  });

  it("ends with 5 if the named folder is a file", limit, async () => {
    const dir = newFolder(), named = join(dir, "state");
    writeFileSync(join(dir, "x.txt"), "hello");
    writeFileSync(named, "a file");
    const torrent = join(dir, "x.torrent");
    assert.equal((await shoal("create", join(dir, "x.txt"), "-o", torrent)).code, 0);
    const run = await shoal("download", torrent, "-o", dir, "--state-dir", named);
    assert.equal(run.code, 5);
    assert.ok(run.err.startsWith(`shoal: --state-dir ${named}: Cannot `), run.err);
    assert.equal(readFileSync(named, "utf8"), "a file");
  });
});
