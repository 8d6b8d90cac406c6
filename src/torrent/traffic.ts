/** Payload bytes of one torrent, over all connections of this run and over the runs before it. */
import type { Member } from "../swarm/swarm.ts";

export interface Traffic {
  downloaded: number;
  uploaded: number;
}

export class TrafficBook {
  /** In the runs before this one. */
  before: Readonly<Traffic> = { downloaded: 0, uploaded: 0 };
  /** Of connections that ended in this run. */
  #gone: Traffic = { downloaded: 0, uploaded: 0 };

  memberLeft({ session }: Member): void {
    this.#gone.downloaded += session.down.total;
    this.#gone.uploaded += session.up.total;
  }

  /** Of this run; O(members). */
  run(members: Iterable<Member>): Traffic {
    let { downloaded, uploaded } = this.#gone;
    for (const { session } of members) {
      downloaded += session.down.total;
      uploaded += session.up.total;
    }
    return { downloaded, uploaded };
  }

  /** Of all runs. */
  ever(members: Iterable<Member>): Traffic {
    const { downloaded, uploaded } = this.run(members);
    return {
      downloaded: this.before.downloaded + downloaded,
      uploaded: this.before.uploaded + uploaded,
    };
  }
}
