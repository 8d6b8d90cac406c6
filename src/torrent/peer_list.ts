/**
 * All peers that are known, by address and port, and which of them to forget when they grow too
 * many. Invariants: one peer per endpoint; exactly the idle peers can be forgotten to make room;
 * bans take at most half of the list, so that dead addresses cannot crowd out the living.
 */
import { IndexedHeap } from "../util/heap.ts";
import { isLoopback } from "../util/ip_address.ts";
import { forgottenBefore } from "./peer_rank.ts";
import type { PoolPeer } from "./pool_peer.ts";

/** "address": nobody from that host any more. "endpoint": this one only. */
export type BanScope = "address" | "endpoint";

export class PeerList {
  readonly #limit: number;
  readonly #known = new Map<string, PoolPeer>();
  readonly #idle = new IndexedHeap<PoolPeer>(forgottenBefore);
  /** Oldest first; the bans of single endpoints are forgotten before those of addresses. */
  readonly #bans: Record<BanScope, Set<PoolPeer>> = { endpoint: new Set(), address: new Set() };
  /** How many bans stand against each refused address. */
  readonly #refused = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#known.size;
  }

  get banned(): number {
    return this.#bans.endpoint.size + this.#bans.address.size;
  }

  /** Peers under an "endpoint" ban, oldest first. */
  get endpointBans(): readonly PoolPeer[] {
    return [...this.#bans.endpoint];
  }

  /** The same under an "address" ban. */
  get addressBans(): readonly PoolPeer[] {
    return [...this.#bans.address];
  }

  /** `address` in canonical form. */
  find(address: string, port: number): PoolPeer | undefined {
    return this.#known.get(endpointKey(address, port));
  }

  values(): IterableIterator<PoolPeer> {
    return this.#known.values();
  }

  add(peer: PoolPeer): void {
    this.#known.set(endpointKey(peer.address, peer.port), peer);
  }

  /** Files a peer under another port; nobody may be there. */
  move(peer: PoolPeer, port: number): void {
    this.#known.delete(endpointKey(peer.address, peer.port));
    peer.port = port;
    this.add(peer);
  }

  remove(peer: PoolPeer): void {
    const key = endpointKey(peer.address, peer.port);
    if (this.#known.get(key) === peer) this.#known.delete(key);
    this.#idle.remove(peer);
    this.unban(peer);
  }

  /** Call it whenever a peer's state, rank, failures or sources changed. */
  update(peer: PoolPeer): void {
    if (peer.idle) this.#idle.push(peer);
    else this.#idle.remove(peer);
  }

  /** Forgets the least valuable idle peers until the list is within its limit again. */
  shrink(): PoolPeer[] {
    const forgotten: PoolPeer[] = [];
    while (this.#known.size > this.#limit) {
      const peer = this.#idle.peek();
      if (peer === undefined) break;
      this.remove(peer);
      forgotten.push(peer);
    }
    return forgotten;
  }

  /** Remembers a ban, and forgets the oldest one when bans pass half of the list. */
  ban(peer: PoolPeer, scope: BanScope): void {
    this.update(peer);
    this.#bans[scope].add(peer);
    if (scope === "address") {
      this.#refused.set(peer.address, (this.#refused.get(peer.address) ?? 0) + 1);
    }
    if (this.banned > Math.max(1, Math.floor(this.#limit / 2))) {
      const [oldest] = this.#bans[this.#bans.endpoint.size > 0 ? "endpoint" : "address"];
      this.remove(oldest!);
    }
  }

  unban(peer: PoolPeer): void {
    this.#bans.endpoint.delete(peer);
    if (!this.#bans.address.delete(peer)) return;
    const left = this.#refused.get(peer.address)! - 1;
    if (left > 0) this.#refused.set(peer.address, left);
    else this.#refused.delete(peer.address);
  }

  isBanned(peer: PoolPeer, scope: BanScope): boolean {
    return this.#bans[scope].has(peer);
  }

  /**
   * Whether somebody at that address was banned. The port of who dials in says nothing about who it
   * is, so the address has to count; on loopback many peers share one, and there it does not.
   */
  refuses(address: string, bytes: Uint8Array): boolean {
    return this.#refused.has(address) && !isLoopback(bytes);
  }
}

function endpointKey(address: string, port: number): string {
  return `${address} ${port}`;
}
