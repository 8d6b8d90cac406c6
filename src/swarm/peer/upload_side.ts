/**
 * The upload half of a session: whether we choke the peer, and its queued requests. Requests are
 * checked here; the link reads and sends the blocks. Invariant: every accepted request is answered by
 * its block, by a reject (BEP 6), or by the end of the connection.
 */
import { ProtocolError } from "../../util/errors.ts";
import { RateMeter } from "../../util/rate_meter.ts";
import type { Bitfield } from "../../util/bitfield.ts";
import { BLOCK_LENGTH, type Layout } from "../../metainfo/layout.ts";
import * as wire from "../../wire/peer_wire.ts";
import { ChokedPatience, type Patience } from "./patience.ts";
import { UploadQueue, type UploadRequest } from "./upload_queue.ts";

/** The most queued answers, in bytes, for a peer that keeps requesting and reads nothing. */
const MAX_UNREAD = 1 << 18;
/** Blocks of the piece under way that a peer gets at most after it was choked, and the time for them. */
const MAX_REST = 16, MAX_REST_MS = 4000;
/** Enough time for a request after our UNCHOKE; on a busy line that itself is late. */
const FAIR_TURN_MS = 2000, BUSY_TURN_MS = 5000;

/** Peers with fewer pieces may download this many while choked: enough to have something to trade. */
export const ALLOWED_FAST_PIECES = 5;
/** How often each block of such a piece may be requested while choked. */
const ALLOWED_FAST_TIMES = 3;

export class UploadSide {
  readonly queue = new UploadQueue();
  readonly rate = new RateMeter();
  choking = true;
  /** When the peer was choked or unchoked last. */
  chokedAt = 0;
  #layout: Layout;
  #have: Bitfield;
  readonly #out: wire.WireEncoder;
  readonly #fast: boolean;
  readonly #patience: Patience;
  readonly #chokedPatience: ChokedPatience;
  /** Bytes that it had downloaded when it was last unchoked. */
  #gotBefore = 0;
  #wastedLast = false;
  /** The piece that was under way when the peer was choked. */
  #rest = -1;
  /** The piece of the last request. */
  #requested = -1;
  /** Pieces that the peer may have while choked: how many requests for each are left. */
  readonly #allowed = new Map<number, number>();

  /** `have`: our pieces; `fast`: both sides have BEP 6; `now`: when the connection began. */
  constructor(
    layout: Layout,
    have: Bitfield,
    out: wire.WireEncoder,
    fast: boolean,
    patience: Patience,
    now: number,
  ) {
    this.#layout = layout;
    this.#have = have;
    this.#out = out;
    this.#fast = fast;
    this.#patience = patience;
    this.#chokedPatience = new ChokedPatience(now);
  }

  /** The torrent is known now. */
  attach(layout: Layout, have: Bitfield): void {
    this.#layout = layout;
    this.#have = have;
  }

  /** Returns the requests that are refused; null if nothing changed. */
  setChoking(choking: boolean, now: number): readonly UploadRequest[] | null {
    if (this.choking === choking) return null;
    if (choking) this.#wastedLast = this.wastesTurns(now, false);
    this.choking = choking;
    this.chokedAt = now;
    this.#out.signal(choking ? wire.CHOKE : wire.UNCHOKE);
    if (choking) return this.#onChoke(now);
    this.#gotBefore = this.rate.total;
    return [];
  }

  /**
   * Whether it requested nothing while it was last unchoked, or since then if it still is. `busy`:
   * others are being served.
   */
  wastesTurns(now: number, busy: boolean): boolean {
    if (this.rate.total > this.#gotBefore) return false;
    const fairTurn = busy ? BUSY_TURN_MS : FAIR_TURN_MS;
    if (this.choking || now - this.chokedAt < fairTurn) return this.#wastedLast;
    return this.queue.length === 0;
  }

  /** Refuses what waits, but for the rest of a piece: a part of one is of no use to anybody. */
  #onChoke(now: number): readonly UploadRequest[] {
    this.#chokedPatience.choked(now, (this.rate.total - this.#gotBefore) / BLOCK_LENGTH);
    this.#requested = -1;
    this.#rest = this.queue.answered;
    const soon = Math.floor(this.rate.rate * MAX_REST_MS / 1000 / BLOCK_LENGTH);
    let left = this.#fast ? Math.min(MAX_REST, soon) : 0;
    const dropped = this.queue.drop(({ piece }) =>
      !this.#allowed.has(piece) && !(piece === this.#rest && left-- > 0)
    );
    for (const r of dropped) this.#reject(r.piece, r.begin, r.length);
    return dropped;
  }

  /** The pieces are going away: nothing that was requested can be served. */
  detach(now: number): void {
    this.setChoking(true, now);
    for (const r of this.queue.clear()) this.#reject(r.piece, r.begin, r.length);
  }

  /** The messages until the last change at `changedAt` are written. */
  written(changedAt: number, now: number): void {
    if (this.choking && changedAt === this.chokedAt) this.#chokedPatience.written(now);
  }

  /** Tells the peer of pieces that it may have while choked (BEP 6). */
  allowFast(pieces: readonly number[]): void {
    if (!this.#fast) return;
    for (const piece of pieces) {
      if (this.#allowed.has(piece)) continue;
      this.#allowed.set(piece, ALLOWED_FAST_TIMES * this.#layout.blocksIn(piece));
      this.#out.number(wire.ALLOWED_FAST, piece);
    }
  }

  /** For tests: all queued requests may be served. */
  get isInOrder(): boolean {
    for (let i = 0; this.choking && i < this.queue.length; i++) {
      const { piece } = this.queue.at(i)!;
      if (piece !== this.#rest && !this.#allowed.has(piece)) return false;
    }
    return true;
  }

  /**
   * Returns whether it begins another piece than the last, one that was not suggested. Throws a
   * ProtocolError when the peer makes too many invalid requests.
   */
  onRequest(piece: number, begin: number, length: number, now: number): boolean {
    if (this.#out.length > MAX_UNREAD) {
      throw new ProtocolError("flood", "The peer sends requests without reading the answers");
    }
    const valid = this.#isValid(piece, begin, length);
    const welcome = valid && (!this.choking || this.#useFast(piece));
    if (welcome && this.queue.push(piece, begin, length)) return this.#strays(piece);
    // A request beyond the limit, or one that crossed our CHOKE, is not invalid.
    if (!valid) this.#patience.strain();
    else if (this.choking) this.#chokedPatience.strain(now);
    this.#reject(piece, begin, length);
    return false;
  }

  #strays(piece: number): boolean {
    if (piece === this.#requested) return false;
    this.#requested = piece;
    return !this.queue.suggested.delete(piece);
  }

  onCancel(piece: number, begin: number, length: number): void {
    if (this.queue.cancel(piece, begin, length)) this.#reject(piece, begin, length);
  }

  /** The oldest request cannot be served. */
  refuseNext(): void {
    const request = this.queue.next();
    if (request) this.#reject(request.piece, request.begin, request.length);
  }

  /** We no longer have this piece. */
  lost(piece: number): void {
    for (const r of this.queue.drop((request) => request.piece === piece)) {
      this.#reject(r.piece, r.begin, r.length);
    }
  }

  #useFast(piece: number): boolean {
    const left = this.#allowed.get(piece) ?? 0;
    if (left > 0) this.#allowed.set(piece, left - 1);
    return left > 0;
  }

  #isValid(piece: number, begin: number, length: number): boolean {
    return piece < this.#layout.pieceCount && length > 0 && length <= BLOCK_LENGTH &&
      begin + length <= this.#layout.lengthOf(piece) && this.#have.has(piece);
  }

  #reject(piece: number, begin: number, length: number): void {
    if (this.#fast) this.#out.block(wire.REJECT, piece, begin, length);
  }
}
