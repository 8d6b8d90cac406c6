/**
 * Attributes failed and passed pieces to peers. Blame may come after a peer left, so the last peers
 * that left after sending something are remembered. Invariant: besides the connected peers, at most
 * MAX_GONE are kept.
 */
import { formatEndpoint } from "../util/compact_address.ts";
import { noteGoodPiece, noteHashFailure } from "../peers/conduct.ts";
import type { PeerPool } from "../peers/peer_pool.ts";
import { PEER_STATE, type PoolPeer } from "../peers/pool_peer.ts";

const MAX_GONE = 1000;

/** A connection that can be blamed. */
interface Sender {
  readonly peer: PoolPeer;
  readonly session: { readonly source: { readonly key: number; readonly delivers: boolean } };
}

export class Blame {
  readonly #pool: PeerPool;
  /** By session key. Null until a peer connects: most torrents of a large client have none. */
  #here: Map<number, PoolPeer> | null = null;
  /** In the order in which they left. */
  #gone: Map<number, PoolPeer> | null = null;

  constructor(pool: PeerPool) {
    this.#pool = pool;
  }

  joined({ peer, session }: Sender): void {
    this.#gone?.delete(session.source.key);
    (this.#here ??= new Map()).set(session.source.key, peer);
  }

  left({ peer, session }: Sender): void {
    this.#here?.delete(session.source.key);
    if (!session.source.delivers) return;
    const gone = this.#gone ??= new Map();
    gone.set(session.source.key, peer);
    if (gone.size <= MAX_GONE) return;
    const [oldest] = gone.keys();
    gone.delete(oldest!);
  }

  /** A piece failed its hash. */
  suspect(contributors: readonly number[], now: number): void {
    const { known } = this.#pool;
    for (const peer of this.#peers(contributors)) {
      if (known === null || peer.state === PEER_STATE.BANNED) continue;
      if (noteHashFailure(known, peer)) this.#pool.ban(peer, now, "hash-failures");
    }
  }

  /** A piece passed. */
  thank(contributors: readonly number[]): void {
    for (const peer of this.#peers(contributors)) noteGoodPiece(peer);
  }

  /** This peer is certainly guilty. */
  convict(key: number, now: number): void {
    for (const peer of this.#peers([key])) this.#pool.ban(peer, now, "sent wrong data");
  }

  /** "address:port" of each. */
  names(contributors: readonly number[]): string[] {
    return this.#peers(contributors).map(({ address, port }) => formatEndpoint({ address, port }));
  }

  #peers(keys: readonly number[]): PoolPeer[] {
    return keys.flatMap((key) => this.#here?.get(key) ?? this.#gone?.get(key) ?? []);
  }
}
