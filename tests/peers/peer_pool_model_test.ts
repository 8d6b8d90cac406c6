/** The pool's invariants after every one of many random steps, for several seeds. */
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { PEER_SOURCE, PEER_STATE, type PoolPeer } from "../../src/peers/pool_peer.ts";
import { dialsBefore } from "../../src/peers/peer_rank.ts";
import { noteSeed, noteTransfer } from "../../src/peers/conduct.ts";
import { dice, DrivenPool, endpointOf, failPiece } from "./pool_harness.ts";

const SHARES = [[PEER_SOURCE.DHT, 1 / 2], [PEER_SOURCE.PEX, 1 / 2], [
  PEER_SOURCE.LSD,
  1 / 4,
]] as const;
const LIMITS = { maxPeerlistSize: 60, maxActiveConnections: 8, maxHalfOpen: 3, maxPending: 2 };

/** A pool, everything it said and did, and the active connections as its dialler sees them. */
class World {
  now = 0;
  readonly log: string[] = [];
  readonly attempts = new Set<PoolPeer>();
  readonly links = new Set<PoolPeer>();
  readonly seen = new Set<PoolPeer>();
  readonly pool: DrivenPool;
  readonly roll: (below: number) => number;

  constructor(seed: number) {
    this.roll = dice(seed);
    this.pool = new DrivenPool(
      { ...LIMITS, minReconnectTimeMs: 10_000 },
      {
        dial: (peer) => {
          assert.notEqual(peer.state, PEER_STATE.BANNED);
          assert.ok(!this.attempts.has(peer) && !this.links.has(peer), "one connection per peer");
          const { lastConnected, dials: { quickTries, failCount } } = peer;
          const long = quickTries > 0 ? 1000 * 2 ** (3 - quickTries) : (failCount + 1) * 10_000;
          const short = [5000, 10_000, 20_000, 29_000][Math.min(peer.dials.tries - 1, 4) - 1] ?? 0;
          const backOff = this.links.size > 0 ? long : Math.min(short, long);
          assert.ok(lastConnected + backOff <= this.now, "the back-off is over");
          this.log.push(`dial ${endpointOf(peer)}`);
          this.attempts.add(peer);
        },
        hangUp: (peer) => {
          this.log.push(`hang up ${endpointOf(peer)}`);
          assert.ok(
            this.attempts.delete(peer) || this.links.delete(peer),
            "there was a connection",
          );
        },
      },
      undefined,
      (peer, reason) => this.log.push(`banned ${endpointOf(peer)} ${reason}`),
    );
  }

  one(peers: Iterable<PoolPeer>): PoolPeer | undefined {
    const all = [...peers];
    return all[this.roll(all.length)];
  }

  address(): string {
    return this.roll(4) === 0 ? `2001:db8::${this.roll(40)}` : `10.0.0.${this.roll(90)}`;
  }

  step(): void {
    const { pool, now } = this;
    const peer = this.one(this.seen),
      link = this.one(this.links),
      attempt = this.one(this.attempts);
    const action = this.roll(17);
    if (action < 3) {
      const fresh = pool.addPeer(this.address(), 6881 + this.roll(2), 1 << this.roll(7), now);
      if (fresh !== null) this.seen.add(fresh);
    } else if (action < 5 && attempt !== undefined) {
      this.attempts.delete(attempt);
      this.links.add(attempt);
      this.log.push(`connected ${endpointOf(attempt)}`);
      pool.connected(attempt, now);
    } else if (action === 5 && attempt !== undefined) {
      this.attempts.delete(attempt);
      pool.connectionClosed(attempt, now, { error: true });
    } else if (action === 6 && link !== undefined) {
      this.links.delete(link);
      this.log.push(`disconnected ${endpointOf(link)}`);
      pool.connectionClosed(link, now, { error: this.roll(2) === 0 });
    } else if (action === 7) {
      const visitor = pool.incoming(this.address(), this.roll(3) ? 50000 : 6881, now);
      if (visitor !== null) this.links.add(visitor), this.seen.add(visitor);
    } else if (action === 8 && link !== undefined) {
      pool.listensOn(link, 6881 + this.roll(2), now);
    } else if (action === 9 && peer !== undefined) {
      failPiece(pool, peer, now, this.roll(10) === 0);
    } else if (action === 10 && peer !== undefined) {
      noteTransfer(pool.known!, peer, this.roll(2), this.roll(2));
    } else if (action === 11 && peer !== undefined) {
      noteSeed(pool.known!, peer, this.roll(2) === 0);
    } else if (action === 12) {
      pool.setFinished(this.roll(4) === 0);
    } else if (action === 13 && this.roll(3) === 0) {
      pool.keepOnly(127 & ~(1 << this.roll(7)), now);
    } else if (action === 14 && this.roll(10) === 0) {
      [() => pool.stop(now), () => pool.known?.forgiveFailures()][this.roll(2)]!();
    } else if (action === 15) {
      pool.setMaxActive(this.roll(LIMITS.maxActiveConnections + 1), now);
    } else {
      this.now += this.roll(1000);
      if (this.roll(5) === 0) pool.connectToPeers(this.now);
      else pool.tick(this.now);
    }
  }

  check(): void {
    const { pool } = this;
    const stats = pool.stats();
    assert.equal(stats.connecting, this.attempts.size);
    assert.equal(stats.connected, this.links.size);
    assert.ok(stats.connecting <= LIMITS.maxHalfOpen);
    assert.ok(stats.connected <= LIMITS.maxActiveConnections);
    assert.ok(stats.total <= LIMITS.maxPeerlistSize);
    assert.ok(stats.banned <= LIMITS.maxPeerlistSize / 2);
    const candidates = pool.candidates();
    assert.equal(candidates.length, stats.candidates);
    candidates.forEach((peer, i) => {
      assert.equal(peer.state, PEER_STATE.CANDIDATE);
      assert.equal(pool.findPeer(peer.address, peer.port), peer);
      if (i > 0) assert.ok(dialsBefore(candidates[i - 1]!, peer));
    });
    assert.equal(pool.known?.cache.best(), candidates[0]);
    for (const peer of this.attempts) assert.equal(peer.state, PEER_STATE.CONNECTING);
    for (const peer of this.links) assert.equal(peer.state, PEER_STATE.CONNECTED);
    const shares = new Map<number, number>();
    for (const peer of this.seen) {
      if (pool.findPeer(peer.address, peer.port) !== peer) continue;
      if (peer.state !== PEER_STATE.BANNED) {
        shares.set(peer.share, (shares.get(peer.share) ?? 0) + 1);
      }
      if (peer.active) assert.ok(this.attempts.has(peer) || this.links.has(peer));
    }
    for (const [source, part] of SHARES) {
      assert.ok((shares.get(source) ?? 0) <= part * LIMITS.maxPeerlistSize);
    }
  }
}

describe("PeerPool under random steps", () => {
  for (let seed = 1; seed <= 5; seed++) {
    it(`keeps its invariants, seed ${seed}`, { timeout: 30_000 }, () => {
      const world = new World(seed);
      world.pool.connectToPeers(0);
      for (let step = 0; step < 1500; step++) {
        world.step();
        world.check();
      }
      for (const word of ["dial", "hang up", "connected", "disconnected", "banned"]) {
        assert.ok(world.log.some((line) => line.startsWith(word)), `${word} happened`);
      }
    });
  }

  it("the same seed gives the same log", { timeout: 30_000 }, () => {
    const run = () => {
      const world = new World(99);
      world.pool.connectToPeers(0);
      for (let step = 0; step < 2000; step++) world.step();
      return world.log;
    };
    const log = run();
    assert.ok(log.length > 500);
    assert.deepEqual(run(), log);
  });

  it("30,000 peers are dialled strictly in order of rank", { timeout: 30_000 }, () => {
    const dialled: PoolPeer[] = [];
    const limit = 30_000;
    const pool = new DrivenPool(
      {
        maxPeerlistSize: limit,
        maxActiveConnections: limit,
        maxHalfOpen: limit,
        maxPending: limit,
      },
      { dial: (peer) => dialled.push(peer), hangUp() {} },
    );
    const roll = dice(5);
    const peers = Array.from({ length: limit }, () => ({
      address: `10.${roll(256)}.${roll(256)}.${roll(256)}`,
      port: 1024 + roll(60_000),
    }));
    const fresh = pool.addPeers(peers, PEER_SOURCE.TRACKER, 0);
    pool.connectToPeers(0);
    assert.ok(fresh > 29_000);
    assert.equal(dialled.length, fresh);
    for (let i = 1; i < fresh; i++) assert.ok(dialsBefore(dialled[i - 1]!, dialled[i]!));
  });
});
