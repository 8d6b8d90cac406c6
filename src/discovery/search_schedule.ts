/**
 * When each torrent of a client is looked for in the DHT, and announced to it: every 15 minutes, and
 * sooner while it has no peer. Those who have waited longest come first, so that of thousands each gets
 * its turn. Invariant: at most one search of a torrent, and eight in all, are under way.
 */

const EVERY_MS = 15 * 60_000;
/** The first waits of a torrent without peers; each is twice the one before, up to EVERY_MS. */
const ALONE_LEECH_MS = 15_000, ALONE_SEED_MS = 60_000;
/** While the DHT knows nobody to ask yet. */
const STARTING_MS = 2000;
const AT_ONCE = 8;
/** How much sooner a torrent counts as due that lacks something. */
const HEAD_START_MS = 5 * 60_000;
/** How often one with peers is looked at for whether it still has them. */
const LOOK_EVERY_MS = 5000;
/** Peers that stayed so long were real: when they are gone the waits begin anew. */
const COMPANY_MS = 60_000;

export interface Sought {
  /** It has everything. */
  readonly complete: boolean;
  /** Nobody connected, and nobody to dial. */
  readonly alone: boolean;
}

interface Search {
  underWay: boolean;
  /** When the last one ended, or when it was first seen. */
  since: number;
  /** Not to be thought of before. */
  lookAt: number;
  /** Searches that ended with nobody there, one after the other. */
  tries: number;
  /** Since when it has not been alone; null while it is. */
  companySince: number | null;
}

export class SearchSchedule<T extends Sought> {
  readonly #now: () => number;
  /** Resolves to how many nodes were asked; never rejects. */
  readonly #search: (torrent: T) => Promise<number>;
  readonly #searches = new WeakMap<T, Search>();
  #underWay = 0;

  constructor(now: () => number, search: (torrent: T) => Promise<number>) {
    this.#now = now;
    this.#search = search;
  }

  /** A few times a second, with all that may be searched for. */
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

  /** What it says is right until `lookAt`, which it sets. */
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
