/** Trackers, as torrent-get shows them. */
import type { TrackerSnapshot } from "../../client/types.ts";
import type { TorrentFacts } from "./facts.ts";
import type { KnownTorrent } from "./known_torrents.ts";

/** Stays the same while the torrent has the tracker; undefined for one that it does not have. */
export function trackerId(known: KnownTorrent, url: string): number | undefined {
  return known.trackerIds.get(url);
}

export function trackerRow(known: KnownTorrent, { url, tier }: TrackerSnapshot) {
  return { announce: url, id: trackerId(known, url), scrape: scrapeOf(url), tier };
}

/** BEP 48; "" if there is no such URL. */
function scrapeOf(url: string): string {
  const at = url.lastIndexOf("/");
  const isScrapable = url.startsWith("announce", at + 1);
  return isScrapable ? `${url.slice(0, at + 1)}scrape${url.slice(at + 9)}` : "";
}

/** Of an announce and of a scrape. */
const INACTIVE = 0, WAITING = 1, ACTIVE = 3;
const STATES: Readonly<Record<TrackerSnapshot["state"], number>> = {
  waiting: WAITING,
  announcing: ACTIVE,
  working: WAITING,
  failing: WAITING,
  disabled: INACTIVE,
};

export function trackerStatsRow(
  { known, general: { wallSeconds } }: TorrentFacts,
  tracker: TrackerSnapshot,
): Record<string, unknown> {
  const { url, tier, state, nextAnnounceInMs, seeders, leechers, last } = tracker;
  const lastTime = last === null ? 0 : Math.floor(wallSeconds - last.agoMs / 1000);
  return {
    ...trackerRow(known, tracker),
    host: hostOf(url),
    isBackup: state === "waiting" && nextAnnounceInMs === null,
    hasAnnounced: last !== null,
    announceState: nextAnnounceInMs === null && state !== "announcing" ? INACTIVE : STATES[state],
    lastAnnounceStartTime: state === "announcing" ? Math.floor(wallSeconds) : lastTime,
    lastAnnounceTime: lastTime,
    lastAnnounceSucceeded: last?.ok ?? false,
    lastAnnounceTimedOut: false,
    lastAnnounceResult: tracker.message ?? (last?.ok === true ? "Success" : ""),
    lastAnnouncePeerCount: last?.peers ?? 0,
    nextAnnounceTime: nextAnnounceInMs === null
      ? 0
      : Math.ceil(wallSeconds + nextAnnounceInMs / 1000),
    // An announce tells what a scrape would.
    hasScraped: seeders !== null,
    scrapeState: INACTIVE,
    lastScrapeStartTime: 0,
    lastScrapeTime: seeders === null ? 0 : lastTime,
    lastScrapeSucceeded: seeders !== null,
    lastScrapeTimedOut: false,
    lastScrapeResult: "",
    nextScrapeTime: 0,
    seederCount: seeders ?? -1,
    leecherCount: leechers ?? -1,
    downloadCount: -1,
    tier,
  };
}

/** "http://tracker.example:80", as Transmission up to 3.00 has it. */
function hostOf(url: string): string {
  const [, scheme = "", host = "", port] =
    /^(\w+):\/\/(\[[^\]]*\]|[^/:?#]*)(?::(\d+))?/.exec(url) ??
      [];
  return `${scheme}://${host}:${port ?? (scheme === "https" ? 443 : 80)}`;
}
