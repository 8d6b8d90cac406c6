/**
 * The in-memory disk of a simulated node: a tree of folders, files and symbolic links, with faults.
 * It outlives its node, so that a node started again finds what was written. Methods throw the
 * system's errors (`code` is "ENOENT" and so on) or do what a test wants to happen to the disk.
 */
import type { Prng } from "../../util/prng.ts";
import { systemError } from "../shared/errno.ts";
import type { FileStat } from "../types.ts";
import type { EventLog } from "./event_log.ts";
import { PAGE_BYTES, PageFile } from "./page_file.ts";

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
  readonly inode: number;
}

const MAX_LINKS = 40;

export class SimDisk {
  /** Bytes that files can take on the disk, in pages of 4 KiB. May be changed at any time. */
  capacity = Infinity;
  /** Virtual milliseconds that an asynchronous read takes. */
  readDelayMs = 0;
  /** Handles that may be open at once. */
  maxOpen = 1024;
  openHandles = 0;
  /** The most handles that were open at once so far. */
  peakHandles = 0;
  readonly log: EventLog;
  readonly #dice: Prng;
  readonly #entries = new Map<string, DiskEntry>();
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

  /** The power went: what was not synced is partly lost. */
  crash(): void {
    this.openHandles = 0;
    for (const entry of this.#entries.values()) {
      if (entry.kind !== "file") continue;
      const before = entry.data.pageCount;
      const { lost, torn } = entry.data.crash(this.#dice);
      this.#usedPages += entry.data.pageCount - before;
      for (let i = 0; i < lost; i++) this.log.fault("disk-write-lost");
      for (let i = 0; i < torn; i++) this.log.fault("disk-write-torn");
    }
  }

  // What the node's Files do with it.

  /** Throws if a fault was ordered for this. */
  check(operation: DiskOperation, path: string): void {
    for (const fault of this.#faults) {
      const hit = path === fault.path || path.startsWith(fault.path + "/");
      if (!hit || fault.times === 0 || !(fault.on?.includes(operation) ?? true)) continue;
      if (fault.times !== undefined) fault.times--;
      this.log.fault(`disk-${fault.errno}`);
      throw systemError(fault.errno);
    }
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
    return this.#add(path, kind, mtimeMs);
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
    this.#entries.delete(path);
    // Open handles keep the bytes readable; their space counts as free, which errs for the tests.
    if (entry.kind === "file") this.#usedPages -= entry.data.pageCount;
  }

  move(from: string, to: string): void {
    const entry = this.#entries.get(from);
    if (entry === undefined) throw systemError("ENOENT");
    const there = this.#entries.get(to);
    if (there === entry) return;
    if (there !== undefined) {
      if (there.kind === "directory" && entry.kind !== "directory") throw systemError("EISDIR");
      if (there.kind !== "directory" && entry.kind === "directory") throw systemError("ENOTDIR");
      this.removeEntry(to);
    }
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
    };
  }

  #add(path: string, kind: DiskEntry["kind"], mtimeMs: number): DiskEntry {
    const inode = this.#nextInode++;
    const entry: DiskEntry = { kind, data: new PageFile(), target: "", mtimeMs, inode };
    this.#entries.set(path, entry);
    return entry;
  }
}

export function parentOf(path: string): string {
  const at = path.lastIndexOf("/");
  return at <= 0 ? "/" : path.slice(0, at);
}
