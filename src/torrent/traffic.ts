/** Payload bytes of one torrent, over all connections of this run and over the runs before it. */
import type { Member } from "../swarm/swarm.ts";

export interface Traffic {
  downloaded: number;
  uploaded: number;
}

const NONE: Readonly<Traffic> = { downloaded: 0, uploaded: 0 };

/** All of it is O(members). */
export class TrafficBook {
  /** Those that are connected. */
  readonly #members: () => Iterable<Member>;
  /** In the runs before this one. */
  #before = NONE;
  /** Of this run when it last came online. */
  #started = NONE;
  /** Of connections that ended in this run. */
  #gone = NONE;

  constructor(members: () => Iterable<Member>) {
    this.#members = members;
  }

  memberLeft({ session }: Member): void {
    this.#gone = sum(this.#gone, { downloaded: session.down.total, uploaded: session.up.total });
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
      downloaded += session.down.total;
      uploaded += session.up.total;
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
