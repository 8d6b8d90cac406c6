/**
 * The folder for everything that survives a restart: for each torrent the metainfo
 * (`<info-hash>.torrent`), the user's wish (`.json`) and its progress (`.resume`), and the DHT
 * node's id and neighbours (`dht`). Every file is replaced as a whole, so a crash leaves the old or
 * the new one.
 */
import type { FileLock, Files } from "../platform/types.ts";
import { MAX_TORRENT_BYTES } from "../metainfo/metainfo.ts";
import { MAX_RESUME_BYTES, resumeBody, type Sha1 } from "../state/resume_codec.ts";
import type { ResumeData } from "../state/resume_data.ts";
import type { DhtState } from "../dht/node_types.ts";
import { readResume, resumePath } from "../state/resume_file.ts";
import { fromHex } from "../util/bytes.ts";
import { parentOf } from "../storage/safe_paths.ts";
import { FileError, type FileErrorCode, ResumeError } from "../util/errors.ts";
import { isTemporaryName } from "../util/temporary_name.ts";
import { decodeDhtState, encodeDhtState } from "../discovery/dht_state.ts";
import { decodeAdded, wishInRecord } from "./old_records.ts";
import { decodeQuota, encodeQuota, type QuotaPeriod, type QuotaState } from "./quota.ts";
import { decodeWish, MAX_WISH_BYTES, type Wish } from "./wish.ts";

/**
 * The most values and keys in a resume record: this many, and one more for each byte of the
 * .torrent. Names, of which there may be one per file, are longer there.
 */
const RECORD_VALUES = 50_000;
/** A temporary file of this age belongs to a process that has ended. */
const STALE_MS = 24 * 3600 * 1000;
const MAX_DHT_BYTES = 64 * 1024, MAX_QUOTA_BYTES = 1000;
const REGULAR = { regularOnly: true };

/** A place that no file of ours can be in. */
const MISSING: ReadonlySet<FileErrorCode> = new Set(["not-found", "too-large"]);

export class StateDir {
  readonly path: string;
  readonly #files: Files;
  readonly #sha1: Sha1;

  /** Makes the folder, and those above it. Throws a FileError. */
  constructor(files: Files, path: string, sha1: Sha1) {
    this.#files = files;
    this.#sha1 = sha1;
    this.path = files.absolute(path);
    makeFolders(files, this.path);
  }

  /**
   * Removes temporary files of processes that were killed during a write; `now`: by the wall clock. Rejects
   * with a FileError.
   */
  async tidy(now: number): Promise<void> {
    for (const name of await this.#files.listAsync(this.path)) {
      if (!isTemporaryName(name)) continue;
      const path = this.#at(name), found = this.#files.stat(path);
      if (found?.kind === "file" && now - found.mtimeMs > STALE_MS) this.#files.remove(path);
    }
  }

  /** Info-hashes of the torrents that are kept here. Rejects with a FileError. */
  async torrents(): Promise<string[]> {
    const names = await this.#files.listAsync(this.path), found = new Set<string>();
    for (const name of names) {
      const [, infoHash] = /^([0-9a-f]{40})\.(?:torrent|json|added)$/.exec(name) ?? [];
      if (infoHash !== undefined) found.add(infoHash);
    }
    return [...found];
  }

  /** Null when there is none. Rejects with a ResumeError or a FileError. */
  async loadWish(infoHash: string): Promise<Wish | null> {
    const bytes = await this.#readIfThere(this.#wishPath(infoHash), this.#most(infoHash));
    return bytes === null ? null : decodeWish(bytes);
  }

  /** As version 0.1 kept it; null when there is none. Rejects with a ResumeError or a FileError. */
  async loadOldWish(infoHash: string): Promise<Wish | null> {
    const added = await this.#readIfThere(this.#addedPath(infoHash), this.#most(infoHash));
    const path = resumePath(this.path, fromHex(infoHash)!);
    const record = await this.#readIfThere(path, MAX_RESUME_BYTES);
    const first = added === null ? null : decodeAdded(added);
    const last = record === null ? null : this.#wishInRecord(infoHash, record, first !== null);
    return last === null ? first : { ...last, link: first?.link ?? null };
  }

  /** Rejects with a FileError. */
  async keepWish(infoHash: string, wish: Uint8Array): Promise<void> {
    await this.#files.writeWhole(this.#wishPath(infoHash), wish);
    const old = this.#addedPath(infoHash);
    if (this.#files.stat(old) !== null) this.#files.remove(old);
  }

  /** `hasOther`: a damaged record is then ignored. */
  #wishInRecord(infoHash: string, bytes: Uint8Array, hasOther: boolean): Wish | null {
    try {
      return wishInRecord(resumeBody(bytes, this.#sha1, this.#mostValues(infoHash)));
    } catch (error) {
      if (hasOther && error instanceof ResumeError) return null;
      throw error;
    }
  }

  /** The most bytes of a wish: the choice of files grows with their number. */
  #most(infoHash: string): number {
    return MAX_WISH_BYTES + this.#torrentBytes(infoHash);
  }

  #mostValues(infoHash: string): number {
    return RECORD_VALUES + this.#torrentBytes(infoHash);
  }

  #torrentBytes(infoHash: string): number {
    return this.#files.stat(this.#torrentPath(infoHash))?.size ?? 0;
  }

  /** Changes whenever the record does; null when there is none. Throws a FileError. */
  recordStamp(infoHash: string): string | null {
    const stat = this.#files.stat(resumePath(this.path, fromHex(infoHash)!));
    return stat && `${stat.size} ${stat.mtimeMs} ${stat.inode}`;
  }

  /** Null when there is none. Rejects with a ResumeError or a FileError. */
  async loadRecord(infoHash: string): Promise<ResumeData | null> {
    const hash = fromHex(infoHash)!, path = resumePath(this.path, hash);
    return await readResume(this.#files, path, this.#sha1, hash, this.#mostValues(infoHash));
  }

  /** Null when there is none. Rejects with a FileError. */
  async loadTorrent(infoHash: string): Promise<Uint8Array | null> {
    return await this.#readIfThere(this.#torrentPath(infoHash), MAX_TORRENT_BYTES);
  }

  async #readIfThere(path: string, maxBytes: number): Promise<Uint8Array | null> {
    try {
      return await this.#files.read(path, maxBytes, REGULAR);
    } catch (error) {
      if (error instanceof FileError && error.code === "not-found") return null;
      throw error;
    }
  }

  /** Rejects with a FileError. */
  async keepTorrent(infoHash: string, torrent: Uint8Array): Promise<void> {
    await this.#files.writeWhole(this.#torrentPath(infoHash), torrent);
  }

  /** Null if there is none, or it is unreadable. */
  async loadDht(): Promise<DhtState | null> {
    try {
      return decodeDhtState(await this.#files.read(this.#dhtPath, MAX_DHT_BYTES, REGULAR));
    } catch (error) {
      if (error instanceof FileError) return null;
      throw error;
    }
  }

  /** Rejects with a FileError. */
  async keepDht(state: DhtState): Promise<void> {
    await this.#files.writeWhole(this.#dhtPath, encodeDhtState(state));
  }

  /**
   * The lock for counting; null while another process holds it. Throws a FileError without locks.
   */
  lockQuota(period: QuotaPeriod): FileLock | null {
    return this.#files.lock(`${this.#quotaPath(period)}.lock`);
  }

  /**
   * Null if there is none, or it is unreadable. Rejects with a FileError: then there may be one.
   */
  async loadQuota(period: QuotaPeriod): Promise<QuotaState | null> {
    try {
      return decodeQuota(await this.#files.read(this.#quotaPath(period), MAX_QUOTA_BYTES, REGULAR));
    } catch (error) {
      if (error instanceof FileError && MISSING.has(error.code)) return null;
      throw error;
    }
  }

  /** Rejects with a FileError. */
  async keepQuota(period: QuotaPeriod, state: QuotaState): Promise<void> {
    await this.#files.writeWhole(this.#quotaPath(period), encodeQuota(state));
  }

  /** Of a torrent that was removed. Throws a FileError. */
  forget(infoHash: string): void {
    const paths = [
      this.#wishPath(infoHash),
      this.#addedPath(infoHash),
      this.#torrentPath(infoHash),
      resumePath(this.path, fromHex(infoHash)!),
    ];
    for (const path of paths) {
      if (this.#files.stat(path) !== null) this.#files.remove(path);
    }
  }

  get #dhtPath(): string {
    return this.#at("dht");
  }

  /** Days and months are counted separately, also by clients that share the folder. */
  #quotaPath(period: QuotaPeriod): string {
    return this.#at(`quota${period === "month" ? "" : `-${period}`}`);
  }

  #wishPath(infoHash: string): string {
    return this.#at(`${infoHash}.json`);
  }

  /** Where version 0.1 saved the options. */
  #addedPath(infoHash: string): string {
    return this.#at(`${infoHash}.added`);
  }

  #torrentPath(infoHash: string): string {
    return this.#at(`${infoHash}.torrent`);
  }

  #at(name: string): string {
    return `${this.path.replace(/\/$/, "")}/${name}`;
  }
}

/** Makes a folder and those above it. Throws a FileError. */
export function makeFolders(files: Files, path: string): void {
  if (files.stat(path) !== null) return;
  const above = parentOf(path);
  if (above !== path) makeFolders(files, above);
  files.makeDir(path);
}
