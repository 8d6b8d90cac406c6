/**
 * A week of a client with many torrents: the queue, weekly hours with other limits, goals, a disk that
 * becomes full and is emptied, moves in the queue, pauses, restarts and kills. What must always hold is
 * checked on the way.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ClientOptions, TorrentStatus } from "../../src/client/types.ts";
import { Prng } from "../harness/prng.ts";
import { KIB, ManyTorrents } from "../harness/many_torrents.ts";

const HOUR = 3_600_000, CHECK_EVERY = 100, LEAST = 3000 * KIB;
/** Hours in which more torrents come; the disk is full in the first one. */
const ADDED_AT = [31, 55, 80];
const OPTIONS: ClientOptions = {
  stateDir: "/state",
  queue: { downloads: 2, seeds: 2, stalledSeconds: 1800 },
  minFreeSpace: LEAST,
  alternative: {
    limits: {}, // real ones would need a timer each 25 ms of the week
    schedule: [{ days: [1, 2, 3, 4, 5], from: "08:00", to: "18:00" }],
  },
  labels: { short: { seedGoal: { kind: "time", seconds: 6 * 3600 }, atGoal: "stop" } },
};

class Week {
  readonly many: ManyTorrents;
  readonly dice: Prng;
  /** What was seen, so that the week is not an empty one. */
  readonly seen = new Set<string>();
  /** By name: done torrents, which stay so. */
  readonly done = new Set<string>();
  #order = "";
  /** When the queue last had a reason to decide: its limits hold two seconds later. */
  #changedAt = 0;
  #states = "";
  #events = 0;

  constructor(seed: number) {
    this.many = new ManyTorrents(seed, OPTIONS, { upBytesPerSec: 4 * KIB });
    this.dice = new Prng(`week ${seed}`);
  }

  async run(): Promise<void> {
    const { many } = this;
    await many.open();
    for (let at = 0; at < 5; at++) this.#add(at);
    this.#order = many.order;
    for (let hour = 0; hour < 7 * 24; hour++) {
      await this.#step(hour);
      await this.#runFor(HOUR);
    }
    many.node.disk.capacity = Infinity;
    await this.#runFor(HOUR);
    await many.close();
  }

  #add(at: number): void {
    const goal = this.dice.chance(0.5) ? { labels: ["short"] } : {};
    const { bytes } = this.many.make("abcdefgh"[at]!, (20 + this.dice.below(600)) * KIB);
    this.#changedAt = this.many.world.now;
    this.many.client.add(bytes, {
      dir: "/data",
      peers: ["10.0.1.1:6881"],
      ...goal,
      ...goal.labels ? {} : { seedGoal: { kind: "ratio", ratio: 1 } },
    });
  }

  async #step(hour: number): Promise<void> {
    const { many, dice } = this, { disk } = many.node;
    if (hour === 30) disk.capacity = disk.used + LEAST / 2;
    const added = ADDED_AT.indexOf(hour);
    if (added >= 0) {
      this.#add(5 + added);
      this.#order = many.order;
    }
    if (hour === 40) disk.capacity = disk.used + LEAST * 4;
    if (hour % 24 === 12) await (dice.chance(0.5) ? many.kill() : many.restart());
    const torrent = dice.pick(many.client.torrents()), { name, state } = torrent.status();
    this.#changedAt = many.world.now;
    if (dice.chance(0.2)) await many.world.wait(torrent.pause());
    else if (state === "paused" || dice.chance(0.1)) {
      this.done.delete(name);
      torrent.start();
    }
    if (dice.chance(0.2)) {
      many.client.queue.move(
        [torrent.infoHash],
        dice.pick(["top", "up", "down", "bottom"] as const),
      );
      this.#order = many.order;
      await many.world.runFor(1000); // the order is on the disk
    }
    if (dice.chance(0.05)) await many.world.wait(torrent.update({ forceStart: dice.chance(0.5) }));
    assert.equal(many.order, this.#order, "a restart and a kill keep the order");
  }

  async #runFor(ms: number): Promise<void> {
    const { many } = this, until = many.world.now + ms;
    many.world.at(until, () => {});
    await many.world.run(() => {
      if (++this.#events % CHECK_EVERY === 0) {
        many.check();
        this.#check();
      }
      return many.world.now >= until;
    });
  }

  #check(): void {
    const { many } = this, now = many.world.now;
    const all = many.client.torrents().map((torrent) => ({
      status: torrent.status(),
      forced: torrent.options.forceStart ?? false,
    }));
    const states = all.map(({ status }) => status.state).join();
    if (states !== this.#states) this.#changedAt = now;
    this.#states = states;
    for (const { status } of all) this.#checkOne(status);
    if (now - this.#changedAt < 5000) return;
    for (const [state, most] of [["downloading", 2], ["seeding", 2]] as const) {
      const counted = all.filter(({ status, forced }) => status.state === state && !forced);
      if (counted.length > most) this.seen.add(`more ${state} than ${most}: some are stalled`);
      const waits = all.some(({ status }) => {
        return status.state === "queued" && (status.left === 0) === (state === "seeding");
      });
      if (waits) assert.ok(counted.length >= most, `a free turn: ${states}`);
    }
  }

  #checkOne({ name, state, error, goalReached, left, have }: TorrentStatus): void {
    this.seen.add(state);
    if (error !== null) this.seen.add(error.code);
    assert.notEqual(state, "failed", error?.message ?? "");
    if (state === "done") {
      assert.ok(goalReached && left === 0 && have > 0, `${name} is done`);
      this.done.add(name);
    } else if (this.done.has(name)) {
      assert.equal(state, "checking", `${name} was done, and nobody started it`);
    }
    const on = this.many.client.alternativeOn;
    this.seen.add(on ? "alternative" : "usual");
  }
}

describe("a week", () => {
  it(
    "of queue, hours, goals and disk trouble holds its promises",
    { timeout: 120_000 },
    async () => {
      for (let seed = 0; seed < 1; seed++) {
        const week = new Week(seed);
        await week.run();
        const expected = [
          "queued",
          "downloading",
          "seeding",
          "done",
          "paused",
          "waiting",
          "disk-low",
        ];
        for (const each of [...expected, "alternative", "usual"]) {
          assert.ok(week.seen.has(each), `${each} of ${[...week.seen]} in week ${seed}`);
        }
      }
    },
  );
});
