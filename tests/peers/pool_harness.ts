/** A peer pool whose dialler only writes down what it is asked to do. */
import { PeerPool } from "../../src/peers/peer_pool.ts";
import { PEER_SOURCE, type PoolPeer } from "../../src/peers/pool_peer.ts";
import type { PeerPoolConfig, PoolDialer } from "../../src/peers/pool_types.ts";

export const MINUTE = 60_000;

export class NotingDialer implements PoolDialer {
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

export function makePool(config: Partial<PeerPoolConfig> = {}) {
  const dialer = new NotingDialer();
  return { pool: new PeerPool(config, dialer), dialer };
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
