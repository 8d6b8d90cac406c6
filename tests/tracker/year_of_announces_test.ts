/** A year of announces in virtual time: none comes sooner than a tracker allows, and none stops. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { liveMemory } from "../harness/live_memory.ts";
import { Prng } from "../harness/prng.ts";
import type { HttpRequest, HttpResponse } from "../../src/platform/types.ts";
import { NetError } from "../../src/util/errors.ts";
import { TrackerManager } from "../../src/tracker/tracker_manager.ts";
import { FakeClock, FakeDatagrams, text } from "./tracker_fakes.ts";
import { INFO_HASH, PEER_ID } from "./tracker_requests.ts";

const HOUR = 3600, DAY = 24 * HOUR, YEAR = 365 * DAY;
/** Seconds: a longer wait is not believed, and an announce that waits for longer is an end. */
const LONGEST_WAIT = DAY, LONGEST_SILENCE = 2.5 * DAY;

/** Trackers of every mood behind one fake of HTTP, each of which knows when it may be asked again. */
class Trackers {
  readonly clock = new FakeClock();
  readonly dice: Prng;
  /** By address, in milliseconds: when it may be asked again; absent: it was never answered. */
  readonly #allowedAt = new Map<string, number>();
  readonly lastAt = new Map<string, number>();
  announces = 0;
  early = 0;
  /** How often each mood was met. */
  readonly moods = new Map<string, number>();
  /** The network is gone, as on a train. */
  offline = false;

  constructor(seed: number) {
    this.dice = new Prng(seed);
  }

  below(bound: number): number {
    return this.dice.uint32() % bound;
  }

  request(request: HttpRequest): Promise<HttpResponse> {
    const address = request.address!, now = this.clock.now();
    const { host, searchParams } = new URL(request.url);
    const event = searchParams.get("event");
    this.announces++;
    this.lastAt.set(host, now);
    const allowedAt = this.#allowedAt.get(address);
    // Events are told when they happen, and "started" is the first word to an address.
    const isEvent = event === "completed" || event === "stopped";
    if (!isEvent && allowedAt !== undefined && now < allowedAt) this.early++;
    return this.#answer(address, request.signal!);
  }

  #answer(address: string, signal: AbortSignal): Promise<HttpResponse> {
    const mood = this.offline ? "offline" : [
      "good",
      "good",
      "good",
      "good",
      "strict",
      "refuses",
      "silent",
      "broken",
      "odd",
    ][this.below(9)]!;
    this.moods.set(mood, (this.moods.get(mood) ?? 0) + 1);
    return new Promise((resolve, reject) => {
      const end = () => reject(new NetError("aborted", "It was called off"));
      signal.addEventListener("abort", end);
      const after = (seconds: number, fn: () => void) => {
        this.clock.after(seconds * 1000, () => {
          signal.removeEventListener("abort", end);
          if (!signal.aborted) fn();
        });
      };
      if (mood === "offline") return after(0, () => reject(new NetError("unreachable", "Offline")));
      if (mood === "silent") return after(30, () => reject(new NetError("timeout", "Silent")));
      if (mood === "broken") return after(1, () => reject(new NetError("reset", "Broken")));
      const { body, waitS } = this.#words(mood);
      after(this.below(4000) / 1000, () => {
        const wait = Math.min(waitS, LONGEST_WAIT) * 1000;
        this.#allowedAt.set(address, this.clock.now() + wait);
        resolve({ status: 200, headers: {}, body: text(body) });
      });
    });
  }

  /** An answer in bencode and the seconds that it demands. */
  #words(mood: string): { body: string; waitS: number } {
    const interval = 60 + this.below(2 * HOUR), peers = `5:peers${6 * this.below(4)}:`;
    const list = `${peers}${"\x01".repeat(Number(/\d+(?=:$)/.exec(peers)![0]))}`;
    const least = 30 + this.below(interval);
    switch (mood) {
      case "good":
        return { body: `d8:intervali${interval}e${list}e`, waitS: interval };
      case "strict":
        return {
          body: `d8:intervali${interval}e12:min intervali${least}e${list}e`,
          waitS: least,
        };
      case "refuses":
        return this.below(2) === 0
          ? { body: `d14:failure reason4:soon8:intervali${interval}ee`, waitS: interval }
          : { body: "d14:failure reason4:soon8:retry ini7ee", waitS: 7 * 60 };
      default:
        return { body: `d8:intervali${this.below(2) * 1e12}e${list}e`, waitS: 0 };
    }
  }
}

/** A torrent on a laptop that sleeps, travels and has its clock set. */
async function live(
  seed: number,
  { announces, count }: { announces: number; count: number },
): Promise<{ trackers: Trackers; seconds: number; memory: number[] }> {
  const memory: number[] = [];
  const trackers = new Trackers(seed), { clock, dice } = trackers;
  let isDual = false, port = 6881;
  const manager = new TrackerManager(
    {
      clock,
      random: dice,
      http: trackers,
      datagrams: new FakeDatagrams(),
      lookup: (host) =>
        Promise.resolve([`8.8.8.${host[0]}`, ...isDual ? [`2001:db8::${host[0]}`] : []]),
    },
    {
      infoHash: INFO_HASH,
      peerId: PEER_ID,
      key: 7,
      independentTiers: seed % 2 === 0,
      listenPort: () => port,
      totals: () => ({ uploaded: 0, downloaded: 0, left: 0 }),
      numWant: () => 50,
      needsPeers: () => seed % 3 === 0,
      isPartialSeed: () => false,
    },
    Array.from({ length: count }, (_, i) => [`http://${i + 1}.test/announce`]),
    {
      onPeers: () => {},
      onAnnounce: () => {},
    },
  );
  manager.start();
  const start = clock.now(), marks = [announces / 5, announces];
  while (trackers.announces < announces) {
    await clock.pass(trackers.below(2 * HOUR));
    const chance = trackers.below(100);
    if (chance < 10) trackers.offline = !trackers.offline;
    else if (chance < 20) isDual = !isDual;
    else if (chance < 25) port = 1024 + trackers.below(60_000);
    else if (chance < 30) clock.wallAheadMs += (trackers.below(48) - 24) * HOUR * 1000;
    else if (chance < 40) {
      // Some systems count sleep in the monotonic clock, others do not.
      if (trackers.below(2) === 0) clock.stall(trackers.below(12 * HOUR));
      else clock.wallAheadMs += trackers.below(12 * HOUR) * 1000;
      manager.startOver();
    } else if (chance < 60) manager.announceNow();
    const latest = Math.max(...trackers.lastAt.values());
    assert.ok(clock.now() - latest < LONGEST_SILENCE * 1000, `silence, seed ${seed}`);
    if (trackers.announces >= marks[0]!) {
      marks.shift();
      memory.push(await liveMemory());
    }
  }
  assert.equal(trackers.early, 0, `seed ${seed}`);
  assert.ok(clock.pending < 50, `${clock.pending} timers`);
  const seconds = (clock.now() - start) / 1000;
  await Promise.all([manager.stop(3000), clock.pass(5)]);
  return { trackers, seconds, memory };
}

describe("a year of announces", { timeout: 120_000 }, () => {
  it("never comes sooner than a tracker allows, and never ends, whatever happens", async () => {
    const moods = new Set<string>();
    for (let seed = 1; seed <= 8; seed++) {
      const { trackers } = await live(seed, { announces: 1500, count: 6 });
      for (const mood of trackers.moods.keys()) moods.add(mood);
    }
    assert.equal(moods.size, 7, "every mood was met");
  });

  it("of fifty thousand keeps no memory", async () => {
    const { memory, seconds } = await live(5, { announces: 50_000, count: 3 });
    const [early, late] = memory;
    assert.ok(seconds > YEAR, `${seconds / DAY} days`);
    assert.ok(late! - early! < 1e6, `${late! - early!} bytes more after 40,000 announces`);
  });
});
