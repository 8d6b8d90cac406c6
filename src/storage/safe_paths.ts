/**
 * The paths of a torrent's files, with the guarantee that they are inside the folder that the user
 * chose: every folder on the way was checked to be a real one, or made by us. Symbolic links below the
 * chosen folder are never followed for writing; the chosen folder itself may be a link.
 */
import type { Disk, Files, FileStat } from "../platform/types.ts";
import { FileError } from "../util/errors.ts";
import { assert } from "../util/assert.ts";

/**
 * Which symbolic links below the chosen folder are followed. Anything but "none" is for reading
 * only: the link in place of the torrent's top folder, or all links that the user made.
 */
export type FollowedLinks = "none" | "top folder" | "all";

const UNKNOWN_DISK: Disk = { id: "", keepsInodes: false };

export class SafePaths {
  readonly root: string;
  readonly #files: Files;
  /** Folders known to be real. */
  readonly #real = new Set<string>();
  /** Folders whose new names a power cut could still undo; null for none. */
  #newNames: Set<string> | null = null;
  /** The sync of new names that is under way. */
  #syncing: Promise<void> | null = null;
  #disk: Disk | null = null;

  constructor(files: Files, dir: string, readonly follow: FollowedLinks = "none") {
    this.#files = files;
    this.root = files.absolute(dir);
  }

  /**
   * The path of `elements` below the root. They come as names that lead nowhere else, but nothing may
   * depend on that: an element that could is a broken invariant. A backslash is a separator only where
   * paths are those of Windows.
   */
  join(elements: readonly string[]): string {
    assert(elements.length > 0, "a file has a name");
    let path = this.root.replace(isWindowsPath(this.root) ? /[\\/]$/ : /\/$/, "");
    for (const element of elements) {
      assert(this.#isPlain(element), "a path of a torrent stays inside the download folder");
      path += `/${element}`;
    }
    return path;
  }

  /** The path under which a file is opened: `join`, or the target of a link in its place. */
  place(elements: readonly string[]): string {
    const path = this.join(elements);
    if (this.follow !== "all" || this.#files.stat(path)?.kind !== "link") return path;
    return this.#files.realPath(path) ?? path;
  }

  #isPlain(element: string): boolean {
    if (element === "" || element === "." || element === "..") return false;
    return !(isWindowsPath(this.root) ? /[\0/\\:]/ : /[\0/]/).test(element);
  }

  /** The disk of the chosen folder when it was last noted, or else first asked. */
  get disk(): Disk {
    return this.#disk ?? this.noteDisk();
  }

  /** For when the torrent's files are known to exist, or may be created. */
  noteDisk(): Disk {
    return this.#disk = this.diskNow();
  }

  /** The present disk of the chosen folder; UNKNOWN_DISK if it cannot be determined. */
  diskNow(): Disk {
    try {
      return this.#files.diskOf(this.root);
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      return UNKNOWN_DISK;
    }
  }

  /** Makes the chosen folder, with those above it. Throws a FileError. */
  makeRoot(): void {
    if (this.#real.has(this.root)) return;
    let kind = this.#files.stat(this.root)?.kind;
    if (kind === undefined) {
      this.#makeWithParents(this.root);
      kind = this.#files.stat(this.root)?.kind;
    }
    if (kind !== "directory" && kind !== "link") throw notFolder(this.root);
    this.#real.add(this.root);
  }

  #makeWithParents(path: string): void {
    const missing: string[] = [];
    for (let at = path; this.#files.stat(at) === null && parentOf(at) !== at; at = parentOf(at)) {
      missing.push(at);
    }
    try {
      while (missing.length > 0) this.#make(missing.pop()!);
    } catch (error) {
      // Also what /proc says: it is no matter of a file's name.
      throw error instanceof FileError && error.code === "bad-name" ? noFolder(path, error) : error;
    }
  }

  /** Creates the folders for a file. Throws a FileError ("symlink", ...). */
  makeFolders(elements: readonly string[]): void {
    this.makeRoot();
    this.#walk(elements, (path) => {
      this.#make(path);
      return true;
    });
  }

  /**
   * Whether the folders of a file exist. Throws a FileError if one of them is a symbolic link or
   * not a folder.
   */
  hasFolders(elements: readonly string[]): boolean {
    return this.#walk(elements, () => false);
  }

  /**
   * Looks again at the known folders on the way to a file, just before something is opened in it for
   * writing: one that has become a symbolic link since leads elsewhere. Throws a FileError ("symlink").
   */
  refuseNewLinks(path: string): void {
    for (const folder of this.#foldersAbove(path)) {
      this.#refuseLink(folder, this.#files.stat(folder));
    }
  }

  /** The same off this thread. */
  async refuseNewLinksAway(path: string): Promise<void> {
    for (const folder of this.#foldersAbove(path)) {
      this.#refuseLink(folder, await this.#files.statAsync(folder));
    }
  }

  *#foldersAbove(path: string): Generator<string> {
    const { length } = this.root;
    for (let at = parentOf(path); at.length > length; at = parentOf(at)) yield at;
  }

  #refuseLink(folder: string, now: FileStat | null): void {
    if (now?.kind !== "link") return;
    this.#real.delete(folder);
    throw this.linkRefused(folder);
  }

  /** The folder of a file. */
  folderOf(elements: readonly string[]): string {
    return elements.length === 1 ? this.root : this.join(elements.slice(0, -1));
  }

  /** A file or folder with these elements was made, renamed or removed. */
  noteNewName(elements: readonly string[]): void {
    (this.#newNames ??= new Set()).add(this.folderOf(elements));
  }

  /**
   * Resolves when no power cut can undo the names that were noted before. Rejects with a FileError.
   */
  async syncNames(): Promise<void> {
    // One that another caller began has names that this one must wait for.
    while (this.#syncing !== null) await this.#syncing;
    if (this.#newNames === null) return;
    const own = this.#syncing = this.#syncNewNames();
    try {
      await own;
    } finally {
      this.#syncing = null;
    }
  }

  async #syncNewNames(): Promise<void> {
    for (const folder of [...this.#newNames ?? []]) {
      this.#newNames?.delete(folder);
      if (this.#files.stat(folder) !== null) await this.#files.syncFolder(folder);
    }
    if (this.#newNames?.size === 0) this.#newNames = null;
  }

  #make(path: string): void {
    this.#files.makeDir(path);
    (this.#newNames ??= new Set()).add(parentOf(path));
  }

  /** Checks again the next time, as other programs may have changed the folders. */
  forget(): void {
    this.#real.clear();
  }

  /**
   * Goes down to the folder of a file; false if one is missing and `onMissing` does not create it.
   */
  #walk(elements: readonly string[], onMissing: (path: string) => boolean): boolean {
    const folder = elements.slice(0, -1);
    if (folder.length === 0 || this.#real.has(this.join(folder))) return true;
    for (let depth = 1; depth <= folder.length; depth++) {
      const path = this.join(folder.slice(0, depth));
      if (this.#real.has(path)) continue;
      const kind = this.#kindOf(path, depth);
      if (kind === "link") throw this.linkRefused(path);
      if (kind !== undefined && kind !== "directory") throw notFolder(path);
      if (kind === undefined && !onMissing(path)) return false;
      this.#real.add(path);
    }
    return true;
  }

  #kindOf(path: string, depth: number): FileStat["kind"] | undefined {
    const kind = this.#files.stat(path)?.kind;
    if (kind !== "link" || this.follow === "none") return kind;
    if (this.follow === "top folder" && depth > 1) return kind;
    const real = this.#files.realPath(path);
    return real === null ? undefined : this.#files.stat(real)?.kind;
  }

  linkRefused(path: string): FileError {
    const message = this.follow === "none"
      ? `Cannot use ${path}: the path is a symbolic link, and shoal does not write through links. Remove it ` +
        "or choose another folder"
      : `Cannot read ${path}: the path is a symbolic link. Add --follow-links to read through it`;
    return new FileError("symlink", path, message);
  }
}

function noFolder(path: string, cause: FileError): FileError {
  const message =
    `Cannot make the folder ${path}: its disk does not allow it. Choose another folder`;
  return new FileError("permission", path, message, { cause });
}

function notFolder(path: string): FileError {
  return new FileError(
    "not-directory",
    path,
    `Cannot use ${path} as a folder: a file has that name. Move it away`,
  );
}

/** The folder above an absolute path; the path itself at the top. */
export function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  const at = isWindowsPath(path) ? Math.max(slash, path.lastIndexOf("\\")) : slash;
  if (at < 0) return path;
  const parent = path.slice(0, at);
  if (parent === "" || /^[A-Za-z]:$/.test(parent)) return path.slice(0, at + 1);
  return parent;
}

/** Whether an absolute path is one of Windows, where a backslash is a separator. */
export function isWindowsPath(path: string): boolean {
  return /^([A-Za-z]:|\\\\)/.test(path);
}
