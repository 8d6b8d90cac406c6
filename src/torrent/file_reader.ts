/**
 * One reading of a part of a torrent, from its first byte to its last: waits for pieces that are not here
 * yet, and tells which it needs next. Reads verified pieces alone.
 */
import type { PieceManager } from "../pieces/piece_manager.ts";
import { isWanted } from "../pieces/piece_types.ts";
import type { ReadPiece } from "../pieces/urgent_pieces.ts";
import type { ReadWaiter } from "../storage/read_cache.ts";
import { RateMeter } from "../util/rate_meter.ts";
import type { Readers } from "./readers.ts";

/** Bytes of one read, at most. */
const CHUNK_BYTES = 256 * 1024;
/** How far ahead pieces are urgent: the time at the reader's rate, and the least and most bytes. */
const AHEAD_MS = 20_000, AHEAD_LEAST = 4 * 1024 * 1024, AHEAD_MOST = 256 * 1024 * 1024;
/** Bytes a second of a reader whose rate is not known: those of a film. The least of others. */
const USUAL_RATE = 1024 * 1024, LEAST_RATE = 16 * 1024;

export class FileReader implements ReadWaiter {
  readonly #readers: Readers;
  readonly #end: number;
  readonly #rate = new RateMeter(10_000);
  #at: number;
  /** Why nothing more will come. */
  #failure: { readonly reason: unknown } | null = null;
  #isClosed = false;
  /** The read that waits. */
  #waiting: (() => void) | null = null;
  /** Data of this chunk could not be read: it is tried again at the next tick. */
  #rests = false;

  /** Made by `Readers`. */
  constructor(readers: Readers, start: number, end: number) {
    this.#readers = readers;
    this.#at = start;
    this.#end = end;
  }

  /** The next bytes, which are the caller's; null at the end. Rejects if nothing more will come. */
  async next(): Promise<Uint8Array<ArrayBuffer> | null> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure.reason;
      if (this.#isClosed || this.#at >= this.#end) return null;
      const bytes = this.#read();
      if (bytes !== null) return bytes;
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting = resolve;
      await promise;
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#readers.closed(this);
    this.#resume();
  }

  // --- For `Readers` ---

  fail(reason: unknown): void {
    this.#failure ??= { reason };
    this.#readers.closed(this);
    this.#resume();
  }

  verified(piece: number): void {
    if (this.#waiting !== null && piece === this.#place.piece) this.#resume();
  }

  wake(): void {
    this.#rests = false;
    this.#resume();
  }

  sample(now: number): void {
    this.#rate.sample(now);
  }

  /** It need not wait for a piece. */
  isServed({ have }: PieceManager): boolean {
    return this.#at >= this.#end || have.has(this.#place.piece);
  }

  /** Missing pieces that it needs soon, first the next. At most `most`. */
  missing({ have, states }: PieceManager, most: number): ReadPiece[] {
    const found: ReadPiece[] = [], { layout: { pieceLength } } = this.#readers;
    if (this.#at >= this.#end) return found;
    const rate = this.#rate.rate === 0 ? USUAL_RATE : Math.max(this.#rate.rate, LEAST_RATE);
    const ahead = Math.min(
      AHEAD_MOST,
      Math.max(AHEAD_LEAST, 2 * pieceLength, rate * AHEAD_MS / 1000),
    );
    const first = Math.floor(this.#at / pieceLength);
    const last = Math.floor((Math.min(this.#end, this.#at + ahead) - 1) / pieceLength);
    for (let piece = first; piece <= last && found.length < most; piece++) {
      if (have.has(piece) || !isWanted(states.of(piece))) continue;
      const leadMs = Math.max(0, (piece * pieceLength - this.#at) * 1000 / rate);
      found.push({ piece, leadMs });
    }
    return found;
  }

  // --- For the block reader ---

  loaded(): void {
    this.#resume();
  }

  failed(): void {
    this.#rests = true;
  }

  #read(): Uint8Array<ArrayBuffer> | null {
    const { source, layout } = this.#readers, { piece, begin } = this.#place;
    if (this.#rests || !source?.pieces.have.has(piece)) return null;
    const { reader } = source;
    const left = Math.min(this.#end - this.#at, layout.lengthOf(piece) - begin);
    const bytes = new Uint8Array(Math.min(CHUNK_BYTES, left));
    if (!reader.readNow(piece, begin, bytes)) {
      if (!reader.prepare(piece, begin, bytes.length, this)) return null;
      reader.copy(piece, begin, bytes);
    }
    this.#at += bytes.length;
    this.#rate.add(bytes.length);
    return bytes;
  }

  get #place(): { piece: number; begin: number } {
    const { pieceLength } = this.#readers.layout;
    return { piece: Math.floor(this.#at / pieceLength), begin: this.#at % pieceLength };
  }

  #resume(): void {
    const resume = this.#waiting;
    this.#waiting = null;
    resume?.();
  }
}
