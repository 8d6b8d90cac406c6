/** Finds whose file a path is among the torrents that a state folder remembers. */
import type { Metainfo } from "../protocol/metainfo.ts";
import type { ResumeData } from "../protocol/resume_data.ts";
import type { PathConflict } from "../torrent/take_over.ts";
import type { StateDir } from "./state_dir.ts";

/** What has been read of one torrent; null where it has no files, or nothing that can be read. */
interface Remembered {
  readonly name: string;
  readonly dir: string;
  /** Folder or file of `dir` that all of it is in. */
  readonly tops: ReadonlySet<string>;
}

export class RememberedPaths {
  readonly #state: StateDir;
  readonly #parse: (bytes: Uint8Array) => Metainfo;
  /** With the stamp of the record that it is from. */
  readonly #known = new Map<string, { stamp: string; about: Remembered | null }>();

  constructor(state: StateDir, parse: (bytes: Uint8Array) => Metainfo) {
    this.#state = state;
    this.#parse = parse;
  }

  /** The first of `paths` that a torrent has made or found; `except` says which torrents do not count. */
  async find(
    paths: readonly string[],
    except: (infoHash: string) => boolean,
  ): Promise<PathConflict | null> {
    for (const infoHash of this.#state.torrents()) {
      if (except(infoHash)) continue;
      const known = await this.#recall(infoHash);
      if (known === null) continue;
      const near = paths.filter((path) => isNear(known, path));
      if (near.length === 0) continue;
      const own = await this.#pathsOf(infoHash);
      const path = near.find((one) => own.has(one));
      if (path !== undefined) return { path, owner: { name: known.name, process: null } };
    }
    return null;
  }

  async #recall(infoHash: string): Promise<Remembered | null> {
    const stamp = this.#state.recordStamp(infoHash);
    if (stamp === null) return null;
    const known = this.#known.get(infoHash);
    if (known?.stamp === stamp) return known.about;
    const record = await this.#record(infoHash);
    const about = record === null ? null : {
      name: record.name,
      dir: record.dir,
      tops: new Set([record.name, ...[...record.renamed.values()].map((path) => path[0]!)]),
    };
    this.#known.set(infoHash, { stamp, about });
    return about;
  }

  /** Of the files that it had. A moved torrent is found where it is now. */
  async #pathsOf(infoHash: string): Promise<Set<string>> {
    const record = await this.#record(infoHash);
    const bytes = await this.#state.loadTorrent(infoHash).catch(() => null);
    if (record === null || bytes === null) return new Set();
    const { files } = this.#parse(bytes), { dir, renamed, stamps } = record;
    return new Set(files.flatMap(({ path }, file) => {
      return stamps[file] ? [[dir, ...(renamed.get(file) ?? path)].join("/")] : [];
    }));
  }

  /** A record that cannot be read protects nothing, and harms nobody. */
  #record(infoHash: string): Promise<ResumeData | null> {
    return this.#state.loadRecord(infoHash).catch(() => null);
  }
}

function isNear({ dir, tops }: Remembered, path: string): boolean {
  const prefix = dir.endsWith("/") ? dir : `${dir}/`;
  if (!path.startsWith(prefix)) return false;
  const [top] = path.slice(prefix.length).split("/");
  return tops.has(top!);
}
