/** Finds the owner of a path among the torrents in a state folder. */
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { ResumeData } from "../state/resume_data.ts";
import type { PathConflict } from "../torrent/take_over.ts";
import type { StateDir } from "./state_dir.ts";

/** The data of one torrent; null if it has no files, or is unreadable. */
interface Remembered {
  readonly name: string;
  readonly dir: string;
  /** The folder or file of `dir` that contains everything. */
  readonly tops: ReadonlySet<string>;
}

export class RememberedPaths {
  readonly #state: StateDir;
  readonly #parse: (bytes: Uint8Array) => Metainfo;
  readonly #idOf: (path: string) => string | null;
  /** With the stamp of its record. */
  readonly #known = new Map<string, { stamp: string; about: Remembered | null }>();

  /** `idOf`: the identity of the file or folder at a path; null if there is none. */
  constructor(
    state: StateDir,
    parse: (bytes: Uint8Array) => Metainfo,
    idOf: (path: string) => string | null,
  ) {
    this.#state = state;
    this.#parse = parse;
    this.#idOf = idOf;
  }

  /**
   * The first of `paths` that a torrent created or found; `except`: torrents that do not count.
   * `exactly`: not under another name.
   */
  async find(
    paths: readonly string[],
    except: (infoHash: string) => boolean,
    exactly = false,
  ): Promise<PathConflict | null> {
    // By what the paths are, too: a folder may be a link, and a disk may fold names.
    const ids = new Map(exactly ? [] : paths.map((path) => [this.#idOf(path), path]));
    ids.delete(null);
    const folders = new Set(paths.flatMap(foldersAbove).map((folder) => this.#idOf(folder)));
    for (const infoHash of await this.#state.torrents()) {
      if (except(infoHash)) continue;
      const known = await this.#recall(infoHash);
      if (known === null || !this.#isNear(known, paths, ids, folders)) continue;
      for (const own of await this.#pathsOf(infoHash)) {
        const path = paths.includes(own) ? own : ids.get(this.#idOf(own));
        if (path !== undefined) return { path, owner: { name: known.name, process: null } };
      }
    }
    return null;
  }

  #isNear(
    { dir, tops }: Remembered,
    paths: readonly string[],
    ids: ReadonlyMap<string | null, string>,
    folders: ReadonlySet<string | null>,
  ): boolean {
    return [...tops].some((top) => {
      const path = dir.endsWith("/") ? `${dir}${top}` : `${dir}/${top}`, id = this.#idOf(path);
      return id === null
        ? paths.some((one) => one === path || one.startsWith(`${path}/`))
        : ids.has(id) || folders.has(id);
    });
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

  /** The files that it had. A moved torrent is found at its present place. */
  async #pathsOf(infoHash: string): Promise<readonly string[]> {
    const record = await this.#record(infoHash);
    const bytes = await this.#state.loadTorrent(infoHash).catch(() => null);
    if (record === null || bytes === null) return [];
    const { files } = this.#parse(bytes), { dir, renamed, stamps } = record;
    return files.flatMap(({ path }, file) => {
      return stamps[file] ? [[dir, ...(renamed.get(file) ?? path)].join("/")] : [];
    });
  }

  /** An unreadable record protects nothing and does no harm. */
  #record(infoHash: string): Promise<ResumeData | null> {
    return this.#state.loadRecord(infoHash).catch(() => null);
  }
}

/** Not the root. */
function foldersAbove(path: string): string[] {
  const folders: string[] = [];
  for (let end = path.lastIndexOf("/"); end > 0; end = path.lastIndexOf("/", end - 1)) {
    folders.push(path.slice(0, end));
  }
  return folders;
}
