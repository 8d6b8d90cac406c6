/** Payload bytes of one torrent, in this run and in earlier ones. */
import { SourceTraffic } from "../peers/source_traffic.ts";
import type { Member } from "../swarm/swarm_types.ts";

export interface Traffic {
  downloaded: number;
  uploaded: number;
}

const NONE: Readonly<Traffic> = { downloaded: 0, uploaded: 0 };

/** All of it is O(members). */
export class TrafficBook {
  /** Those that are connected. */
  readonly #members: () => Iterable<Member>;
  /** In earlier runs. */
  #before = NONE;
  /** Bytes of this run when the torrent last came online. */
  #started = NONE;
  /** Bytes of connections that ended in this run. */
  #gone = NONE;
  /** The same by the source of the peer; null while nothing was transferred. */
  #goneBySource: SourceTraffic | null = null;

  constructor(members: () => Iterable<Member>) {
    this.#members = members;
  }

  memberLeft({ session: { taker: { down, up } }, source }: Member): void {
    if (down.total + up.total === 0) return;
    this.#gone = sum(this.#gone, { downloaded: down.total, uploaded: up.total });
    this.#goneBySource ??= new SourceTraffic();
    this.#goneBySource.add(source, down.total, up.total);
  }

  /** Adds this run's bytes and the present rates to `sums`. */
  addTo(sums: SourceTraffic): void {
    if (this.#goneBySource !== null) sums.addAll(this.#goneBySource);
    for (const { session: { taker: { down, up } }, source } of this.#members()) {
      sums.add(source, down.total, up.total);
      sums.addRate(source, down.rate, up.rate);
    }
  }

  /** It comes online: trackers count from their `started`. */
  start(): void {
    this.#started = this.run;
  }

  /** The totals of all runs before this one, and of this one so far. */
  recall(ever: Traffic): void {
    this.#before = difference(ever, this.run);
  }

  /** In this run of the client. */
  get run(): Traffic {
    let { downloaded, uploaded } = this.#gone;
    for (const { session } of this.#members()) {
      downloaded += session.source.down.total;
      uploaded += session.taker.up.total;
    }
    return { downloaded, uploaded };
  }

  /** In all runs. */
  get ever(): Traffic {
    return sum(this.#before, this.run);
  }

  get sinceStart(): Traffic {
    return difference(this.run, this.#started);
  }
}

function sum(a: Traffic, b: Traffic): Traffic {
  return { downloaded: a.downloaded + b.downloaded, uploaded: a.uploaded + b.uploaded };
}

function difference(a: Traffic, b: Traffic): Traffic {
  return { downloaded: a.downloaded - b.downloaded, uploaded: a.uploaded - b.uploaded };
}
