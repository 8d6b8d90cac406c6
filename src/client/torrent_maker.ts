/** Creates torrents that the user added or the state folder knows. */
import type { Platform } from "../platform/types.ts";
import { formatHostPort, formatMagnet, type Magnet } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { toHex } from "../util/bytes.ts";
import { selectedBy } from "../torrent/file_priorities.ts";
import { inUse } from "../torrent/take_over.ts";
import { makeTorrent } from "../torrent/torrent.ts";
import type { Hold, TorrentInside, TorrentPorts, TorrentStart } from "../torrent/torrent_ports.ts";
import type { ContentMaker } from "./content_maker.ts";
import type { EventFeed } from "./event_feed.ts";
import type { StateFolderOwners } from "./other_owners.ts";
import type { PeersMaker } from "./peers_maker.ts";
import { type SavedTorrents, tiersOf } from "./saved_torrents.ts";
import { checkTorrentPatch } from "./settings.ts";
import type { AddOptions } from "./types.ts";

/** The start of a torrent: as an earlier run left it, or as a new one. */
export interface SavedStart extends TorrentStart {
  /** Of a magnet: the link. */
  readonly link?: string | null;
  /** Seconds since 1970. Default: now. */
  readonly addedAt?: number;
  /** Its place in the queue. Default: the last. */
  readonly rank?: number;
}

export interface TorrentMakerParts {
  readonly platform: Platform;
  readonly feed: EventFeed;
  readonly saved: SavedTorrents;
  readonly peers: PeersMaker;
  readonly content: ContentMaker;
  /** Null without a state folder. */
  readonly owners: StateFolderOwners | null;
  readonly ofClient: Pick<TorrentPorts, "quotaSpent" | "dht" | "withLabels" | "labelLimits">;
  readonly queue: {
    rankOf(infoHash: string): number;
    placeOf(infoHash: string): ReturnType<TorrentPorts["place"]>;
    changed(): void;
  };
  /** Why a torrent has to wait. */
  holdOf(inside: TorrentInside): Hold | null;
}

/** A torrent's reports to its client. */
export interface TorrentLife
  extends Pick<TorrentPorts, "mayStart" | "started" | "ended" | "remove"> {
  /** It was not removed. */
  isKnown(): boolean;
}

type SharedPorts = Pick<
  TorrentPorts,
  "clock" | "makeContent" | "loadRecord" | "keepMeta" | "checkPatch" | "absolute" | "listen"
>;

export class TorrentMaker {
  readonly #parts: TorrentMakerParts;
  /** The same functions for all torrents: thousands of each would take memory. */
  readonly #ofAll: TorrentMakerParts["ofClient"] & SharedPorts;

  constructor(parts: TorrentMakerParts) {
    this.#parts = parts;
    const { ofClient, content, saved, feed, platform: { clock, files } } = parts;
    this.#ofAll = {
      ...ofClient,
      clock,
      makeContent: (...args) => content.make(...args),
      loadRecord: (meta, options) => saved.recordFor(meta, options),
      keepMeta: (meta) => saved.keepMeta(meta),
      checkPatch: checkTorrentPatch,
      absolute: (path) => files.absolute(path),
      listen: (first, hasEnded) => feed.listenTo(first, hasEnded),
    };
  }

  make(
    source: Metainfo | Magnet,
    options: AddOptions,
    { link = null, addedAt = this.#wallSeconds() }: SavedStart,
    life: TorrentLife,
  ): TorrentInside {
    const { feed, saved, peers, owners, queue, holdOf } = this.#parts;
    const { name } = source, infoHash = toHex(source.infoHash);
    const meta = "layout" in source ? source : null, magnet = "layout" in source ? null : source;
    const tiers = "layout" in source ? source.announce : tiersOf(source);
    const { isKnown, ...ports } = life, rank = () => queue.rankOf(infoHash);
    const keepWish = saved.wishKeeper(infoHash, link, addedAt, rank);
    const revision = { count: 0 };
    const tell: TorrentPorts["tell"] = (happening) => {
      revision.count++;
      feed.push({ infoHash, ...happening });
      if (happening.type === "state") queue.changed();
    };
    const inside: TorrentInside = makeTorrent({ infoHash, meta, link, name, addedAt }, options, {
      ...this.#ofAll,
      ...ports,
      // The trackers of a link are independent of each other.
      peers: peers.make(source.infoHash, { tiers, independent: link !== null }, options, tell),
      loadMeta: async () => magnet && await saved.loadMeta(infoHash, magnet),
      parse: (infoBytes) => saved.parseFound(magnet!, infoBytes),
      keepWish: async (...wish) => {
        if (isKnown()) await keepWish(...wish);
      },
      claim: async () => {
        const owner = await owners?.claimTorrent({ infoHash, name: inside.name }) ?? null;
        return owner === null ? null : inUse(null, owner);
      },
      release: () => {
        if (isKnown()) owners?.release(infoHash);
      },
      heldBy: () => holdOf(inside),
      place: () => queue.placeOf(infoHash),
      tell,
      revision,
    });
    return inside;
  }

  #wallSeconds(): number {
    return Math.floor(this.#parts.platform.clock.wallTime() / 1000);
  }
}

/** A magnet's options and link, which names peers and files in addition to the user's. */
export function optionsOf(
  magnet: Magnet,
  options: AddOptions,
): { options: AddOptions; link: string } {
  const { peers = [], files = selectedBy(magnet) } = options;
  const all = [...peers, ...magnet.peers.map(formatHostPort)];
  return {
    options: { ...options, peers: all, ...(files ? { files } : {}) },
    link: formatMagnet(magnet),
  };
}
