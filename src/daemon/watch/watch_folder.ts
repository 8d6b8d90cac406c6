/**
 * One watch folder. It is listed every few seconds, which works on network disks too. A file that
 * was added is renamed to NAME.added, or deleted; one that stays unusable to NAME.invalid.
 */
import type { Clock, Files, FileStat, Timer } from "../../platform/types.ts";
import type { Client } from "../../client/client.ts";
import type { AddOptions } from "../../client/types.ts";
import { MagnetError, TorrentFileError } from "../../util/errors.ts";
import type { Log } from "../log.ts";
import type { WatchSetting } from "../options.ts";
import { addFile, contentIn, kindOf } from "./watched_file.ts";

const EVERY_MS = 5000, SHORTEST_MS = 1000;
/** An unusable file may be half written: it is tried this often while it stays the same. */
const MOST_TRIES = 5;
/** After the first failed try, and twice as long after each further one. */
const RETRY_MS = 2000;

export interface WatchPorts {
  readonly clock: Clock;
  readonly files: Pick<
    Files,
    "listAsync" | "stat" | "statAsync" | "open" | "rename" | "remove" | "realPath"
  >;
  readonly client: Pick<Client, "add" | "torrents">;
  readonly log: Log;
  /** Of a new torrent. */
  options(folder: WatchSetting): AddOptions;
}

/** A file that was tried and is still there. */
interface Tried {
  readonly size: number;
  readonly mtimeMs: number;
  tries: number;
  nextAt: number;
  /** Its torrent is in the client. */
  isAdded: boolean;
}

export class WatchFolder {
  readonly #setting: WatchSetting;
  readonly #ports: WatchPorts;
  readonly #tried = new Map<string, Tried>();
  /** Problems that were told and are not over, so that they are not told each time. */
  readonly #told = new Set<string>();
  #timer: Timer | null = null;
  #looking: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(setting: WatchSetting, ports: WatchPorts) {
    this.#setting = setting;
    this.#ports = ports;
    this.#look();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#looking;
  }

  #look(): void {
    const { every } = this.#setting;
    const waitMs = every === undefined ? EVERY_MS : Math.max(SHORTEST_MS, every * 1000);
    this.#looking = this.#lookOnce().finally(() => {
      if (this.#closed) return;
      this.#timer = this.#ports.clock.after(waitMs, () => this.#look());
    });
  }

  /** Never rejects. */
  async #lookOnce(): Promise<void> {
    const { dir } = this.#setting;
    try {
      const all = await this.#ports.files.listAsync(dir);
      const names = all.filter((name) => kindOf(name) !== null);
      this.#forgetAllBut(new Set(names));
      for (const name of names) if (!this.#closed) await this.#lookAt(name);
      this.#over(dir);
    } catch (error) {
      this.#tell(dir, `The watch folder ${dir} cannot be read: ${(error as Error).message}`);
    }
  }

  #forgetAllBut(names: ReadonlySet<string>): void {
    for (const name of this.#tried.keys()) if (!names.has(name)) this.#tried.delete(name);
    for (const name of this.#told) {
      if (name !== this.#setting.dir && !names.has(name)) this.#told.delete(name);
    }
  }

  async #lookAt(name: string): Promise<void> {
    const { clock, files } = this.#ports, path = this.#path(name);
    const now = await files.statAsync(path).catch(() => null);
    if (now === null || this.#closed) return;
    if (now.kind !== "file") return this.#tell(name, `${path} is not a file: it is not added`);
    const before = this.#tried.get(name);
    const isSame = before !== undefined && before.size === now.size &&
      before.mtimeMs === now.mtimeMs;
    if (isSame && clock.now() < before.nextAt) return;
    const tried = isSame ? before : this.#newlySeen(name, now);
    if (tried.isAdded) return this.#putAside(name, tried, this.#setting.delete ? null : "added");
    const owner = contentIn(this.#ports, path);
    if (owner !== null) return this.#tell(name, `${path} belongs to "${owner}": it is not added`);
    // The first half of a link is a link, too.
    if (isSame || kindOf(name) === "torrent") this.#add(name, tried);
  }

  #newlySeen(name: string, { size, mtimeMs }: FileStat): Tried {
    const tried: Tried = { size, mtimeMs, tries: 0, nextAt: 0, isAdded: false };
    this.#tried.set(name, tried);
    this.#told.delete(name);
    return tried;
  }

  #add(name: string, tried: Tried): void {
    const { files, client, log, options } = this.#ports, path = this.#path(name);
    try {
      const torrent = addFile(files, client, path, options(this.#setting));
      const told = torrent === null ? log : log.torrent(torrent.infoHash);
      told.info(torrent === null ? "It was added before" : "Added from a watch folder", { path });
      // With the next look, when the state folder has the torrent: a kill must not lose both.
      tried.isAdded = true;
    } catch (error) {
      this.#failed(name, tried, error);
    }
  }

  #failed(name: string, tried: Tried, error: unknown): void {
    const path = this.#path(name), { message } = error as Error;
    tried.tries++;
    tried.nextAt = this.#ports.clock.now() + RETRY_MS * 2 ** (tried.tries - 1);
    const isUnusable = error instanceof TorrentFileError || error instanceof MagnetError;
    if (!isUnusable) return this.#tell(name, `${path} cannot be added: ${message}`);
    if (tried.tries < MOST_TRIES) return;
    this.#ports.log.warn(`${path} is not usable, and gets the name ${name}.invalid: ${message}`);
    this.#putAside(name, tried, "invalid");
  }

  /** Deleted for a null. If that fails, the file is left alone until it changes. */
  #putAside(name: string, tried: Tried, as: "added" | "invalid" | null): void {
    const { files } = this.#ports, path = this.#path(name);
    tried.nextAt = Infinity;
    try {
      if (as === null) files.remove(path);
      else files.rename(path, freeName(files, `${path}.${as}`));
    } catch (error) {
      this.#stays(name, error);
    }
  }

  #stays(name: string, error: unknown): void {
    this.#tell(name, `${this.#path(name)} stays where it is: ${(error as Error).message}`);
  }

  #path(name: string): string {
    return `${this.#setting.dir}/${name}`;
  }

  /** `about`: the name of a file, or the folder. */
  #tell(about: string, message: string): void {
    if (this.#told.has(about)) return;
    this.#told.add(about);
    this.#ports.log.warn(message);
  }

  #over(about: string): void {
    if (!this.#told.delete(about)) return;
    this.#ports.log.info(`The watch folder ${about} can be read again`);
  }
}

/** An earlier file with the same name is kept. */
function freeName(files: Pick<Files, "stat">, path: string): string {
  let free = path;
  for (let number = 2; files.stat(free) !== null; number++) free = `${path}.${number}`;
  return free;
}
