import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Choker, type ChokerPeer } from "../../src/swarm/choker.ts";
import { HandRandom } from "../harness/random.ts";

class Peer implements ChokerPeer {
  upload = { length: 0 };
  choking = true;
  peerInterested = true;
  snubbed = false;
  stuck = false;
  down = { rate: 0, total: 0 };
  up = { rate: 0, total: 0 };
  connectedAt = 0;
  have = { count: 0 };
  unchokedAt = 0;
  unchokes = 0;
  /** Requests something when it has its turn. */
  asks = true;

  constructor(readonly name: string, rate = 0) {
    this.down.rate = rate;
  }

  setChoking(choking: boolean, now: number): void {
    if (this.choking === choking) return;
    this.choking = choking;
    this.unchokedAt = now;
    if (!choking) this.unchokes++;
  }

  wastesTurns(now: number, busy: boolean): boolean {
    return !this.asks && now - this.unchokedAt >= (busy ? 5000 : 2000);
  }
}

/** `count` interested peers; the rate of peer i is i. */
const someone = (count: number) => Array.from({ length: count }, (_, i) => new Peer(`p${i}`, i));
const served = (peers: Peer[]) => peers.filter((peer) => !peer.choking);
const names = (peers: Peer[]) => peers.map((peer) => peer.name).sort();

/** Lets `ms` pass: each second the served take something and everybody gives at their rate. */
function live(choker: Choker<Peer>, peers: Peer[], from: number, ms: number, seeding: boolean) {
  for (let now = from; now < from + ms; now += 1000) {
    choker.tick(peers, seeding, now);
    for (const peer of peers) {
      peer.down.total += peer.down.rate;
      if (!peer.choking) peer.up.total += 1000;
    }
  }
}

describe("Choker: a low upload limit", () => {
  /** Seconds until each of `count` peers was unchoked, if the limit carries `carried` of them. */
  function firstTurns(count: number, carried: number): number[] {
    const choker = new Choker<Peer>(new HandRandom(7)), peers = someone(count);
    choker.carried = carried;
    const since = peers.map(() => -1);
    choker.useFreeSlots(peers, true, 0);
    for (let now = 0; now < 200_000; now += 1000) {
      choker.tick(peers, true, now);
      peers.forEach((peer, i) => {
        if (peer.choking) return;
        peer.up.total += 1000;
        peer.upload.length = 1;
        if (since[i]! < 0) since[i] = now / 1000;
      });
    }
    assert.ok(served(peers).length <= carried, "no more than the limit carries");
    return since;
  }

  it("makes a seed's turns short if more peers wait than it carries", () => {
    const seconds = firstTurns(12, 4);
    assert.ok(seconds.every((at) => at >= 0 && at <= 12), `${seconds}`);
  });

  it("keeps a peer in turn that still waits for its first block", () => {
    const choker = new Choker<Peer>(new HandRandom(7)), peers = someone(12);
    choker.carried = 4;
    for (let now = 0; now < 10_000; now += 1000) {
      choker.tick(peers, true, now);
      for (const peer of served(peers)) peer.upload.length = 1;
    }
    assert.deepEqual(peers.map(({ unchokes }) => unchokes).filter((times) => times > 0), [
      1,
      1,
      1,
      1,
    ]);
  });
});

describe("Choker: its three functions", () => {
  it("test_optimistic_unchoke: one at random, another every 30 s, new peers three times as likely", () => {
    let fresh = 0, picks = 0;
    for (let seed = 0; seed < 400; seed++) {
      const choker = new Choker<Peer>(new HandRandom(seed), 0), peers = someone(8);
      for (const peer of peers.slice(4)) peer.connectedAt = 1_000_000;
      choker.tick(peers, false, 1_000_000);
      const [chosen, ...more] = served(peers);
      assert.equal(more.length, 0);
      picks++;
      if (chosen!.connectedAt > 0) fresh++;
    }
    // Four old and four new ones: 3 of 4 by weight; the bounds are five deviations wide.
    assert.ok(fresh > 0.64 * picks && fresh < 0.86 * picks, `${fresh} of ${picks}`);
    const choker = new Choker<Peer>(new HandRandom(1), 0), peers = someone(5);
    choker.tick(peers, false, 0);
    const first = served(peers)[0]!;
    for (const now of [10_000, 20_000]) choker.tick(peers, false, now);
    assert.equal(first.choking, false);
    choker.tick(peers, false, 30_000);
    assert.equal(first.choking, true);
    assert.equal(served(peers).length, 1);
  });

  it("test_round_robin: a seed serves every peer in turn, for the same time each, the neediest first", () => {
    const choker = new Choker<Peer>(new HandRandom(2), 4), peers = someone(20);
    peers.forEach((peer, i) => peer.have.count = i);
    choker.tick(peers, true, 0);
    for (const peer of peers.slice(0, 4)) {
      assert.equal(peer.choking, false, `${peer.name} has least`);
    }
    live(choker, peers, 1000, 1_800_000, true);
    const taken = peers.map((peer) => peer.up.total);
    assert.ok(Math.min(...taken) > 0.7 * Math.max(...taken), `${taken}`);
  });

  it("test_periodic_rechoke: every 10 s the four that uploaded most in the last 20 s", () => {
    const choker = new Choker<Peer>(new HandRandom(3)), peers = someone(12);
    live(choker, peers, 0, 20_000, false);
    choker.tick(peers, false, 20_000);
    for (const name of ["p8", "p9", "p10", "p11"]) assert.ok(names(served(peers)).includes(name));
    assert.equal(served(peers).length, 5);
    // The best ones stop giving, though an average over a moment may not show it yet.
    for (const peer of peers.slice(8)) peer.down.rate = 0;
    live(choker, peers, 20_000, 30_000, false);
    choker.tick(peers, false, 50_000);
    for (const name of ["p4", "p5", "p6", "p7"]) assert.ok(names(served(peers)).includes(name));
    const before = names(served(peers));
    peers[0]!.down.total += 1e9;
    choker.tick(peers, false, 59_999);
    assert.deepEqual(names(served(peers)), before);
    choker.tick(peers, false, 60_000);
    assert.equal(peers[0]!.choking, false);
  });
});

describe("Choker", () => {
  it("takes the turn of a peer that takes nothing", () => {
    const choker = new Choker<Peer>(new HandRandom(9), 1), peers = someone(3);
    choker.tick(peers, true, 0);
    const idle = served(peers);
    assert.equal(idle.length, 2);
    choker.tick(peers, true, 10_000);
    assert.ok(idle.some((peer) => peer.choking), "one who took nothing for a round made room");
  });

  it("as a seed, gives the slot of a peer that took nothing for a round to a newcomer, at once", () => {
    const choker = new Choker<Peer>(new HandRandom(9), 4), peers = someone(5);
    for (let now = 0; now < 10_000; now += 1000) {
      choker.tick(peers, true, now);
      for (const peer of peers.slice(1)) peer.up.total += 1000;
    }
    assert.equal(served(peers).length, 5);
    const newcomers = [new Peer("a"), new Peer("b")];
    choker.useFreeSlots([...peers, ...newcomers], true, 25_000);
    assert.deepEqual(names(served([...peers, ...newcomers])), ["a", "p1", "p2", "p3", "p4"]);
  });

  it("serves the best givers and one more at random", () => {
    const lucky = new Set<string>();
    for (let seed = 0; seed < 60; seed++) {
      const choker = new Choker<Peer>(new HandRandom(seed), 3), peers = someone(20);
      choker.tick(peers, false, 0);
      const chosen = names(served(peers));
      assert.equal(chosen.length, 4);
      assert.ok(["p17", "p18", "p19"].every((name) => chosen.includes(name)), `${chosen}`);
      for (const name of chosen) lucky.add(name);
    }
    assert.ok(lucky.size > 12, `${lucky.size} of 20 were ever chosen`);
  });

  it("serves every interested peer while there are enough slots, and no other", () => {
    const choker = new Choker<Peer>(new HandRandom(1), 7), peers = someone(10);
    peers.forEach((peer, i) => peer.peerInterested = i < 6);
    choker.tick(peers, false, 0);
    assert.deepEqual(names(served(peers)), ["p0", "p1", "p2", "p3", "p4", "p5"]);
  });

  it("looks again every ten seconds only", () => {
    const choker = new Choker<Peer>(new HandRandom(1), 1), peers = someone(2);
    choker.tick(peers, false, 0);
    const better = new Peer("better", 100);
    peers.push(better);
    choker.tick(peers, false, 9_999);
    assert.equal(better.choking, true);
    choker.tick(peers, false, 10_000);
    assert.equal(better.choking, false);
  });

  it("takes the slot of a peer that uploads less or loses interest", () => {
    const choker = new Choker<Peer>(new HandRandom(1), 2), peers = someone(3);
    choker.tick(peers, false, 0);
    assert.equal(served(peers).length, 3);
    peers[2]!.peerInterested = false;
    peers.push(new Peer("a", 50), new Peer("b", 60));
    choker.tick(peers, false, 10_000);
    assert.equal(peers[2]!.choking, true);
    assert.deepEqual(names(served(peers)).slice(0, 2), ["a", "b"]);
    assert.equal(served(peers).length, 3);
  });

  it("serves a snubbed peer last, however much it uploaded", () => {
    for (let seed = 0; seed < 20; seed++) {
      const choker = new Choker<Peer>(new HandRandom(seed), 3), peers = someone(6);
      peers[5]!.snubbed = true;
      live(choker, peers, 0, 10_000, false);
      choker.tick(peers, false, 10_000);
      const chosen = names(served(peers));
      assert.deepEqual(chosen.filter((name) => name >= "p2" && name < "p5"), ["p2", "p3", "p4"]);
      assert.equal(chosen.length, 4, "it may be the one at random, no more");
    }
  });

  it("the random slot goes to a peer that uploads before the only unserved one", () => {
    let rode = 0;
    for (let seed = 0; seed < 100; seed++) {
      const choker = new Choker<Peer>(new HandRandom(seed), 2), peers = someone(8);
      for (const peer of peers) {
        peer.choking = false; // all were served for a while, and all but p0 gave something
        peer.up.total = 1000;
        peer.down.total = peer.down.rate;
      }
      peers[0]!.choking = true;
      choker.tick(peers, false, 100_000);
      if (!peers[0]!.choking) rode++;
    }
    assert.ok(rode > 0 && rode < 15, `${rode} of 100; by weight it is one of 26`);
  });

  it("takes slots back if more peers are served than there are slots and another waits", () => {
    const choker = new Choker<Peer>(new HandRandom(6), 2), peers = someone(6);
    choker.useFreeSlots(peers, false, 0);
    const away = served(peers)[0]!;
    away.peerInterested = false;
    choker.useFreeSlots(peers, false, 1);
    assert.equal(served(peers).length, 4, "its slot went to another");
    away.peerInterested = true;
    choker.useFreeSlots(peers, false, 2);
    assert.equal(served(peers).length, 3);
  });

  it("changes the optimistic choice every thirty seconds, so that every peer has a turn", () => {
    const choker = new Choker<Peer>(new HandRandom(4), 1), peers = someone(6);
    let last = "", changes = 0;
    for (let now = 0; now < 600_000; now += 500) {
      choker.tick(peers, false, now);
      const chance = served(peers).find((peer) => peer.name !== "p5")!.name;
      if (chance !== last) {
        assert.equal(now % 30_000, 0);
        changes++;
      }
      last = chance;
    }
    assert.ok(changes >= 15, `${changes}`);
    for (const peer of peers) assert.ok(peer.unchokes > 0, `${peer.name} had no turn`);
  });

  it("assigns the optimistic slot to another peer at the next round if its holder lost interest", () => {
    const choker = new Choker<Peer>(new HandRandom(5), 1), peers = someone(5);
    choker.tick(peers, false, 0);
    const chance = served(peers).find((peer) => peer.name !== "p4")!;
    chance.peerInterested = false;
    choker.tick(peers, false, 10_000);
    assert.equal(chance.choking, true);
    assert.equal(served(peers).length, 2);
    assert.ok(served(peers).every((peer) => peer.peerInterested));
  });

  it("forgets a peer that left", () => {
    const choker = new Choker<Peer>(new HandRandom(5), 1), peers = someone(4);
    choker.tick(peers, false, 0);
    const gone = served(peers).find((peer) => peer.name !== "p3")!;
    const rest = peers.filter((peer) => peer !== gone);
    choker.forget(gone);
    choker.tick(rest, false, 10_000);
    assert.equal(served(rest).length, 2);
  });

  it("assigns a free slot at once, and no more than there are", () => {
    const choker = new Choker<Peer>(new HandRandom(6), 2), peers = someone(5);
    choker.useFreeSlots(peers, false, 0);
    assert.equal(served(peers).length, 3);
    served(peers)[0]!.peerInterested = false;
    choker.useFreeSlots(peers, false, 1);
    assert.equal(served(peers).filter((peer) => peer.peerInterested).length, 3);
    choker.useFreeSlots(peers, false, 2);
    assert.equal(served(peers).filter((peer) => peer.peerInterested).length, 3);
  });

  it("as a seed, serves the newest of 300 soon, and then the one that waits longest", () => {
    const choker = new Choker<Peer>(new HandRandom(9), 4), idlers = someone(300);
    for (const idler of idlers) idler.asks = false;
    choker.useFreeSlots(idlers, true, 1);
    const first = idlers.find(({ choking }) => choking)!;
    const honest = new Peer("honest"), all = [...idlers, honest];
    honest.connectedAt = 3000;
    let now = 3000;
    for (; honest.choking && now < 60_000; now += 500) choker.tick(all, true, now);
    assert.ok(now <= 6000, `${now}`);
    for (; first.choking && now < 60_000; now += 500) choker.tick(all, true, now);
    assert.ok(now <= 9000, `${now}`);
  });

  it("as a seed, serves a newcomer among 25 that request nothing within ten seconds", () => {
    const choker = new Choker<Peer>(new HandRandom(9), 4), idlers = someone(25);
    for (const idler of idlers) idler.asks = false;
    const honest = new Peer("honest"), all = [...idlers, honest];
    choker.useFreeSlots(idlers, true, 1);
    let servedAt = Infinity;
    for (let now = 1; now < 30_000; now += 500) {
      choker.tick(all, true, now);
      if (!honest.choking) {
        servedAt = Math.min(servedAt, now);
        honest.up.total += 1000;
      }
      assert.ok(served(all).length <= 5);
    }
    assert.ok(servedAt <= 10_500, `${servedAt}`);
    assert.equal(honest.unchokes, 1, "it keeps its place");
  });

  it("as a seed, peers that wait for their first turn only get an idler's slot", () => {
    const choker = new Choker<Peer>(new HandRandom(9), 4), busy = someone(5);
    choker.tick(busy, true, 1);
    const newcomers = [new Peer("a"), new Peer("b")];
    for (let now = 1; now < 9000; now += 500) choker.tick([...busy, ...newcomers], true, now);
    assert.deepEqual(served([...busy, ...newcomers]), busy);
  });

  it("as a seed, takes turns: all are served, about as long, at least half a minute each", () => {
    const choker = new Choker<Peer>(new HandRandom(7), 3), peers = someone(12);
    const seconds = new Map(peers.map((peer) => [peer, 0]));
    let shortest = Infinity;
    for (let now = 0; now < 3_600_000; now += 1000) {
      const before = new Map(served(peers).map((peer) => [peer, peer.unchokedAt]));
      choker.tick(peers, true, now);
      assert.equal(served(peers).length, 4);
      for (const [peer, since] of before) {
        if (peer.choking) shortest = Math.min(shortest, now - since);
      }
      for (const peer of served(peers)) {
        seconds.set(peer, seconds.get(peer)! + 1);
        peer.up.total += 1000;
      }
    }
    assert.ok(shortest >= 30_000, `${shortest}`);
    const times = [...seconds.values()];
    assert.ok(Math.min(...times) > 0.6 * Math.max(...times), `${times}`);
  });

  it("as a seed, assigns the turn of a peer that does not read to another at once", () => {
    const choker = new Choker<Peer>(new HandRandom(9), 1), peers = someone(4);
    choker.tick(peers, true, 0);
    const [one, other] = served(peers), waiting = peers.filter((peer) => peer.choking);
    one!.stuck = true;
    choker.useFreeSlots(peers, true, 5000);
    assert.equal(one!.choking, true);
    assert.equal(other!.choking, false);
    waiting.forEach((peer) => peer.stuck = true);
    for (let now = 10_000; now < 600_000; now += 10_000) {
      other!.up.total += 1000;
      choker.tick(peers, true, now);
      assert.equal(other!.choking, false, `at ${now}: the only one that reads`);
    }
  });

  it("serves any of those that are equal, not those that came first", () => {
    const times = new Array<number>(10).fill(0);
    for (let seed = 0; seed < 200; seed++) {
      const peers = Array.from({ length: 10 }, (_, i) => new Peer(`${i}`));
      new Choker<Peer>(new HandRandom(seed), 4).useFreeSlots(peers, false, 1000);
      peers.forEach((peer, i) => times[i]! += peer.choking ? 0 : 1);
    }
    // Each has 5 of 10 places; the bounds are four deviations wide.
    assert.ok(times.every((count) => count > 70 && count < 130), `${times}`);
  });

  it("as a seed, passes a turn on to the next, as long as there is something to send", () => {
    const choker = new Choker<Peer>(new HandRandom(9), 1), peers = someone(5);
    choker.tick(peers, true, 1);
    const [one, other] = served(peers) as [Peer, Peer], waiting = peers.filter((p) => p.choking);
    choker.useFreeSlots(peers, true, 2);
    choker.passOn(one, peers, 1000);
    assert.equal(one.choking, false, "nobody would be served until the next one requests");
    other.upload.length = 1;
    choker.passOn(one, peers, 1000);
    assert.equal(one.choking, true);
    assert.equal(served(waiting).length, 1);
    for (const peer of waiting) peer.peerInterested = false;
    one.peerInterested = false;
    choker.passOn(other, peers, 2000);
    assert.equal(other.choking, false, "nobody waits");
  });

  it("as a seed, ignores what peers upload", () => {
    const choker = new Choker<Peer>(new HandRandom(8), 1), peers = someone(6);
    peers[5]!.down.rate = 1e9;
    let servedFor = 0;
    for (let now = 0; now < 600_000; now += 1000) {
      choker.tick(peers, true, now);
      if (!peers[5]!.choking) servedFor++;
    }
    assert.ok(servedFor < 350, `${servedFor} of 600 seconds`);
  });
});
