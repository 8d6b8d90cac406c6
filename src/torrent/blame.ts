/** Who is to answer for what failed, and who is thanked for what did not: pieces to peers. */
import { formatEndpoint } from "../protocol/compact_address.ts";
import type { PeerPool } from "./peer_pool.ts";
import type { PoolPeer } from "./pool_peer.ts";

export class Blame {
  readonly #pool: PeerPool;
  readonly #peerOfKey: (key: number) => PoolPeer | undefined;

  /** `peerOfKey` knows those that left, too: blame may come late. */
  constructor(pool: PeerPool, peerOfKey: (key: number) => PoolPeer | undefined) {
    this.#pool = pool;
    this.#peerOfKey = peerOfKey;
  }

  /** A piece failed its hash. */
  suspect(contributors: readonly number[], now: number): void {
    for (const peer of this.#peers(contributors)) this.#pool.markHashFailure(peer, now);
  }

  /** A piece passed. */
  thank(contributors: readonly number[]): void {
    for (const peer of this.#peers(contributors)) this.#pool.markGoodPiece(peer);
  }

  /** It was this one for sure. */
  convict(key: number, now: number): void {
    for (const peer of this.#peers([key])) this.#pool.ban(peer, now, "sent wrong data");
  }

  /** "address:port" of each. */
  names(contributors: readonly number[]): string[] {
    return this.#peers(contributors).map(({ address, port }) => formatEndpoint({ address, port }));
  }

  #peers(keys: readonly number[]): PoolPeer[] {
    return keys.flatMap((key) => this.#peerOfKey(key) ?? []);
  }
}
