import assert from "node:assert/strict";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { Client } from "../../src/client/client.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import { encode } from "../../src/bencode/bencode_encode.ts";
import { memoryAtRest } from "../harness/live_memory.ts";

const KIB = 1024;
const PIECES = 2000, METADATA_BYTES = 20 * PIECES;
const FOREVER = { seedGoal: { kind: "forever" }, trustFiles: true } as const;

/** Of 2,000 pieces, each torrent's its own, that nobody will ask for; one sparse file is all theirs. */
function makeTorrent(i: number): Uint8Array {
  const pieces = new Uint8Array(METADATA_BYTES).fill(i);
  return encode({
    info: { name: "file", length: PIECES * 16 * KIB, "piece length": 16 * KIB, pieces },
  });
}

async function seedMany(client: Client, dir: string, from: number, to: number): Promise<void> {
  for (let i = from; i < to; i++) client.add(makeTorrent(i), { dir, ...FOREVER });
  await Promise.all(client.torrents().map((torrent) => torrent.finished));
}

it("an idle torrent holds at most 32 KiB beyond its metadata", { timeout: 240_000 }, async () => {
  const dir = mkdtempSync(join(tmpdir(), "shoal-idle-"));
  const file = openSync(join(dir, "file"), "w");
  ftruncateSync(file, PIECES * 16 * KIB);
  closeSync(file);
  const client = await Client.open(selectPlatform(), {
    port: -1,
    dht: false,
    lsd: false,
    stateDir: join(dir, "state"),
  });
  try {
    await seedMany(client, dir, 0, 50); // whatever is made once is there now
    const before = await memoryAtRest();
    await seedMany(client, dir, 50, 250);
    const each = (await memoryAtRest() - before) / 200 - METADATA_BYTES;
    assert.ok(client.torrents().every((torrent) => torrent.snapshot().state === "seeding"));
    assert.ok(each > 0, "the memory of the torrents is counted");
    assert.ok(each < 32 * KIB, `${(each / KIB).toFixed(1)} KiB each`);
  } finally {
    await client.close();
    rmSync(dir, { recursive: true, force: true });
  }
});
