/** What a torrent is given: its options, and the ports to all that is outside. */
import type { Clock, Hasher, Random } from "../platform/types.ts";
import type { ResumeData } from "../state/resume_data.ts";
import type { ReadCache } from "../storage/read_cache.ts";
import type { Sought } from "../storage/reuse.ts";
import type { TorrentStorage } from "../storage/torrent_storage.ts";
import type { FileChoiceOptions } from "./file_choice.ts";
import type { KeeperMaker } from "./persistence.ts";
import type { PieceOptions } from "../pieces/piece_manager.ts";
import type { TorrentPeers } from "./peers.ts";
import type { PathClaims } from "./take_over.ts";
import type { FinalCheck, SeedGoal, TorrentHappening } from "./types.ts";

export interface TorrentOptions {
  /** Where it is to be when it is whole: as the user wrote it, and from the root. */
  dir: string;
  absoluteDir: string;
  pieces: PieceOptions;
  /** Which files, and which first. */
  files: FileChoiceOptions;
  seedGoal: SeedGoal;
  finalCheck: FinalCheck;
  trustFiles: boolean;
  seedOnly: boolean;
  /** What stands in the way of wanted files is written over. */
  overwrite: boolean;
  /** The record is only asked which files were complete: all is checked. */
  anew: boolean;
  /** Files that were changed after they were complete are fetched again. */
  repair: boolean;
  preallocate: boolean;
}

export interface TorrentPorts {
  clock: Clock;
  random: Random;
  hasher: Hasher;
  storage: TorrentStorage;
  /** Its peers, which outlive it. */
  peers: TorrentPeers;
  /** Memory for uploads of all torrents. */
  readCache: ReadCache;
  /**
   * What an earlier run left; null for a new torrent, or when there is no such record. The torrent
   * lets go of it when it is open: a thousand of them are much memory.
   */
  record: ResumeData | null;
  /** What the record names must not have vanished: its disk may only be away. */
  mustExist: boolean;
  /** Files with other names than the torrent's, by index: as `storage` was made. */
  renamed: ReadonlyMap<number, readonly string[]>;
  /** Warnings beside those of the metainfo. Default: none. */
  notes?: readonly string[];
  /** Whose paths are whose, in the client and beyond. */
  claims: PathClaims;
  /** Finds files of the torrent in other folders, by index; null when nothing is to be reused. */
  reuse: ((sought: Sought[], signal: AbortSignal) => Promise<Map<number, string>>) | null;
  /** Makes the keeper of the resume record; null when none is kept. */
  keeper: KeeperMaker;
  tell(happening: TorrentHappening): void;
}
