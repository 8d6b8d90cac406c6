/** A peer pool whose dialler only writes down what it is asked to do. */
import { Blame } from "../../src/swarm/blame.ts";
import { PeerPool } from "../../src/peers/peer_pool.ts";
import { PEER_SOURCE, PEER_STATE, type PoolPeer } from "../../src/peers/pool_peer.ts";
import { canonicalIp } from "../../src/util/ip_address.ts";
import type { ConnectionSlots } from "../../src/peers/connection_slots.ts";
import type { PeerPoolConfig } from "../../src/peers/pool_types.ts";

export const MINUTE = 60_000;

/** What dials for a pool in a test. */
export interface TestDialer {
  dial(peer: PoolPeer): void;
  hangUp(peer: PoolPeer): void;
}

/** A pool that is asked for peers to dial after each step, as a swarm does. */
export class DrivenPool extends PeerPool {
  readonly #dialer: TestDialer;
  #driving = false;

  constructor(
    config: Partial<PeerPoolConfig>,
    dialer: TestDialer,
    slots?: ConnectionSlots,
    onBanned?: (peer: PoolPeer, reason: string) => void,
  ) {
    super(config, slots, onBanned);
    this.#dialer = dialer;
  }

  tick(now: number): void {
    // A dialler that answers within the call comes back here; the loop that runs goes on by itself.
    if (this.#driving) return;
    this.#driving = true;
    for (let peer = this.next(now); peer !== null; peer = this.next(now)) {
      this.#own(peer);
      this.#dialer.dial(peer);
    }
    this.#driving = false;
  }

  #own(peer: PoolPeer): void {
    peer.end = () => this.#dialer.hangUp(peer);
  }

  /** The peer, if the pool took it. */
  addPeer(address: string, port: number, source: number, now: number): PoolPeer | null {
    this.addPeers([{ address, port }], source, now);
    const peer = this.findPeer(address, port);
    return peer === undefined || peer.state === PEER_STATE.BANNED ? null : peer;
  }

  findPeer(address: string, port: number): PoolPeer | undefined {
    const canonical = canonicalIp(address);
    return canonical === null ? undefined : this.known?.list.find(canonical, port);
  }

  /** The peers ready to be dialled, best first. */
  candidates(): PoolPeer[] {
    return this.known?.cache.sorted() ?? [];
  }

  connectedPeers(): PoolPeer[] {
    return [...this.known!.list.values()].filter(({ state }) => state === PEER_STATE.CONNECTED);
  }

  /** When the next back-off ends, the short ones included while nobody is connected. */
  nextDeadline(): number {
    return this.known?.cache.nextReadyAt(this.stats().connected === 0) ?? Infinity;
  }

  override addPeers(...args: Parameters<PeerPool["addPeers"]>): number {
    const count = super.addPeers(...args);
    this.tick(args[2]);
    return count;
  }

  override connectToPeers(now: number): void {
    super.connectToPeers(now);
    this.tick(now);
  }

  override connected(...args: Parameters<PeerPool["connected"]>): void {
    super.connected(...args);
    this.tick(args[1]);
  }

  override incoming(...args: Parameters<PeerPool["incoming"]>): PoolPeer | null {
    const peer = super.incoming(...args);
    if (peer !== null) this.#own(peer);
    this.tick(args[2]);
    return peer;
  }

  override connectionClosed(...args: Parameters<PeerPool["connectionClosed"]>): void {
    super.connectionClosed(...args);
    this.tick(args[1]);
  }

  override listensOn(...args: Parameters<PeerPool["listensOn"]>): boolean {
    const stays = super.listensOn(...args);
    this.tick(args[2]);
    return stays;
  }

  override setMaxActive(count: number, now: number): void {
    super.setMaxActive(count, now);
    this.tick(now);
  }

  override ban(...args: Parameters<PeerPool["ban"]>): void {
    super.ban(...args);
    this.tick(args[1]);
  }
}

export class NotingDialer implements TestDialer {
  readonly dialled: PoolPeer[] = [];
  readonly hungUp: PoolPeer[] = [];

  dial(peer: PoolPeer): void {
    this.dialled.push(peer);
  }
  hangUp(peer: PoolPeer): void {
    this.hungUp.push(peer);
  }
  /** The endpoints dialled since the last call. */
  take(): string[] {
    return this.dialled.splice(0).map(endpointOf);
  }
}

export function endpointOf(peer: PoolPeer): string {
  return `${peer.address}:${peer.port}`;
}

/** `bans`: why peers were banned. */
export function makePool(config: Partial<PeerPoolConfig> = {}) {
  const dialer = new NotingDialer(), bans: string[] = [];
  const pool = new DrivenPool(config, dialer, undefined, (_peer, reason) => {
    bans.push(reason);
  });
  return { pool, dialer, bans };
}

/** A piece with a block of this peer failed its hash; `sole`: all of it was the peer's. */
export function failPiece(pool: PeerPool, peer: PoolPeer, now: number, sole = false): void {
  const blame = new Blame(pool), key = peer.order + 1;
  blame.joined({ peer, session: { source: { key, delivers: true } } });
  if (sole) blame.convict(key, now);
  else blame.suspect([key], now);
}

/** Adds a tracker's peer that the pool has to take. */
export function add(pool: PeerPool, address: string, port = 6881, now = 0): PoolPeer {
  pool.addPeers([{ address, port }], PEER_SOURCE.TRACKER, now);
  const peer = pool.known?.list.find(canonicalIp(address)!, port);
  if (peer === undefined) throw new Error(`The pool did not take ${address}:${port}`);
  return peer;
}

/** Somebody is connected, who cannot be dialled. */
export function haveCompany(pool: PeerPool, now = 0): PoolPeer {
  const peer = pool.incoming("203.0.113.9", 40_000, now);
  if (peer === null) throw new Error("The pool did not take the company");
  return peer;
}

/** `count` distinct peers 10.x.y.z. */
export function manyPeers(count: number): { address: string; port: number }[] {
  return Array.from({ length: count }, (_, i) => ({
    address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`,
    port: 6881,
  }));
}

/** A small generator with a fixed seed: the same steps on every run and runtime. */
export function dice(seed: number): (below: number) => number {
  return (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
}
