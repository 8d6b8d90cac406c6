/** The options of the work on a torrent's files, and its ports to everything else. */
import type { Clock, Hasher, Random } from "../platform/types.ts";
import type { ResumeData } from "../state/resume_data.ts";
import type { ReadCache } from "../storage/read_cache.ts";
import type { Sought } from "../storage/reuse.ts";
import type { TorrentStorage } from "../storage/torrent_storage.ts";
import type { FileChoiceOptions } from "./file_choice.ts";
import type { KeeperMaker } from "./persistence.ts";
import type { DownloadLedger } from "../pieces/download_ledger.ts";
import type { PieceOptions } from "../pieces/piece_manager.ts";
import type { TorrentPeers } from "./peers.ts";
import type { PathClaims } from "./take_over.ts";
import type { FinalCheck, SeedGoal, TorrentHappening } from "./types.ts";

export interface ContentOptions {
  /** The folder of the complete files: as the user wrote it, and absolute. */
  dir: string;
  absoluteDir: string;
  pieces: PieceOptions;
  /** The wanted files and their order. */
  files: FileChoiceOptions;
  seedGoal: SeedGoal;
  finalCheck: FinalCheck;
  trustFiles: boolean;
  seedOnly: boolean;
  /** Existing files in the way of wanted files are overwritten. */
  overwrite: boolean;
  /** The record only tells which files were complete: everything is checked. */
  anew: boolean;
  /** Files that changed after they were complete are downloaded again. */
  repair: boolean;
  preallocate: boolean;
}

/** How the work begins. */
export interface ContentStart {
  /**
   * The record of an earlier run; null for a new torrent, or if there is none. The content drops it
   * once it is open: a thousand records need much memory.
   */
  record: ResumeData | null;
  /** The files that the record names must not have vanished: their disk may only be away. */
  mustExist: boolean;
  peers: TorrentPeers;
  /** Counters of the whole torrent. */
  ledger: DownloadLedger;
}

/** The reports of the work on the files to the torrent. */
export interface ContentEvents {
  tell(happening: TorrentHappening): void;
  phaseChanged(): void;
  /** What exists was checked: whether to go online now. If not, the content is closed. */
  goesOnline(): boolean;
  /** All wanted files are complete and verified. */
  completed(): void;
  goalReached(): void;
  /** The work cannot continue: a FileError, an IncompleteError, a bug. Reported once. */
  failed(error: unknown): void;
}

export interface ContentPorts extends ContentStart, ContentEvents {
  clock: Clock;
  random: Random;
  hasher: Hasher;
  storage: TorrentStorage;
  /** Memory for uploads of all torrents. */
  readCache: ReadCache;
  /** Files with other names than the torrent's, by index: as `storage` was made. */
  renamed: ReadonlyMap<number, readonly string[]>;
  /** Warnings besides those of the metainfo. Default: none. */
  notes?: readonly string[];
  /** The owners of paths, in the client and beyond. */
  claims: PathClaims;
  /** Finds files of the torrent in other folders, by index; null without such folders. */
  reuse: ((sought: Sought[], signal: AbortSignal) => Promise<Map<number, string>>) | null;
  /** Makes the keeper of the resume record; null when none is kept. */
  keeper: KeeperMaker;
}
