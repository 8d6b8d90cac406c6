/**
 * Files that change while they are uploaded. None of their data is sent (the reader holds them)
 * until their pieces are checked again. During the download, wrong pieces are downloaded again.
 * Once the torrent was complete, they are withdrawn and the file is left alone, as the change may
 * be the user's. Data that the disk lost is never a wish: it is downloaded again at any time.
 */
import type { FileStat } from "../platform/types.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { BlockReader } from "../storage/block_reader.ts";
import type { CheckedStorage } from "../storage/checker.ts";
import { identityOf } from "../storage/ownership.ts";
import { replaced } from "../storage/stored_file.ts";
import type { TorrentStorage } from "../storage/torrent_storage.ts";
import { FileError } from "../util/errors.ts";
import type { Arrangement } from "./arrangement.ts";
import type { PieceManager } from "../pieces/piece_manager.ts";
import type { Verification } from "./verification.ts";

export interface ChangedFilesPorts {
  readonly meta: Metainfo;
  readonly storage: TorrentStorage;
  readonly pieces: PieceManager;
  readonly verification: Verification;
  readonly arrangement: Arrangement;
  readonly reader: BlockReader;
  /** Aborted when the torrent ends. */
  readonly signal: AbortSignal;
  isDownloading(): boolean;
  /** Downloads these pieces again. */
  fetchAgain(pieces: readonly number[]): Promise<void>;
  /** Tells all members that we lost a piece, or have it again. */
  withdrawn(piece: number): void;
  returned(piece: number): void;
  /** The state after our last write changed, for the resume record. */
  settled(): void;
  warn(message: string): void;
}

interface Outcome {
  /** Pieces that were ours and are wrong. */
  readonly bad: number[];
  /** Pieces that were withdrawn and are right again. */
  readonly back: number[];
}

export class ChangedFiles {
  readonly #ports: ChangedFilesPorts;
  /** Files to check. */
  readonly #files = new Set<number>();
  #checking = false;

  constructor(ports: ChangedFilesPorts) {
    this.#ports = ports;
  }

  /** A file has changed. Rejects with the error that ends the torrent. */
  async noticed(file: number): Promise<void> {
    this.#files.add(file);
    if (this.#checking) return;
    this.#checking = true;
    const { arrangement, signal } = this.#ports;
    try {
      while (this.#files.size > 0 && !signal.aborted) {
        const files = [...this.#files];
        this.#files.clear();
        await arrangement.still(() => this.#check(files));
      }
    } finally {
      this.#checking = false;
    }
  }

  async #check(files: readonly number[]): Promise<void> {
    const { storage, verification, reader, signal } = this.#ports;
    verification.demandDisk();
    const before = new Map(files.map((file) => [file, look(storage, file)]));
    const isLost = files.some((file) => storage.data.isDistrusted(file));
    const outcome = await this.#checkPieces(files);
    if (signal.aborted) return;
    for (const [file, stat] of before) this.#settle(file, stat, outcome);
    this.#ports.settled();
    await this.#apply(outcome, files, isLost);
    if (signal.aborted) return;
    reader.release(files, outcome.bad.length + outcome.back.length === 0);
    this.#demandAny(outcome);
  }

  async #checkPieces(files: readonly number[]): Promise<Outcome> {
    const { verification, pieces, signal } = this.#ports;
    const bad: number[] = [], back: number[] = [];
    await verification.check(
      signal,
      (piece, ok) => {
        if (ok && pieces.states.withdrawn.has(piece)) back.push(piece);
        else if (!ok && pieces.have.has(piece)) bad.push(piece);
      },
      this.#piecesOf(files).filter((piece) => {
        return pieces.have.has(piece) || pieces.states.withdrawn.has(piece);
      }),
      this.#asIs(),
    );
    return { bad, back };
  }

  #piecesOf(files: readonly number[]): number[] {
    const found = new Set<number>();
    for (const file of files) for (const piece of this.#range(file)) found.add(piece);
    return [...found].sort((a, b) => a - b);
  }

  *#range(file: number): Generator<number> {
    const range = this.#ports.meta.layout.piecesOf(file);
    for (let piece = range?.first ?? 0; piece <= (range?.last ?? -1); piece++) yield piece;
  }

  /** Does not report the check to the storage: it may cover files in part. */
  #asIs(): CheckedStorage {
    const { storage } = this.#ports;
    return {
      layout: storage.layout,
      spans: (piece) => storage.seen.spans(piece),
      isApart: (file, piece) => storage.seen.isApart(file, piece),
      statFile: (file) => look(storage, file),
      noteChecked: () => {},
    };
  }

  /**
   * A file whose pieces are all right counts as written by us; others are checked at the next
   * start.
   */
  #settle(file: number, before: FileStat | null, { bad }: Outcome): void {
    const { storage, pieces } = this.#ports, wrong = new Set(bad);
    const isRight = (piece: number) => pieces.have.has(piece) && !wrong.has(piece);
    if ([...this.#range(file)].every(isRight)) storage.seen.noteChecked(file, before);
    else storage.seen.acceptChange(file, before);
  }

  async #apply(
    { bad, back }: Outcome,
    files: readonly number[],
    isLost: boolean,
  ): Promise<void> {
    const { pieces, reader, warn } = this.#ports;
    for (const piece of back) {
      pieces.states.markHave(piece);
      this.#ports.returned(piece);
    }
    if (bad.length === 0) return;
    const isWanted = isLost || this.#ports.isDownloading();
    if (isWanted && !isLost) this.#demandOurs(bad, files);
    warn(this.#describe(bad, files, isWanted, isLost));
    if (isWanted) return await this.#ports.fetchAgain(bad);
    for (const piece of bad) {
      reader.forget(piece);
      pieces.states.withdraw(piece);
      this.#ports.withdrawn(piece);
    }
  }

  /**
   * Where the disk tells files apart, a write notices another one. Elsewhere a file without one right
   * piece is taken for one that somebody put in the place of ours. Throws a FileError.
   */
  #demandOurs(bad: readonly number[], files: readonly number[]): void {
    const { storage, pieces } = this.#ports, wrong = new Set(bad);
    for (const file of files) {
      const now = look(storage, file), range = [...this.#range(file)];
      if (now === null || identityOf(now) !== null || !range.some((piece) => wrong.has(piece))) {
        continue;
      }
      const isOurs = range.some((piece) => pieces.have.has(piece) && !wrong.has(piece));
      if (!isOurs) throw replaced(storage.folder.pathOf(file)!);
    }
  }

  #describe(
    bad: readonly number[],
    files: readonly number[],
    isWanted: boolean,
    isLost: boolean,
  ): string {
    const path = this.#ports.storage.folder.pathOf(files[0]!);
    const names = files.length === 1 ? path : `${path} and ${files.length - 1} more`;
    const what = isLost
      ? `The disk lost a part of ${names}`
      : `${names} ${files.length === 1 ? "was" : "were"} changed while in use`;
    const count = bad.length === 1
      ? "1 piece no longer matches"
      : `${bad.length} pieces no longer match`;
    const how = isWanted
      ? "downloaded again"
      : "no longer uploaded (--repair downloads the original)";
    return `${what}: ${count} and ${bad.length === 1 ? "is" : "are"} ${how}`;
  }

  /** Without a single right piece, nothing is left to upload. Throws a FileError. */
  #demandAny({ bad }: Outcome): void {
    const { meta, storage, pieces } = this.#ports;
    if (bad.length === 0 || this.#ports.isDownloading() || pieces.have.count > 0) return;
    const message =
      `No piece of "${meta.name}" in ${storage.folder.dir} matches any more: its files ` +
      "were changed, moved or deleted";
    throw new FileError("changed", storage.folder.dir, message);
  }
}

/** A link or folder in place of the file counts as a missing file. */
function look(storage: TorrentStorage, file: number): FileStat | null {
  try {
    return storage.seen.statFile(file);
  } catch (error) {
    if (error instanceof FileError) return null;
    throw error;
  }
}
