/** A film that is watched while it comes: swarms of mixed speed, and a player that counts its stalls. */
import type { LinkConditions } from "./sim/link.ts";
import { type Participant, SimSwarm } from "./sim_swarm.ts";
import type { SimWorld } from "./sim/world.ts";

const KIB = 1024;

export interface FilmOptions {
  seconds: number;
  /** Bytes a second that the player needs. */
  rate?: number;
  pieceLength?: number;
  /** What each seed sends, in parts of the film's rate. */
  speeds?: readonly number[];
  link?: Partial<LinkConditions>;
}

/** Ten peers that send 1.5 times the film's rate together. */
export const MIXED = [0.45, 0.3, 0.2, 0.15, 0.12, 0.1, 0.07, 0.05, 0.04, 0.02];

export class FilmNight {
  readonly swarm: SimSwarm;
  readonly rate: number;
  readonly seeds: Participant[] = [];
  viewer!: Participant;

  private constructor(seed: number | string, rate: number) {
    this.swarm = new SimSwarm(seed);
    this.swarm.checkEvery = 1000;
    this.rate = rate;
  }

  get world(): SimWorld {
    return this.swarm.world;
  }

  static async begin(seed: number | string, options: FilmOptions): Promise<FilmNight> {
    const { seconds, rate = 100 * KIB, pieceLength = 256 * KIB, speeds = MIXED } = options;
    const night = new FilmNight(seed, rate), { swarm } = night;
    await swarm.prepare([seconds * rate], pieceLength);
    for (const [i, speed] of speeds.entries()) {
      const link = { latencyMs: 20, ...options.link, upBytesPerSec: Math.round(speed * rate) };
      night.seeds.push(await swarm.seed(`10.0.1.${i + 1}`, { link }));
    }
    night.viewer = await swarm.leech("10.0.2.1", { link: { latencyMs: 20, ...options.link } }, {
      seedGoal: { kind: "forever" },
    });
    return night;
  }

  play(start = 0): Player {
    return new Player(this, start);
  }
}

/** Reads ahead for a few seconds, begins when two of them are there, and then needs `rate`. */
export class Player {
  /** Virtual milliseconds: from the request to the first byte, and to the first picture. */
  firstByteMs = NaN;
  startMs = NaN;
  stalls = 0;
  isAtEnd = false;
  error: unknown = null;
  readonly #night: FilmNight;
  readonly #begun: number;
  readonly #size: number;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;
  readonly #start: number;
  #got = 0;
  #played = 0;
  #isStalled = false;
  #isReading = false;

  constructor(night: FilmNight, start: number) {
    const file = night.viewer.torrent.files()![0]!;
    this.#night = night;
    this.#begun = night.world.now;
    this.#size = file.size - start;
    this.#start = start;
    this.#reader = file.stream({ start }).getReader();
    this.#tick();
  }

  /** It has shown the whole film. */
  get isDone(): boolean {
    return this.#played >= this.#size || this.error !== null;
  }

  stop(): Promise<void> {
    this.#played = this.#size;
    return this.#reader.cancel();
  }

  #tick(): void {
    if (this.isDone) return;
    const { world, rate } = this.#night, cache = 5 * rate;
    if (Number.isNaN(this.startMs)) {
      if (this.#got >= Math.min(2 * rate, this.#size)) this.startMs = world.now - this.#begun;
    } else this.#show(rate / 10);
    if (this.#got - this.#played < cache) void this.#read(cache);
    world.at(world.now + 100, () => this.#tick());
  }

  #show(bytes: number): void {
    const next = Math.min(this.#size, this.#played + bytes);
    const isStalled = next > this.#got;
    if (isStalled && !this.#isStalled) this.stalls++;
    this.#isStalled = isStalled;
    if (!isStalled) this.#played = next;
  }

  async #read(cache: number): Promise<void> {
    if (this.#isReading || this.isAtEnd) return;
    this.#isReading = true;
    try {
      while (this.#got - this.#played < cache) {
        const { value, done } = await this.#reader.read();
        this.isAtEnd = done;
        if (done) return;
        if (this.#got === 0) this.firstByteMs = this.#night.world.now - this.#begun;
        this.#check(value!);
        this.#got += value!.length;
      }
    } catch (error) {
      this.error = error;
    } finally {
      this.#isReading = false;
    }
  }

  #check(bytes: Uint8Array): void {
    const at = this.#start + this.#got, { content } = this.#night.swarm.torrent;
    const isRight = bytes.every((byte, i) => byte === content[at + i]);
    if (!isRight) throw new Error(`wrong bytes at ${at}`);
  }
}
