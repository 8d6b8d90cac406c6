/** `npm run sim -- --scenario disks`: no foreign file is harmed, and "verified" is true. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { commandOf } from "../../scripts/sim/report.ts";
import { runWorld } from "../../scripts/sim/run_world.ts";
import {
  type OwnersScenario,
  ownersScenarios,
  scenarioNamed,
} from "../../scripts/sim/scenarios.ts";
import type { HomeEvent } from "../../scripts/sim/owners/events.ts";

const TIMEOUT = { timeout: 60_000 };
const SEEDS = [1, 2, 3, 4, 5, 6];
const HOLD = ["foreign", "writers", "edits", "mounts"];

describe("disks that shoal shares with others", () => {
  for (const scenario of ownersScenarios.filter(({ name }) => HOLD.includes(name))) {
    it(`stay intact: ${scenario.name}`, TIMEOUT, async () => {
      const deeds = new Set<string>();
      let claims = 0;
      for (const seed of SEEDS) {
        const result = await runWorld(seed, scenario);
        assert.equal(result.error, null, `${commandOf(result)}\n${result.error}`);
        for (const name of Object.keys(result.deeds)) deeds.add(name);
        claims += result.claims;
      }
      assert.ok(deeds.size > 2 && claims > 100, [...deeds].join());
    });
  }
});

describe("a world that once failed holds", () => {
  const worlds = [
    [612026, "edits", "another file took the name while ours was being checked"],
    [612312, "foreign", "a save did not wait for a sync that was under way"],
    [812477, "owners", "a complete torrent shared a file that another one was writing over"],
    [812771, "owners", "a file was replaced on a disk that does not tell files apart"],
    [712151, "owners", "a check by hand vouched for a file that somebody had edited"],
  ] as const;
  for (const [seed, name, why] of worlds) {
    it(`${name} ${seed}: ${why}`, TIMEOUT, async () => {
      const { error } = await runWorld(seed, scenarioNamed(name));
      assert.equal(error, null);
    });
  }
});

describe("a world with a fault", () => {
  const { home } = scenarioNamed("mounts") as OwnersScenario;

  /** Worlds in which only that happens, until one of them says so. */
  async function errorOf(event: HomeEvent): Promise<string> {
    for (const seed of SEEDS) {
      const scenario = { name: "fault", about: "", home: { ...home, events: [event] } };
      const { error } = await runWorld(seed, scenario);
      if (error !== null) return error;
    }
    return "no world found it";
  }

  it("is detected when a byte of a foreign file changes", async () => {
    const error = await errorOf(({ disk }) => {
      const diary = disk.filesIn("/").find((path) => path.endsWith("diary.txt"));
      if (diary !== undefined) disk.corrupt(diary, 7);
      return Promise.resolve();
    });
    assert.match(error, /diary beside the torrent's files\) was written over/);
  });

  it("is detected when a byte changes in a torrent's claimed piece", async () => {
    const error = await errorOf(({ copies, disk }) => {
      for (const { title, options } of copies) {
        const path = [options.dir, ...title.torrent.files[0]!.path].join("/");
        const entry = disk.entry(path), byte = new Uint8Array(1);
        if (entry?.kind === "file" && entry.data.read(byte, 7) > 0) disk.corrupt(path, 7);
      }
      return Promise.resolve();
    });
    assert.match(error, /claims piece|sent wrong bytes|whole/);
  });

  it("is found out when something is made under the mount point of a disk that is away", async () => {
    const error = await errorOf(async (home) => {
      await home.pass(30_000);
      if (home.copies.some(({ options }) => options.dir.startsWith("/home"))) return;
      home.disk.unmount("/mnt/usb");
      home.mounted = null;
      home.ledger.guard("/mnt/usb", "the folder of a disk that is away");
      home.disk.put("/mnt/usb/new", new Uint8Array(1));
      await home.pass(10);
    });
    assert.match(error, /something was made in the folder of a disk that is away/);
  });
});
