/** What the fields of one torrent are computed from; each source is asked once, when it is needed. */
import type {
  AddOptions,
  FileSnapshot,
  PeerSnapshot,
  TorrentStatus,
  TrackerSnapshot,
} from "../../client/types.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import type { Torrent } from "../../torrent/torrent.ts";
import type { KnownTorrent } from "./known_torrents.ts";
import { type GoalParts, partsOf } from "./goal_parts.ts";

/** The same for all torrents of a request. */
export interface GeneralFacts {
  /** Seconds since 1970. */
  readonly wallSeconds: number;
  /** Of new torrents. */
  readonly goal: GoalParts;
  /** A torrent without payload for this time is stalled. */
  readonly stalledSeconds: number;
  /** JSON-RPC has switches where the legacy dialect has 0 and 1. */
  readonly jsonRpc: boolean;
}

export class TorrentFacts {
  readonly known: KnownTorrent;
  readonly torrent: Torrent;
  readonly general: GeneralFacts;
  readonly status: TorrentStatus;
  #meta: Metainfo | null | undefined;
  #options: Readonly<AddOptions> | undefined;
  #files: readonly FileSnapshot[] | undefined;
  #peers: readonly PeerSnapshot[] | undefined;
  #trackers: readonly TrackerSnapshot[] | undefined;

  constructor(known: KnownTorrent, status: TorrentStatus, general: GeneralFacts) {
    this.known = known;
    this.torrent = known.torrent;
    this.general = general;
    this.status = status;
  }

  get meta(): Metainfo | null {
    if (this.#meta === undefined) this.#meta = this.torrent.metainfo;
    return this.#meta;
  }

  get options(): Readonly<AddOptions> {
    return this.#options ??= this.torrent.options;
  }

  get goal(): GoalParts {
    return partsOf(this.options.seedGoal);
  }

  /** Empty until the metadata is known. */
  get files(): readonly FileSnapshot[] {
    return this.#files ??= this.torrent.files() ?? [];
  }

  get peers(): readonly PeerSnapshot[] {
    if (this.status.peers.connected === 0) return [];
    return this.#peers ??= this.torrent.peers();
  }

  get trackers(): readonly TrackerSnapshot[] {
    return this.#trackers ??= numbered(this.known, this.torrent.trackers());
  }
}

/** New ones get their ids in the order of their tiers, not of announces, which changes. */
function numbered(
  known: KnownTorrent,
  trackers: readonly TrackerSnapshot[],
): readonly TrackerSnapshot[] {
  if (trackers.every(({ url }) => known.trackerIds.has(url))) return trackers;
  for (const { url } of trackers.toSorted((a, b) => a.tier - b.tier)) {
    if (!known.trackerIds.has(url)) known.trackerIds.set(url, known.nextTrackerId++);
  }
  return trackers;
}
