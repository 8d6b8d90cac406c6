import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Prng } from "../harness/prng.ts";
import { MetadataFetch } from "../../src/swarm/metadata_fetch.ts";
import { metadataPieceCount, metadataPieceLength } from "../../src/wire/ut_metadata.ts";
import { digestOf, sha1 } from "../harness/hasher.ts";

const PIECE = 16384;
const MiB = 1024 * 1024;

/** How a peer of these tests treats a request for a piece. */
type Manner =
  | "honest"
  | "wrong data"
  | "one wrong piece"
  | "stalls"
  | "rejects"
  | "rejects at first"
  | "contradicts itself"
  | "leaves"
  | "drips";

interface TestPeer {
  readonly name: string;
  readonly manner: Manner;
  readonly size: number;
  /** One way and back, in ms. */
  readonly delayMs: number;
  asked: number;
  open: number;
  gone: boolean;
}

/** Peers of all manners around one fetch, in virtual time. */
class FetchWorld {
  now = 1000;
  result: Uint8Array | null = null;
  readonly guilty: TestPeer[] = [];
  readonly peers: TestPeer[] = [];
  readonly fetch: MetadataFetch<TestPeer>;
  mostHeld = 0;
  requests: [peer: string, index: number][] = [];
  #events: { at: number; run: () => void }[] = [];

  constructor(readonly metadata: Uint8Array, readonly dice = new Prng(1)) {
    this.fetch = new MetadataFetch<TestPeer>(sha1(metadata), { digest: digestOf }, {
      requestPiece: (peer, index) => this.#answer(peer, index),
      resting: () => false,
      done: (bytes) => {
        assert.equal(this.result, null);
        this.result = bytes;
      },
      guilty: (peer) => {
        this.guilty.push(peer);
        peer.gone = true;
        this.fetch.leaves(peer, this.now); // as a swarm that hangs up
      },
    });
  }

  add(manner: Manner, options: { size?: number; delayMs?: number } = {}): TestPeer {
    const { size = this.metadata.length, delayMs = 50 } = options;
    const name = `${manner} ${this.peers.length}`;
    const peer = { name, manner, size, delayMs, asked: 0, open: 0, gone: false };
    this.peers.push(peer);
    this.fetch.offers(peer, size, this.now);
    return peer;
  }

  /** Until it is done, at most so many ms; returns how long it took. */
  run(limitMs = 600_000): number {
    const begin = this.now;
    while (this.result === null && this.now - begin < limitMs) {
      const next = this.now + 250;
      for (;;) {
        const due = this.#events.filter(({ at }) => at <= next);
        if (due.length === 0 || this.result !== null) break;
        const first = due.reduce((a, b) => b.at < a.at ? b : a);
        this.#events = this.#events.filter((event) => event !== first);
        this.now = Math.max(this.now, first.at);
        first.run();
        this.mostHeld = Math.max(this.mostHeld, this.fetch.heldBytes);
      }
      this.now = next;
      this.fetch.tick(this.now);
    }
    return this.now - begin;
  }

  #answer(peer: TestPeer, index: number): void {
    assert.ok(!peer.gone, `${peer.name} is asked though it left`);
    assert.ok(index >= 0 && index < metadataPieceCount(peer.size));
    this.requests.push([peer.name, index]);
    peer.asked++;
    peer.open++;
    const after = (ms: number, run: () => void) => {
      const deed = () => {
        peer.open--;
        if (!peer.gone) run();
      };
      this.#events.push({ at: this.now + ms, run: deed });
    };
    const give = (bytes: Uint8Array, total = peer.size) => {
      this.fetch.data(peer, index, total, bytes, this.now);
    };
    const { manner, delayMs } = peer;
    if (manner === "stalls") return;
    if (manner === "rejects" || (manner === "rejects at first" && peer.asked <= 6)) {
      return after(delayMs, () => this.fetch.rejected(peer, index, this.now));
    }
    if (manner === "leaves" && peer.asked > 2) {
      return after(delayMs, () => {
        peer.gone = true;
        this.fetch.leaves(peer, this.now);
      });
    }
    const ms = manner === "drips" ? 7000 : delayMs;
    if (manner === "contradicts itself") return after(ms, () => give(new Uint8Array(5), 5));
    after(ms, () => give(this.#bytes(peer, index)));
  }

  #bytes(peer: TestPeer, index: number): Uint8Array {
    const length = metadataPieceLength(peer.size, index);
    const right = this.metadata.subarray(index * PIECE, index * PIECE + length);
    const bytes = new Uint8Array(length);
    bytes.set(right);
    const lies = peer.manner === "wrong data" || peer.manner === "drips" ||
      (peer.manner === "one wrong piece" && index === 0);
    if (lies) bytes[0]! ^= 1 + this.dice.below(255);
    return bytes;
  }
}

const metadataOf = (length: number) => new Prng(length).fill(new Uint8Array(length));

describe("MetadataFetch", () => {
  it("gets it from one peer, and a single short piece too", () => {
    for (const length of [1, 100, PIECE, PIECE + 1, 10 * PIECE + 7]) {
      const world = new FetchWorld(metadataOf(length));
      const peer = world.add("honest");
      world.run();
      assert.deepEqual(world.result, world.metadata);
      assert.equal(world.requests.length, Math.ceil(length / PIECE));
      assert.ok(world.fetch.over && !world.fetch.has(peer));
    }
  });

  it("spreads the pieces over its peers and asks each for few at a time", () => {
    const world = new FetchWorld(metadataOf(40 * PIECE));
    const peers = [1, 2, 3, 4].map(() => world.add("honest"));
    assert.equal(world.requests.length, 16);
    assert.deepEqual(peers.map(({ open }) => open), [4, 4, 4, 4]);
    world.run();
    assert.deepEqual(world.result, world.metadata);
    assert.equal(world.requests.length, 40);
    for (const { asked } of peers) assert.ok(asked >= 6, `${asked}`);
  });

  it("takes only sizes from 1 byte to 30 MiB, and a peer's first word", () => {
    const world = new FetchWorld(metadataOf(10));
    for (const size of [0, -1, 1.5, NaN, Infinity, 30 * MiB + 1]) {
      assert.equal(world.fetch.has(world.add("stalls", { size })), false, `${size}`);
    }
    const peer = world.add("stalls", { size: 30 * MiB });
    assert.ok(world.fetch.has(peer));
    assert.equal(world.fetch.offers(peer, 10, world.now), false);
  });

  it("requests the piece of a stalled peer from another", () => {
    const world = new FetchWorld(metadataOf(6 * PIECE));
    const stalled = world.add("stalls");
    world.add("honest");
    const took = world.run();
    assert.deepEqual(world.result, world.metadata);
    assert.equal(stalled.asked, 4); // before it had to pause
    assert.ok(took >= 1000 && took < 2000, `${took}`);
  });

  it("asks twice as many peers after each second without an answer", () => {
    const world = new FetchWorld(metadataOf(PIECE));
    for (let i = 0; i < 40; i++) world.add("stalls");
    const honest = world.add("honest");
    assert.deepEqual(world.requests.length, 1);
    assert.ok(world.run() < 7000);
    assert.equal(honest.asked, 1);
    assert.ok(world.requests.length > 40, "all of the silent ones were asked before");
  });

  it("accepts a late answer, and asks a stalled peer again", () => {
    const world = new FetchWorld(metadataOf(3 * PIECE));
    world.add("honest", { delayMs: 9000 });
    assert.ok(world.run() < 20_000);
    assert.deepEqual(world.result, world.metadata);
  });

  it("leaves a rejecting peer alone for longer and longer, and then asks it again", () => {
    const world = new FetchWorld(metadataOf(2 * PIECE));
    const peer = world.add("rejects at first");
    const took = world.run();
    assert.deepEqual(world.result, world.metadata);
    assert.equal(peer.asked, 8);
    assert.ok(took > 4000 && took < 20_000, `${took}`);
    const never = new FetchWorld(metadataOf(PIECE));
    const rejecting = never.add("rejects");
    never.run(600_000);
    assert.ok(rejecting.asked > 8 && rejecting.asked < 25, `${rejecting.asked}`);
    assert.equal(never.guilty.length, 0);
  });

  it("blames the one peer that sent all of wrong metadata", () => {
    const world = new FetchWorld(metadataOf(5 * PIECE));
    const liar = world.add("wrong data");
    world.run(5000);
    assert.deepEqual(world.guilty, [liar]);
    assert.equal(world.fetch.offers(liar, 100, world.now), false);
    world.add("honest");
    world.run();
    assert.deepEqual(world.result, world.metadata);
  });

  it("asks every peer alone after a mixed failure, and blames only liars", () => {
    for (const manner of ["wrong data", "one wrong piece"] as const) {
      const world = new FetchWorld(metadataOf(8 * PIECE));
      const liar = world.add(manner, { delayMs: 40 });
      const honest = world.add("honest");
      const other = world.add("honest", { delayMs: 60 });
      world.run();
      assert.deepEqual(world.result, world.metadata);
      assert.ok(liar.asked > 0);
      assert.deepEqual(world.guilty, [liar], manner);
      assert.ok(!honest.gone && !other.gone);
    }
  });

  it("is not led by the size that most peers claim", () => {
    const world = new FetchWorld(metadataOf(3 * PIECE));
    for (let i = 0; i < 20; i++) world.add("wrong data", { size: 5 * PIECE, delayMs: 10 });
    world.add("honest");
    assert.ok(world.run() < 1000);
    assert.deepEqual(world.result, world.metadata);
  });

  it("blames a peer that contradicts the size of its own handshake", () => {
    const world = new FetchWorld(metadataOf(3 * PIECE));
    const liar = world.add("contradicts itself");
    world.add("honest");
    world.run();
    assert.deepEqual(world.guilty, [liar]);
    assert.deepEqual(world.result, world.metadata);
  });

  it("ignores unrequested pieces", () => {
    const world = new FetchWorld(metadataOf(20 * PIECE));
    const peer = world.add("stalls");
    const piece = new Uint8Array(PIECE);
    const size = 20 * PIECE;
    assert.equal(world.fetch.data(peer, 19, size, piece, world.now), false);
    const stranger = { ...peer };
    assert.equal(world.fetch.data(stranger, 0, size, piece, world.now), false);
    assert.equal(world.fetch.heldBytes, 0);
    assert.equal(world.fetch.data(peer, 0, size, piece, world.now), true);
    assert.equal(world.fetch.data(peer, 0, size, piece, world.now), false);
    assert.equal(world.fetch.heldBytes, PIECE);
  });

  it("other peers have their turn if liars claim more than it can hold at once", () => {
    const world = new FetchWorld(metadataOf(2 * PIECE));
    for (let i = 0; i < 9; i++) world.add("stalls", { size: 30 * MiB - i });
    world.add("honest");
    assert.ok(world.run() < 1000, "a small one fits in");
    const crowded = new FetchWorld(metadataOf(25 * MiB));
    for (let i = 0; i < 6; i++) crowded.add("stalls", { size: 20 * MiB + i });
    crowded.add("honest", { delayMs: 20 });
    const took = crowded.run();
    assert.ok(crowded.result !== null && took > 20_000, `it had to wait: ${took}`);
    assert.ok(took < 300_000, `${took}`);
  });

  it("uses memory only for received bytes, below its bound over all attempts", () => {
    const world = new FetchWorld(metadataOf(PIECE));
    for (let i = 0; i < 5; i++) world.add("wrong data", { size: 24 * MiB + i, delayMs: 40 });
    assert.equal(world.fetch.heldBytes, 0);
    world.run(40_000);
    assert.ok(world.mostHeld > 40 * MiB && world.mostHeld <= 64 * MiB, `${world.mostHeld}`);
    assert.ok(world.guilty.length >= 2);
  });
});

describe("MetadataFetch among liars", () => {
  it("completes with any one honest peer, and blames no honest one: 400 worlds", {
    timeout: 60_000,
  }, () => {
    const manners: Manner[] = [
      "wrong data",
      "one wrong piece",
      "stalls",
      "rejects",
      "rejects at first",
      "contradicts itself",
      "leaves",
      "drips",
    ];
    let contested = 0, blamed = 0, slowest = 0;
    for (let seed = 0; seed < 400; seed++) {
      const dice = new Prng(`liars ${seed}`);
      const length = 1 + dice.below(12 * PIECE);
      const world = new FetchWorld(metadataOf(length), dice);
      const wrongSizes = [1, length + 1, 3 * PIECE, 20 * PIECE, 30 * MiB];
      const crowd: (() => void)[] = [() => world.add("honest", { delayMs: 1 + dice.below(500) })];
      for (let others = dice.below(14); others > 0; others--) {
        const manner = dice.pick(manners);
        const lies = dice.chance(0.4);
        const size = !lies ? length : dice.pick(wrongSizes);
        if (size === 30 * MiB && manner !== "stalls" && manner !== "rejects") continue;
        crowd.push(() => world.add(manner, { size, delayMs: 1 + dice.below(300) }));
      }
      for (const join of dice.shuffle(crowd)) join();
      const took = world.run();
      assert.deepEqual(world.result, world.metadata, `seed ${seed}`);
      slowest = Math.max(slowest, took);
      for (const liar of world.guilty) {
        const harmless = ["honest", "stalls", "rejects", "rejects at first"].includes(liar.manner);
        assert.ok(!harmless || liar.size !== length, `seed ${seed}: ${liar.name} is blamed`);
        blamed++;
      }
      if (world.guilty.some(({ manner }) => manner === "one wrong piece")) contested++;
    }
    assert.ok(contested > 20 && blamed > 200, `${contested} ${blamed}`);
    assert.ok(slowest < 120_000, `${slowest}`);
  });
});
