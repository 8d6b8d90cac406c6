/** The real command on real disks: one that is too small for a while, and a state folder. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { newFolder, removeFolders, startShoal, startSwarm } from "./run_shoal.ts";

const MIB = 1024 * 1024;
const mounted: string[] = [];

after(() => {
  for (const folder of mounted) spawnSync("umount", [folder]);
  removeFolders();
});

/** A disk in memory of that size at a new folder; null where nothing may be mounted. */
function smallDisk(size: string): string | null {
  const folder = newFolder();
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder]);
  if (status !== 0) return null;
  mounted.push(folder);
  return folder;
}

const probe = smallDisk("64k");
const skip = probe === null ? "cannot mount a tmpfs here" : false;

/** What real disks and processes bring, on a machine that may be busy. */
async function until(reached: () => boolean): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!reached()) {
    if (performance.now() > deadline) throw new Error("what the test waits for never came");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function eventsOf(out: string): { type: string; code?: string; have?: number }[] {
  return out.split("\n").filter((line) => line.endsWith("}")).map((line) => JSON.parse(line));
}

describe("shoal download onto a disk that is too small", { skip }, () => {
  it("waits with --wait-for-disk, and continues by itself when there is space", {
    timeout: 140_000,
  }, async () => {
    const swarm = await startSwarm(8 * MIB, 8 * MIB);
    try {
      const disk = smallDisk("3m")!;
      const args = ["download", swarm.torrentPath, "-o", disk, "--json", "--wait-for-disk"];
      const run = startShoal(args);
      await until(() => run.out.includes('"type":"waiting"'));
      const { code } = eventsOf(run.out).find(({ type }) => type === "waiting")!;
      assert.equal(code, "disk-full");
      const grown = spawnSync("mount", ["-o", "remount,size=64m", disk]);
      assert.equal(grown.status, 0, String(grown.stderr));
      const { code: exit, err } = await run.finished;
      assert.equal(exit, 0, err);
      assert.deepEqual(readFileSync(join(disk, "data.bin")), readFileSync(swarm.data));
    } finally {
      await swarm.close();
    }
  });

  it("ends with 5 otherwise", { timeout: 60_000 }, async () => {
    const swarm = await startSwarm(8 * MIB, 8 * MIB);
    try {
      const { code, err } = await startShoal(
        ["download", swarm.torrentPath, "-o", smallDisk("3m")!],
      ).finished;
      assert.equal(code, 5);
      assert.match(err, /8\.0 MiB .* are missing and the disk has only 3\.0 MiB/);
    } finally {
      await swarm.close();
    }
  });
});

describe("shoal download with a state folder", () => {
  it("resumes after kill -9, and hashes no unchanged file", {
    timeout: 140_000,
  }, async () => {
    const swarm = await startSwarm(16 * MIB, MIB / 2);
    try {
      const dir = newFolder(), state = join(newFolder(), "state");
      const args = ["download", swarm.torrentPath, "-o", dir, "--json", "--state-dir", state];
      const first = startShoal(args);
      const have = () => eventsOf(first.out).reduce((most, e) => Math.max(most, e.have ?? 0), 0);
      await until(() => have() >= 9 * MIB || first.out.includes('"done"'));
      first.kill("SIGKILL");
      await first.finished;
      const had = have();
      assert.ok(had < 16 * MIB, "it was killed half-way");
      assert.ok(existsSync(state));
      const second = startShoal(args);
      const { code, out, err } = await second.finished;
      assert.equal(code, 0, err);
      const checked = eventsOf(out).find(({ type }) => type === "checked")!.have!;
      // Three peers of half a MiB/s: at most five seconds of that are lost.
      assert.ok(checked >= had - 5 * 1.5 * MIB, `${checked} of ${had}`);
      assert.deepEqual(readFileSync(join(dir, "data.bin")), readFileSync(swarm.data));
    } finally {
      await swarm.close();
    }
  });
});

describe("shoal download of files that are gone", () => {
  it("downloads them again and says so", { timeout: 60_000 }, async () => {
    const swarm = await startSwarm(MIB, MIB);
    try {
      const dir = newFolder(), state = newFolder();
      const args = ["download", swarm.torrentPath, "-o", dir, "--state-dir", state];
      assert.equal((await startShoal(args).finished).code, 0);
      rmSync(join(dir, "data.bin"));
      const again = await startShoal(args).finished;
      assert.equal(again.code, 0, again.err);
      assert.match(again.err + again.out, /"data.bin" is no longer in .* are downloaded again/);
      assert.deepEqual(readFileSync(join(dir, "data.bin")), readFileSync(swarm.data));
    } finally {
      await swarm.close();
    }
  });
});
