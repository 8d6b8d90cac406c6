/** Where the files of a torrent are: its folder, their paths and their disk; moves and renames them. */
import type { Disk } from "../platform/types.ts";
import type { FileAccess } from "./file_access.ts";
import type { FileSet } from "./file_set.ts";
import { type RelocateOptions, Relocation } from "./relocate.ts";
import type { StoredFile } from "./stored_file.ts";

export class TorrentFolder {
  readonly #set: FileSet;

  constructor(set: FileSet) {
    this.#set = set;
  }

  /** The folder's absolute path. */
  get dir(): string {
    return this.#set.access.paths.root;
  }

  /** Whether its folder is empty or does not exist. */
  isEmpty(): boolean {
    const { disk, paths } = this.#set.access;
    return disk.stat(paths.root) === null || disk.list(paths.root).length === 0;
  }

  /** Remembers the disk of its folder. */
  noteDisk(): void {
    this.#set.access.paths.noteDisk();
  }

  /** The disk of its folder when it was last noted; the id is empty if unknown. */
  get disk(): Disk {
    return this.#set.access.paths.disk;
  }

  /** The present disk of its folder. */
  diskNow(): Disk {
    return this.#set.access.paths.diskNow();
  }

  /** The present or future path of a file; null for pads. */
  pathOf(file: number): string | null {
    return this.#set.files[file]?.path ?? null;
  }

  /** The path that a file would have in `dir`, under the same name; null for pads. */
  pathIn(dir: string, file: number): string | null {
    const stored = this.#set.files[file];
    if (!stored || dir === this.dir) return stored?.path ?? null;
    return this.#set.access.in(dir).paths.join(stored.elements);
  }

  /** The paths of all files in each of these folders; a folder that is named twice counts once. */
  paths(dirs: readonly string[]): { dirs: string[]; paths: string[] } {
    const places = [...new Set(dirs)];
    const paths = places.flatMap((dir) => {
      const at = this.#set.access.in(dir).paths;
      return this.#set.files.flatMap((file) => {
        return !file ? [] : dir === this.dir ? [file.path] : [at.join(file.elements)];
      });
    });
    return { dirs: places, paths };
  }

  /** The paths of all files in `dir` under `names`, one for each file in the list. */
  placement(
    dir: string,
    names: readonly (readonly string[])[],
  ): { dirs: string[]; paths: string[] } {
    const at = this.#set.access.in(dir).paths;
    const paths = this.#set.files.flatMap((file, index) => file ? [at.join(names[index]!)] : []);
    return { dirs: [at.root], paths };
  }

  /** Whether anything exists at that path. */
  isTaken(path: string): boolean {
    return this.#set.access.disk.stat(path) !== null;
  }

  /**
   * Moves the files to `dir`, where `paths` (one for each file) are their names: to move and to
   * rename. Reading and writing may go on meanwhile; `setWanted` and a second move may not. Resolves
   * when the files are in their new places, with a function that removes what is left in the old
   * ones: call it when the resume record names the new. Rejects as `Relocation.run` does.
   */
  async move(
    dir: string,
    paths: readonly (readonly string[])[],
    options: RelocateOptions = {},
  ): Promise<() => void> {
    const to = this.#set.access.in(dir);
    let clean = () => {};
    await this.#relocation(to, paths).run(options, (relocated) => {
      this.#set.access = to;
      this.#set.files.forEach((file, i) =>
        file && (this.#set.files[i] = relocated.files.get(file)!)
      );
      if (this.#set.parts) this.#set.parts.moved(to, relocated.files.get(this.#set.parts.file)!);
      clean = relocated.clean;
    });
    return clean;
  }

  /**
   * To be called before a move is announced: rejects with the FileError "exists" that the move
   * would end with.
   */
  async checkMove(dir: string, paths: readonly (readonly string[])[]): Promise<void> {
    await this.#relocation(this.#set.access.in(dir), paths).check();
  }

  /** Whether an interrupted move left some file at its new place only. */
  hasBegunMove(dir: string, paths: readonly (readonly string[])[]): boolean {
    return this.#relocation(this.#set.access.in(dir), paths).hasBegun;
  }

  #relocation(to: FileAccess, paths: readonly (readonly string[])[]): Relocation {
    const places = new Map<StoredFile, readonly string[]>();
    this.#set.files.forEach((file, index) => file && places.set(file, paths[index]!));
    if (this.#set.parts) places.set(this.#set.parts.file, this.#set.parts.file.elements);
    return new Relocation(this.#set.access, to, places, this.#set.name);
  }
}
