/**
 * The list of torrents as it changes. Each tick looks at the torrents that are not still and at a few
 * others in turn: a thousand idle torrents cost next to nothing.
 */
import type { Client } from "../../client/client.ts";
import type { Torrent } from "../../torrent/torrent.ts";
import { changesOf, rowOf, type TorrentRow } from "./torrent_row.ts";

/** Ticks within which every torrent is looked at: a still one may get to know more peers. */
const ROUND = 30;

/** What changed in one tick; `torrents` holds whole rows for new ones. */
export interface Delta {
  torrents: Record<string, Partial<TorrentRow>>;
  removed: string[];
}

type Listed = Pick<Client, "torrents">;

export class LiveList {
  readonly rows = new Map<string, TorrentRow>();
  readonly #client: Listed;
  /** `Torrent.stillness` at the last look. */
  readonly #stillness = new Map<string, number | null>();
  #turn = 0;
  /** The places of others have changed as well, though they are still. */
  #queueMoved = false;

  constructor(client: Listed) {
    this.#client = client;
  }

  /** Compares with the rows of the last tick. `all`: with every torrent, after a rest. */
  tick(all = false): Delta {
    const delta: Delta = { torrents: {}, removed: [] }, torrents = this.#client.torrents();
    const turn = this.#turn = (this.#turn + 1) % ROUND;
    this.#queueMoved = false;
    torrents.forEach((torrent, index) => {
      if (all || index % ROUND === turn || this.#hasMoved(torrent)) this.#compare(torrent, delta);
    });
    if (this.rows.size > torrents.length) this.#forgetGone(torrents, delta);
    if (this.#queueMoved && !all) { for (const torrent of torrents) this.#compare(torrent, delta); }
    return delta;
  }

  /** Forgets all rows. */
  clear(): void {
    this.rows.clear();
    this.#stillness.clear();
  }

  #hasMoved({ infoHash, stillness }: Torrent): boolean {
    return stillness === null || stillness !== this.#stillness.get(infoHash);
  }

  #compare(torrent: Torrent, delta: Delta): void {
    const { infoHash } = torrent, before = this.rows.get(infoHash);
    this.#stillness.set(infoHash, torrent.stillness);
    const row = rowOf(torrent);
    const changes = before === undefined ? row : changesOf(before, row);
    if (changes === null) return;
    if (before !== undefined && "queuePosition" in changes) this.#queueMoved = true;
    this.rows.set(infoHash, row);
    delta.torrents[infoHash] = { ...delta.torrents[infoHash], ...changes };
  }

  #forgetGone(torrents: readonly Torrent[], delta: Delta): void {
    this.#queueMoved = true;
    const known = new Set(torrents.map(({ infoHash }) => infoHash));
    for (const infoHash of [...this.rows.keys()]) {
      if (known.has(infoHash)) continue;
      this.rows.delete(infoHash);
      this.#stillness.delete(infoHash);
      delta.removed.push(infoHash);
    }
  }
}
