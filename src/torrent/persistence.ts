/**
 * Saves the progress of a torrent in its resume record, repeatedly and at the end. Owns the times,
 * and the blocks on the disk that wait for the rest of their piece.
 */
import type { Clock } from "../platform/types.ts";
import type { PartialPiece, ResumeData } from "../state/resume_data.ts";
import { FileClaims } from "../storage/file_claims.ts";
import { isIdentity } from "../storage/ownership.ts";
import type { KeeperPorts, ResumeKeeper } from "../state/resume_keeper.ts";
import { isSettled } from "../state/trust.ts";
import { PartialSaver } from "./partial_saver.ts";
import { tellsTheSame } from "./record_compare.ts";
import { recallPeers, type RecordedParts, resumeRecord } from "./resume_record.ts";

/** Between two saves for the totals alone, while there are peers. */
const TOTALS_EVERY_MS = 30_000;
/** The same without any: then only times change, and a thousand torrents would keep a disk busy. */
const TIMES_EVERY_MS = 15 * 60_000;

export type KeeperMaker = (
  ports: Pick<KeeperPorts, "collect" | "owned" | "syncData" | "warn">,
) => ResumeKeeper | null;

/** The torrent's facts at each save. */
export interface PersistedTorrent extends RecordedParts {
  readonly pieces: RecordedParts["pieces"] & ConstructorParameters<typeof PartialSaver>[0];
  /** Over all runs. */
  seedingSeconds(): number;
  warn(message: string): void;
}

export class Persistence {
  /** The claims of new files, which come before the first write. */
  readonly claims: FileClaims;
  readonly #torrent: PersistedTorrent;
  readonly #clock: Clock;
  /** The record of an earlier run; only until the contents of the disk are known. */
  #before: ResumeData | null;
  readonly #activeBefore: number;
  readonly #keeper: ResumeKeeper | null;
  readonly #partial: PartialSaver;
  readonly #startedAt: number;
  /** Seconds since 1970; 0: not complete yet. */
  #completedAt: number;
  #last: ResumeData | null = null;
  #nextTotalsAt = 0;
  #nextTimesAt = 0;
  /** Payload bytes when the totals were last read. */
  #traffic = 0;
  /** Before the contents of the disk are known, the earlier record is better than a new one. */
  #opened = false;

  constructor(
    torrent: PersistedTorrent,
    clock: Clock,
    before: ResumeData | null,
    makeKeeper: KeeperMaker,
  ) {
    const { storage, pieces } = torrent;
    this.#torrent = torrent;
    this.#clock = clock;
    this.#before = before;
    this.#activeBefore = before?.totals.activeSeconds ?? 0;
    this.#startedAt = clock.now();
    this.#completedAt = before?.completedAt ?? 0;
    this.#partial = new PartialSaver(pieces, {
      get writesAtOnce() {
        return storage.data.writesAtOnce;
      },
      writeAt: (piece, begin, bytes) => {
        const claimed = this.claims.ready(piece);
        claimed?.catch(() => {}); // the write of the piece itself tells
        return claimed === null ? storage.data.writeAt(piece, begin, bytes) : false;
      },
    });
    const keeper = this.#keeper = makeKeeper({
      collect: () => this.#record(this.#partial.save()),
      owned: () => storage.files.owned(),
      syncData: () => storage.data.sync(),
      warn: (error) => torrent.warn(`Progress was not saved: ${(error as Error).message}`),
    });
    this.claims = new FileClaims(storage.files, keeper && (() => keeper.claim()));
  }

  /** The last record, from which the next run can continue; null before the end. */
  get last(): ResumeData | null {
    return this.#last;
  }

  /** Seconds since 1970; 0: not complete yet. */
  get completedAt(): number {
    return this.#completedAt;
  }

  /** Over all runs. */
  get activeSeconds(): number {
    if (this.#last !== null) return this.#last.totals.activeSeconds;
    return this.#activeBefore + (this.#clock.now() - this.#startedAt) / 1000;
  }

  /**
   * The contents of the disk are known; `recordIsWrong`: the earlier record named missing pieces.
   */
  async opened(recordIsWrong: boolean): Promise<void> {
    const now = this.#clock.now(), isKept = this.#isKept();
    this.claims.tookOver(this.#newlyOwned());
    if (this.#before !== null) recallPeers(this.#before, this.#torrent.peers, now);
    this.#opened = true;
    this.#before = null;
    this.#traffic = this.#bytes();
    this.#nextTotalsAt = now + TOTALS_EVERY_MS;
    // Not all torrents of a client at once.
    this.#nextTimesAt = now + TIMES_EVERY_MS * (this.#torrent.meta.infoHash[0]! + 1) / 256;
    if (recordIsWrong) await this.saveNow();
    else if (!isKept) this.changed(now);
  }

  #newlyOwned(): number[] {
    const known = this.#before?.owned;
    return [...this.#torrent.storage.files.owned()]
      .filter(([file, identity]) => !isIdentity(known?.get(file), identity))
      .map(([file]) => file);
  }

  /** The record on the disk is up to date. */
  #isKept(): boolean {
    const before = this.#before;
    return before !== null && before.partial.length === 0 && isSettled(before) &&
      tellsTheSame(before, this.#record([]));
  }

  /** Something in the record changed. */
  changed(now: number): void {
    this.#keeper?.changed(now);
  }

  completed(now: number): void {
    if (this.#completedAt > 0) return;
    this.#completedAt = this.#wallSeconds();
    this.changed(now);
  }

  /** Something is not saved yet. */
  get dirty(): boolean {
    return this.#keeper?.dirty ?? false;
  }

  tick(now: number): void {
    if (!this.#opened) return;
    if (now >= this.#nextTotalsAt) this.#keepTotals(now);
    this.#keeper?.tick(now);
  }

  #keepTotals(now: number): void {
    const bytes = this.#bytes(), { connected } = this.#torrent.peers.pool.stats();
    const isIdle = connected === 0 && bytes === this.#traffic;
    this.#nextTotalsAt = now + TOTALS_EVERY_MS;
    if (isIdle && now < this.#nextTimesAt) return;
    this.#traffic = bytes;
    this.#nextTimesAt = now + TIMES_EVERY_MS;
    this.changed(now);
  }

  /** Before pieces that the last record names are written again. */
  async saveNow(): Promise<void> {
    await this.#keeper?.save().catch(() => {}); // it has warned already, and tries again later
  }

  /**
   * Saves for the last time, or gives up when `hurry` resolves; the storage may be closed
   * afterwards. `failed`: the disk may have lost unsynced data, for example because it was pulled
   * out.
   */
  async close(failed: boolean, hurry: Promise<void>): Promise<void> {
    if (!this.#opened) {
      this.#last = this.#before;
      return;
    }
    const saving = this.#saveLast();
    const outcome = await Promise.race([saving, hurry.then(() => "late" as const)]);
    if (outcome === "late") this.#giveUp();
    if (failed || outcome !== "saved") this.#torrent.storage.data.distrustUnsynced();
    this.#last = this.#record(this.#partial.taken());
  }

  /** Waits for the pending writes of a slow disk. */
  async #saveLast(): Promise<"saved" | "failed"> {
    this.#saveBlocks();
    // Blocks of files that do not exist yet wait for a record that names these.
    await this.claims.settled();
    this.#saveBlocks();
    await this.#torrent.storage.data.written();
    try {
      await this.#keeper?.close();
      return "saved";
    } catch {
      return "failed";
    }
  }

  /**
   * Without a record, the file could not be recognised as ours later, as no piece of it may match.
   */
  #saveBlocks(): void {
    if (this.#keeper === null) return;
    try {
      this.#partial.save();
    } catch {
      // The disk is in trouble; its whole pieces are safe.
    }
  }

  #giveUp(): void {
    this.#keeper?.giveUp();
    this.#torrent.warn(
      `The latest progress was not saved: the disk of ${this.#torrent.storage.folder.dir} did not write it in time. ` +
        "The next start checks everything that changed since the last save",
    );
  }

  #record(partial: PartialPiece[]): ResumeData {
    const torrent = this.#torrent;
    return resumeRecord(torrent, {
      partial,
      seedingSeconds: torrent.seedingSeconds(),
      activeSeconds: this.activeSeconds,
      completedAt: this.#completedAt,
      savedAtMs: this.#clock.wallTime(),
    });
  }

  #bytes(): number {
    const { downloaded, uploaded } = this.#torrent.peers.traffic.ever;
    return downloaded + uploaded;
  }

  #wallSeconds(): number {
    return Math.floor(this.#clock.wallTime() / 1000);
  }
}
