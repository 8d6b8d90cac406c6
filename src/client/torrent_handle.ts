/** The handle of one torrent, which `Client.add` returns. */
import { isUsableElement } from "../metainfo/file_names.ts";
import { formatMagnet } from "../metainfo/magnet.ts";
import { torrentFileOf } from "../metainfo/torrent_file.ts";
import type { Torrent as Engine } from "../torrent/torrent.ts";
import { ShoalError } from "../util/errors.ts";
import { checkTorrentPatch } from "./settings.ts";
import type { EventFeed } from "./event_feed.ts";
import { magnetOf } from "../metainfo/magnet_meta.ts";
import { filesOf, peersOf, piecesOf, statusOf, trackersOf } from "../torrent/snapshot.ts";
import type { TorrentLife } from "./torrent_life.ts";
import type {
  FileSnapshot,
  PeerSnapshot,
  PiecesSnapshot,
  TorrentEvent,
  TorrentPatch,
  TorrentSnapshot,
  TorrentStatus,
  TrackerSnapshot,
} from "./types.ts";

/** What all handles of a client share. */
export interface HandlePorts {
  readonly feed: EventFeed;
  absolute(path: string): string;
}

export class Torrent {
  readonly #life: TorrentLife;
  readonly #ports: HandlePorts;
  readonly #link: string | null;
  readonly #addedAt: number;

  /**
   * Only the client makes them: see `Client.add`. `link`: of a magnet; `addedAt`: seconds since 1970.
   */
  constructor(life: TorrentLife, ports: HandlePorts, link: string | null, addedAt: number) {
    this.#life = life;
    this.#ports = ports;
    this.#link = link;
    this.#addedAt = addedAt;
  }

  /** 40 hexadecimal digits. */
  get infoHash(): string {
    return this.#life.infoHash;
  }

  get name(): string {
    return this.#life.name;
  }

  /**
   * Resolves when all chosen files are complete and verified. Rejects with the error that ended the
   * torrent before: a FileError (disk full, permission, ...), or an Error after `stop`.
   */
  get finished(): Promise<void> {
    return this.#life.finished;
  }

  /** Resolves when the torrent has ended: seed goal reached, stopped or failed. Never rejects. */
  get ended(): Promise<void> {
    return this.#life.ended;
  }

  /** Resolves when the metadata is known. Rejects with the error that ended the torrent before. */
  get ready(): Promise<void> {
    return this.#life.ready;
  }

  /**
   * The present state, as an event, and then all events from the call on. Ends when the torrent ends;
   * for a torrent that has ended, only its state.
   */
  events(): AsyncIterableIterator<TorrentEvent> {
    const { infoHash, state, over } = this.#life;
    return this.#ports.feed.listenTo({ infoHash, type: "state", state }, over);
  }

  /** The torrent's magnet link, with its trackers. */
  get magnet(): string {
    const { meta } = this.#life;
    return meta === null ? this.#link! : formatMagnet(magnetOf(meta));
  }

  /** The bytes of its .torrent file; null until the metadata is known. */
  get torrentFile(): Uint8Array | null {
    const { meta } = this.#life;
    return meta === null ? null : torrentFileOf(meta);
  }

  /** The present figures, without lists: cheap enough to ask a thousand torrents every second. */
  status(): TorrentStatus {
    return statusOf(this.#life, this.#addedAt, this.#ports.absolute);
  }

  /** The connected peers. */
  peers(): PeerSnapshot[] {
    return peersOf(this.#life);
  }

  trackers(): TrackerSnapshot[] {
    return trackersOf(this.#life);
  }

  /** The files with their progress; null until the metadata is known. */
  files(): FileSnapshot[] | null {
    return filesOf(this.#life, this.#ports.absolute);
  }

  /** The verified pieces; null until the metadata is known. */
  pieces(): PiecesSnapshot | null {
    return piecesOf(this.#life);
  }

  /** Status, trackers and peers at once. */
  snapshot(): TorrentSnapshot {
    return { ...this.status(), trackers: this.trackers(), peerList: this.peers() };
  }

  /**
   * Changes options, in any state: they are checked, saved for a restart and applied at once. Options
   * that are left out stay unchanged. Rejects with a RangeError that names an option that is invalid or
   * cannot be changed; then none is changed. Rejects with a FileError if the disk fails.
   *
   * @example
   * ```ts
   * await torrent.update({ uploadSlots: 8, limits: { down: 1_000_000 } });
   * ```
   */
  async update(patch: TorrentPatch): Promise<void> {
    checkTorrentPatch(patch);
    await this.#life.update(patch);
  }

  /**
   * Reads and hashes everything again while the torrent keeps downloading and seeding. Resolves to the
   * number of bad pieces, which are downloaded again. Rejects with a FileError.
   */
  async recheck(): Promise<number> {
    return await this.#running().recheck();
  }

  #running(): Engine {
    const { engine } = this.#life;
    if (engine === null || !engine.running) {
      throw new NotYetError("The torrent is not running: resume it first");
    }
    return engine;
  }

  /**
   * Moves the files to another folder, also on another disk, while the torrent keeps running. Rejects
   * with a FileError; the files then stay where they were.
   */
  async move(dir: string): Promise<void> {
    this.#running();
    await this.#life.move(dir, this.#ports.absolute(dir));
  }

  /**
   * Renames a file; `path` is relative to `dir`: "folder/name". Rejects with a RangeError for a path
   * outside `dir`, with a FileError if a file with this path exists.
   */
  async rename(file: number, path: string): Promise<void> {
    const engine = this.#running(), elements = path.split("/");
    if (engine.meta.files[file] === undefined) throw new RangeError(`There is no file ${file}`);
    if (elements.some((element) => !isUsableElement(element, false))) {
      throw new RangeError(`"${path}" cannot be the path of a file`);
    }
    await this.#life.rename(file, elements);
  }

  /** Closes all connections and stops announcing until `resume`. */
  async pause(): Promise<void> {
    await this.#life.pause();
  }

  /**
   * Starts the torrent again after `pause` or `stop`, a failure, or a reached seed goal; in the last
   * case it seeds until the goal is changed. `finished` and `ended` then belong to the new run. No
   * effect after the torrent was removed or the client closed.
   */
  resume(): void {
    this.#life.resume();
  }

  /** For tests of the client itself: throws an InvariantError if its state is inconsistent. */
  checkInvariants(): void {
    this.#life.engine?.checkInvariants();
    this.#life.peers.swarm.checkInvariants();
  }

  /** Stops the torrent: tells the trackers and saves progress, within about three seconds. */
  async stop(): Promise<void> {
    await this.#life.stop();
  }
}

/** A call is not possible in the torrent's present state. */
export class NotYetError extends ShoalError {
  readonly code = "not-yet";
}
