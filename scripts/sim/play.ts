/** A world that is being played: its machines, its dice, what is broken now and how to mend it. */
import assert from "node:assert/strict";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import type { Prng } from "../../tests/harness/prng.ts";
import { SimSwarm } from "../../tests/harness/sim_swarm.ts";
import { Auditor } from "./auditor.ts";
import { Machine } from "./machine.ts";

const KIB = 1024;
const RESOLUTION_MS = 5;
/** The virtual time to finish after the last disturbance. */
const LIMIT_MS = 2 * 3_600_000;

export interface PlayOptions {
  /** Checks all invariants after every this many events; always at the end. */
  checkEvery?: number;
  /** Gets the last lines of the log of a world that failed. */
  onFailure?: (lines: readonly string[]) => void;
}

export class Play {
  readonly swarm: SimSwarm;
  readonly dice: Prng;
  readonly machines: Machine[] = [];
  /** A node that sends wrong data on purpose is in this world. */
  poisoned = false;
  /** Times that a disturbance happened, by name. */
  readonly deeds = new Map<string, number>();
  auditor!: Auditor;
  readonly #mends: (() => void | Promise<void>)[] = [];

  constructor(seed: string, options: PlayOptions = {}) {
    this.swarm = new SimSwarm(seed, { resolutionMs: RESOLUTION_MS });
    this.swarm.checkEvery = options.checkEvery ?? 1;
    this.dice = this.swarm.world.dice.fork("play");
  }

  get world(): SimSwarm["world"] {
    return this.swarm.world;
  }

  get leeches(): Machine[] {
    return this.machines.filter(({ isSeed }) => !isSeed);
  }

  get seeds(): Machine[] {
    return this.machines.filter(({ isSeed }) => isSeed);
  }

  /** A torrent, one to three seeds and one to three leeches, all by the dice. */
  async setUp(): Promise<void> {
    const { dice, swarm } = this;
    const count = 1 + dice.below(6);
    const sizes = Array.from({ length: count }, () => dice.below(900 * KIB / count) + 1);
    if (dice.chance(0.3)) sizes.push(0);
    sizes[0]! += 200 * KIB;
    await swarm.prepare(sizes, 16 * KIB * dice.pick([1, 2, 4, 8]));
    const node = swarm.world.node("10.0.3.1");
    const meta = parseTorrent(swarm.torrent.bytes, (part) => node.hasher.digest("sha1", part));
    this.auditor = new Auditor(node, meta.infoHash, meta.layout.pieceCount);
    const seeds = 1 + dice.below(2), leeches = 1 + dice.below(3);
    for (let i = 1; i <= seeds; i++) await this.#add(`10.0.1.${i}`, true);
    await this.pass(500);
    for (let i = 1; i <= leeches; i++) await this.#add(`10.0.2.${i}`, false);
  }

  async #add(address: string, seed: boolean): Promise<void> {
    const { dice } = this;
    const link = {
      upBytesPerSec: (30 + dice.below(100)) * KIB,
      latencyMs: 1 + dice.below(50),
      jitterMs: dice.below(20),
    };
    const quickestHash = dice.pick(["running", "submit"] as const);
    const machine = new Machine(this.swarm, { address, link, seed, quickestHash });
    this.machines.push(machine);
    await machine.start();
    this.auditor.watch(machine);
  }

  /** Counts a disturbance, and says it to the log. */
  did(what: string, to: Machine): void {
    this.deeds.set(what, (this.deeds.get(what) ?? 0) + 1);
    this.world.log(`play ${what} ${to.address}`);
  }

  /** The repair of a disturbance, if nothing else repaired it before the end. */
  later(mend: () => void | Promise<void>): void {
    this.#mends.push(mend);
  }

  /** Lets time go by, all books checked. */
  async pass(ms: number): Promise<void> {
    const until = this.world.now + ms;
    this.world.at(until, () => {});
    await this.swarm.run(() => {
      this.auditor.assertHonest();
      return this.world.now >= until;
    });
  }

  /** Mends all that is broken. */
  async mend(): Promise<void> {
    for (const mend of this.#mends.splice(0)) await mend();
    for (const machine of this.machines) if (!machine.alive) await machine.restart();
  }

  /** Every node completes, with right data. */
  async finish(): Promise<void> {
    await this.mend();
    await this.swarm.run(() => {
      this.auditor.assertHonest();
      for (const { torrent, address } of this.machines) {
        const { state, error } = torrent.snapshot();
        assert.ok(state !== "failed", `${address} failed: ${error?.message}`);
      }
      return this.machines.every(({ done }) => done);
    }, LIMIT_MS);
    this.swarm.check();
    for (const machine of this.machines) {
      machine.assertRight();
      if (this.poisoned) continue;
      assert.equal(machine.failedPieces, 0, `${machine.address} was sent a wrong piece`);
    }
    await this.swarm.close();
    for (const machine of this.machines) machine.assertRight();
  }
}
