/**
 * Makes the content of torrents from the user's options and from the parts that all torrents share:
 * open handles, the read cache, the state folder.
 */
import type { Platform } from "../platform/types.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { HandlePool } from "../storage/handle_pool.ts";
import { ReadCache } from "../storage/read_cache.ts";
import { resumePath } from "../state/resume_file.ts";
import { type KeeperPorts, ResumeKeeper } from "../state/resume_keeper.ts";
import { Content } from "../torrent/content.ts";
import type {
  ContentEvents,
  ContentOptions,
  ContentPorts,
  ContentStart,
} from "../torrent/content_ports.ts";
import { fileChoiceOptions } from "../torrent/file_priorities.ts";
import { toHex } from "../util/bytes.ts";
import { openStorage } from "./content_storage.ts";
import { shareOut } from "./open_share.ts";
import { type ClientSettings, clientSettings, torrentSettings } from "./settings.ts";
import { identityKnown } from "./torrent_trackers.ts";
import type { AddOptions, ClientOptions } from "./types.ts";

/** The paths of all torrents, from the view of one of them. */
type ClaimsOf = (torrent: { infoHash: string; name: string }) => ContentPorts["claims"];

export class ContentMaker {
  readonly #platform: Platform;
  readonly #options: ClientSettings;
  readonly #claimsOf: ClaimsOf;
  readonly #handles: HandlePool;
  readonly #readCache: ReadCache;
  readonly #keeping: Pick<KeeperPorts, "files" | "sha1" | "now" | "sleep">;

  constructor(platform: Platform, options: ClientOptions, claimsOf: ClaimsOf) {
    this.#platform = platform;
    const settings = this.#options = clientSettings(options);
    this.#claimsOf = claimsOf;
    const { clock, files, hasher, process } = platform;
    const maxOpenFiles = Math.min(settings.maxOpenFiles, shareOut(files.openLimit()).files);
    const time = { now: () => clock.now(), waited: () => process.waitedMs() };
    this.#handles = new HandlePool(files, maxOpenFiles, time);
    this.#keeping = {
      files,
      sha1: (bytes) => hasher.digest("sha1", bytes),
      now: () => clock.now(),
      sleep: (ms) => new Promise((resolve) => clock.after(ms, resolve)),
    };
    this.#readCache = new ReadCache(settings.readCacheBytes, platform);
  }

  /** The reads and writes of all torrents. */
  get disk(): HandlePool["meter"] {
    return this.#handles.meter;
  }

  /** Closes the files that are still open. */
  close(): void {
    this.#handles.close();
  }

  /**
   * Throws a RangeError for an invalid choice of files or names, a FileError for a name that the
   * disk refuses.
   */
  make(
    meta: Metainfo,
    options: AddOptions,
    start: ContentStart,
    events: ContentEvents,
  ): Content {
    const { clock, random, hasher } = this.#platform;
    const contentOptions = this.#contentOptions(meta, options);
    const parts = { options, contentOptions, start };
    const stored = openStorage(this.#platform, this.#handles, meta, parts);
    const known = start.record && identityKnown(start.record, clock.wallTime());
    if (known) start.peers.continueAs(known);
    return new Content(meta, contentOptions, {
      ...start,
      ...events,
      ...stored,
      clock,
      random,
      hasher,
      claims: this.#claimsOf({ infoHash: toHex(meta.infoHash), name: meta.name }),
      keeper: (ports) => this.#makeKeeper(meta, ports),
      readCache: this.#readCache,
    });
  }

  /** Saved with the client's state; in memory only if there is none. */
  #makeKeeper(
    { infoHash }: Metainfo,
    ports: Parameters<ContentPorts["keeper"]>[0],
  ): ResumeKeeper | null {
    const { stateDir, saveEveryMs } = this.#options;
    if (stateDir === undefined) return null;
    const path = resumePath(stateDir, infoHash);
    return new ResumeKeeper({ ...this.#keeping, ...ports, path }, saveEveryMs);
  }

  #contentOptions(meta: Metainfo, options: AddOptions): ContentOptions {
    const settings = torrentSettings(options);
    const { dir, seedGoal, finalCheck, preallocate, piecesPerPeer, sequential } = settings;
    const { trustFiles, seedOnly, anew, overwrite, repair } = settings;
    return {
      dir,
      absoluteDir: this.#platform.files.absolute(dir),
      files: fileChoiceOptions(meta, options),
      pieces: { budgetBytes: this.#options.pieceBudgetBytes, piecesPerPeer, sequential },
      seedGoal,
      finalCheck,
      trustFiles,
      seedOnly,
      anew,
      overwrite,
      repair,
      preallocate,
    };
  }
}
