/**
 * One file system of a simulated machine: names, their files, and the effect of a power cut on
 * both. Paths are inside it: "/" is its root, wherever it is mounted, and folders in them are
 * spelled as the file system has them. A file with several names is one entry under each of them.
 */
import type { Prng } from "../prng.ts";
import { systemError } from "../../../src/platform/shared/errno.ts";
import type { FileStat } from "../../../src/platform/types.ts";
import type { EventLog } from "./event_log.ts";
import { byteLength, type FileSystem } from "./file_system.ts";
import { NameJournal } from "./name_journal.ts";
import { PAGE_BYTES, PageFile, type PageSync } from "./page_file.ts";

export interface DiskEntry {
  readonly kind: "file" | "directory" | "link";
  readonly volume: SimVolume;
  /** Of a file. */
  readonly data: PageFile;
  /** Of a link. */
  target: string;
  mtimeMs: number;
  /** The time that a power cut cannot take back. */
  syncedMtimeMs: number;
  inode: number;
  readonly bornMs: number;
  /** Its names. */
  links: number;
  /** Open handles. */
  handles: number;
  /** Slow writes under way. */
  writing: number;
}

interface Name {
  /** As it is spelled. */
  readonly path: string;
  readonly entry: DiskEntry;
}

const MAX_NAME_BYTES = 255;
/** A UTF-16 unit is at most 3 bytes. */
const SURELY_SHORT = MAX_NAME_BYTES / 3;

export class SimVolume {
  /** Bytes that files can take, in pages of 4 KiB. May be changed at any time. */
  capacity = Infinity;
  /** Grows with each mount and unmount: earlier handles become invalid. */
  mounting = 0;
  readonly #log: EventLog;
  /** By key. */
  readonly #names = new Map<string, Name>();
  readonly #journal = new NameJournal();
  #usedPages = 0;
  #nextInode = 1;

  /** `device`: its number, as `stat` tells it. */
  constructor(readonly system: FileSystem, public device: number, log: EventLog) {
    this.#log = log;
    this.#add("/", "directory", 0);
  }

  /** Bytes in use. */
  get used(): number {
    return this.#usedPages * PAGE_BYTES;
  }

  get free(): number {
    return Math.max(0, this.capacity - this.used);
  }

  /** File numbers may change from now on. */
  mounted(): void {
    this.mounting++;
    for (const entry of this.#entries()) entry.handles = 0;
    if (this.system.inodes !== "kept") this.renumber();
  }

  /** Every file that is not open gets another number, as when the system forgot them. */
  renumber(): void {
    for (const entry of this.#entries()) if (entry.handles === 0) this.#renumber(entry);
  }

  #renumber(entry: DiskEntry): void {
    entry.inode = this.#nextInode++;
    this.#log.fault("disk-renumbered");
  }

  /** A power cut, or the disk was pulled out: unsynced data is partly lost. */
  crash(dice: Prng): void {
    for (const entry of this.#entries()) if (entry.kind === "file") this.#lose(entry, dice);
    const undone = this.#journal.crash(dice);
    for (let i = 0; i < undone; i++) this.#log.fault("disk-name-lost");
    if (this.system.inodes !== "kept") this.renumber();
  }

  #entries(): Set<DiskEntry> {
    return new Set([...this.#names.values()].map(({ entry }) => entry));
  }

  #lose(entry: DiskEntry, dice: Prng): void {
    const before = entry.data.pageCount;
    const { lost, torn } = entry.data.crash(dice);
    this.#usedPages += entry.data.pageCount - before;
    for (let i = 0; i < lost; i++) this.#log.fault("disk-write-lost");
    for (let i = 0; i < torn; i++) this.#log.fault("disk-write-torn");
    if (entry.mtimeMs !== entry.syncedMtimeMs && dice.chance(0.5)) {
      entry.mtimeMs = entry.syncedMtimeMs;
      this.#log.fault("disk-time-lost");
    }
  }

  // Names.

  entry(path: string): DiskEntry | undefined {
    return this.#names.get(this.#key(path))?.entry;
  }

  /**
   * The name in a folder as it is spelled there, or as it would be if it were created. Throws
   * ENAMETOOLONG for one that cannot even be looked up.
   */
  spelling(folder: string, name: string): string {
    if (name.length > SURELY_SHORT && byteLength(name) > MAX_NAME_BYTES) {
      throw systemError("ENAMETOOLONG");
    }
    if (this.system.key === undefined) return name;
    const spelled = this.system.spell?.(name) ?? name;
    const found = this.#names.get(this.#key(below(folder, spelled)));
    return found === undefined ? spelled : nameOf(found.path);
  }

  #key(path: string): string {
    return this.system.key?.(path) ?? path;
  }

  names(path: string): string[] {
    const prefix = this.#key(path === "/" ? "/" : path + "/"), names: string[] = [];
    for (const [key, name] of this.#names) {
      const isIn = key !== "/" && key.startsWith(prefix) && !key.includes("/", prefix.length);
      if (isIn) names.push(nameOf(name.path));
    }
    return names.sort();
  }

  create(path: string, kind: "file" | "directory", mtimeMs: number): DiskEntry {
    this.#demandFree(path);
    const entry = this.#add(path, kind, mtimeMs);
    this.#journal.add([parentOf(path)], entry, () => this.#drop(path));
    return entry;
  }

  /** A permanent entry: no power cut undoes it. */
  plant(path: string, kind: DiskEntry["kind"]): DiskEntry {
    return this.#add(path, kind, 0);
  }

  /** One more name for a file. */
  link(from: string, to: string): void {
    const entry = this.#demand(from);
    if (!this.system.hardLinks || entry.kind === "directory") throw systemError("EPERM");
    this.#demandFree(to);
    this.#bringBack(to, entry);
    this.#journal.add([parentOf(to)], null, () => this.#drop(to));
  }

  remove(path: string): void {
    const entry = this.#demand(path);
    if (entry.kind === "directory" && this.names(path).length > 0) throw systemError("ENOTEMPTY");
    this.#drop(path);
    this.#journal.add([parentOf(path)], null, () => this.#bringBack(path, entry));
  }

  /** If the two differ only in spelling, the name takes the new spelling. */
  move(from: string, to: string): void {
    const entry = this.#demand(from), there = this.entry(to);
    if (there === entry && this.#key(from) !== this.#key(to)) return;
    if (there === undefined || there === entry) this.#demandName(to);
    else this.#demandReplaceable(entry, to, there);
    if (there !== undefined && there !== entry) this.#drop(to);
    this.#relocate(from, to);
    // One change, not two: the name always exists.
    this.#journal.add([parentOf(from), parentOf(to)], null, () => {
      this.#relocate(to, from);
      if (there !== undefined && there !== entry) this.#bringBack(to, there);
    });
  }

  #demandReplaceable(entry: DiskEntry, to: string, there: DiskEntry): void {
    if (there.kind === "directory" && entry.kind !== "directory") throw systemError("EISDIR");
    if (there.kind !== "directory" && entry.kind === "directory") throw systemError("ENOTDIR");
    if (there.kind === "directory" && this.names(to).length > 0) throw systemError("ENOTEMPTY");
  }

  #relocate(from: string, to: string): void {
    const old = this.#key(from);
    for (const [key, { path, entry }] of [...this.#names]) {
      if (key !== old && !key.startsWith(old + "/")) continue;
      const moved = to + path.slice(from.length);
      this.#names.delete(key);
      this.#names.set(this.#key(moved), { path: moved, entry });
    }
  }

  #demand(path: string): DiskEntry {
    const entry = this.entry(path);
    if (entry === undefined) throw systemError("ENOENT");
    return entry;
  }

  #demandFree(path: string): void {
    if (this.entry(path) !== undefined) throw systemError("EEXIST");
    this.#demandName(path);
  }

  #demandName(path: string): void {
    const refused = this.system.refuses?.(nameOf(path)) ?? null;
    if (refused === null) return;
    this.#log.fault(`disk-${refused}`);
    // The real files distinguish the many codes for a bad name from other errors.
    throw systemError(refused === "EINVAL" ? "EILSEQ" : refused);
  }

  #add(path: string, kind: DiskEntry["kind"], mtimeMs: number): DiskEntry {
    const entry: DiskEntry = {
      kind,
      volume: this,
      data: new PageFile(),
      target: "",
      mtimeMs,
      syncedMtimeMs: mtimeMs,
      inode: this.#nextInode++,
      bornMs: this.system.births ? Math.floor(mtimeMs) : 0,
      links: 1,
      handles: 0,
      writing: 0,
    };
    this.#names.set(this.#key(path), { path, entry });
    return entry;
  }

  /** Open handles keep the bytes readable; their space counts as free, which errs for the tests. */
  #drop(path: string): void {
    const entry = this.entry(path);
    if (entry === undefined) return;
    this.#names.delete(this.#key(path));
    if (--entry.links === 0) this.#usedPages -= entry.data.pageCount;
  }

  #bringBack(path: string, entry: DiskEntry): void {
    if (entry.links++ === 0) this.#usedPages += entry.data.pageCount;
    this.#names.set(this.#key(path), { path, entry });
  }

  syncFolder(path: string): void {
    this.#journal.syncFolder(path);
  }

  syncNames(): void {
    this.#journal.syncAll();
  }

  // Files.

  /** Returns the bytes written: fewer than asked when the disk is full. */
  writeTo(entry: DiskEntry, bytes: Uint8Array, position: number): number {
    return entry.data.write(bytes, position, () => {
      if ((this.#usedPages + 1) * PAGE_BYTES > this.capacity) {
        this.#log.fault("disk-full");
        return false;
      }
      this.#usedPages++;
      return true;
    });
  }

  truncate(entry: DiskEntry, size: number): void {
    this.#usedPages -= entry.data.truncate(size);
  }

  /** Ends a sync of the data. As `fdatasync`: the time of the last change lasts only where the length changed too. */
  sync(entry: DiskEntry, begun: PageSync): void {
    if (entry.data.endSync(begun)) entry.syncedMtimeMs = entry.mtimeMs;
    this.#journal.syncFile(entry);
  }

  opened(entry: DiskEntry): void {
    entry.handles++;
  }

  /** `mounting`: that of the time when the file was opened. */
  closed(entry: DiskEntry, mounting: number): void {
    if (mounting !== this.mounting) return;
    if (--entry.handles === 0 && this.system.inodes === "per handle") this.#renumber(entry);
  }

  stat(entry: DiskEntry): FileStat {
    const file = entry.kind === "file", step = this.system.timeStepMs;
    return {
      kind: entry.kind,
      size: file ? entry.data.size : entry.kind === "link" ? entry.target.length : PAGE_BYTES,
      mtimeMs: step === 1 ? entry.mtimeMs : Math.floor(entry.mtimeMs / step) * step,
      inode: entry.inode,
      allocated: file ? entry.data.allocated : 0,
      bornMs: entry.bornMs,
      device: this.device,
      links: entry.links,
    };
  }
}

export function parentOf(path: string): string {
  const at = path.lastIndexOf("/");
  return at <= 0 ? "/" : path.slice(0, at);
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

export function below(folder: string, name: string): string {
  return folder === "/" ? `/${name}` : `${folder}/${name}`;
}
