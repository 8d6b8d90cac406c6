/** Names that a real exFAT disk refuses, and the same torrent after a new mount. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import { createTorrent } from "../../src/client/create_torrent.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import { mountExfat } from "../harness/exfat_disk.ts";

const platform = selectPlatform();
const disk = mountExfat();
after(() => {
  platform.hasher.close();
  disk.close();
});

const NAMES = ["Ep 1: Pilot?.mkv", "Ep 2.mkv", "a|b.srt"];

describe("a download to exFAT", { skip: disk.missing ?? false }, () => {
  it("makes safe names with a note, and finds them after a new mount", {
    timeout: 60_000,
  }, async () => {
    const source = join(disk.top, "source"), top = join(source, "Show");
    mkdirSync(top, { recursive: true });
    NAMES.forEach((name, i) => writeFileSync(join(top, name), new Uint8Array(50_000).fill(i + 1)));
    const { bytes } = await createTorrent(platform, top, {});
    const stateDir = join(disk.top, "state");
    const giver = await Client.open(platform, { dht: false, lsd: false });
    const seed = giver.add(bytes, { dir: source, seedOnly: true, seedGoal: { kind: "forever" } });
    await seed.finished;
    for (const downloaded of [150_000, 0]) {
      const client = await Client.open(platform, { dht: false, lsd: false, stateDir });
      const notes: string[] = [];
      void (async () => {
        for await (const event of client.events()) {
          if (event.type === "warning") notes.push(event.message);
        }
      })();
      const peers = [`127.0.0.1:${giver.port}`];
      const torrent = client.add(bytes, { dir: disk.dir, peers, waitForDisk: false });
      await torrent.finished;
      assert.equal(torrent.snapshot().downloaded, downloaded);
      await client.close();
      assert.equal(notes.length, downloaded > 0 ? 1 : 0, notes.join());
      disk.remount();
    }
    const made = readdirSync(join(disk.dir, "Show")).sort();
    assert.equal(made.length, NAMES.length);
    assert.ok(made.includes("Ep 2.mkv") && made.every((name) => !/[:?|]/.test(name)), `${made}`);
    for (const name of made) {
      assert.equal(readFileSync(join(disk.dir, "Show", name)).length, 50_000);
    }
    await giver.close();
  });
});
