/**
 * The wanted files of a torrent, and the places of all files. Owns both facts; changes are made one
 * after the other, and each is in the resume record before anything of the old state is given up.
 */
import { isUsableElement } from "../metainfo/file_names.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { ResumeData } from "../state/resume_data.ts";
import type { TorrentStorage } from "../storage/torrent_storage.ts";
import { FileError } from "../util/errors.ts";
import { Turns } from "../util/turns.ts";
import { FileChoice, type FileChoiceOptions } from "./file_choice.ts";
import type { PieceManager } from "../pieces/piece_manager.ts";
import { conflictError, type PathClaims, type Placement } from "./take_over.ts";

type Path = readonly string[];

export interface ArrangementPorts {
  readonly meta: Metainfo;
  readonly storage: TorrentStorage;
  readonly pieces: PieceManager;
  /** Aborted when the torrent ends, as is a copy in progress. */
  readonly signal: AbortSignal;
  /** Resolves when the resume record is on the disk, or cannot be saved. */
  save(): Promise<void>;
  warn(message: string): void;
  readonly claims: PathClaims;
}

export class Arrangement {
  readonly #ports: ArrangementPorts;
  #choice: FileChoice;
  #targetDir: string;
  /** By index in the torrent's list: other names than the torrent's. */
  #renamed: ReadonlyMap<number, Path>;
  #moving: ResumeData["moving"] = null;
  /** Makes changes one after the other. */
  readonly #turns = new Turns();

  constructor(
    ports: ArrangementPorts,
    choice: FileChoiceOptions,
    place: { targetDir: string; renamed: ReadonlyMap<number, Path> },
  ) {
    const { targetDir, renamed } = place;
    this.#ports = ports;
    this.#targetDir = targetDir;
    this.#renamed = renamed;
    this.#choice = new FileChoice(ports.meta.layout, choice);
    this.#apply();
  }

  get choice(): FileChoice {
    return this.#choice;
  }

  /** Absolute: the final folder of the complete torrent. */
  get targetDir(): string {
    return this.#targetDir;
  }

  get renamed(): ReadonlyMap<number, Path> {
    return this.#renamed;
  }

  get moving(): ResumeData["moving"] {
    return this.#moving;
  }

  /**
   * Rejects with a FileError; the remaining files then stay in the part file, and the call can be
   * repeated.
   */
  choose(options: FileChoiceOptions): Promise<void> {
    return this.#turns.take(async () => {
      this.#choice = new FileChoice(this.#ports.meta.layout, options);
      this.#apply();
      await this.#ports.storage.files.setWanted(this.#choice.wanted);
    });
  }

  /**
   * For a caller that reads the files by their paths: until `what` is done, no file changes its
   * place, and later changes wait.
   */
  still<T>(what: () => Promise<T>): Promise<T> {
    return this.#turns.take(what);
  }

  /** The torrent is complete: moves the files to their final folder, as `move` does. */
  async settle(): Promise<void> {
    if (this.#ports.storage.folder.dir === this.#targetDir) return;
    await this.#turns.take(() => this.#move(this.#targetDir, this.#renamed));
  }

  /**
   * Moves the files to another folder for good. Between disks they are copied while reading and
   * writing continue. Rejects with a FileError ("exists" if a new place is taken) or the signal's
   * reason: then nothing has moved.
   */
  move(dir: string): Promise<void> {
    return this.#turns.take(() => this.#move(dir, this.#renamed, dir));
  }

  /**
   * Gives a file another path below the torrent's folder. Rejects as `move` does, and with a
   * RangeError for any other path.
   */
  async rename(file: number, path: string): Promise<void> {
    const elements = path.split("/");
    if (this.#ports.meta.files[file] === undefined) {
      throw new RangeError(`There is no file ${file}`);
    }
    if (elements.some((element) => !isUsableElement(element, false))) {
      throw new RangeError(`"${path}" cannot be the path of a file`);
    }
    await this.#turns.take(() => {
      const renamed = new Map(this.#renamed).set(file, elements);
      return this.#move(this.#ports.storage.folder.dir, renamed);
    });
  }

  /** `targetDir`: the torrent's final folder from then on. */
  async #move(
    dir: string,
    renamed: ReadonlyMap<number, Path>,
    targetDir = this.#targetDir,
  ): Promise<void> {
    const { storage, signal, save } = this.#ports, paths = this.#paths(renamed);
    await storage.folder.checkMove(dir, paths); // a move that is refused here has not begun
    const before = this.#place(storage), after = storage.folder.placement(dir, paths);
    await this.#claim({
      dirs: [...before.dirs, ...after.dirs],
      paths: [...before.paths, ...after.paths],
    }, after.paths);
    this.#moving = { dir, renamed };
    await save(); // a crash in the middle must be recognised
    let clean: () => void;
    try {
      clean = await storage.folder.move(dir, paths, { signal });
    } catch (error) {
      this.#moving = null;
      // Otherwise the next start would continue it. At the torrent's end its last record says so.
      if (!signal.aborted) await save();
      throw error;
    }
    this.#renamed = renamed;
    this.#targetDir = targetDir;
    this.#moving = null;
    await save();
    clean();
    await this.#claim(this.#place(storage), []);
  }

  #place(storage: TorrentStorage): Placement {
    return storage.folder.paths([storage.folder.dir, this.#targetDir]);
  }

  /** Rejects with a FileError if another torrent has one of `written`. */
  async #claim(place: Placement, written: readonly string[]): Promise<void> {
    const taken = await this.#ports.claims.claim(place, written);
    if (taken !== null) throw conflictError(taken);
  }

  /**
   * Finishes an interrupted move of an earlier run, before anything else is done with the files.
   */
  async finishMove({ dir, renamed }: NonNullable<ResumeData["moving"]>): Promise<void> {
    const { storage, warn } = this.#ports,
      paths = this.#paths(renamed),
      before = storage.folder.dir;
    let clean: () => void;
    try {
      clean = await storage.folder.move(dir, paths, { finishing: true });
    } catch (error) {
      const isRefused = error instanceof FileError && error.code === "exists";
      if (!isRefused || storage.folder.hasBegunMove(dir, paths)) throw error;
      return warn(`${error.message}: the files stay in ${storage.folder.dir}`);
    }
    this.#renamed = renamed;
    if (dir !== before) this.#targetDir = dir; // the user's wish, or the final folder already
    clean();
  }

  #paths(renamed: ReadonlyMap<number, Path>): Path[] {
    return this.#ports.meta.files.map(({ path }, file) => renamed.get(file) ?? path);
  }

  /** Without a choice the pieces keep their one level. */
  #apply(): void {
    const { pieces } = this.#ports;
    if (this.#choice.isPlain && !pieces.states.hasLevels) return;
    const { levels, levelOf } = this.#choice.levels(pieces.options.sequential);
    pieces.states.setLevels(levels, levelOf);
  }
}
