/**
 * When each torrent of a client is searched for in the DHT, and announced to it: every 15 minutes,
 * and sooner while it has no peer. The longest waiting ones come first, so that each of thousands
 * has its turn. Invariant: a torrent has at most one search at a time, and all together at most
 * eight.
 */

const EVERY_MS = 15 * 60_000;
/** The first waits of a torrent without peers; each is twice the one before, up to EVERY_MS. */
const ALONE_LEECH_MS = 15_000, ALONE_SEED_MS = 60_000;
/** While the DHT has no node to ask yet. */
const STARTING_MS = 2000;
const AT_ONCE = 8;
/** How much sooner an incomplete torrent counts as due. */
const HEAD_START_MS = 5 * 60_000;
/** How often a torrent with peers is checked for having lost them. */
const LOOK_EVERY_MS = 5000;
/** Peers connected for this long were real: after losing them the waits start over. */
const COMPANY_MS = 60_000;

export interface Sought {
  /** The torrent is complete. */
  readonly complete: boolean;
  /** No peer is connected, and none can be dialled. */
  readonly alone: boolean;
}

interface Search {
  underWay: boolean;
  /** When the last one ended, or when the torrent was first seen. */
  since: number;
  /** It is not considered before this time. */
  lookAt: number;
  /** Consecutive searches that found no peer. */
  tries: number;
  /** Since when it has had no peers; null while it has. */
  companySince: number | null;
}

export class SearchSchedule<T extends Sought> {
  readonly #now: () => number;
  /** Resolves to the number of nodes asked; never rejects. */
  readonly #search: (torrent: T) => Promise<number>;
  readonly #searches = new WeakMap<T, Search>();
  #underWay = 0;

  constructor(now: () => number, search: (torrent: T) => Promise<number>) {
    this.#now = now;
    this.#search = search;
  }

  /** Call it a few times a second, with all searchable torrents. */
  tick(torrents: Iterable<T>, now: number): void {
    const free = AT_ONCE - this.#underWay;
    if (free === 0) return;
    const due: { torrent: T; search: Search; at: number }[] = [];
    for (const torrent of torrents) {
      const search = this.#of(torrent, now);
      if (search.underWay || now < search.lookAt || !this.#isDue(torrent, search, now)) continue;
      due.push({ torrent, search, at: search.since - (torrent.complete ? 0 : HEAD_START_MS) });
    }
    due.sort((a, b) => a.at - b.at);
    for (const { torrent, search } of due.slice(0, free)) this.#begin(torrent, search);
  }

  #of(torrent: T, now: number): Search {
    let search = this.#searches.get(torrent);
    if (search === undefined) {
      search = { underWay: false, since: now, lookAt: now, tries: 0, companySince: null };
      this.#searches.set(torrent, search);
    }
    return search;
  }

  /** Its result is valid until `lookAt`, which it sets. */
  #isDue(torrent: T, search: Search, now: number): boolean {
    const { since, lookAt } = search;
    if (lookAt === since || now - since >= EVERY_MS) return true;
    if (torrent.alone) search.companySince = null;
    else {
      search.companySince ??= now;
      if (now - search.companySince >= COMPANY_MS) search.tries = 0;
    }
    const wait = torrent.alone ? waitOf(torrent, search.tries) : EVERY_MS;
    search.lookAt = Math.min(since + wait, now + LOOK_EVERY_MS);
    return now >= since + wait;
  }

  #begin(torrent: T, search: Search): void {
    search.underWay = true;
    this.#underWay++;
    this.#search(torrent).then((queries) => {
      const now = this.#now();
      search.underWay = false;
      this.#underWay--;
      if (queries === 0) {
        search.since = search.lookAt = now + STARTING_MS;
        return;
      }
      search.since = now;
      search.lookAt = now + Math.min(LOOK_EVERY_MS, ALONE_LEECH_MS);
      search.tries++;
    });
  }
}

function waitOf({ complete }: Sought, tries: number): number {
  const first = complete ? ALONE_SEED_MS : ALONE_LEECH_MS;
  return Math.min(EVERY_MS, first * 2 ** Math.max(0, tries - 1));
}
