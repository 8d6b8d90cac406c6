/** One machine of a simulated world, over the crashes and restarts of the client that runs on it. */
import assert from "node:assert/strict";
import type { SimDisk } from "../../tests/harness/sim/disk.ts";
import type { LinkConditions } from "../../tests/harness/sim/link.ts";
import type { SimNode } from "../../tests/harness/sim/sim_node.ts";
import type { AddOptions, TorrentEvent } from "../../src/client/types.ts";
import { equalBytes } from "../../src/util/bytes.ts";
import type { Participant, SimSwarm } from "../../tests/harness/sim_swarm.ts";

const DIR = "/data";
const STATE = { stateDir: "/state" };

export interface MachineOptions {
  address: string;
  link: Partial<LinkConditions>;
  /** Has all of it from the start. */
  seed: boolean;
  quickestHash: "running" | "submit";
}

export class Machine {
  readonly address: string;
  readonly isSeed: boolean;
  /** Files that are wanted; a change under way takes away at once and adds when it is done. */
  wanted: ReadonlySet<number>;
  /** Pieces that arrived wrong: in a world without poisoners there are none. */
  failedPieces = 0;
  restarts = 0;
  /** What was there since the last start, in bytes. */
  readonly history: { at: number; have: number }[] = [];
  readonly #swarm: SimSwarm;
  readonly #options: MachineOptions;
  #now!: Participant;

  constructor(swarm: SimSwarm, options: MachineOptions) {
    this.#swarm = swarm;
    this.#options = options;
    this.address = options.address;
    this.isSeed = options.seed;
    this.wanted = new Set(swarm.torrent.files.keys());
  }

  get node(): SimNode {
    return this.#now.node;
  }

  get disk(): SimDisk {
    return this.#now.node.disk;
  }

  get torrent(): Participant["torrent"] {
    return this.#now.torrent;
  }

  get client(): Participant["client"] {
    return this.#now.client;
  }

  get alive(): boolean {
    return this.#now.node.alive;
  }

  /** Everything that it wants is here and verified. */
  get done(): boolean {
    return this.alive && this.torrent.snapshot().state === "seeding";
  }

  async start(): Promise<void> {
    const { address, link, quickestHash } = this.#options;
    const node = this.#swarm.world.node(address, { link, quickestHash });
    if (this.isSeed) this.#swarm.plant(node);
    await this.#join(node);
  }

  /** A new process on the same disk; its wall clock is as wrong as before. */
  async restart(): Promise<void> {
    const { address, link, quickestHash } = this.#options, { disk, wallOffMs } = this.node;
    const node = this.#swarm.world.node(address, { link, quickestHash, disk });
    node.wallOffMs = wallOffMs;
    this.restarts++;
    await this.#join(node);
  }

  /** kill -9, or with `power` the end of the whole machine: what was not synced is partly lost. */
  crash(power: boolean): void {
    this.node.kill(this.#swarm.world.dice.chance(0.5) ? "quietly" : "with resets");
    if (power) this.disk.crash();
    this.history.length = 0;
  }

  async shutDown(): Promise<void> {
    await this.#swarm.world.wait(this.client.close());
    this.node.kill("quietly");
  }

  /** Takes note of how much is there, so that a crash can be held against it. */
  noteHave(): void {
    if (this.alive) this.history.push({ at: this.#swarm.world.now, have: this.have });
  }

  get have(): number {
    return this.torrent.snapshot().have;
  }

  /** Throws unless the wanted bytes of a piece are on the disk. */
  assertOnDisk(piece: number): void {
    const { pieceLength, files } = this.#swarm.torrent;
    const from = piece * pieceLength, to = from + pieceLength;
    let begin = 0;
    files.forEach(({ path, content }, file) => {
      const start = Math.max(from, begin), end = Math.min(to, begin + content.length);
      if (start < end && this.wanted.has(file)) {
        const right = content.subarray(start - begin, end - begin);
        const there = this.#bytesOf(path)?.subarray(start - begin, end - begin);
        assert.ok(
          there !== undefined && equalBytes(there, right),
          `${this.address} claims piece ${piece}, and ${path.join("/")} does not hold it`,
        );
      }
      begin += content.length;
    });
  }

  /** The wanted files are there, byte for byte. Returns how many bytes that are. */
  assertRight(): number {
    let bytes = 0;
    this.#swarm.torrent.files.forEach(({ path, content }, file) => {
      if (!this.wanted.has(file)) return;
      const there = this.#bytesOf(path);
      assert.ok(there !== null, `${this.address} has no ${path.join("/")}`);
      assert.ok(equalBytes(there, content), `${this.address}: ${path.join("/")} is corrupt`);
      bytes += content.length;
    });
    return bytes;
  }

  #bytesOf(path: readonly string[]): Uint8Array | null {
    return this.disk.bytes([DIR, ...path].join("/"));
  }

  async #join(node: SimNode): Promise<void> {
    const add: Partial<AddOptions> = {
      seedGoal: { kind: "forever" },
      // Files that are trusted blindly would be wrong after the power went.
      trustFiles: this.isSeed && this.restarts === 0,
      files: { others: 0, priorities: new Map([...this.wanted].map((file) => [file, 4])) },
    };
    this.#now = await this.#swarm.join(node, add, STATE);
    void this.#listen(this.#now);
  }

  async #listen({ torrent }: Participant): Promise<void> {
    for await (const event of torrent.events()) this.#heard(event);
  }

  #heard(event: TorrentEvent): void {
    if (event.type === "piece-failed") this.failedPieces++;
  }
}
