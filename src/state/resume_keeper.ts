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
  /** Of the record; its folder exists. */
  path: string;
  sha1: Sha1;
  /**
   * All of it as it is in this moment, in one turn: what `have` names was handed to the disk, and
   * the stamps are those of the last writes.
   */
  collect(): ResumeData;
  /** `owned` of the record, as it is in this moment. */
  owned(): ResumeData["owned"];
  /** Everything that was handed to the disk before is on it when this resolves. */
  syncData(): Promise<void>;
  now(): number;
  sleep(ms: number): Promise<void>;
  /** Saving failed; said once until it works again. It is tried again by itself. */
  warn(error: unknown): void;
}

export const MOST_LOST_MS = 5000;
/** The rest of the three seconds for closing is for the disk. */
const LONGEST_SETTLE_MS = 2000;

export class ResumeKeeper {
  readonly #ports: KeeperPorts;
  readonly #schedule: SaveSchedule;
  /** The save under way. */
  #saving: Promise<void> | null = null;
  /** The last record written. */
  #written: ResumeData | null = null;
  #failing = false;
  #closed = false;
  #givenUp = false;

  /** `mostLostMs`: of work, when the power goes. */
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

  /** A few times a second: begins a save when one is due. */
  tick(now: number): void {
    if (!this.#closed && this.#schedule.due(now)) void this.#save(false).catch(() => {});
  }

  /**
   * Saves what is there now, after the save under way. Call it before a piece that the last record
   * names is written anew. Rejects with what went wrong.
   */
  async save(): Promise<void> {
    while (this.#saving !== null) await this.#saving.catch(() => {});
    await this.#save(false);
  }

  /**
   * Saves which files are ours and nothing else, so it waits for no data: call it before the first
   * byte is written to a file that was made. Rejects with what went wrong.
   */
  async claim(): Promise<void> {
    if (this.#written === null) return await this.save();
    await this.#write(this.#written);
  }

  /**
   * The last save, after the last write: waits a moment, so that no change by others can hide
   * behind our own; up to two seconds on a disk whose clock has such steps (FAT). Nothing is saved
   * afterwards.
   */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    while (this.#saving !== null) await this.#saving.catch(() => {});
    await this.#save(true);
  }

  /** The data is not waited for any longer: a save that is under way leaves the record as it was. */
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
