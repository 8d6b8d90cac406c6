/**
 * The effect of a power cut on names: creating, renaming and removing take effect on the disk in
 * their order, but only a sync makes them durable. A cut undoes the last of them.
 */
import type { Prng } from "../prng.ts";

interface NameChange {
  /** Folders whose sync makes it durable. */
  readonly folders: readonly string[];
  /** The created file, if any: its own sync makes the name durable too, as on Linux's disks. */
  readonly made: object | null;
  undo(): void;
}

export class NameJournal {
  #changes: NameChange[] = [];

  add(folders: readonly string[], made: object | null, undo: () => void): void {
    this.#changes.push({ folders, made, undo });
  }

  /** The last change in that folder, and with it all earlier ones, become durable. */
  syncFolder(folder: string): void {
    this.#keepUpTo(this.#changes.findLastIndex(({ folders }) => folders.includes(folder)));
  }

  syncFile(made: object): void {
    this.#keepUpTo(this.#changes.findIndex((change) => change.made === made));
  }

  syncAll(): void {
    this.#changes = [];
  }

  /** Undoes a random number of the last changes; returns how many. */
  crash(dice: Prng): number {
    const kept = dice.below(this.#changes.length + 1);
    const undone = this.#changes.length - kept;
    while (this.#changes.length > kept) this.#changes.pop()!.undo();
    this.#changes = [];
    return undone;
  }

  #keepUpTo(index: number): void {
    if (index >= 0) this.#changes.splice(0, index + 1);
  }
}
