/** Trackers that every new public torrent gets beside its own. */
import type { Magnet } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { TorrentInside } from "../torrent/torrent_ports.ts";
import type { AddOptions, TrackerTiers } from "./types.ts";

export class ExtraTrackers {
  urls: readonly string[];

  constructor(urls: readonly string[]) {
    this.urls = urls;
  }

  /** The options of a new torrent. A link with trackers may be of a private torrent: see `later`. */
  with(source: Metainfo | Magnet, options: AddOptions): AddOptions {
    const isPublic = "layout" in source ? !source.private : source.trackers.length === 0;
    if (this.urls.length === 0 || !isPublic) return options;
    const { trackers = {} } = options;
    if (isTiers(trackers)) {
      return { ...options, trackers: [...trackers, ...this.urls.map((url) => [url])] };
    }
    return { ...options, trackers: { ...trackers, add: [...trackers.add ?? [], ...this.urls] } };
  }

  /** For a magnet: once its metadata tells that it is public. */
  async later(inside: TorrentInside): Promise<void> {
    const { torrent } = inside;
    if (this.urls.length === 0) return;
    try {
      await torrent.ready;
      if (!inside.private) await torrent.update({ trackers: { add: this.urls } });
    } catch {
      // it ended before
    }
  }
}

function isTiers(trackers: NonNullable<AddOptions["trackers"]>): trackers is TrackerTiers {
  return Array.isArray(trackers);
}
