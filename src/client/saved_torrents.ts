/**
 * The torrents in the state folder: their metadata and wishes are written whenever they change, one
 * write after the other for each torrent, and read by the next run. Without a state folder, nothing
 * is saved.
 */
import type { Platform } from "../platform/types.ts";
import { type Magnet, parseMagnet } from "../metainfo/magnet.ts";
import { demandV2Hash, withLinksOf } from "../metainfo/magnet_meta.ts";
import { type Metainfo, parseTorrent } from "../metainfo/metainfo.ts";
import { torrentFileOf } from "../metainfo/torrent_file.ts";
import type { ResumeData } from "../state/resume_data.ts";
import { selectedBy } from "../torrent/file_priorities.ts";
import type { TorrentPorts } from "../torrent/torrent_ports.ts";
import { toHex } from "../util/bytes.ts";
import { TorrentFileError } from "../util/errors.ts";
import { misfitOf, optionsAsLeft, recordAsWished, recordFor } from "./restored_record.ts";
import type { StateDir } from "./state_dir.ts";
import { asNew, encodeWish, type Wish } from "./wish.ts";
import type { AddOptions } from "./types.ts";

/** A torrent as an earlier run left it. */
export interface SavedTorrent extends Omit<Wish, "movesTo"> {
  /** A magnet if the metadata is unknown. */
  readonly source: Metainfo | Magnet;
  /** Its wish is saved in the state folder. */
  readonly isKept: boolean;
  readonly record: ResumeData | null;
}

/** Most torrents that are read at once. */
const AHEAD = 16;

export class SavedTorrents {
  readonly #platform: Platform;
  readonly #state: StateDir | null;
  readonly #warn: (infoHash: string, message: string) => void;
  /** Writes in progress, the last one of each torrent. */
  readonly #saving = new Map<string, Promise<void>>();

  constructor(
    platform: Platform,
    state: StateDir | null,
    warn: (infoHash: string, message: string) => void,
  ) {
    this.#platform = platform;
    this.#state = state;
    this.#warn = warn;
  }

  /** Throws a TorrentFileError. */
  parse(bytes: Uint8Array): Metainfo {
    const { hasher, process } = this.#platform;
    return parseTorrent(bytes, (part) => hasher.digest("sha1", part), {
      windows: process.os === "windows",
    });
  }

  /** Throws a TorrentFileError. */
  parseFound(magnet: Magnet, infoBytes: Uint8Array): Metainfo {
    demandV2Hash(magnet, infoBytes, (part) => this.#platform.hasher.digest("sha256", part));
    const announce = tiersOf(magnet), { webSeeds } = magnet;
    return this.parse(torrentFileOf({ infoBytes, announce, webSeeds }));
  }

  /**
   * Saves the metadata, so that a restart needs neither the file nor the swarm to know the torrent.
   */
  keepMeta(meta: Metainfo): void {
    const infoHash = toHex(meta.infoHash);
    void this.#save(infoHash, (state) => state.keepTorrent(infoHash, torrentFileOf(meta)));
  }

  /** The result of an earlier run, with the additional data of this run's link. */
  async loadMeta(infoHash: string, magnet: Magnet): Promise<Metainfo | null> {
    const bytes = await this.#state?.loadTorrent(infoHash) ?? null;
    if (bytes === null) return null;
    const found = this.#parseKept(infoHash, bytes), meta = withLinksOf(found, magnet);
    demandV2Hash(magnet, meta.infoBytes, (part) => this.#platform.hasher.digest("sha256", part));
    if (meta !== found) this.keepMeta(meta);
    return meta;
  }

  /** Saves a torrent's wish, so that a restart knows it, however this run ends. */
  wishKeeper(
    infoHash: string,
    link: string | null,
    addedAt: number,
    rank: () => number,
  ): TorrentPorts["keepWish"] {
    return (options, standing, movesTo) => {
      if (this.#state === null || options.metadataOnly) return Promise.resolve();
      const wish = { link, ...standing, addedAt, rank: rank(), options, movesTo };
      const bytes = encodeWish(wish, (path) => {
        return this.#platform.files.absolute(path);
      });
      return this.#save(infoHash, (state) => state.keepWish(infoHash, bytes));
    };
  }

  /** For a torrent that was added in this run; null without one. Rejects with a ResumeError. */
  async recordFor(meta: Metainfo, options: AddOptions): Promise<ResumeData | null> {
    if (this.#state === null) return null;
    return await recordFor(this.#platform, this.#state, meta, options, (message) => {
      this.#warn(toHex(meta.infoHash), message);
    });
  }

  /**
   * Every torrent that is kept, as `load`. The next ones are being read while a caller waits for one,
   * since reading is mostly waiting.
   */
  async *all(): AsyncGenerator<{ infoHash: string; load: Promise<SavedTorrent | null> }> {
    const known = await this.#state?.torrents() ?? [], begun: Promise<SavedTorrent | null>[] = [];
    for (const [at, infoHash] of known.entries()) {
      while (begun.length < AHEAD && at + begun.length < known.length) {
        const load = this.load(known[at + begun.length]!);
        // The caller hears of it when its turn comes.
        load.catch(() => {});
        begun.push(load);
      }
      yield { infoHash, load: begun.shift()! };
    }
  }

  /** Null if only a magnet link's metadata is saved. Rejects with an Error that names the fault. */
  async load(infoHash: string): Promise<SavedTorrent | null> {
    const state = this.#state;
    if (state === null) return null;
    const kept = await state.loadWish(infoHash).catch((error: Error) => error);
    const record = await state.loadRecord(infoHash).catch((error: Error) => error);
    const isKept = kept !== null && !(kept instanceof Error);
    const wish = isKept ? kept : await this.#lostWish(state, infoHash, kept, record);
    if (wish === null) return null;
    const { options: _, movesTo: __, ...standing } = wish;
    const magnet = wish.link === null ? null : parseMagnet(wish.link);
    const meta = await this.#metaOf(state, infoHash, magnet);
    const start = { ...standing, isKept };
    if (meta === null) {
      if (magnet !== null) return { source: magnet, options: wish.options, ...start, record: null };
      throw new Error(`${state.path} is incomplete: add the torrent again`);
    }
    const files = magnet && selectedBy(magnet);
    const options = { ...(files ? { files } : {}), ...wish.options };
    const isSound = record !== null && !(record instanceof Error) &&
      misfitOf(this.#platform, meta, record) === null;
    if (!isSound) return { source: meta, options, ...start, record: null };
    const saved = { ...wish, options };
    const known = recordAsWished(this.#platform, saved, record, (message) => {
      this.#warn(infoHash, message);
    });
    const asLeft = optionsAsLeft(this.#platform, saved, known);
    return { source: meta, options: asLeft, ...start, record: known };
  }

  /** Resolves when nothing of the torrent is being written. */
  async written(infoHash: string): Promise<void> {
    await this.#saving.get(infoHash);
  }

  async allWritten(): Promise<void> {
    await Promise.all(this.#saving.values());
  }

  /** Without a readable wish: as version 0.1 saved it, else with the folder from the record. */
  async #lostWish(
    state: StateDir,
    infoHash: string,
    lost: Error | null,
    record: ResumeData | Error | null,
  ): Promise<Wish | null> {
    const old = await state.loadOldWish(infoHash).catch((error: Error) => error);
    if (old !== null && !(old instanceof Error)) return old;
    if (lost === null && old === null && record === null) return null;
    if (record === null || record instanceof Error) throw lost ?? record ?? old;
    const addedAt = Math.floor(this.#platform.clock.wallTime() / 1000);
    const message =
      `The settings of "${record.name}" cannot be read: ${
        lost?.message ?? "their file is missing"
      }. ` +
      `The torrent is paused in ${record.dir} with default settings: change what you need, then start it`;
    this.#warn(infoHash, message);
    return { ...asNew(addedAt), paused: true, options: { dir: record.dir } };
  }

  async #metaOf(
    state: StateDir,
    infoHash: string,
    magnet: Magnet | null,
  ): Promise<Metainfo | null> {
    if (magnet === null) {
      const bytes = await state.loadTorrent(infoHash);
      return bytes === null ? null : this.#parseKept(infoHash, bytes);
    }
    // A link can be looked up again; its search says why the file was useless.
    return await this.loadMeta(infoHash, magnet).catch(() => null);
  }

  /** One after the other for a torrent; `close` waits. A failure is a warning. */
  #save(infoHash: string, write: (state: StateDir) => Promise<void>): Promise<void> {
    const state = this.#state;
    if (state === null) return Promise.resolve();
    const before = this.#saving.get(infoHash) ?? Promise.resolve();
    const saving = before.then(() => write(state)).catch((error: Error) => {
      this.#warn(infoHash, error.message);
    }).finally(() => {
      if (this.#saving.get(infoHash) === saving) this.#saving.delete(infoHash);
    });
    this.#saving.set(infoHash, saving);
    return saving;
  }

  /** A copied or planted file may belong to another torrent. */
  #parseKept(infoHash: string, bytes: Uint8Array): Metainfo {
    const meta = this.parse(bytes);
    if (toHex(meta.infoHash) === infoHash) return meta;
    throw new TorrentFileError("other-torrent", `${infoHash}.torrent is of another torrent`);
  }
}

/** Each tracker of a link is a tier of its own. */
export function tiersOf({ trackers }: Magnet): string[][] {
  return trackers.map((url) => [url]);
}
