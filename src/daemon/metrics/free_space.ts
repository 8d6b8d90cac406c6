/** The free space of some folders, as last known: a disk that hangs delays nobody for long. */
import type { Clock, Files } from "../../platform/types.ts";

const PATIENCE_MS = 1000;

export class FreeSpace {
  readonly #clock: Clock;
  readonly #files: Pick<Files, "freeSpace">;
  #known = new Map<string, number>();
  /** The question under way; null without one. */
  #asking: Promise<void> | null = null;

  constructor(clock: Clock, files: Pick<Files, "freeSpace">) {
    this.#clock = clock;
    this.#files = files;
  }

  /** Bytes by folder, without those of which it is not known. Takes at most a second. */
  async of(folders: readonly string[]): Promise<ReadonlyMap<string, number>> {
    this.#asking ??= this.#ask(folders).finally(() => this.#asking = null);
    await this.#within(this.#asking);
    return this.#known;
  }

  async #ask(folders: readonly string[]): Promise<void> {
    const found = new Map<string, number>();
    await Promise.all(folders.map(async (folder) => {
      const bytes = await this.#files.freeSpace(folder).catch(() => null);
      if (bytes !== null) found.set(folder, bytes);
    }));
    this.#known = found;
  }

  #within(work: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(PATIENCE_MS, resolve);
      void work.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}
