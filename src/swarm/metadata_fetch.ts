/**
 * Downloads a torrent's info dictionary from several peers at once (BEP 9), some of which may lie.
 * Its length is unknown beforehand, so every claimed size is tried separately and a liar can only
 * spoil its own tries. The result is checked against the info-hash; if that fails and one peer sent
 * all of it, that peer lied, otherwise each peer is tried alone. Invariant: every peer takes part
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

/** The memory that running rounds may take together: enough for two of the largest. */
const MAX_BYTES_AT_ONCE = 64 * 1024 * 1024;
const MAX_ROUNDS_AT_ONCE = 8;
/** The most sizes whose failed mixed tries are remembered. */
const MAX_CONTESTED = 8;

export interface FetchPort<P> {
  requestPiece(peer: P, index: number): void;
  /** The torrent is paused: nothing is requested, and what arrives is kept. */
  resting(): boolean;
  /** Called once, last: the verified info dictionary. */
  done(infoBytes: Uint8Array): void;
  /** This peer lied. It is removed already; later messages from it are ignored. */
  guilty(peer: P): void;
}

/** The sender of a piece of a mixed try that failed, and the piece's SHA-1. */
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

  /** Whether pieces are requested from the peer. */
  has(peer: P): boolean {
    return this.#roundOf.has(peer);
  }

  /** How the peer's last request ended, if it has sent nothing since. */
  failure(peer: P): Failure | null {
    return this.#roundOf.get(peer)?.failure(peer) ?? null;
  }

  /**
   * A peer's extension handshake announced the metadata's size in bytes. Its first size counts.
   * Returns false if it is useless.
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
   * A data message, its bytes borrowed and of the length for its index and total size. False if it
   * was not requested.
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

  /** Call it a few times a second. */
  tick(now: number): void {
    for (const round of this.#rounds) round.expire(now);
    this.#settle(now);
  }

  /** For tests: the memory of the pieces. */
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
    if (this.#over || this.#port.resting()) return;
    if (this.#startWaiting(now) > 0) {
      for (const round of this.#rounds) if (round.active && round.turnIsOver(now)) round.stop();
      this.#startWaiting(now);
    }
    for (const round of this.#rounds) {
      round.ask(now, (peer, index) => this.#port.requestPiece(peer, index));
    }
  }

  /** Starts the rounds for which there is room; returns how many must wait. */
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

  /** One of several peers lied: each has to send all of it alone. */
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
    // Now the liars of the mixed try are known.
    for (const { peer, index, digest } of evidence) {
      const begin = index * METADATA_PIECE_LENGTH;
      const right = this.#sha1(bytes.subarray(begin, begin + METADATA_PIECE_LENGTH));
      if (!equalBytes(right, digest)) this.#blame(peer);
    }
    this.#port.done(bytes);
  }
}
