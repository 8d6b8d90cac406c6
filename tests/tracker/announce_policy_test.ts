import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Prng } from "../harness/prng.ts";
import {
  AnnouncePolicy,
  backoffMs,
  type PolicyOptions,
  type PolicyTracker,
} from "../../src/tracker/announce_policy.ts";

interface Named extends PolicyTracker {
  name: string;
}

const S = 1000;

/** Random numbers that leave a shuffle as it was: each position trades places with itself. */
const inOrder = { uint32: () => 0xffffffff - (0xffffffff % 232792560) - 1 };

function tracker(name: string, scheme: Named["scheme"] = "http", host = name): Named {
  return { name, scheme, host };
}

/** A policy over trackers called by one letter each, with a clock that the test moves. */
class World {
  readonly all = new Map<string, Named>();
  readonly policy: AnnouncePolicy<Named>;
  now = 1_000_000;

  constructor(tiers: string[], options: PolicyOptions = {}) {
    const named = tiers.map((tier) => [...tier].map((name) => tracker(name)));
    for (const one of named.flat()) this.all.set(one.name, one);
    this.policy = new AnnouncePolicy(named, inOrder, options);
  }

  /** Orders of this moment as "name" or "name:event". */
  tick(): string[] {
    return this.policy.tick(this.now).map(({ tracker, event }) =>
      event === null ? tracker.name : `${tracker.name}:${event}`
    );
  }

  answer(name: string, answer: { interval?: number; min?: number; peers?: number } = {}): void {
    this.policy.answered(this.all.get(name)!, this.now, {
      interval: answer.interval ?? null,
      minInterval: answer.min ?? null,
      peers: answer.peers ?? 50,
    }, true);
  }

  fail(name: string, retryInMs?: number): void {
    this.policy.failed(this.all.get(name)!, this.now, retryInMs);
  }

  /** Moves the clock to the next deadline and returns how many seconds that took. */
  sleep(): number {
    const at = this.policy.nextDeadline(this.now);
    assert.ok(at > this.now && at < Infinity, `the deadline is ${at - this.now} ms away`);
    const seconds = (at - this.now) / S;
    this.now = at;
    return seconds;
  }

  get order(): string {
    return this.policy.view(this.now).map(({ tracker }) => tracker.name).join("");
  }

  states(): Record<string, string> {
    const view = this.policy.view(this.now);
    return Object.fromEntries(view.map(({ tracker, state }) => [tracker.name, state]));
  }
}

describe("AnnouncePolicy order (BEP 12)", () => {
  it("starts with the first tracker of the first tier and stays with it while it works", () => {
    const world = new World(["ab", "c"]);
    assert.deepEqual(world.tick(), ["a:started"]);
    world.answer("a", { interval: 900 });
    assert.deepEqual(world.tick(), []);
    assert.equal(world.sleep(), 900);
    assert.deepEqual(world.tick(), ["a"]);
  });

  it("tries a whole tier before the next one", () => {
    const world = new World(["ab", "cd"]);
    const asked: string[] = [];
    for (let i = 0; i < 4; i++) {
      const [order] = world.tick();
      asked.push(order!);
      world.fail(order![0]!);
    }
    assert.deepEqual(asked, ["a:started", "b:started", "c:started", "d:started"]);
    assert.deepEqual(world.tick(), []);
  });

  it("moves a tracker that answers to the front of its tier, and of no other", () => {
    const world = new World(["abc", "de"]);
    world.tick();
    world.fail("a");
    world.tick();
    world.answer("b");
    assert.equal(world.order, "bacde");
    world.now += 1800 * S;
    // The back-off of a is over as well, but b comes first now.
    assert.deepEqual(world.tick(), ["b"]);
    world.fail("b");
    assert.deepEqual(world.tick(), ["a:started"]);
    world.fail("a");
    assert.deepEqual(world.tick(), ["c:started"]);
    world.answer("c");
    assert.equal(world.order, "cbade");
  });

  it("returns to an earlier tier after its back-off", () => {
    const world = new World(["a", "b"]);
    world.tick();
    world.fail("a");
    world.tick();
    world.answer("b");
    assert.equal(world.sleep(), 17);
    assert.deepEqual(world.tick(), ["a:started"]);
    world.answer("a", { interval: 900 });
    assert.equal(world.sleep(), 900);
    assert.deepEqual(world.tick(), ["a"]);
    assert.deepEqual(world.states(), { a: "announcing", b: "working" });
  });

  it("shuffles each tier, by the given random numbers", () => {
    const letters = [..."abcdefgh"].map((name) => tracker(name));
    const orderOf = (seed: number) =>
      new AnnouncePolicy([letters, [tracker("z")]], new Prng(seed)).view(0)
        .map((view) => view.tracker.name).join("");
    const orders = new Set(Array.from({ length: 20 }, (_, seed) => orderOf(seed)));
    assert.ok(orders.size > 10, `${orders.size} orders`);
    for (const order of orders) assert.match(order, /^[a-h]{8}z$/);
    assert.equal(orderOf(3), orderOf(3));
  });

  it("puts a UDP tracker before the HTTP one of the same host, also across tiers", () => {
    const tiers = [[tracker("web", "https", "x")], [tracker("other")], [
      tracker("udp", "udp", "x"),
    ]];
    const policy = new AnnouncePolicy(tiers, inOrder);
    assert.deepEqual(policy.view(0).map((view) => [view.tracker.name, view.tier]), [
      ["udp", 0],
      ["other", 1],
      ["web", 2],
    ]);
  });
});

describe("AnnouncePolicy patience", () => {
  it("asks all later tiers when the first does not answer for half a second", () => {
    const world = new World(["a", "b", "c"]);
    assert.deepEqual(world.tick(), ["a:started"]);
    assert.deepEqual(world.tick(), []);
    assert.equal(world.sleep(), 0.5);
    assert.deepEqual(world.tick(), ["b:started", "c:started"]);
    world.fail("c");
    world.answer("b");
    assert.deepEqual(world.tick(), []);
    world.now += 60 * S;
    assert.deepEqual(world.tick(), [], "c stays in reserve");
    world.fail("a");
    assert.equal(world.sleep(), 17);
    assert.deepEqual(world.tick(), ["a:started"]);
  });

  it("waits two seconds for a tracker that answered before", () => {
    const world = new World(["a", "b"]);
    world.tick();
    world.answer("a", { interval: 900, peers: 40 });
    assert.equal(world.sleep(), 900);
    assert.deepEqual(world.tick(), ["a"]);
    assert.equal(world.sleep(), 2);
    assert.deepEqual(world.tick(), ["b:started"]);
  });

  it("asks the trackers of a tier in order, half a second apart while they are silent", () => {
    const world = new World(["abcd"]);
    const log: [number, string[]][] = [];
    const start = world.now;
    while (world.now < start + 5 * S) {
      const asked = world.tick();
      if (asked.length > 0) log.push([(world.now - start) / S, asked]);
      const at = world.policy.nextDeadline(world.now);
      if (at === Infinity) break;
      world.now = at;
    }
    assert.deepEqual(log, [
      [0, ["a:started"]],
      [0.5, ["b:started"]],
      [1, ["c:started"]],
      [1.5, ["d:started"]],
    ]);
  });

  it("asks unrelated trackers at once, and stays with each of them", () => {
    const world = new World(["a", "bc", "d"], { independentTiers: true });
    assert.deepEqual(world.tick(), ["a:started", "b:started", "d:started"]);
    world.answer("a", { interval: 900 });
    world.answer("d", { interval: 600 });
    world.fail("b");
    assert.deepEqual(world.tick(), ["c:started"], "in its tier the order holds");
    world.answer("c", { interval: 900, peers: 40 });
    world.fail("b");
    world.now += 900 * S;
    assert.deepEqual(new Set(world.tick()), new Set(["a", "c", "d"]));
  });

  it("asks a host by one protocol of several in a list of unrelated trackers", () => {
    const tiers = ["https x", "http y", "udp x", "http x", "http x"].map((text, i) => {
      const [scheme, host] = text.split(" ") as [Named["scheme"], string];
      return [tracker(`${scheme}${i}`, scheme, host)];
    });
    const policy = new AnnouncePolicy(tiers, inOrder, { independentTiers: true });
    const asked = policy.tick(0).map((order) => order.tracker.name);
    assert.deepEqual(asked, ["udp2", "http1", "http4"]);
  });

  it("has ten announces in progress at most, not counting those older than four seconds", () => {
    const world = new World([..."abcdefghijklmnopqrstuvwxyz"], { independentTiers: true });
    const counts: [number, number][] = [], start = world.now;
    while (world.now < start + 60 * S) {
      counts.push([(world.now - start) / S, world.tick().length]);
      const at = world.policy.nextDeadline(world.now);
      if (at === Infinity) break;
      world.now = at;
    }
    const asked = counts.filter(([, count]) => count > 0);
    assert.deepEqual(asked, [[0, 10], [4, 10], [8, 6]]);
    world.fail("a");
    world.answer("b");
    assert.deepEqual(world.tick(), []);
  });

  it("an answer makes room for the next of many trackers", () => {
    const world = new World([..."abcdefghijkl"], { independentTiers: true });
    assert.equal(world.tick().length, 10);
    world.answer("c");
    assert.deepEqual(world.tick(), ["k:started"]);
    world.fail("d");
    assert.deepEqual(world.tick(), ["l:started"]);
  });

  it("asks one tracker at a time for a private torrent (BEP 27)", () => {
    const tiers = new World(["a", "b", "c"], { oneAtATime: true, independentTiers: true });
    assert.deepEqual(tiers.tick(), ["a:started"]);
    tiers.fail("a");
    assert.deepEqual(tiers.tick(), ["b:started"]);
    tiers.now += 10 * S;
    assert.deepEqual(tiers.tick(), [], "c has to wait for b");
    tiers.answer("b", { interval: 900, peers: 0 });
    tiers.now += 10 * S;
    assert.deepEqual(tiers.tick(), ["a:started"]);
    tiers.answer("a");
    assert.deepEqual(tiers.tick(), []);

    const world = new World(["ab"], { oneAtATime: true });
    assert.deepEqual(world.tick(), ["a:started"]);
    assert.equal(world.policy.nextDeadline(world.now), Infinity);
    world.now += 40 * S;
    assert.deepEqual(world.tick(), []);
    world.fail("a");
    assert.deepEqual(world.tick(), ["b:started"]);
    world.answer("b", { peers: 0 });
    world.policy.hurry();
    assert.deepEqual(world.tick(), []);
  });

  it("counts as failing when every tracker has failed or stays silent", () => {
    const world = new World(["ab"]);
    assert.equal(world.policy.failing(world.now), false);
    world.tick();
    world.fail("a");
    assert.equal(world.policy.failing(world.now), false);
    world.tick();
    world.now += 16 * S;
    assert.equal(world.policy.failing(world.now), true, "b is silent");
    world.answer("b");
    assert.equal(world.policy.failing(world.now), false);
    assert.equal(new World([]).policy.failing(0), false);
  });
});

describe("AnnouncePolicy back-off", () => {
  it("backoffMs grows as libtorrent's does, to an hour", () => {
    assert.deepEqual([1, 2, 3, 10, 17, 18, 1e6].map((fails) => backoffMs(fails) / S), [
      17,
      55,
      117,
      1255,
      3600,
      3600,
      3600,
    ]);
  });

  it("waits longer with each failure in a row and starts over after an answer", () => {
    const world = new World(["a"]);
    for (const wait of [17, 55, 117, 205]) {
      assert.deepEqual(world.tick(), ["a:started"]);
      world.fail("a");
      assert.deepEqual(world.tick(), []);
      assert.equal(world.sleep(), wait);
    }
    world.tick();
    world.answer("a", { interval: 100 });
    world.sleep();
    assert.deepEqual(world.tick(), ["a"]);
    world.fail("a");
    assert.equal(world.sleep(), 17);
  });

  it("honours retry in if it is longer, and never for ever (BEP 31)", () => {
    const world = new World(["ab"]);
    world.tick();
    world.fail("a", 300 * S);
    world.tick();
    world.fail("b", Infinity);
    assert.equal(world.sleep(), 300);
    assert.deepEqual(world.states(), { a: "failing", b: "disabled" });
    assert.deepEqual(world.tick(), ["a:started"]);
    world.fail("a", 5 * S);
    assert.equal(world.sleep(), 55);
    world.tick();
    world.fail("a", Infinity);
    assert.equal(world.policy.nextDeadline(world.now), Infinity);
    assert.equal(world.policy.failing(world.now), true);
  });
});

describe("AnnouncePolicy intervals", () => {
  function waitAfter(answer: { interval?: number; min?: number; peers?: number }): number {
    const world = new World(["a"]);
    world.tick();
    world.answer("a", answer);
    return world.sleep();
  }

  it("uses half an hour if the tracker gives no interval, and bounds what it gives", () => {
    assert.equal(waitAfter({}), 1800);
    assert.equal(waitAfter({ interval: 0 }), 60);
    assert.equal(waitAfter({ interval: 59 }), 60);
    assert.equal(waitAfter({ interval: 1e9 }), 86400);
  });

  it("never announces below the min interval", () => {
    assert.equal(waitAfter({ interval: 60, min: 400 }), 400);
    assert.equal(waitAfter({ interval: 60, min: 1e9 }), 86400);
  });

  it("announces sooner while the tracker returns no peers, a little later each time", () => {
    const world = new World(["a"]);
    const waits: number[] = [];
    for (let i = 0; i < 6; i++) {
      world.tick();
      world.answer("a", { interval: 600, min: 60, peers: 1 });
      waits.push(world.sleep());
    }
    assert.deepEqual(waits, [60, 120, 240, 480, 600, 600]);
    world.tick();
    world.answer("a", { interval: 600, min: 60, peers: 2 });
    assert.equal(world.sleep(), 600);
    world.tick();
    world.answer("a", { interval: 600, min: 60, peers: 0 });
    assert.equal(world.sleep(), 60);
  });

  it("hurry announces as soon as the min interval allows", () => {
    const world = new World(["a"]);
    world.tick();
    world.answer("a", { interval: 1800, min: 120 });
    world.now += 50 * S;
    world.policy.hurry();
    world.policy.hurry();
    assert.deepEqual(world.tick(), []);
    assert.equal(world.sleep(), 70);
    assert.deepEqual(world.tick(), ["a"]);
    world.answer("a", { interval: 1800, min: 120 });
    world.now += 500 * S;
    world.policy.hurry();
    assert.deepEqual(world.tick(), ["a"], "the min interval is long over");
  });

  it("keeps the interval if the tracker has no min interval, however few the peers", () => {
    const world = new World(["a"]);
    for (let i = 0; i < 3; i++) {
      world.tick();
      world.answer("a", { interval: 1800, peers: 0 });
      world.policy.hurry();
      assert.equal(world.sleep(), 1800);
    }
    assert.equal(waitAfter({ peers: 0 }), 1800);
  });

  it("hurry also asks the trackers in reserve", () => {
    const world = new World(["a", "b"]);
    world.tick();
    world.answer("a");
    assert.deepEqual(world.tick(), []);
    world.policy.hurry();
    assert.deepEqual(world.tick(), ["b:started"]);
  });

  it("hurry does not cut a back-off short", () => {
    const world = new World(["a"]);
    world.tick();
    world.fail("a");
    world.policy.hurry();
    assert.equal(world.sleep(), 17);
  });

  it("asks the next tracker if one returns no peers, and stops when one does", () => {
    const world = new World(["a", "b", "c"]);
    world.tick();
    world.answer("a", { peers: 0 });
    assert.deepEqual(world.tick(), ["b:started", "c:started"]);
    world.answer("b", { peers: 30 });
    assert.deepEqual(world.tick(), []);
  });

  it("is content with few peers when none are wanted", () => {
    const world = new World(["a", "b"]);
    world.tick();
    const answer = { interval: null, minInterval: null, peers: 0 };
    world.policy.answered(world.all.get("a")!, world.now, answer, false);
    assert.deepEqual(world.tick(), []);
    assert.equal(world.sleep(), 1800);
  });
});

describe("AnnouncePolicy events", () => {
  it("repeats started until it is answered", () => {
    const world = new World(["a"]);
    assert.deepEqual(world.tick(), ["a:started"]);
    world.fail("a");
    world.sleep();
    assert.deepEqual(world.tick(), ["a:started"]);
    world.answer("a");
    world.sleep();
    assert.deepEqual(world.tick(), ["a"]);
  });

  it("sends completed at once, and once, to every tracker that saw started", () => {
    const world = new World(["a", "b", "c"]);
    world.tick();
    world.answer("a", { peers: 0 });
    world.tick();
    world.answer("b");
    world.policy.completed(world.now);
    world.policy.completed(world.now);
    assert.deepEqual(world.tick().sort(), ["a:completed", "b:completed"]);
    world.answer("a");
    world.answer("b");
    world.policy.completed(world.now);
    assert.deepEqual(world.tick(), []);
    world.sleep();
    assert.deepEqual(world.tick(), ["a"]);
  });

  it("repeats completed to a tracker that did not take it", () => {
    const world = new World(["a"]);
    world.tick();
    world.answer("a");
    world.policy.completed(world.now);
    assert.deepEqual(world.tick(), ["a:completed"]);
    world.fail("a");
    assert.equal(world.sleep(), 17);
    assert.deepEqual(world.tick(), ["a:completed"]);
    world.answer("a");
    world.sleep();
    assert.deepEqual(world.tick(), ["a"]);
  });

  it("sends completed after a started that was under way, and not if that failed", () => {
    const world = new World(["a"]);
    world.tick();
    world.policy.completed(world.now);
    assert.deepEqual(world.tick(), []);
    world.answer("a");
    assert.deepEqual(world.tick(), ["a:completed"]);

    const other = new World(["a"]);
    other.tick();
    other.policy.completed(other.now);
    other.fail("a");
    other.sleep();
    assert.deepEqual(other.tick(), ["a:started"]);
    other.answer("a");
    assert.deepEqual(other.tick(), []);
  });

  it("sends no completed for a torrent that was complete when it started", () => {
    const world = new World(["a"]);
    world.policy.completed(world.now);
    assert.deepEqual(world.tick(), ["a:started"]);
    world.answer("a");
    world.sleep();
    assert.deepEqual(world.tick(), ["a"]);
  });

  it("stop names the trackers that saw started or are asked just now, once, and ends everything", () => {
    const world = new World(["a", "b", "c"]);
    world.tick();
    world.fail("a");
    world.tick();
    world.answer("b", { peers: 0 });
    assert.deepEqual(world.tick(), []);
    assert.deepEqual(world.policy.stop().map(({ name }) => name), ["b", "c"]);
    assert.deepEqual(world.policy.stop(), []);
    world.now += 1e9;
    assert.deepEqual(world.tick(), []);
    assert.equal(world.policy.nextDeadline(world.now), Infinity);
  });
});

describe("AnnouncePolicy view", () => {
  it("reports the time of the next announce, and null for trackers in reserve", () => {
    const world = new World(["a", "b", "c"]);
    const plan = () =>
      world.policy.view(world.now).map(({ tracker, state, nextAt }) =>
        [tracker.name, state, nextAt === null ? null : (nextAt - world.now) / S] as const
      );
    assert.deepEqual(plan()[0], ["a", "waiting", 0]);
    world.tick();
    assert.deepEqual(plan()[0], ["a", "announcing", null]);
    world.fail("a");
    world.tick();
    world.answer("b", { interval: 900 });
    world.fail("c");
    assert.deepEqual(plan(), [["a", "failing", 17], ["b", "working", 900], ["c", "failing", null]]);
  });

  it("continues for days without a gap or a burst, whatever trackers answer", () => {
    for (let seed = 0; seed < 20; seed++) {
      const random = new Prng(seed);
      const world = new World(["ab", "c"]);
      const lastAt = new Map<string, number>();
      let announces = 0;
      const end = world.now + 3 * 86400 * S;
      while (world.now < end) {
        for (let orders = world.tick(); orders.length > 0; orders = world.tick()) {
          assert.equal(orders.length, 1);
          const order = orders[0]!;
          const name = order[0]!;
          const gap = world.now - (lastAt.get(name) ?? -Infinity);
          assert.ok(gap >= 17 * S, `${name} after ${gap} ms, seed ${seed}`);
          lastAt.set(name, world.now);
          announces++;
          world.now += random.uint32() % 3000;
          if (random.uint32() % 3 === 0) world.fail(name);
          else world.answer(name, { peers: random.uint32() % 4 });
        }
        world.sleep();
      }
      const perHour = announces / 72;
      assert.ok(perHour > 1 && perHour < 120, `${perHour} announces an hour, seed ${seed}`);
    }
  });
});
