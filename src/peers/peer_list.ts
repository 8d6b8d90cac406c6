/**
 * All known peers, by address and port, and which of them to forget when there are too many.
 * Invariants: one peer per endpoint; exactly the idle peers can be forgotten; bans take at most
 * half of the list, so that dead addresses cannot crowd out the living, and so do the peers of each
 * source in which anyone can name thousands.
 */
import { IndexedHeap } from "../util/heap.ts";
import { isLoopback } from "../util/ip_address.ts";
import { forgottenBefore } from "./peer_rank.ts";
import { PEER_SOURCE, type PoolPeer } from "./pool_peer.ts";

/** "address": all peers of that host. "endpoint": this one only. */
export type BanScope = "address" | "endpoint";

/** The part of the list that the peers of one source may take. */
const SHARES: ReadonlyMap<number, number> = new Map([
  [PEER_SOURCE.DHT, 1 / 2],
  [PEER_SOURCE.PEX, 1 / 2],
  [PEER_SOURCE.LSD, 1 / 4],
]);

/** The peers of one such source that are not banned. */
interface Share {
  readonly limit: number;
  readonly all: Set<PoolPeer>;
  readonly idle: IndexedHeap<PoolPeer>;
}

export class PeerList {
  readonly #limit: number;
  readonly #known = new Map<string, PoolPeer>();
  readonly #idle = new IndexedHeap<PoolPeer>(forgottenBefore);
  /** By source; each made for its first peer. */
  readonly #shares = new Map<number, Share>();
  /** Oldest first; the bans of single endpoints are forgotten before those of addresses. */
  readonly #bans: Record<BanScope, Set<PoolPeer>> = { endpoint: new Set(), address: new Set() };
  /** The number of bans of each refused address. */
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
    this.#shareOf(peer)?.all.add(peer);
  }

  #shareOf({ share: source }: PoolPeer): Share | undefined {
    const known = this.#shares.get(source), part = SHARES.get(source);
    if (known !== undefined || part === undefined) return known;
    const limit = Math.max(1, Math.floor(this.#limit * part));
    const share = { limit, all: new Set<PoolPeer>(), idle: new IndexedHeap(forgottenBefore) };
    this.#shares.set(source, share);
    return share;
  }

  /** Moves a peer to another port, which must be free. */
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
    this.#leaveShare(peer);
  }

  /** Call it whenever a peer's state, rank, failures or sources changed. */
  update(peer: PoolPeer): void {
    const heaps = [this.#idle, this.#shareOf(peer)?.idle];
    for (const heap of heaps) {
      if (peer.idle) heap?.push(peer);
      else heap?.remove(peer);
    }
  }

  /** Forgets the least valuable idle peers until the list and all shares are within their limits. */
  shrink(): PoolPeer[] {
    const forgotten: PoolPeer[] = [];
    for (const { all, idle, limit } of this.#shares.values()) {
      this.#forget(idle, () => all.size > limit, forgotten);
    }
    this.#forget(this.#idle, () => this.#known.size > this.#limit, forgotten);
    return forgotten;
  }

  #forget(idle: IndexedHeap<PoolPeer>, tooMany: () => boolean, forgotten: PoolPeer[]): void {
    while (tooMany()) {
      const peer = idle.peek();
      if (peer === undefined) break;
      this.remove(peer);
      forgotten.push(peer);
    }
  }

  /** Remembers a ban, and forgets the oldest one if bans exceed half of the list. */
  ban(peer: PoolPeer, scope: BanScope): void {
    this.update(peer);
    this.#leaveShare(peer);
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
    if (this.#bans.endpoint.delete(peer)) this.#shareOf(peer)?.all.add(peer);
    if (!this.#bans.address.delete(peer)) return;
    this.#shareOf(peer)?.all.add(peer);
    const left = this.#refused.get(peer.address)! - 1;
    if (left > 0) this.#refused.set(peer.address, left);
    else this.#refused.delete(peer.address);
  }

  #leaveShare(peer: PoolPeer): void {
    const share = this.#shares.get(peer.share);
    share?.all.delete(peer);
    share?.idle.remove(peer);
  }

  /**
   * Whether a peer at that address was banned. The source port of an incoming connection does not
   * identify a peer, so the address must count; on loopback, which many peers share, it does not.
   */
  refuses(address: string, bytes: Uint8Array): boolean {
    return this.#refused.has(address) && !isLoopback(bytes);
  }
}

function endpointKey(address: string, port: number): string {
  return `${address} ${port}`;
}
