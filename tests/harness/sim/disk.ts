/**
 * The disks of a simulated machine: a tree of folders, files and links over one or more mounted
 * file systems, with faults. It outlives its nodes, so that a restarted node finds its files; two
 * nodes that share it are two processes of one machine. Methods throw the system's errors (`code`
 * is "ENOENT" and so on) or do to the disk what a test wants.
 */
import { Prng } from "../prng.ts";
import { systemError } from "../../../src/platform/shared/errno.ts";
import type { FileStat } from "../../../src/platform/types.ts";
import type { EventLog } from "./event_log.ts";
import { FILE_SYSTEMS, type FileSystem } from "./file_system.ts";
import type { PageSync } from "./page_file.ts";
import { below, type DiskEntry, parentOf, SimVolume } from "./volume.ts";

export { type DiskEntry, parentOf } from "./volume.ts";

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

/** The events of a disk for an open handle. */
export interface OpenHandle {
  close(): void;
  /** Its process is dead: some of its running writes still complete. */
  abandon(dice: Prng): void;
}

/** A place on a file system. */
export interface Place {
  readonly volume: SimVolume;
  readonly inside: string;
}

const MAX_LINKS = 40;
const CHANGING: readonly DiskOperation[] = ["write", "truncate", "make-dir", "rename", "remove"];

export class SimDisk {
  /** Virtual milliseconds that an asynchronous read takes. */
  readDelayMs = 0;
  /** Reads so far that were slow. */
  slowReads = 0;
  /** Virtual milliseconds of a write; a synchronous one blocks its process. */
  writeDelayMs = 0;
  /** What happens to written bytes: others are stored, or none, without an error. */
  keeps: "all" | "garbage" | "nothing" = "all";
  /** Writes so far that were slow, and the total time of those that blocked the process. */
  slowWrites = 0;
  heldUpMs = 0;
  /** Virtual milliseconds of a sync of a file or folder. */
  syncDelayMs = 5;
  /** Temporary files of whole writes so far: each has its own name. */
  temporaries = 0;
  /** Every change fails. */
  readOnly = false;
  /** The most handles that may be open at once. */
  maxOpen = 1024;
  /** Locked files, with the process that holds each lock, which ends with the process. */
  readonly locks = new Map<string, { readonly alive: boolean }>();
  /** The most handles that were open at once so far. */
  peakHandles = 0;
  readonly log: EventLog;
  /** The file system at "/". */
  readonly root: SimVolume;
  readonly #dice: Prng;
  /** Open handles, with the process of each. */
  readonly #handles = new Map<OpenHandle, object>();
  /** By mount point. */
  readonly #mounts = new Map<string, SimVolume>();
  #faults: DiskFault[] = [];
  #nextDevice = 1;

  constructor(dice: Prng, log: EventLog, system: FileSystem = FILE_SYSTEMS.ext4) {
    this.#dice = dice;
    this.log = log;
    this.root = this.volume(system);
  }

  /** The capacity for files at "/", in pages of 4 KiB. May be changed at any time. */
  get capacity(): number {
    return this.root.capacity;
  }

  set capacity(bytes: number) {
    this.root.capacity = bytes;
  }

  /** Bytes in use at "/". */
  get used(): number {
    return this.root.used;
  }

  get openHandles(): number {
    return this.#handles.size;
  }

  // Actions of tests on a disk.

  /** An empty file system that is not mounted yet. */
  volume(system: FileSystem = FILE_SYSTEMS.ext4): SimVolume {
    return new SimVolume(system, this.#nextDevice++, this.log);
  }

  /** Mounts a file system over a folder, which is created if missing; hides its contents. */
  mount(path: string, volume: SimVolume = this.volume()): SimVolume {
    this.makeFolders(path);
    this.#mounts.set(path, volume);
    volume.mounted();
    this.log.fault("disk-mounted");
    return volume;
  }

  /** Removes the disk under a folder: its open files fail, and the bare folder shows. */
  unmount(path: string, how: "in order" | "pulled out" = "in order"): SimVolume {
    const volume = this.#mounts.get(path);
    if (volume === undefined) throw new Error(`Nothing is mounted on ${path}`);
    if (how === "pulled out") volume.crash(this.#dice);
    this.#mounts.delete(path);
    volume.mounting++;
    this.log.fault("disk-unmounted");
    return volume;
  }

  failOn(fault: DiskFault): void {
    this.#faults.push({ ...fault });
  }

  /** Removes the faults of `failOn`. */
  repair(): void {
    this.#faults = [];
  }

  /**
   * Creates a whole synced file there, with its parent folders, replacing any other of that name.
   */
  put(path: string, bytes: Uint8Array, mtimeMs = 0): void {
    this.makeFolders(parentOf(path));
    const { volume, inside } = this.placeOf(path);
    if (volume.entry(inside) !== undefined) volume.remove(inside);
    const entry = volume.create(inside, "file", mtimeMs);
    volume.writeTo(entry, bytes, 0);
    entry.data.sync();
    volume.syncNames();
  }

  makeFolders(path: string): void {
    if (this.entry(path) !== undefined) return;
    this.makeFolders(parentOf(path));
    const { volume, inside } = this.placeOf(path);
    volume.plant(inside, "directory");
  }

  /** The contents of a whole file; null if there is none. */
  bytes(path: string): Uint8Array | null {
    const entry = this.entry(path);
    if (entry?.kind !== "file") return null;
    const all = new Uint8Array(entry.data.size);
    entry.data.read(all, 0);
    return all;
  }

  plantLink(path: string, target: string): void {
    const { volume, inside } = this.placeOf(path);
    volume.plant(inside, "link").target = target;
  }

  /** Gives a file another name (a hard link). */
  link(from: string, to: string): void {
    const { volume, inside } = this.placeOf(from), other = this.placeOf(to);
    if (volume !== other.volume) throw systemError("EXDEV");
    volume.link(inside, other.inside);
    volume.syncNames();
  }

  /** Flips bits of one byte secretly: neither time nor size changes. */
  corrupt(path: string, offset: number, flip = 0xff): void {
    const entry = this.entry(path);
    const byte = new Uint8Array(1);
    if (entry?.kind !== "file" || entry.data.read(byte, offset) === 0) {
      throw new Error(`There is no byte ${offset} in ${path}`);
    }
    byte[0]! ^= flip;
    entry.data.write(byte, offset, () => true);
    this.log.fault("disk-corrupted");
  }

  /** Another program wrote to an existing file, and synced it: its time changed too. */
  tamper(path: string, bytes: Uint8Array, position: number, mtimeMs: number): void {
    const entry = this.entry(path);
    if (entry?.kind !== "file") throw new Error(`There is no file ${path}`);
    entry.volume.writeTo(entry, bytes, position);
    entry.mtimeMs = entry.syncedMtimeMs = mtimeMs;
    entry.data.sync();
    this.log.fault("disk-tampered");
  }

  /**
   * A power cut. Unsynced data is partly lost: pages of files are kept, lost or torn in any
   * combination, their lengths and times may be the old ones, and the last changes of names may be
   * undone. A `seed` makes the outcome independent of the world.
   */
  crash(seed?: number | string): void {
    const dice = seed === undefined ? this.#dice : new Prng(seed);
    this.#handles.clear();
    for (const volume of [this.root, ...this.#mounts.values()]) volume.crash(dice);
  }

  // Actions of the node's Files on it.

  /** Throws if a fault was requested for this. */
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

  /**
   * The path with symbolic links in its folders resolved, and the last one too if `follow`. Names
   * are spelled as on the disk.
   */
  resolve(path: string, follow: boolean): string {
    let links = 0;
    let done = "/";
    const left = path.split("/").filter((part) => part !== "");
    while (left.length > 0) {
      const next = this.#child(done, left.shift()!);
      const entry = this.entry(next);
      if (entry?.kind === "link" && (left.length > 0 || follow)) {
        if (++links > MAX_LINKS) throw systemError("ELOOP");
        left.unshift(...entry.target.split("/").filter((part) => part !== ""));
        if (entry.target.startsWith("/")) done = "/";
      } else if (left.length > 0 && entry?.kind !== "directory") {
        throw systemError(entry === undefined ? "ENOENT" : "ENOTDIR");
      } else done = next;
    }
    return done;
  }

  #child(folder: string, name: string): string {
    if (name === "..") return parentOf(folder);
    const { volume, inside } = this.placeOf(folder);
    return below(folder, volume.spelling(inside, name));
  }

  /** Where a resolved path is: on the file system mounted nearest above it. */
  placeOf(path: string): Place {
    let volume = this.root, mount = "";
    for (const [at, mounted] of this.#mounts) {
      const isIn = path === at || path.startsWith(at + "/");
      if (isIn && at.length > mount.length) [volume, mount] = [mounted, at];
    }
    return { volume, inside: path.slice(mount.length) || "/" };
  }

  entry(path: string): DiskEntry | undefined {
    const { volume, inside } = this.placeOf(path);
    return volume.entry(inside);
  }

  /** The file system that holds a path, or would. */
  volumeOf(path: string): SimVolume {
    return this.placeOf(path).volume;
  }

  /** All files of a folder and below, as they are mounted now. */
  filesIn(folder: string): string[] {
    return this.names(folder).flatMap((name) => {
      const path = below(folder, name), kind = this.entry(path)!.kind;
      return kind === "directory" ? this.filesIn(path) : kind === "file" ? [path] : [];
    });
  }

  create(path: string, kind: "file" | "directory", mtimeMs: number): DiskEntry {
    const { volume, inside } = this.placeOf(path);
    return volume.create(inside, kind, mtimeMs);
  }

  /** Counts an open handle of a process until `closed`. */
  opened(handle: OpenHandle, process: object): void {
    this.#handles.set(handle, process);
    this.peakHandles = Math.max(this.peakHandles, this.openHandles);
  }

  closed(handle: OpenHandle): void {
    this.#handles.delete(handle);
  }

  /** The process is dead: all its files are closed. */
  closeAllOf(process: object): void {
    for (const [handle, owner] of [...this.#handles]) {
      if (owner === process) handle.abandon(this.#dice);
    }
  }

  /** Returns the bytes written: fewer than asked when the disk is full. */
  writeTo(entry: DiskEntry, bytes: Uint8Array, position: number): number {
    return entry.volume.writeTo(entry, bytes, position);
  }

  sync(entry: DiskEntry, begun: PageSync): void {
    entry.volume.sync(entry, begun);
  }

  /** Names in the folder are durable. */
  syncFolder(path: string): void {
    const { volume, inside } = this.placeOf(path);
    volume.syncFolder(inside);
  }

  truncate(entry: DiskEntry, size: number): void {
    entry.volume.truncate(entry, size);
  }

  names(path: string): string[] {
    const { volume, inside } = this.placeOf(path);
    return volume.names(inside);
  }

  removeEntry(path: string): void {
    this.#demandNoMount(path);
    const { volume, inside } = this.placeOf(path);
    volume.remove(inside);
  }

  move(from: string, to: string): void {
    this.#demandNoMount(from);
    this.#demandNoMount(to);
    const { volume, inside } = this.placeOf(from), target = this.placeOf(to);
    if (volume.entry(inside) === undefined) throw systemError("ENOENT");
    if (volume !== target.volume) throw systemError("EXDEV");
    volume.move(inside, target.inside);
  }

  #demandNoMount(path: string): void {
    for (const at of this.#mounts.keys()) {
      if (at === path || at.startsWith(path + "/")) throw systemError("EBUSY");
    }
  }

  statOf(entry: DiskEntry): FileStat {
    return entry.volume.stat(entry);
  }
}
