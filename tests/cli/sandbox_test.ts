/** The command under Deno's permissions, when some are missing: one line that names the flag. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, describe, it } from "node:test";
import { newFolder, platform, removeFolders, ROOT, shoal } from "./run_shoal.ts";

after(removeFolders);

const limit = { timeout: 60_000 };
const NET = ["--allow-net", "--allow-read", "--allow-write", "--allow-env"];

async function underDeno(allowed: readonly string[], args: readonly string[], cwd: string) {
  const flags = ["run", "--no-prompt", "--no-check", "--config", join(ROOT, "deno.json")];
  const command = [...flags, ...allowed, join(ROOT, "mod.ts"), ...args];
  // By way of a variable: Deno adds -A wherever it sees that it starts itself.
  const child = spawn("sh", ["-c", 'exec "$THIS_DENO" "$@"', "sh", ...command], {
    cwd,
    env: { ...process.env, THIS_DENO: process.execPath },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "", err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => out += text);
  child.stderr.setEncoding("utf8").on("data", (text: string) => err += text);
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { code, out, err };
}

async function makeShare() {
  const dir = newFolder();
  writeFileSync(join(dir, "x.txt"), "hello");
  const torrent = join(dir, "x.torrent");
  assert.equal((await shoal("create", join(dir, "x.txt"), "-o", torrent)).code, 0);
  return { dir, torrent };
}

describe("shoal without all of Deno's permissions", {
  skip: platform.name === "deno" ? false : "Deno alone has permissions",
}, () => {
  it("shows a torrent with --allow-read alone", limit, async () => {
    const { dir, torrent } = await makeShare();
    const run = await underDeno(["--allow-read"], ["show", torrent], dir);
    assert.deepEqual([run.code, run.err], [0, ""]);
    assert.match(run.out, /^name {8}x\.txt\n/);
  });

  it("names the flag that is missing, in one line", limit, async () => {
    const { dir, torrent } = await makeShare();
    const download = ["download", torrent, "-o", "out", "--no-dht", "--no-lsd", "--no-state"];
    for (
      const [allowed, args, code, flag] of [
        [[], ["show", torrent], 3, "--allow-read"],
        [["--allow-read"], download, 1, "--allow-net"],
        [["--allow-net=127.0.0.0/8", "--allow-read"], download, 1, "--allow-net"],
        [["--allow-net", "--allow-read", "--allow-sys"], download, 5, "--allow-write"],
      ] as const
    ) {
      const run = await underDeno(allowed, args, dir);
      assert.equal(run.code, code, run.err);
      assert.match(run.err, /^shoal: .*: Deno's sandbox forbids it\. Add (--allow-\w+) to the/);
      assert.ok(run.err.includes(`Add ${flag} to`), run.err);
      assert.equal(run.err.trim().split("\n").length, 1, run.err);
    }
    assert.equal(existsSync(join(dir, "out")), false);
  });

  it("downloads without --allow-sys, and ends", limit, async () => {
    const { dir, torrent } = await makeShare();
    const args = ["download", torrent, "-o", dir, "--no-dht", "--no-state"];
    const run = await underDeno(NET, args, dir);
    assert.deepEqual([run.code, run.err], [0, ""]);
  });
});
