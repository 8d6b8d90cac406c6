/**
 * Makes running clients that share a state folder aware of each other: each keeps a list of its
 * torrents beside a lock that ends with its process. So two of them never work on the same torrent
 * or file, and a waiting one can take over when the other has ended, in whatever way.
 */
import type { Clock, FileHandle, FileLock, Files } from "../platform/types.ts";
import type { PathConflict, PathOwner, Placement } from "../torrent/take_over.ts";
import { fromHex, toHex } from "../util/bytes.ts";
import { ClosedError, FileError } from "../util/errors.ts";
import type { ClaimingTorrent } from "./path_claims.ts";

export interface RunningPorts {
  files: Files;
  clock: Clock;
  /** Of this process. */
  pid: number;
  /** 8 random bytes: two clients of one process have two lists. */
  nonce: Uint8Array;
  /**
   * The files of a torrent with only its top entries known, below these folders; null if unknown.
   */
  filesOf(infoHash: string, dir: string): Promise<readonly string[] | null>;
}

/** A client's entry for one torrent. */
interface Listed {
  readonly infoHash: string;
  readonly name: string;
  /** Absolute: the file or top folder, in each of its places. */
  readonly tops: readonly string[];
}

const MUTEX_RETRY_MS = 10, MUTEX_PATIENCE_MS = 10_000;
/** Claims that follow others sooner are served together: a restart makes a thousand at once. */
const APART_MS = 10;
const MAX_LIST_BYTES = 64 * 1024 * 1024;

export class RunningShoals {
  readonly #ports: RunningPorts;
  readonly #dir: string;
  readonly #name: string;
  readonly #own = new Map<string, Listed>();
  #lock: FileLock | null = null;
  #list: FileHandle | null = null;
  #listEnd = 0;
  /** Claims, oldest first. */
  readonly #waiting: { serve(): void; reject(error: unknown): void }[] = [];
  #servedAt = -Infinity;
  /** The lists of the others, read once for all claims that are served together. */
  #running: [pid: number, listed: Listed[]][] | null = null;

  /** `dir`: below the state folder; made when missing. */
  constructor(dir: string, ports: RunningPorts) {
    this.#ports = ports;
    this.#dir = dir;
    this.#name = `${ports.pid}-${toHex(ports.nonce)}`;
  }

  /**
   * Claims a whole torrent. Resolves to null, or to its owner. Rejects with a FileError if the
   * folder cannot be used.
   */
  claimTorrent({ infoHash, name }: ClaimingTorrent): Promise<PathOwner | null> {
    return this.#inTurn(() => {
      for (const [pid, listed] of this.#others()) {
        const other = listed.find((one) => one.infoHash === infoHash);
        if (other) return { name: other.name, process: pid };
      }
      this.#append({ infoHash, name, tops: this.#own.get(infoHash)?.tops ?? [] });
      return null;
    });
  }

  /** Claims a torrent's paths; see OtherOwners. Rejects with a FileError. */
  async claimPaths(
    { infoHash, name }: ClaimingTorrent,
    place: Placement,
    written: readonly string[],
  ): Promise<PathConflict | null> {
    const tops = topsOf(place);
    const near = await this.#inTurn(() => {
      const candidates = this.#others().flatMap(([pid, listed]) =>
        listed.flatMap((one) =>
          one.infoHash === infoHash || written.length === 0 ? [] : one.tops.flatMap((top) => {
            const isNear = written.some((path) => isBelow(path, top)) || this.#isAlias(top, tops);
            return isNear ? [{ pid, one, top }] : [];
          })
        )
      );
      if (candidates.length === 0) this.#append({ infoHash, name, tops });
      return candidates;
    });
    for (const { pid, one, top } of near) {
      const path = await this.#firstShared(written, one, top);
      if (path !== null) return { path, owner: { name: one.name, process: pid } };
    }
    if (near.length > 0) await this.#inTurn(() => this.#append({ infoHash, name, tops }));
    return null;
  }

  /** The torrent no longer runs here. */
  release(infoHash: string): void {
    if (!this.#own.delete(infoHash) || this.#list === null) return;
    this.#write({ infoHash, name: "", tops: [] }, true);
  }

  /** Releases everything. */
  close(): void {
    const { files } = this.#ports;
    const closed = new ClosedError("The client is closed: open another one");
    for (const { reject } of this.#waiting.splice(0)) reject(closed);
    this.#list?.close();
    this.#list = null;
    if (this.#lock === null) return;
    for (const path of [this.#listPath(this.#name), this.#lockPath(this.#name)]) {
      try {
        if (files.stat(path) !== null) files.remove(path);
      } catch {
        // The next client that looks removes it.
      }
    }
    this.#lock.release();
    this.#lock = null;
  }

  /**
   * A path of `written` that is one of the torrent's files. A torrent with unknown files may have
   * any.
   */
  async #firstShared(written: readonly string[], one: Listed, top: string): Promise<string | null> {
    const dir = top.slice(0, top.lastIndexOf("/"));
    const theirs = await this.#ports.filesOf(one.infoHash, dir);
    if (theirs === null) {
      return written.find((path) => isBelow(path, top)) ?? written.find((path) => this.#id(path)) ??
        null;
    }
    const shared = new Set(theirs), ids = new Set(theirs.map((path) => this.#id(path)));
    return written.find((path) => {
      if (shared.has(path)) return true;
      const id = this.#id(path);
      return id !== null && ids.has(id);
    }) ?? null;
  }

  /**
   * Whether it is one of our files under another name: through a link, or on a disk that folds
   * names.
   */
  #isAlias(top: string, ours: readonly string[]): boolean {
    const id = this.#id(top);
    return id !== null && ours.some((own) => own !== top && this.#id(own) === id);
  }

  #id(path: string): string | null {
    return idOf(this.#ports.files, path);
  }

  /** Resolves to the result of `what`, which must not wait for anything. */
  #inTurn<T>(what: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push({
      serve: () => {
        try {
          resolve(what());
        } catch (error) {
          reject(error);
        }
      },
      reject,
    });
    if (this.#waiting.length === 1) void this.#serveSoon();
    return promise;
  }

  async #serveSoon(): Promise<void> {
    const { clock } = this.#ports;
    const wait = this.#servedAt + APART_MS - clock.now();
    if (wait > 0) await new Promise<void>((resolve) => void clock.after(wait, resolve));
    if (this.#waiting.length === 0) return; // closed meanwhile
    let mutex: FileLock | null = null;
    try {
      mutex = await this.#lockAll();
      for (const { serve } of this.#waiting.splice(0)) serve();
    } catch (error) {
      for (const { reject } of this.#waiting.splice(0)) reject(error);
    } finally {
      mutex?.release();
      this.#running = null;
      this.#servedAt = clock.now();
    }
  }

  /** While it is held, no other client reads the lists or changes its own. */
  async #lockAll(): Promise<FileLock> {
    const { files, clock } = this.#ports;
    this.#open();
    const until = clock.now() + MUTEX_PATIENCE_MS, path = this.#lockPath("all");
    let mutex = files.lock(path);
    while (mutex === null) {
      if (clock.now() > until) {
        throw new FileError("io", path, `${path} is locked by another program`);
      }
      await new Promise<void>((resolve) => void clock.after(MUTEX_RETRY_MS, resolve));
      mutex = files.lock(path);
    }
    return mutex;
  }

  #open(): void {
    if (this.#list !== null) return;
    const { files } = this.#ports;
    if (files.stat(this.#dir) === null) files.makeDir(this.#dir);
    this.#lock ??= files.lock(this.#lockPath(this.#name));
    this.#list = files.open(this.#listPath(this.#name), "write");
  }

  #others(): [pid: number, listed: Listed[]][] {
    return this.#running ??= this.#readOthers();
  }

  /** The lists of the other running clients. Those of ended ones are removed. */
  #readOthers(): [pid: number, listed: Listed[]][] {
    const { files } = this.#ports, running: [number, Listed[]][] = [];
    for (const entry of files.list(this.#dir)) {
      const [, name, pid] = /^((\d+)-[0-9a-f]{16})\.lock$/.exec(entry) ?? [];
      if (name === undefined || name === this.#name) continue;
      const lock = files.lock(this.#lockPath(name));
      if (lock === null) {
        running.push([Number(pid), this.#read(this.#listPath(name))]);
        continue;
      }
      for (const path of [this.#listPath(name), this.#lockPath(name)]) {
        if (files.stat(path) !== null) files.remove(path);
      }
      lock.release();
    }
    return running;
  }

  #append(listed: Listed): void {
    this.#own.set(listed.infoHash, listed);
    this.#write(listed, false);
  }

  #write(listed: Listed, gone: boolean): void {
    const line = new TextEncoder().encode(`${JSON.stringify({ ...listed, gone })}\n`);
    this.#list!.writeAt(line, this.#listEnd);
    this.#listEnd += line.length;
  }

  /** A damaged list is read as far as possible. */
  #read(path: string): Listed[] {
    const { files } = this.#ports, stat = files.stat(path);
    if (stat === null || stat.kind !== "file") return [];
    const handle = files.open(path, "read");
    const bytes = new Uint8Array(Math.min(stat.size, MAX_LIST_BYTES));
    try {
      handle.readAt(bytes, 0);
    } finally {
      handle.close();
    }
    const listed = new Map<string, Listed>();
    for (const line of new TextDecoder().decode(bytes).split("\n")) {
      const one = parseLine(line);
      if (one?.gone) listed.delete(one.infoHash);
      else if (one) listed.set(one.infoHash, one);
    }
    return [...listed.values()];
  }

  #lockPath(name: string): string {
    return `${this.#dir}/${name}.lock`;
  }

  #listPath(name: string): string {
    return `${this.#dir}/${name}.list`;
  }
}

/**
 * The identity of the file or folder at the path; null if there is none, or nothing distinguishes
 * it.
 */
export function idOf(files: Pick<Files, "stat">, path: string): string | null {
  try {
    const found = files.stat(path);
    return found === null || found.inode === 0 ? null : `${found.device} ${found.inode}`;
  } catch {
    return null;
  }
}

function parseLine(line: string): (Listed & { gone: boolean }) | null {
  try {
    const { infoHash, name, tops, gone } = JSON.parse(line);
    const isListed = typeof infoHash === "string" && fromHex(infoHash) !== null &&
      typeof name === "string" && Array.isArray(tops) &&
      tops.every((top) => typeof top === "string");
    return isListed ? { infoHash, name, tops, gone: gone === true } : null;
  } catch {
    return null;
  }
}

/** The files and folders that lie directly in the torrent's folders. */
function topsOf({ dirs, paths }: Placement): string[] {
  const tops = new Set<string>();
  for (const dir of dirs) {
    const prefix = dir.endsWith("/") ? dir : `${dir}/`;
    for (const path of paths) {
      if (!path.startsWith(prefix)) continue;
      const end = path.indexOf("/", prefix.length);
      tops.add(end < 0 ? path : path.slice(0, end));
    }
  }
  return [...tops];
}

function isBelow(path: string, top: string): boolean {
  return path === top || path.startsWith(`${top}/`);
}
