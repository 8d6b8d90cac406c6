/**
 * What a power cut may do to names: making, renaming and removing take effect on the disk in the
 * order in which they happened, but only a sync makes sure of them. A cut undoes the last of them.
 */
import type { Prng } from "../prng.ts";

interface NameChange {
  /** Folders whose sync makes it last. */
  readonly folders: readonly string[];
  /** The file that was made, if one was: its own sync makes it last too, as Linux's disks do it. */
  readonly made: object | null;
  undo(): void;
}

export class NameJournal {
  #changes: NameChange[] = [];

  add(folders: readonly string[], made: object | null, undo: () => void): void {
    this.#changes.push({ folders, made, undo });
  }

  /** The last change in that folder, and with it all before, cannot be undone any more. */
  syncFolder(folder: string): void {
    this.#keepUpTo(this.#changes.findLastIndex(({ folders }) => folders.includes(folder)));
  }

  syncFile(made: object): void {
    this.#keepUpTo(this.#changes.findIndex((change) => change.made === made));
  }

  syncAll(): void {
    this.#changes = [];
  }

  /** Undoes some of the last changes, as the dice fall; returns how many. */
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
