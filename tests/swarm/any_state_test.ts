/**
 * Every state to every other: a seeded walk of starts, stops, pauses, changes, removals, disk trouble
 * and silent trackers over one torrent, with its books checked after each event.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeWish } from "../../src/client/wish.ts";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import { formatMagnet } from "../../src/metainfo/magnet.ts";
import { Client } from "../../src/client/client.ts";
import type { AddOptions, TorrentPatch } from "../../src/client/types.ts";
import type { Torrent } from "../../src/torrent/torrent.ts";
import { isDeepStrictEqual } from "node:util";
import { NetError } from "../../src/util/errors.ts";
import { sha1 } from "../harness/hasher.ts";
import { Prng } from "../harness/prng.ts";
import type { SimNode } from "../harness/sim/sim_node.ts";
import { type Participant, SimSwarm } from "../harness/sim_swarm.ts";

const KIB = 1024;
const TIMEOUT = { timeout: 120_000 };
const STATE = { stateDir: "/state" };
const TRACKER = "http://10.0.0.1/announce";
const WALKS = 70, STEPS = 40;

const AT_REST = ["paused", "done", "stopped", "failed"], OVER = AT_REST.slice(1);
/** States in which nobody hears of it. */
const QUIET = [...AT_REST, "queued"];
const ENDS = ["waiting", "queued", "paused", "stopped", "failed"];
/** The states that may follow each reported state. */
const EDGES: Readonly<Record<string, readonly string[]>> = {
  added: ["finding", "checking", "downloading", "verifying", "seeding", "done", ...ENDS],
  finding: ["checking", ...ENDS],
  checking: ["downloading", "verifying", "seeding", "done", ...ENDS],
  downloading: ["verifying", ...ENDS],
  verifying: ["downloading", "seeding", "done", ...ENDS],
  seeding: ["downloading", "done", ...ENDS],
  waiting: ["finding", "checking", "downloading", "verifying", "seeding", "done", ...ENDS],
  queued: ["finding", "checking", ...ENDS],
  paused: ["finding", "checking", "stopped"],
  done: ["checking"],
  stopped: ["finding", "checking"],
  failed: ["finding", "checking"],
};

/** One torrent on one machine, and what must be true of it. */
class Walk {
  readonly swarm: SimSwarm;
  readonly dice: Prng;
  readonly node: SimNode;
  readonly visited = new Set<string>();
  moves = 0;
  restarts = 0;
  #leech!: Participant;
  #source: string | Uint8Array = "";
  #options: Partial<AddOptions> = {};
  #silent = false;
  #state = "";
  /** The tracker heard `started`, and the torrent was not at rest since. */
  #isKnown = false;
  /** Found where nothing can be thrown. */
  #failure: Error | null = null;
  /** Whether each run has ended, by its promise. */
  readonly #ended = new Map<Promise<void>, boolean>();

  constructor(seed: number) {
    this.swarm = new SimSwarm(seed);
    this.dice = new Prng(`walk ${seed}`);
    this.node = this.swarm.world.node("10.0.2.1", { link: { upBytesPerSec: 100 * KIB } });
    this.#listen();
  }

  async begin(): Promise<void> {
    const { swarm } = this;
    await swarm.prepare([500 * KIB, 200 * KIB], 16 * KIB);
    await swarm.seed("10.0.1.1", { link: { upBytesPerSec: 150 * KIB } });
    const { infoHash } = parseTorrent(swarm.torrent.bytes, sha1);
    const link = formatMagnet({ infoHash, trackers: [TRACKER] });
    this.#source = this.dice.chance(0.5) ? link : swarm.torrent.bytes;
    this.#options = { seedGoal: { kind: "time", seconds: 4 } };
    this.#leech = await swarm.join(this.node, this.#options, STATE, this.#source);
    this.#follow(this.#torrent);
  }

  get #torrent(): Torrent {
    return this.#leech.torrent;
  }

  status() {
    const { state, error, peers, left } = this.#torrent.status();
    return { state, error, peers, left, trackers: this.#torrent.trackers() };
  }

  get #now(): string {
    return this.#torrent.status().state;
  }

  /** Announces of this torrent: none at rest but `stopped`, one `started` until then. */
  #listen(): void {
    const { http } = this.node, request = http.request.bind(http);
    http.request = async (asked) => {
      const event = /[?&]event=(\w+)/.exec(asked.url)?.[1] ?? "";
      if (event !== "stopped" && event !== "completed" && QUIET.includes(this.#now)) {
        this.#fail(`an announce while ${this.#now}`);
      }
      if (event === "started" && this.#isKnown) this.#fail("a second started");
      if (this.#silent) return await this.#silence(asked.signal);
      const answer = await request(asked);
      if (event === "started" && !asked.signal?.aborted) this.#isKnown = true;
      return answer;
    };
  }

  #silence(signal?: AbortSignal): Promise<never> {
    const { world } = this.swarm;
    return new Promise((_, reject) => {
      signal?.addEventListener("abort", () => reject(new NetError("closed", "given up")));
      world.at(world.now + 30_000, () => reject(new NetError("timeout", "no answer")));
    });
  }

  #follow(torrent: Torrent): void {
    this.#state = "added";
    this.#isKnown = false;
    void (async () => {
      for await (const event of this.#leech.client.events()) {
        if (event.type !== "state" || this.#torrent !== torrent) continue;
        const { state } = event;
        if (!EDGES[this.#state]!.includes(state)) this.#fail(`${this.#state} to ${state}`);
        this.visited.add(`${this.#state} ${state}`);
        this.#state = state;
        if (QUIET.includes(state)) this.#isKnown = false; // a silent tracker may not be told
      }
    })();
  }

  #fail(message: string): void {
    this.#failure ??= new Error(message);
  }

  check(): void {
    if (this.#failure !== null) throw this.#failure;
    const { ended } = this.#torrent;
    if (!this.#ended.has(ended)) {
      this.#ended.set(ended, false);
      ended.then(() => this.#ended.set(ended, true));
    }
    if (this.#ended.get(ended)) assert.ok(OVER.includes(this.#now), `ended, but ${this.#now}`);
  }

  async runFor(ms: number): Promise<void> {
    const { world } = this.swarm, until = world.now + ms;
    world.at(until, () => {});
    await this.swarm.run(() => {
      this.check();
      return world.now >= until;
    });
  }

  async step(): Promise<void> {
    const { dice, node } = this;
    if (dice.chance(0.03)) await this.#restart();
    const torrent = this.#torrent;
    const going: (() => Promise<unknown> | void)[] = [
      () => torrent.start(),
      () => torrent.start(),
      () => torrent.start(),
      () => torrent.stop(),
      () => torrent.pause(),
      () => torrent.pause(),
      () => this.#update({ uploadSlots: 1 + dice.below(9) }),
      () => this.#update({ files: { priorities: new Map([[dice.below(2), 0]]) } }),
      () => this.#update({ files: {} }),
      () => this.#update({ waitForDisk: dice.chance(0.5) }),
      () => this.#update({ seedGoal: { kind: "time", seconds: 1 + dice.below(9) } }),
      () => this.#update({ seedGoal: { kind: "none" } }),
      () => node.disk.failOn({ path: "/data", errno: "EIO", on: ["open", "read", "write"] }),
      () => node.disk.repair(),
      () => node.disk.repair(),
      () => void (this.#silent = !this.#silent),
      () => dice.chance(0.3) ? this.#addAgain() : undefined,
      () => torrent.recheck(),
      () =>
        this.#leech.client.update({ queue: { downloads: dice.below(2), seeds: dice.below(2) } }),
      () => this.#leech.client.update({ queue: { downloads: Infinity, seeds: Infinity } }),
      () => this.#update({ forceStart: dice.chance(0.3) }),
      () => torrent.rename(1, `folder/name ${dice.below(4)}`),
      () => this.#move(dice.pick(["/data", "/elsewhere"])),
    ];
    const doing = dice.pick(going)();
    doing?.catch(() => {}); // a disk may fail meanwhile
    if (dice.chance(0.3)) await this.swarm.world.wait(Promise.resolve(doing).catch(() => {}));
    await this.runFor(dice.below(dice.chance(0.5) ? 100 : 8000));
    this.check();
  }

  async #update(patch: TorrentPatch): Promise<void> {
    Object.assign(this.#options, patch);
    await this.#torrent.update(patch);
  }

  async #move(dir: string): Promise<void> {
    await this.#torrent.move(dir);
    this.moves++;
  }

  /** The client ends, and another one continues with what the state folder knows. */
  async #restart(): Promise<void> {
    const { world } = this.swarm, { client } = this.#leech;
    await world.wait(client.close());
    const next = await world.wait(
      Client.open(this.node, { port: 6881, dht: false, lsd: false, ...STATE }),
    );
    const [torrent] = await world.wait(next.restore());
    assert.ok(torrent !== undefined, "the torrent is known after a restart");
    Object.assign(this.#leech, { client: next, torrent });
    this.restarts++;
    this.#follow(torrent);
  }

  async #addAgain(): Promise<void> {
    const { client, torrent } = this.#leech, removing = client.remove(torrent.infoHash);
    await this.swarm.world.wait(removing);
    assert.equal(
      torrent.status().state === "stopped" || OVER.includes(torrent.status().state),
      true,
    );
    torrent.start();
    assert.ok(OVER.includes(torrent.status().state), "a removed torrent does not start");
    assert.equal(this.node.files.stat(this.#wishPath), null);
    this.#options = { seedGoal: { kind: "time", seconds: 4 } };
    this.#leech.torrent = client.add(this.#source, { dir: "/data", ...this.#options });
    this.#follow(this.#torrent);
  }

  get #wishPath(): string {
    return `/state/${this.#torrent.infoHash}.json`;
  }

  /** When nothing happened for a while. */
  async checkAtRest(): Promise<void> {
    const { ended } = this.#torrent, isOver = OVER.includes(this.#now);
    if (isOver) await this.swarm.world.wait(ended, 5000); // its trackers may be silent
    const state = this.#now;
    assert.equal(this.#ended.get(ended), isOver, `${state}, and ended is otherwise`);
    const wish = decodeWish(this.#read(this.#wishPath));
    if (state !== "stopped") assert.equal(wish.paused, state === "paused");
    for (const [name, value] of Object.entries(this.#options)) {
      const kept = wish.options[name as keyof AddOptions];
      assert.ok(isDeepStrictEqual(plain(kept), plain(value)), `${name}: ${plain(kept)}`);
    }
  }

  #read(path: string): Uint8Array {
    const file = this.node.files.open(path, "read");
    const bytes = new Uint8Array(this.node.files.stat(path)!.size);
    file.readAt(bytes, 0);
    file.close();
    return bytes;
  }

  /** From wherever it is, it can still be finished. */
  async finish(): Promise<void> {
    this.#silent = false;
    this.node.disk.repair();
    await this.swarm.world.wait(
      this.#leech.client.update({ queue: { downloads: Infinity, seeds: Infinity } }),
    );
    this.#torrent.start();
    const goal = { kind: "forever" } as const;
    await this.swarm.world.wait(this.#update({ files: {}, seedGoal: goal }));
    this.#torrent.start(); // it may have ended by its goal in between
    await this.swarm.run(() => {
      this.check();
      return this.#now === "seeding";
    }, 300_000);
    await this.swarm.world.wait(this.#torrent.move("/data"));
    await this.swarm.world.wait(this.#torrent.rename(1, "folder/sub1/file1"));
    this.swarm.assertHasAll(this.#leech);
    await this.swarm.close();
  }
}

function plain(value: unknown): string {
  return JSON.stringify(value, (_, one) => one instanceof Map ? [...one] : one) ?? "";
}

describe("a torrent, from every state to every other", () => {
  it(`keeps its counts, its wish and its promises in ${WALKS} walks`, TIMEOUT, async () => {
    const visited = new Set<string>();
    let moves = 0, restarts = 0;
    for (let seed = 0; seed < WALKS; seed++) {
      const walk = new Walk(seed);
      try {
        await walk.begin();
        for (let step = 0; step < STEPS; step++) {
          await walk.step();
          if (step % 10 !== 9) continue;
          await walk.runFor(15_000);
          await walk.checkAtRest();
        }
        await walk.finish();
      } catch (error) {
        const at = JSON.stringify(walk.status(), null, 1);
        throw new Error(`walk ${seed}: ${(error as Error).message} ${at}`, { cause: error });
      }
      for (const edge of walk.visited) visited.add(edge);
      moves += walk.moves;
      restarts += walk.restarts;
    }
    assert.ok(moves > 10 && restarts > 10, `${moves} moves, ${restarts} restarts`);
    const toQueued = [...visited].filter((edge) => edge.endsWith(" queued"));
    assert.ok(toQueued.length >= 3 && [...visited].some((edge) => edge.startsWith("queued ")));
    assert.ok(visited.size >= 30, `${visited.size} edges: ${[...visited].toSorted().join(", ")}`);
  });
});
