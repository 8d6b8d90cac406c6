/**
 * Everybody who reads files of one torrent while they come. Outlives the work on the files: a reader
 * waits through a pause or disk trouble. From the readers' places and rates follows which missing pieces
 * are urgent.
 */
import type { Layout } from "../metainfo/layout.ts";
import type { BlockReader } from "../storage/block_reader.ts";
import type { PieceManager } from "../pieces/piece_manager.ts";
import { MAX_URGENT, type ReadPiece } from "../pieces/urgent_pieces.ts";
import { FileReader } from "./file_reader.ts";
import { streamOf } from "./file_stream.ts";
import type { StreamRange } from "./types.ts";

/** The work on the files, as readers need it. */
export interface ReadSource {
  readonly pieces: PieceManager;
  readonly reader: BlockReader;
}

/** So many pieces arrive before the urgent ones are found again, at the latest. */
const UPDATE_AFTER = MAX_URGENT / 4;

export class Readers {
  readonly layout: Layout;
  readonly #now: () => number;
  readonly #wakePeers: () => void;
  readonly #open = new Set<FileReader>();
  #source: ReadSource | null = null;
  #isSet = false;
  #arrived = 0;

  /** `wakePeers`: requests may be free again. */
  constructor(layout: Layout, now: () => number, wakePeers: () => void) {
    this.layout = layout;
    this.#now = now;
    this.#wakePeers = wakePeers;
  }

  /** Null while nothing can be read. */
  get source(): ReadSource | null {
    return this.#source;
  }

  /** Throws a RangeError for a range outside the file. */
  stream(file: number, range: StreamRange): ReadableStream<Uint8Array<ArrayBuffer>> {
    const size = this.layout.files[file]!.length, { start = 0, end = size, signal } = range;
    if (!Number.isInteger(start) || start < 0 || start > size) throw outside("start", size);
    if (!Number.isInteger(end) || end < start || end > size) throw outside("end", size);
    const first = this.layout.fileStart(file);
    return streamOf(this.#read(first + start, first + end), signal);
  }

  /** Bytes `start` to `end` of the torrent. It counts until it is closed. */
  #read(start: number, end: number): FileReader {
    const reader = new FileReader(this, start, end);
    this.#open.add(reader);
    this.jumped(reader);
    return reader;
  }

  closed(reader: FileReader): void {
    this.#open.delete(reader);
    this.#update();
  }

  attach(source: ReadSource): void {
    this.#source = source;
    this.#isSet = false;
    this.#update();
    this.#wake();
  }

  detach(): void {
    this.#source = null;
  }

  /** The torrent has ended: nothing more will come. */
  fail(reason: Error): void {
    for (const reader of [...this.#open]) reader.fail(reason);
  }

  /** A piece is here. */
  verified(piece: number): void {
    for (const reader of this.#open) reader.verified(piece);
    if (this.#open.size > 0 && ++this.#arrived >= UPDATE_AFTER) this.#update();
  }

  /** A reader begins, or continues elsewhere: if it has to wait, all peers send its part first. */
  jumped(reader: FileReader): void {
    const source = this.#source;
    this.#update();
    if (source === null || reader.isServed(source.pieces)) return;
    source.pieces.blocks.clearTheWay();
    this.#wakePeers();
  }

  /** A few times a second. */
  tick(): void {
    if (this.#open.size === 0) return;
    const now = this.#now();
    for (const reader of this.#open) reader.sample(now);
    this.#update();
    this.#wake(); // pieces that a check found are no news
    if (this.#source?.pieces.blocks.hasten()) this.#wakePeers();
  }

  #wake(): void {
    for (const reader of this.#open) reader.wake();
  }

  /** The missing pieces of all readers, by the time until they are read. */
  #update(): void {
    const source = this.#source;
    if (source === null || this.#open.size === 0 && !this.#isSet) return;
    this.#arrived = 0;
    const leads = new Map<number, number>();
    for (const reader of this.#open) {
      for (const { piece, leadMs } of reader.missing(source.pieces, MAX_URGENT)) {
        leads.set(piece, Math.min(leads.get(piece) ?? Infinity, leadMs));
      }
    }
    const list: ReadPiece[] = [...leads].map(([piece, leadMs]) => ({ piece, leadMs }));
    list.sort((a, b) => a.leadMs - b.leadMs);
    source.pieces.blocks.setUrgent(list, this.#now());
    this.#isSet = list.length > 0;
  }
}

function outside(name: string, size: number): RangeError {
  return new RangeError(`${name} is not valid: it must be a byte of the file, 0 to ${size}`);
}
