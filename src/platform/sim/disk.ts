/**
 * The in-memory disk of a simulated node: a tree of folders, files and symbolic links, with faults.
 * It outlives its node, so that a node started again finds what was written. Methods throw the
 * system's errors (`code` is "ENOENT" and so on) or do what a test wants to happen to the disk.
 */
import { Prng } from "../../util/prng.ts";
import { systemError } from "../shared/errno.ts";
import type { FileStat } from "../types.ts";
import type { EventLog } from "./event_log.ts";
import { NameJournal } from "./name_journal.ts";
import { PAGE_BYTES, PageFile, type PageSync } from "./page_file.ts";

export type DiskOperation =
  | "open"
  | "read"
  | "write"
  | "truncate"
  | "sync"
  | "stat"
  | "list"
  | "make-dir"
  | "rename"
  | "remove";

/** Operations on `path` or below fail with the system's code `errno`. */
export interface DiskFault {
  path: string;
  errno: string;
  /** Default: all. */
  on?: readonly DiskOperation[];
  /** How often; default: until `repair()`. */
  times?: number;
}

export interface DiskEntry {
  kind: "file" | "directory" | "link";
  /** Of a file. */
  data: PageFile;
  /** Of a link. */
  target: string;
  mtimeMs: number;
  /** The time that a power cut cannot take back. */
  syncedMtimeMs: number;
  readonly inode: number;
  readonly bornMs: number;
}

const MAX_LINKS = 40;
const CHANGING: readonly DiskOperation[] = ["write", "truncate", "make-dir", "rename", "remove"];

export class SimDisk {
  /** Bytes that files can take on the disk, in pages of 4 KiB. May be changed at any time. */
  capacity = Infinity;
  /** Virtual milliseconds that an asynchronous read takes. */
  readDelayMs = 0;
  /** Reads so far that were slow. */
  slowReads = 0;
  /** Virtual milliseconds that bringing a file or folder onto the disk takes. */
  syncDelayMs = 5;
  /** It was mounted anew, for reading alone: every change fails. */
  readOnly = false;
  /** Folders that other disks are mounted on: nothing is renamed into or out of them. */
  mounts: readonly string[] = [];
  /** Handles that may be open at once. */
  maxOpen = 1024;
  openHandles = 0;
  /** Files that are locked, and the process that holds each lock: it ends with the process. */
  readonly locks = new Map<string, { readonly alive: boolean }>();
  /** The most handles that were open at once so far. */
  peakHandles = 0;
  readonly log: EventLog;
  readonly #dice: Prng;
  readonly #entries = new Map<string, DiskEntry>();
  readonly #names = new NameJournal();
  #faults: DiskFault[] = [];
  #usedPages = 0;
  #nextInode = 1;

  constructor(dice: Prng, log: EventLog) {
    this.#dice = dice;
    this.log = log;
    this.#add("/", "directory", 0);
  }

  /** Bytes in use. */
  get used(): number {
    return this.#usedPages * PAGE_BYTES;
  }

  // What tests do to a disk.

  failOn(fault: DiskFault): void {
    this.#faults.push({ ...fault });
  }

  /** Takes the faults of `failOn` back. */
  repair(): void {
    this.#faults = [];
  }

  /** Puts a whole synced file there, with the folders above it. */
  put(path: string, bytes: Uint8Array): void {
    this.makeFolders(parentOf(path));
    if (this.#entries.has(path)) this.removeEntry(path);
    const entry = this.#add(path, "file", 0);
    this.writeTo(entry, bytes, 0);
    entry.data.sync();
    this.#names.syncAll();
  }

  makeFolders(path: string): void {
    if (this.#entries.has(path)) return;
    this.makeFolders(parentOf(path));
    this.#add(path, "directory", 0);
  }

  /** What a whole file holds; null if there is none. */
  bytes(path: string): Uint8Array | null {
    const entry = this.#entries.get(path);
    if (entry?.kind !== "file") return null;
    const all = new Uint8Array(entry.data.size);
    entry.data.read(all, 0);
    return all;
  }

  plantLink(path: string, target: string): void {
    this.#add(path, "link", 0).target = target;
  }

  /** Flips bits of one byte behind everybody's back: neither time nor size changes. */
  corrupt(path: string, offset: number, flip = 0xff): void {
    const entry = this.#entries.get(path);
    const byte = new Uint8Array(1);
    if (entry?.kind !== "file" || entry.data.read(byte, offset) === 0) {
      throw new Error(`There is no byte ${offset} in ${path}`);
    }
    byte[0]! ^= flip;
    entry.data.write(byte, offset, () => true);
    this.log.fault("disk-corrupted");
  }

  /** Another program wrote to a file that is there, and synced it: its time changed too. */
  tamper(path: string, bytes: Uint8Array, position: number, mtimeMs: number): void {
    const entry = this.#entries.get(path);
    if (entry?.kind !== "file") throw new Error(`There is no file ${path}`);
    this.writeTo(entry, bytes, position);
    entry.mtimeMs = entry.syncedMtimeMs = mtimeMs;
    entry.data.sync();
    this.log.fault("disk-tampered");
  }

  /**
   * The power went. What was not synced is partly lost: pages of files are kept, lost or torn in
   * any combination, their lengths and times may be the old ones, and the last names that were
   * made, changed or removed may not have been. A `seed` makes the outcome independent of the world.
   */
  crash(seed?: number | string): void {
    const dice = seed === undefined ? this.#dice : new Prng(seed);
    this.openHandles = 0;
    for (const entry of this.#entries.values()) if (entry.kind === "file") this.#lose(entry, dice);
    const undone = this.#names.crash(dice);
    for (let i = 0; i < undone; i++) this.log.fault("disk-name-lost");
  }

  #lose(entry: DiskEntry, dice: Prng): void {
    const before = entry.data.pageCount;
    const { lost, torn } = entry.data.crash(dice);
    this.#usedPages += entry.data.pageCount - before;
    for (let i = 0; i < lost; i++) this.log.fault("disk-write-lost");
    for (let i = 0; i < torn; i++) this.log.fault("disk-write-torn");
    if (entry.mtimeMs !== entry.syncedMtimeMs && dice.chance(0.5)) {
      entry.mtimeMs = entry.syncedMtimeMs;
      this.log.fault("disk-time-lost");
    }
  }

  // What the node's Files do with it.

  /** Throws if a fault was ordered for this. */
  check(operation: DiskOperation, path: string): void {
    if (this.readOnly && CHANGING.includes(operation)) this.refuseChange();
    for (const fault of this.#faults) {
      const hit = path === fault.path || path.startsWith(fault.path + "/");
      if (!hit || fault.times === 0 || !(fault.on?.includes(operation) ?? true)) continue;
      if (fault.times !== undefined) fault.times--;
      this.log.fault(`disk-${fault.errno}`);
      throw systemError(fault.errno);
    }
  }

  refuseChange(): never {
    this.log.fault("disk-EROFS");
    throw systemError("EROFS");
  }

  /** The path with symbolic links in its folders undone, and the last one too if `follow`. */
  resolve(path: string, follow: boolean): string {
    let links = 0;
    let done = "";
    const left = path.split("/").filter((part) => part !== "");
    while (left.length > 0) {
      const next = `${done}/${left.shift()!}`;
      const entry = this.#entries.get(next);
      if (entry?.kind === "link" && (left.length > 0 || follow)) {
        if (++links > MAX_LINKS) throw systemError("ELOOP");
        left.unshift(...entry.target.split("/").filter((part) => part !== ""));
        if (entry.target.startsWith("/")) done = "";
      } else if (left.length > 0 && entry?.kind !== "directory") {
        throw systemError(entry === undefined ? "ENOENT" : "ENOTDIR");
      } else done = next;
    }
    return done === "" ? "/" : done;
  }

  entry(path: string): DiskEntry | undefined {
    return this.#entries.get(path);
  }

  create(path: string, kind: "file" | "directory", mtimeMs: number): DiskEntry {
    if (this.#entries.has(path)) throw systemError("EEXIST");
    const entry = this.#add(path, kind, mtimeMs);
    this.#names.add([parentOf(path)], entry, () => this.#drop(path));
    return entry;
  }

  /** Returns the bytes written: fewer than asked when the disk is full. */
  writeTo(entry: DiskEntry, bytes: Uint8Array, position: number): number {
    return entry.data.write(bytes, position, () => {
      if ((this.#usedPages + 1) * PAGE_BYTES > this.capacity) {
        this.log.fault("disk-full");
        return false;
      }
      this.#usedPages++;
      return true;
    });
  }

  /** Ends a sync of the data. As `fdatasync`: the time of the last change lasts only where the length changed too. */
  sync(entry: DiskEntry, begun: PageSync): void {
    if (entry.data.endSync(begun)) entry.syncedMtimeMs = entry.mtimeMs;
    this.#names.syncFile(entry);
  }

  /** Names in the folder are there to stay. */
  syncFolder(path: string): void {
    this.#names.syncFolder(path);
  }

  truncate(entry: DiskEntry, size: number): void {
    this.#usedPages -= entry.data.truncate(size);
  }

  names(path: string): string[] {
    const prefix = path === "/" ? "/" : path + "/";
    return [...this.#entries.keys()]
      .filter((key) => key !== "/" && key.startsWith(prefix) && !key.includes("/", prefix.length))
      .map((key) => key.slice(prefix.length)).sort();
  }

  removeEntry(path: string): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) throw systemError("ENOENT");
    if (entry.kind === "directory" && this.names(path).length > 0) throw systemError("ENOTEMPTY");
    this.#drop(path);
    this.#names.add([parentOf(path)], null, () => this.#bringBack(path, entry));
  }

  /** Open handles keep the bytes readable; their space counts as free, which errs for the tests. */
  #drop(path: string): void {
    const entry = this.#entries.get(path);
    if (entry?.kind === "file") this.#usedPages -= entry.data.pageCount;
    this.#entries.delete(path);
  }

  #bringBack(path: string, entry: DiskEntry): void {
    if (entry.kind === "file") this.#usedPages += entry.data.pageCount;
    this.#entries.set(path, entry);
  }

  move(from: string, to: string): void {
    const entry = this.#entries.get(from);
    if (entry === undefined) throw systemError("ENOENT");
    if (this.#mountOf(from) !== this.#mountOf(to)) throw systemError("EXDEV");
    const there = this.#entries.get(to);
    if (there === entry) return;
    if (there !== undefined) {
      if (there.kind === "directory" && entry.kind !== "directory") throw systemError("EISDIR");
      if (there.kind !== "directory" && entry.kind === "directory") throw systemError("ENOTDIR");
      if (there.kind === "directory" && this.names(to).length > 0) throw systemError("ENOTEMPTY");
      this.#drop(to);
    }
    this.#relocate(from, to);
    // One change, not two: at no moment is there nothing under the name.
    this.#names.add([parentOf(from), parentOf(to)], null, () => {
      this.#relocate(to, from);
      if (there !== undefined) this.#bringBack(to, there);
    });
  }

  #mountOf(path: string): string | undefined {
    return this.mounts.find((mount) => path.startsWith(mount + "/"));
  }

  #relocate(from: string, to: string): void {
    for (const [key, each] of [...this.#entries]) {
      if (key !== from && !key.startsWith(from + "/")) continue;
      this.#entries.delete(key);
      this.#entries.set(to + key.slice(from.length), each);
    }
  }

  statOf(entry: DiskEntry): FileStat {
    const file = entry.kind === "file";
    return {
      kind: entry.kind,
      size: file ? entry.data.size : entry.kind === "link" ? entry.target.length : PAGE_BYTES,
      mtimeMs: entry.mtimeMs,
      inode: entry.inode,
      allocated: file ? entry.data.allocated : 0,
      bornMs: entry.bornMs,
      device: 1,
      links: 1,
    };
  }

  #add(path: string, kind: DiskEntry["kind"], mtimeMs: number): DiskEntry {
    const inode = this.#nextInode++;
    const data = new PageFile();
    const entry: DiskEntry = {
      kind,
      data,
      target: "",
      mtimeMs,
      syncedMtimeMs: mtimeMs,
      inode,
      bornMs: Math.floor(mtimeMs),
    };
    this.#entries.set(path, entry);
    return entry;
  }
}

export function parentOf(path: string): string {
  const at = path.lastIndexOf("/");
  return at <= 0 ? "/" : path.slice(0, at);
}
