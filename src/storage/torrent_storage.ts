/** The storage of one torrent, by subject: its data, and the files that hold it. */
import type { Files } from "../platform/types.ts";
import type { Layout } from "../metainfo/layout.ts";
import type { Rests } from "../util/rests.ts";
import { FileSet, type StorageEntry, type StorageOptions } from "./file_set.ts";
import type { HandlePool } from "./handle_pool.ts";
import { PieceData } from "./piece_data.ts";
import { SeenFiles } from "./seen_files.ts";
import { TorrentFiles } from "./torrent_files.ts";
import { TorrentFolder } from "./torrent_folder.ts";

export class TorrentStorage {
  readonly layout: Layout;
  /** For loops over its files. */
  readonly rests: Rests;
  /** Reads and writes pieces. */
  readonly data: PieceData;
  /** Makes the files, takes them over and finishes them. */
  readonly files: TorrentFiles;
  /** Compares them with their state after our last access. */
  readonly seen: SeenFiles;
  /** Knows their place, and moves them. */
  readonly folder: TorrentFolder;
  readonly #set: FileSet;

  constructor(
    files: Files,
    pool: HandlePool,
    dir: string,
    entries: readonly StorageEntry[],
    layout: Layout,
    options: StorageOptions = {},
  ) {
    const set = this.#set = new FileSet(files, pool, dir, entries, layout, options);
    this.layout = layout;
    this.rests = set.rests;
    this.data = new PieceData(set);
    this.files = new TorrentFiles(set, this.data);
    this.seen = new SeenFiles(set);
    this.folder = new TorrentFolder(set);
  }

  /** Closes this torrent's files. Later calls to read or write throw. */
  close(): void {
    this.#set.closed = true;
    this.#set.letGo();
    this.#set.access.close();
  }
}
