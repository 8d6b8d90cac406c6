/**
 * Gets a torrent's info dictionary from several peers at once (BEP 9), some of whom may lie. How
 * long it is nobody knows beforehand, so every claimed size is tried on its own and a liar can only
 * spoil the tries it takes part in. What comes is checked against the info-hash; if that fails and
 * one peer gave all of it, that one lied, else everybody is tried alone. Invariant: every peer works
 * in one round, and the rounds that hold memory are few and small enough together.
 */
import type { Hasher } from "../platform/types.ts";
import { equalBytes } from "../util/bytes.ts";
import {
  MAX_METADATA_BYTES,
  METADATA_PIECE_LENGTH,
  metadataPieceLength,
} from "../wire/ut_metadata.ts";
import { type Failure, MetadataRound } from "./metadata_round.ts";

/** What the rounds under way may come to hold together; room for two of the largest. */
const MAX_BYTES_AT_ONCE = 64 * 1024 * 1024;
const MAX_ROUNDS_AT_ONCE = 8;
/** Sizes of which a mixed try is remembered to have failed. */
const MAX_CONTESTED = 8;

export interface FetchPort<P> {
  requestPiece(peer: P, index: number): void;
  /** Once, last of all: the verified info dictionary. */
  done(infoBytes: Uint8Array): void;
  /** This peer lied. It is out already; more about it is ignored. */
  guilty(peer: P): void;
}

/** Who gave a piece of a mixed try that failed, and the piece's SHA-1. */
interface Evidence<P> {
  peer: P;
  index: number;
  digest: Uint8Array;
}

export class MetadataFetch<P extends object> {
  readonly #infoHash: Uint8Array;
  readonly #sha1: (bytes: Uint8Array) => Uint8Array;
  readonly #port: FetchPort<P>;
  readonly #rounds = new Set<MetadataRound<P>>();
  readonly #roundOf = new Map<P, MetadataRound<P>>();
  /** Sizes for which peers are tried one by one. */
  readonly #contested = new Map<number, Evidence<P>[]>();
  readonly #liars = new WeakSet<P>();
  #over = false;

  constructor(
    infoHash: Uint8Array,
    hasher: Pick<Hasher, "digest">,
    port: FetchPort<P>,
  ) {
    this.#infoHash = infoHash;
    this.#sha1 = (bytes) => hasher.digest("sha1", bytes);
    this.#port = port;
  }

  get over(): boolean {
    return this.#over;
  }

  /** Whether the peer is one that pieces are asked of. */
  has(peer: P): boolean {
    return this.#roundOf.has(peer);
  }

  /** How the peer's last request ended, if it has given nothing since. */
  failure(peer: P): Failure | null {
    return this.#roundOf.get(peer)?.failure(peer) ?? null;
  }

  /**
   * A peer's extension handshake said that it has the metadata, and its size in bytes. Its first
   * word counts. Returns false if it is of no use.
   */
  offers(peer: P, size: number, now: number): boolean {
    if (this.#over || this.#liars.has(peer) || this.#roundOf.has(peer)) return false;
    if (!Number.isInteger(size) || size < 1 || size > MAX_METADATA_BYTES) return false;
    this.#place(peer, size);
    this.#settle(now);
    return true;
  }

  leaves(peer: P, now: number): void {
    this.#remove(peer);
    this.#settle(now);
  }

  /**
   * A data message, its bytes borrowed and as long as the index and total size say. False if it was
   * not asked for.
   */
  data(peer: P, index: number, totalSize: number, bytes: Uint8Array, now: number): boolean {
    const round = this.#roundOf.get(peer);
    if (round === undefined || this.#over) return false;
    if (totalSize !== round.size || bytes.length !== metadataPieceLength(totalSize, index)) {
      // It contradicts its own handshake.
      this.#blame(peer);
      this.#settle(now);
      return true;
    }
    const asked = round.take(peer, index, bytes);
    if (round.complete) this.#check(round);
    this.#settle(now);
    return asked;
  }

  rejected(peer: P, index: number, now: number): void {
    this.#roundOf.get(peer)?.refuse(peer, index, now);
    this.#settle(now);
  }

  /** A few times a second. */
  tick(now: number): void {
    for (const round of this.#rounds) round.expire(now);
    this.#settle(now);
  }

  /** For tests: bytes that the pieces in memory take. */
  get heldBytes(): number {
    let bytes = 0;
    for (const round of this.#rounds) bytes += round.received * METADATA_PIECE_LENGTH;
    return bytes;
  }

  #place(peer: P, size: number): void {
    const solo = this.#contested.has(size);
    let round: MetadataRound<P> | undefined;
    for (const each of this.#rounds) {
      if (!solo && !each.solo && each.size === size) round = each;
    }
    if (round === undefined) this.#rounds.add(round = new MetadataRound(size, solo));
    round.add(peer);
    this.#roundOf.set(peer, round);
  }

  #remove(peer: P): void {
    const round = this.#roundOf.get(peer);
    if (round === undefined) return;
    this.#roundOf.delete(peer);
    round.remove(peer);
    if (round.memberCount === 0) this.#rounds.delete(round);
  }

  #settle(now: number): void {
    if (this.#over) return;
    if (this.#startWaiting(now) > 0) {
      for (const round of this.#rounds) if (round.active && round.turnIsOver(now)) round.stop();
      this.#startWaiting(now);
    }
    for (const round of this.#rounds) {
      round.ask(now, (peer, index) => this.#port.requestPiece(peer, index));
    }
  }

  /** Starts the rounds for which there is room; returns how many have to wait. */
  #startWaiting(now: number): number {
    let active = 0, bytes = 0, left = 0;
    const waiting: MetadataRound<P>[] = [];
    for (const round of this.#rounds) {
      if (!round.active) waiting.push(round);
      else active++, bytes += round.size;
    }
    waiting.sort((a, b) => a.turns - b.turns || b.memberCount - a.memberCount || a.size - b.size);
    for (const round of waiting) {
      const fits = active < MAX_ROUNDS_AT_ONCE && bytes + round.size <= MAX_BYTES_AT_ONCE;
      if (!fits) left++;
      else active++, bytes += round.size, round.start(now);
    }
    return left;
  }

  #check(round: MetadataRound<P>): void {
    const bytes = round.join();
    if (equalBytes(this.#sha1(bytes), this.#infoHash)) return this.#finish(round, bytes);
    const [first] = round.sources;
    if (round.sources.every((peer) => peer === first)) {
      round.reset();
      this.#blame(first!);
    } else this.#contest(round);
  }

  /** Somebody of several lied: each of them has to give all of it alone. */
  #contest(round: MetadataRound<P>): void {
    const evidence = round.sources.map((peer, index) => {
      return { peer, index, digest: this.#sha1(round.pieceAt(index)) };
    });
    this.#contested.set(round.size, evidence);
    for (const size of this.#contested.keys()) {
      if (this.#contested.size > MAX_CONTESTED) this.#contested.delete(size);
    }
    const peers = [...round.members];
    for (const peer of peers) this.#remove(peer);
    for (const peer of peers) this.#place(peer, round.size);
  }

  #blame(peer: P): void {
    if (this.#liars.has(peer)) return;
    this.#liars.add(peer);
    this.#remove(peer);
    this.#port.guilty(peer);
  }

  #finish(round: MetadataRound<P>, bytes: Uint8Array): void {
    this.#over = true;
    const evidence = this.#contested.get(round.size) ?? [];
    this.#rounds.clear();
    this.#roundOf.clear();
    this.#contested.clear();
    // Now it shows who spoilt the try of many.
    for (const { peer, index, digest } of evidence) {
      const begin = index * METADATA_PIECE_LENGTH;
      const right = this.#sha1(bytes.subarray(begin, begin + METADATA_PIECE_LENGTH));
      if (!equalBytes(right, digest)) this.#blame(peer);
    }
    this.#port.done(bytes);
  }
}
