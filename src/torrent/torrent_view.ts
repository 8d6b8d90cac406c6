/** The read-only side of a torrent: its figures, peers, trackers, files and pieces. */
import { linkWithTrackers, magnetLinkOf } from "../metainfo/magnet_meta.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { torrentFileOf } from "../metainfo/torrent_file.ts";
import type { AddOptions } from "./options.ts";
import { filesOf, peersOf, piecesOf, type ShownTorrent, statusOf, trackersOf } from "./snapshot.ts";
import type {
  PeerSnapshot,
  PiecesSnapshot,
  TorrentFile,
  TorrentSnapshot,
  TorrentStatus,
  TrackerSnapshot,
} from "./types.ts";

let connect: (
  view: TorrentView,
  shown: () => ShownTorrent,
  stillness: () => number | null,
) => void;

/** The read-only members of a torrent. */
export class TorrentView {
  #shown!: () => ShownTorrent;
  #stillness!: () => number | null;

  static {
    connect = (view, shown, stillness) => {
      view.#shown = shown;
      view.#stillness = stillness;
    };
  }

  /** The torrent's magnet link, with its present trackers. */
  get magnet(): string {
    const { meta, link, peers } = this.#shown(), { tiers } = peers.trackers;
    return meta === null ? linkWithTrackers(link!, tiers) : magnetLinkOf(meta, tiers);
  }

  /** The bytes of its .torrent file; null until the metadata is known. */
  get torrentFile(): Uint8Array | null {
    const { meta, peers } = this.#shown();
    return meta === null ? null : torrentFileOf({ ...meta, announce: peers.trackers.tiers });
  }

  /** What its .torrent file says; null until the metadata is known. Do not change the object. */
  get metainfo(): Metainfo | null {
    return this.#shown().meta;
  }

  /**
   * Null while peers are connected or files are worked on. Else a number: as long as it is the same,
   * the status changes only in its times, its place in the queue, and the numbers of peers that are
   * known. So of a thousand torrents only the active ones need to be looked at.
   */
  get stillness(): number | null {
    return this.#stillness();
  }

  /** The present figures, without lists: cheap enough to ask a thousand torrents every second. */
  status(): TorrentStatus {
    return statusOf(this.#shown());
  }

  /** The options that were given or changed; others have their defaults. Do not change the object. */
  get options(): Readonly<AddOptions> {
    return this.#shown().options;
  }

  /** The connected peers. */
  peers(): PeerSnapshot[] {
    const { peers, now } = this.#shown();
    return peersOf(peers, now);
  }

  /** The trackers, in the order in which they are asked. */
  trackers(): TrackerSnapshot[] {
    return trackersOf(this.#shown().peers);
  }

  /** The files with their progress; null until the metadata is known. */
  files(): TorrentFile[] | null {
    return filesOf(this.#shown());
  }

  /** The verified pieces; null until the metadata is known. */
  pieces(): PiecesSnapshot | null {
    return piecesOf(this.#shown());
  }

  /** Status, trackers and peers at once. */
  snapshot(): TorrentSnapshot {
    return { ...this.status(), trackers: this.trackers(), peerList: this.peers() };
  }
}

/** For the torrent alone: `shown` tells the facts, where each has its owner. */
export function showOf(
  view: TorrentView,
  shown: () => ShownTorrent,
  stillness: () => number | null,
): void {
  connect(view, shown, stillness);
}
