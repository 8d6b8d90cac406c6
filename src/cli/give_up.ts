/** Decides when a download without peers is hopeless. Pure: it is shown snapshots and the time. */
import type { TorrentSnapshot } from "../client/types.ts";

/** Seconds without any connected peer after which a run ends. */
export interface GiveUpAfter {
  /** As long as no peer was ever connected in this run. */
  first: number;
  /** Once there was one: a swarm that had peers is worth a longer wait. */
  later: number;
}

export const GIVE_UP_DEFAULT: GiveUpAfter = { first: 60, later: 600 };

export class GiveUpWatch {
  readonly #after: GiveUpAfter;
  #aloneSince: number | null = null;
  #hadPeer = false;

  constructor(after: GiveUpAfter) {
    this.#after = after;
  }

  /** The patience that counts now, in seconds. */
  get limitSeconds(): number {
    return this.#hadPeer ? this.#after.later : this.#after.first;
  }

  /** True once the torrent was without a connected peer for too long; `now` in milliseconds. */
  hopeless(torrent: TorrentSnapshot, now: number): boolean {
    if (torrent.peers.connected > 0) this.#hadPeer = true;
    const looks = torrent.state === "downloading" || torrent.state === "finding";
    if (!looks || torrent.peers.connected > 0) {
      this.#aloneSince = null;
      return false;
    }
    this.#aloneSince ??= now;
    return now - this.#aloneSince >= this.limitSeconds * 1000;
  }
}
