/** What a user of the client holds of one torrent. */
import type { Torrent as Engine } from "../torrent/torrent.ts";
import type { EventFeed } from "./event_feed.ts";
import { snapshotOf } from "./snapshot.ts";
import type { Rates, TorrentEvent, TorrentSnapshot } from "./types.ts";

export class Torrent {
  readonly #engine: Engine;
  readonly #feed: EventFeed;

  /** `infoHash`: 40 hexadecimal digits. */
  constructor(readonly infoHash: string, engine: Engine, feed: EventFeed) {
    this.#engine = engine;
    this.#feed = feed;
  }

  get name(): string {
    return this.#engine.meta.name;
  }

  /**
   * Resolves when everything is here and verified. Rejects with what stopped it before: a FileError
   * (disk full, permission, ...), or an Error after `stop`.
   */
  get finished(): Promise<void> {
    return this.#engine.finished;
  }

  /** Resolves when nothing more will happen: seed goal reached, stopped or failed. Never rejects. */
  get ended(): Promise<void> {
    return this.#engine.ended;
  }

  /** What happens to this torrent from now on; ends with the client. */
  async *events(): AsyncGenerator<TorrentEvent> {
    for await (const event of this.#feed.listen()) {
      if (event.infoHash === this.infoHash) yield event;
    }
  }

  snapshot(): TorrentSnapshot {
    return snapshotOf(this.#engine);
  }

  /** Rate limits of this torrent, in bytes a second; what is left out stays as it is. */
  setLimits(limits: Partial<Rates>): void {
    this.#engine.setLimits(limits);
  }

  /** The same of each of its peers. */
  setPeerLimits(limits: Partial<Rates>): void {
    this.#engine.setPeerLimits(limits);
  }

  /** For tests of the client itself: throws an InvariantError if its books do not add up. */
  checkInvariants(): void {
    this.#engine.checkInvariants();
  }

  /** Tells the trackers and keeps what is there; takes at most about three seconds. */
  async stop(): Promise<void> {
    await this.#engine.stop();
  }
}
