/** A peer pool whose dialler only writes down what it is asked to do. */
import { PeerPool } from "../../src/peers/peer_pool.ts";
import { PEER_SOURCE, type PoolPeer } from "../../src/peers/pool_peer.ts";
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

  override addPeer(address: string, port: number, source: number, now: number): PoolPeer | null {
    const peer = super.addPeer(address, port, source, now);
    this.tick(now);
    return peer;
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

  override disconnectPeer(...args: Parameters<PeerPool["disconnectPeer"]>): boolean {
    const was = super.disconnectPeer(...args);
    this.tick(args[2]);
    return was;
  }

  override setMaxActive(count: number, now: number): void {
    super.setMaxActive(count, now);
    this.tick(now);
  }

  override ban(...args: Parameters<PeerPool["ban"]>): void {
    super.ban(...args);
    this.tick(args[1]);
  }

  override forgiveFailures(now: number): number {
    const count = super.forgiveFailures(now);
    this.tick(now);
    return count;
  }

  override erasePeer(...args: Parameters<PeerPool["erasePeer"]>): boolean {
    const was = super.erasePeer(...args);
    this.tick(args[2]);
    return was;
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

/** Adds a tracker's peer that the pool has to take. */
export function add(pool: PeerPool, address: string, port = 6881, now = 0): PoolPeer {
  const peer = pool.addPeer(address, port, PEER_SOURCE.TRACKER, now);
  if (peer === null) throw new Error(`The pool did not take ${address}:${port}`);
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
