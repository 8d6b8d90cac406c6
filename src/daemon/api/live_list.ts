/**
 * The list of torrents as it changes. Each tick looks at those that events name, at those that change
 * by themselves, and at a few others in turn: a thousand idle torrents cost next to nothing.
 */
import type { Client } from "../../client/client.ts";
import type { TorrentEvent } from "../../client/types.ts";
import { changesOf, isRestless, rowOf, type TorrentRow } from "./torrent_row.ts";

/** Ticks within which every torrent is looked at. */
const ROUND = 10;

/** What changed in one tick; `torrents` holds whole rows for new ones. */
export interface Delta {
  torrents: Record<string, Partial<TorrentRow>>;
  removed: string[];
}

type Listed = Pick<Client, "torrents" | "get" | "events">;

export class LiveList {
  readonly rows = new Map<string, TorrentRow>();
  readonly #client: Listed;
  readonly #dirty = new Set<string>();
  #events: AsyncIterator<TorrentEvent> | null = null;
  #turn = 0;

  constructor(client: Listed) {
    this.#client = client;
  }

  /** From now on events mark what has changed. */
  listen(): void {
    const events = this.#events = this.#client.events();
    void this.#follow(events);
  }

  rest(): void {
    void this.#events?.return?.();
    this.#events = null;
    this.#dirty.clear();
  }

  /** Compares with the rows of the last tick. `all`: with every torrent, after a rest. */
  tick(all = false): Delta {
    const delta: Delta = { torrents: {}, removed: [] }, torrents = this.#client.torrents();
    const turn = this.#turn = (this.#turn + 1) % ROUND;
    torrents.forEach((torrent, index) => {
      const { infoHash } = torrent, before = this.rows.get(infoHash);
      const isDue = all || before === undefined || index % ROUND === turn ||
        isRestless(before) || this.#dirty.has(infoHash);
      if (isDue) this.#compare(infoHash, before, rowOf(torrent), delta);
    });
    this.#dirty.clear();
    if (this.rows.size > torrents.length) this.#forgetGone(torrents, delta);
    return delta;
  }

  #compare(
    infoHash: string,
    before: TorrentRow | undefined,
    row: TorrentRow,
    delta: Delta,
  ): void {
    const changes = before === undefined ? row : changesOf(before, row);
    if (changes === null) return;
    this.rows.set(infoHash, row);
    delta.torrents[infoHash] = changes;
  }

  #forgetGone(torrents: readonly { infoHash: string }[], delta: Delta): void {
    const known = new Set(torrents.map(({ infoHash }) => infoHash));
    for (const infoHash of [...this.rows.keys()]) {
      if (known.has(infoHash)) continue;
      this.rows.delete(infoHash);
      delta.removed.push(infoHash);
    }
  }

  async #follow(events: AsyncIterator<TorrentEvent>): Promise<void> {
    for (;;) {
      const { value, done } = await events.next();
      if (done) return;
      this.#dirty.add(value.infoHash);
    }
  }
}
