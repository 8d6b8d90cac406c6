/** The peer pool under any order of calls: its sets, its bounds, and who is dialled. */
import { DrivenPool, failPiece } from "../../../tests/peers/pool_harness.ts";
import { noteGoodPiece, noteSeed, noteTransfer } from "../../../src/peers/conduct.ts";
import { dialsBefore } from "../../../src/peers/peer_rank.ts";
import { PEER_SOURCE, PEER_STATE, type PoolPeer } from "../../../src/peers/pool_peer.ts";
import { EventReader } from "../event_reader.ts";
import { about, check, type FuzzTarget, machine } from "../target.ts";

const LIMITS = { maxPeerlistSize: 20, maxActiveConnections: 6, maxHalfOpen: 3 };
const SHARES: readonly [source: number, part: number][] = [
  [PEER_SOURCE.DHT, 1 / 2],
  [PEER_SOURCE.PEX, 1 / 2],
  [PEER_SOURCE.LSD, 1 / 4],
];
/** Of two connections to one peer the ids settle which is kept. */
const PEER_IDS = [null, new Uint8Array(20).fill(1), new Uint8Array(20).fill(9)];
const OWN_ID = new Uint8Array(20).fill(5);
const ODD = ["", "0.0.0.0", "255.255.255.255", "::ffff:10.0.0.1", "224.0.0.1", "x", "127.0.0.1"];

class PoolLife {
  now = 0;
  dials = 0;
  readonly #attempts = new Set<PoolPeer>();
  readonly #links = new Set<PoolPeer>();
  readonly #seen = new Set<PoolPeer>();
  readonly pool = new DrivenPool({ ...LIMITS, minReconnectTimeMs: 1000, peerId: OWN_ID }, {
    dial: (peer) => this.#dial(peer),
    hangUp: (peer) => {
      check(this.#attempts.delete(peer) || this.#links.delete(peer), "there was a connection");
    },
  });

  #dial(peer: PoolPeer): void {
    check(peer.state === PEER_STATE.CONNECTING, "who is dialled is connecting");
    check(!this.#attempts.has(peer) && !this.#links.has(peer), "one connection per peer");
    // Failed addresses are dialled after 5 seconds at the earliest while no peer is connected.
    const backOff = Math.min(
      (peer.dials.failCount + 1) * 1000,
      this.#links.size > 0 ? Infinity : 5000,
    );
    const waited = peer.lastConnected + backOff <= this.now;
    check(waited || peer.dials.quickTries > 0, "the back-off is over");
    check(peer.port > 1, "a port that somebody can listen on");
    this.#attempts.add(peer);
    this.dials++;
  }

  step(events: EventReader): void {
    const kind = events.below(24), peer = events.pickOf(this.#seen);
    if (kind < 5) this.#hear(events);
    else if (kind < 14) this.#connections(kind, events);
    else if (kind < 19 && peer !== undefined) this.#judge(kind, peer, events);
    else if (kind === 19) this.pool.setMaxActive(events.below(7), this.now);
    else if (kind === 20) this.#rare(events);
    else if (kind === 21) this.pool.connectToPeers(this.now);
    else this.pool.tick(this.now += events.stepMs());
    this.#check();
  }

  #address(events: EventReader): string {
    const n = events.byte();
    if (n < 200) return `10.0.0.${n >> 2}`;
    return n < 240 ? `2001:db8::${n}` : ODD[n % ODD.length]!;
  }

  #hear(events: EventReader): void {
    const address = this.#address(events), port = events.pick([6881, 6881, 6882, 0, 1]);
    const peer = this.pool.addPeer(address, port, 1 << events.below(7), this.now);
    if (peer !== null) this.#seen.add(peer);
  }

  #connections(kind: number, events: EventReader): void {
    const { pool, now } = this, link = events.pickOf(this.#links);
    const attempt = events.pickOf(this.#attempts);
    if (kind < 8 && attempt !== undefined) {
      this.#attempts.delete(attempt);
      this.#links.add(attempt);
      pool.connected(attempt, now, events.pick(PEER_IDS));
    } else if (kind === 8 && attempt !== undefined) {
      this.#attempts.delete(attempt);
      pool.connectionClosed(attempt, now, { error: true });
    } else if (kind === 9 && link !== undefined) {
      this.#links.delete(link);
      pool.connectionClosed(link, now, { error: events.flag() });
    } else if (kind < 12) {
      const from = this.#address(events), port = events.pick([5e4, 6881]);
      const visitor = pool.incoming(from, port, now, events.pick(PEER_IDS));
      if (visitor !== null) this.#links.add(visitor), this.#seen.add(visitor);
    } else if (link !== undefined) pool.listensOn(link, events.pick([6881, 6882, 0]), now);
  }

  #judge(kind: number, peer: PoolPeer, events: EventReader): void {
    const { pool, now } = this;
    if (kind === 14) failPiece(pool, peer, now, events.below(8) === 1);
    else if (kind === 15) noteTransfer(pool.known!, peer, events.below(2), events.below(2));
    else if (kind === 16) noteSeed(pool.known!, peer, events.flag());
    else if (kind === 17) noteGoodPiece(peer);
    else pool.ban(peer, now, "fuzz", events.flag() ? "address" : "endpoint");
  }

  #rare(events: EventReader): void {
    const { pool, now } = this;
    switch (events.below(7)) {
      case 0:
        return pool.stop(now);
      case 1:
        return void pool.known?.forgiveFailures();
      case 2:
        return pool.setFinished(events.flag());
      case 3:
        return pool.own.set(this.#address(events), 6881);
      case 4:
        return pool.recallBans([{ address: this.#address(events), port: 0, reason: "old" }], now);
      default:
        pool.keepOnly(127 & ~(1 << events.below(7)), now);
    }
  }

  #check(): void {
    const { pool } = this, stats = pool.stats();
    check(stats.connecting === this.#attempts.size, "attempts are those that were begun");
    check(stats.connected === this.#links.size, "connections are those that stand");
    check(stats.connecting <= LIMITS.maxHalfOpen, "half-open ones are bounded");
    check(stats.connected <= LIMITS.maxActiveConnections, "connections are bounded");
    check(stats.total <= LIMITS.maxPeerlistSize, "the list is bounded");
    check(stats.banned <= LIMITS.maxPeerlistSize / 2, "bans are bounded");
    const candidates = pool.candidates();
    candidates.forEach((peer, i) => {
      check(peer.state === PEER_STATE.CANDIDATE, "a candidate is one");
      check(pool.findPeer(peer.address, peer.port) === peer, "a candidate is in the list");
      check(i === 0 || dialsBefore(candidates[i - 1]!, peer), "best first");
    });
    check(pool.known?.cache.best() === candidates[0], "the best is the first");
    for (const peer of this.#attempts) check(peer.state === PEER_STATE.CONNECTING, "connecting");
    for (const peer of this.#links) check(peer.state === PEER_STATE.CONNECTED, "connected");
    this.#checkShares();
  }

  #checkShares(): void {
    const shares = new Map<number, number>();
    for (const peer of this.#seen) {
      if (this.pool.findPeer(peer.address, peer.port) !== peer) this.#seen.delete(peer);
      else if (peer.state !== PEER_STATE.BANNED) {
        shares.set(peer.share, (shares.get(peer.share) ?? 0) + 1);
      }
    }
    for (const [source, part] of SHARES) {
      const share = shares.get(source) ?? 0;
      check(share <= part * LIMITS.maxPeerlistSize, "what one source fills is bounded");
    }
  }

  get word(): string {
    const { total, banned, connected } = this.pool.stats();
    return `${about(total)}/${about(banned)}/${connected}/${about(this.dials)}`;
  }
}

export function poolTargets(): FuzzTarget[] {
  return [
    machine("peer-pool", (bytes) => {
      const events = new EventReader(bytes), life = new PoolLife();
      life.pool.connectToPeers(0);
      while (events.more) life.step(events);
      return life.word;
    }),
  ];
}
