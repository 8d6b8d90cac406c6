/**
 * The client's torrents with what only this protocol needs of them: small numbers as ids, which are
 * never used again in a run, and what changed in the last minute.
 */
import type { Client } from "../../client/client.ts";
import type { Torrent } from "../../torrent/torrent.ts";
import type { TorrentStatus } from "../../torrent/types.ts";
import type { Clock } from "../../platform/types.ts";
import { asWhole } from "./coerce.ts";

/** What "recently active" means. */
const RECENT_MS = 60_000;

/** Numbers that the user gave for limits that are off. */
export interface Remembered {
  downloadLimit?: number;
  uploadLimit?: number;
  seedRatioLimit?: number;
  seedIdleLimit?: number;
}

export interface KnownTorrent {
  readonly id: number;
  readonly torrent: Torrent;
  readonly remembered: Remembered;
  /** When it last differed from before, by the clock. */
  changedAt: number;
  /** Seconds since 1970: the last payload that was noticed, and the last start; 0 for none. */
  activeAt: number;
  startedAt: number;
  /** By URL, for trackerRemove and trackerReplace. */
  readonly trackerIds: Map<string, number>;
  nextTrackerId: number;
  /** Why the last check that was asked for did not come to its end; until the next start or check. */
  problem: string | null;
  /** What was found while it is still; null after a change that the torrent does not tell. */
  still: StillTorrent | null;
  seen: Seen | null;
}

/** A torrent at one `stillness`: its status, whose times run on, and the beginnings of answers. */
export interface StillTorrent {
  readonly stillness: number;
  readonly status: TorrentStatus;
  /** By the clock, when the status was taken. */
  readonly at: number;
  readonly seconds: { readonly active: number; readonly seeding: number };
  /** By their fields. */
  readonly texts: Map<string, string>;
}

/** Figures whose change means that the torrent is active. */
type Seen = Pick<TorrentStatus, "state" | "have" | "downRate" | "upRate" | "checked"> & {
  moved: number;
  peers: number;
  error: string | undefined;
};

/** The torrents that `ids` of a request names. */
export interface Selection {
  readonly torrents: KnownTorrent[];
  /** The request was for recently active ones. */
  readonly recent: boolean;
}

export class KnownTorrents {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #known = new Map<string, KnownTorrent>();
  /** By id, when it was removed; those of the last minute. */
  readonly #removed = new Map<number, number>();
  /** Removals under way, by info-hash. */
  readonly #leaving = new Map<string, Promise<unknown>>();
  #nextId = 1;

  constructor(client: Client, clock: Clock) {
    this.#client = client;
    this.#clock = clock;
  }

  /** In the order in which they were added. */
  all(): KnownTorrent[] {
    const known = this.#client.torrents()
      .filter(({ infoHash }) => !this.#leaving.has(infoHash))
      .map((torrent) => this.of(torrent));
    if (this.#known.size > known.length) this.#forgetOthers(known);
    return known;
  }

  of(torrent: Torrent): KnownTorrent {
    const before = this.#known.get(torrent.infoHash);
    if (before?.torrent === torrent) return before;
    if (before !== undefined) this.#forget(before);
    const known: KnownTorrent = {
      id: this.#nextId++,
      torrent,
      remembered: {},
      changedAt: this.#clock.now(),
      activeAt: 0,
      startedAt: 0,
      trackerIds: new Map(),
      nextTrackerId: 0,
      problem: null,
      still: null,
      seen: null,
    };
    this.#known.set(torrent.infoHash, known);
    return known;
  }

  /** It is hidden while `removal` is under way. */
  hide({ infoHash }: Torrent, removal: Promise<unknown>): void {
    this.#leaving.set(infoHash, removal);
    void removal.finally(() => this.#leaving.delete(infoHash)).catch(() => {});
  }

  /** Resolves when no removal of this torrent is under way. */
  async gone(infoHash: string): Promise<void> {
    await this.#leaving.get(infoHash)?.catch(() => {});
  }

  /** What a request's `ids` names; `present` tells whether it has any. */
  select(ids: unknown, present: boolean): Selection {
    const all = this.all();
    if (!present) return { torrents: all, recent: false };
    if (isRecent(ids)) return { torrents: this.#recent(all), recent: true };
    const wanted = new Set((Array.isArray(ids) ? ids : [ids]).map(keyOf));
    const recent = Array.isArray(ids) && ids.some(isRecent) ? new Set(this.#recent(all)) : null;
    const torrents = all.filter((known) => {
      return wanted.has(known.id) || wanted.has(known.torrent.infoHash) || recent?.has(known);
    });
    return { torrents, recent: false };
  }

  /** The ids of torrents that were removed in the last minute. */
  removed(): number[] {
    const now = this.#clock.now();
    for (const [id, at] of this.#removed) if (now - at > RECENT_MS) this.#removed.delete(id);
    return [...this.#removed.keys()];
  }

  /** The present status; of a still torrent the last one, with its times as they are now. */
  statusOf(known: KnownTorrent, now = this.#clock.now()): TorrentStatus {
    const { stillness } = known.torrent, { still } = known;
    if (still === null || still.stillness !== stillness) return this.#look(known, stillness);
    const passed = (now - still.at) / 1000, { status, seconds } = still;
    if (status.state === "seeding") {
      status.activeSeconds = seconds.active + passed;
      status.seedingSeconds = seconds.seeding + passed;
    }
    return status;
  }

  #look(known: KnownTorrent, stillness: number | null): TorrentStatus {
    const status = known.torrent.status();
    this.#note(known, status);
    known.still = stillness === null ? null : {
      stillness,
      status,
      at: this.#clock.now(),
      seconds: { active: status.activeSeconds, seeding: status.seedingSeconds },
      texts: new Map(),
    };
    return status;
  }

  /** Tells what changed since the last look. */
  #note(known: KnownTorrent, status: TorrentStatus): void {
    const { seen } = known, now = seenOf(status);
    known.seen = now;
    const wall = Math.floor(this.#clock.wallTime() / 1000);
    if (isStarted(now) && (seen === null || !isStarted(seen))) known.startedAt = wall;
    if (now.downRate + now.upRate > 0 || (seen !== null && now.moved > seen.moved)) {
      known.activeAt = wall;
    }
    if (seen === null || !sameFigures(seen, now)) known.changedAt = this.#clock.now();
  }

  #recent(all: readonly KnownTorrent[]): KnownTorrent[] {
    const now = this.#clock.now(), since = now - RECENT_MS;
    for (const known of all) this.statusOf(known, now);
    return all.filter(({ changedAt }) => changedAt >= since);
  }

  #forgetOthers(present: readonly KnownTorrent[]): void {
    const kept = new Set(present);
    for (const known of this.#known.values()) if (!kept.has(known)) this.#forget(known);
  }

  #forget({ id, torrent }: KnownTorrent): void {
    this.#known.delete(torrent.infoHash);
    this.#removed.set(id, this.#clock.now());
  }
}

function isRecent(ids: unknown): boolean {
  return ids === "recently-active" || ids === "recently_active";
}

/** A number, or an info-hash in lower case. */
function keyOf(id: unknown): unknown {
  return typeof id === "string" ? id.toLowerCase() : asWhole(id);
}

function isStarted({ state }: Pick<Seen, "state">): boolean {
  return state !== "paused" && state !== "stopped" && state !== "done" && state !== "failed";
}

function seenOf(
  { state, have, downRate, upRate, checked, totals, peers, error }: TorrentStatus,
): Seen {
  const moved = totals.downloaded + totals.uploaded;
  return {
    state,
    have,
    downRate,
    upRate,
    checked,
    moved,
    peers: peers.connected,
    error: error?.message,
  };
}

function sameFigures(a: Seen, b: Seen): boolean {
  return a.state === b.state && a.have === b.have && a.moved === b.moved &&
    a.downRate === b.downRate && a.upRate === b.upRate && a.peers === b.peers &&
    a.checked === b.checked && a.error === b.error;
}
