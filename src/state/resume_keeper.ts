/**
 * Keeps one torrent's resume record up to date. Invariant: a record names only pieces whose bytes
 * were on the disk before it was written. So each save first notes the state, then syncs the data, and
 * then writes the noted state, without blocking the caller.
 */
import type { Sha1 } from "./resume_codec.ts";
import type { ResumeData } from "./resume_data.ts";
import type { Files } from "../platform/types.ts";
import { writeResume } from "./resume_file.ts";
import { SaveSchedule } from "./save_schedule.ts";
import { isSettled, msToSettle, SETTLE_MS } from "./trust.ts";

export interface KeeperPorts {
  files: Pick<Files, "writeWhole">;
  /** The path of the record; its folder exists. */
  path: string;
  sha1: Sha1;
  /**
   * The present record, taken in one turn: the data of `have` was handed to the disk, and the
   * stamps are those of the last writes.
   */
  collect(): ResumeData;
  /** The present `owned` of the record. */
  owned(): ResumeData["owned"];
  /** Resolves when everything that was handed to the disk before is on it. */
  syncData(): Promise<void>;
  now(): number;
  sleep(ms: number): Promise<void>;
  /** Saving failed; reported once until it works again. It is retried automatically. */
  warn(error: unknown): void;
}

export const MOST_LOST_MS = 5000;
/** The rest of the three seconds for closing is for the disk. */
const LONGEST_SETTLE_MS = 2000;

export class ResumeKeeper {
  readonly #ports: KeeperPorts;
  readonly #schedule: SaveSchedule;
  /** The save in progress. */
  #saving: Promise<void> | null = null;
  /** The last record written. */
  #written: ResumeData | null = null;
  #failing = false;
  #closed = false;
  #givenUp = false;

  /** `mostLostMs`: the most work that a power cut may lose. */
  constructor(ports: KeeperPorts, mostLostMs: number = MOST_LOST_MS) {
    this.#ports = ports;
    this.#schedule = new SaveSchedule(mostLostMs);
  }

  get dirty(): boolean {
    return this.#schedule.dirty || this.#schedule.saving;
  }

  /** A piece was stored, or something else of the record changed. */
  changed(now: number): void {
    this.#schedule.changed(now);
  }

  /** A few times a second: begins a save that is due. */
  tick(now: number): void {
    if (!this.#closed && this.#schedule.due(now)) void this.#save(false).catch(() => {});
  }

  /**
   * Saves the present state, after the save in progress. Call it before a piece that the last
   * record names is rewritten. Rejects with the error.
   */
  async save(): Promise<void> {
    while (this.#saving !== null) await this.#saving.catch(() => {});
    await this.#save(false);
  }

  /**
   * Saves only which files are ours, so it waits for no data: call it before the first byte is
   * written to a new file. Rejects with the error.
   */
  async claim(): Promise<void> {
    if (this.#written === null) return await this.save();
    await this.#write(this.#written);
  }

  /**
   * The last save, after the last write. It waits a moment, so that no other program's change can
   * hide behind ours; up to two seconds on a disk whose clock has such steps (FAT). Nothing is
   * saved after that.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    while (this.#saving !== null) await this.#saving.catch(() => {});
    await this.#save(true);
  }

  /** Stops waiting for the data: a save in progress leaves the record as it was. */
  giveUp(): void {
    this.#closed = this.#givenUp = true;
  }

  #save(last: boolean): Promise<void> {
    const own = this.#saveNow(last);
    this.#saving = own;
    const done = () => {
      if (this.#saving === own) this.#saving = null;
    };
    own.then(done, done);
    return own;
  }

  /** Files that were made while the data was synced are in it too. */
  async #write(data: ResumeData): Promise<void> {
    if (this.#givenUp) return;
    const { files, path, sha1, owned } = this.#ports;
    this.#written = { ...data, owned: owned() };
    await writeResume(files, path, this.#written, sha1);
  }

  async #saveNow(last: boolean): Promise<void> {
    const { syncData, collect, now, sleep, warn } = this.#ports;
    this.#schedule.begin(now());
    try {
      if (last) await sleep(SETTLE_MS);
      let data = collect();
      const unsettledMs = last ? Math.min(msToSettle(data), LONGEST_SETTLE_MS) : 0;
      if (unsettledMs > 0) {
        await sleep(unsettledMs);
        data = collect();
      }
      await syncData();
      await this.#write(data);
      this.#schedule.end(now());
      this.#failing = false;
      // Once more when the clock has gone on, else the next start would check those files.
      if (!isSettled(data)) this.#schedule.changed(now());
    } catch (error) {
      this.#schedule.fail(now());
      if (!this.#failing && !this.#givenUp) warn(error);
      this.#failing = true;
      throw error;
    }
  }
}
