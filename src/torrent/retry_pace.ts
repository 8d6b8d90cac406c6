/** Which failures of the disk may be temporary, and when to try again. It only decides. */
import { FileError, type FileErrorCode } from "../util/errors.ts";

/** Troubles that may end by themselves: a full disk, a missing one, too many open files. */
const PASSING: ReadonlySet<FileErrorCode> = new Set([
  "disk-full",
  "io",
  "read-only",
  "too-many-open",
  "not-found",
  "changed",
]);
const FIRST_RETRY_MS = 5000;
const MAX_RETRY_MS = 60_000;
/** How often to look whether another shoal that has the torrent has ended. */
const IN_USE_RETRY_MS = 2000;
/** After this long without trouble, the next one counts as the first. */
const CALM_MS = 120_000;

export class RetryPace {
  #nextMs = FIRST_RETRY_MS;
  #begunAt = 0;
  #last = "";

  /** Another shoal that has the files is always waited for, a disk only if `waitForDisk`. */
  mayPass(error: Error, waitForDisk: boolean): error is FileError {
    if (!(error instanceof FileError)) return false;
    return error.code === "in-use" || (waitForDisk && PASSING.has(error.code));
  }

  /** Work begins at `now`. */
  begin(now: number): void {
    this.#begunAt = now;
  }

  reset(): void {
    this.#nextMs = FIRST_RETRY_MS;
  }

  /** The work failed: returns the milliseconds until the next try, and whether to tell the user. */
  failed({ code, message }: FileError, now: number): { waitMs: number; isNews: boolean } {
    const isNews = code !== "in-use" || message !== this.#last;
    this.#last = message;
    if (code === "in-use") return { waitMs: IN_USE_RETRY_MS, isNews };
    const waitMs = now - this.#begunAt > CALM_MS ? FIRST_RETRY_MS : this.#nextMs;
    this.#nextMs = Math.min(MAX_RETRY_MS, 2 * waitMs);
    return { waitMs, isNews };
  }
}
