import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { SimWorld } from "../harness/sim/world.ts";
import { MOST_LOST_MS } from "../../src/state/resume_keeper.ts";
import { Life } from "./resume_life.ts";
import { TestTorrent } from "./storage_harness.ts";

const SEEDS = 300;

/** One machine that downloads, is killed or loses power at random moments, and starts again. */
class Story {
  readonly world: SimWorld;
  readonly torrent: TestTorrent;
  life: Life;
  wanted: boolean[];
  /** When each piece was last stored. */
  readonly storedAt = new Map<number, number>();
  /** Pieces that somebody else wrote over. */
  readonly vandalised = new Set<number>();
  crashes = 0;

  constructor(readonly seed: number) {
    this.world = new SimWorld(seed);
    const { dice } = this.world;
    const pieceLength = dice.pick([1000, 4096, 16384]);
    const files = Array.from({ length: 1 + dice.below(7) }, (_, i) =>
      [
        dice.chance(0.1) ? null : `t/${i % 2}/f${i}`,
        dice.below(pieceLength * 12),
      ] as const);
    this.torrent = new TestTorrent(pieceLength, [...files, ["t/last", pieceLength * 3 + 17]]);
    this.wanted = this.torrent.entries.map(() => dice.chance(0.6));
    this.life = new Life(this.world, this.torrent, undefined, this.wanted);
    this.life.node.disk.syncDelayMs = dice.pick([1, 5, 50, 300]);
  }

  async run(): Promise<void> {
    await this.life.start();
    for (let lives = 0; lives < 4; lives++) {
      await this.work(this.world.now + 200 + this.world.dice.below(20_000));
      await this.crash();
    }
  }

  /** Stores pieces and changes its mind about files until a moment comes. */
  async work(until: number): Promise<void> {
    const { world, torrent } = this, { dice } = world;
    const pace = dice.pick([30, 300, 1500]);
    let changing = false;
    while (world.now < until) {
      await world.runFor(1 + dice.below(pace));
      const { life } = this;
      const missing = torrent.pieces.filter((piece) => {
        return !life.have.has(piece) && !life.storing.has(piece);
      });
      if (missing.length > 0) {
        const piece = dice.pick(missing);
        life.store(piece, () => this.storedAt.set(piece, world.now));
      }
      if (!changing && dice.chance(0.02)) {
        changing = true;
        this.wanted = torrent.entries.map(() => dice.chance(0.6));
        void life.storage.files.setWanted(this.wanted).then(() => changing = false);
      }
      life.keeper.tick(life.node.clock.now());
    }
  }

  async crash(): Promise<void> {
    const { world, torrent, life } = this, { dice } = world, { disk } = life.node;
    this.crashes++;
    const at = world.now;
    life.node.kill();
    if (dice.chance(0.8)) disk.crash();
    if (dice.chance(0.2)) this.vandalise(dice.below(torrent.pieces.length));
    this.life = new Life(world, torrent, disk, this.wanted);
    await this.life.start();
    // Before anything that the record names is written anew.
    await world.wait(this.life.keeper.save());
    await world.wait(this.life.storage.files.setWanted(this.wanted));
    for (const [piece, stored] of this.storedAt) {
      if (this.life.have.has(piece)) {
        assert.ok(this.life.isRight(piece), `piece ${piece} counts as here and is wrong`);
        continue;
      }
      this.storedAt.delete(piece);
      if (this.vandalised.delete(piece)) continue;
      assert.ok(stored > at - MOST_LOST_MS, `piece ${piece} of ${at - stored} ms before is lost`);
    }
  }

  /** Somebody writes over a piece, in one of its files. */
  vandalise(piece: number): void {
    const { torrent, life } = this;
    for (const { file, offset, length, pad } of torrent.layout.slices(piece)) {
      const path = `${life.dir}/${torrent.entries[file]!.path.join("/")}`;
      const size = life.node.disk.bytes(path)?.length ?? 0;
      if (pad || size < offset + length) continue;
      const mtimeMs = life.node.clock.wallTime() + 11;
      life.node.disk.tamper(path, new Uint8Array(length), offset, mtimeMs);
      this.vandalised.add(piece);
      return;
    }
  }
}

describe("trustworthy and ResumeKeeper over crashes at random moments", () => {
  it(
    `${SEEDS} seeds: nothing wrong is believed, at most 5 s of verified work is lost`,
    { timeout: 240_000 },
    async () => {
      const faults = new Map<string, number>();
      let trusted = 0, hashed = 0, crashes = 0;
      for (let seed = 0; seed < SEEDS; seed++) {
        const story = new Story(seed);
        try {
          await story.run();
        } catch (error) {
          if (error instanceof Error) error.message += ` (seed ${seed})`;
          throw error;
        }
        trusted += story.life.trust?.trusted.count ?? 0;
        hashed += story.life.hashed;
        crashes += story.crashes;
        for (const [name, count] of story.world.allFaults()) {
          faults.set(name, (faults.get(name) ?? 0) + count);
        }
      }
      for (
        const name of [
          "disk-write-lost",
          "disk-write-torn",
          "disk-name-lost",
          "disk-time-lost",
          "disk-tampered",
        ]
      ) assert.ok((faults.get(name) ?? 0) > 50, `${name} happened ${faults.get(name)} times`);
      assert.equal(crashes, SEEDS * 4);
      assert.ok(trusted > 1000, `${trusted} pieces were believed`);
      assert.ok(hashed > 100, `${hashed} pieces were hashed`);
    },
  );
});
