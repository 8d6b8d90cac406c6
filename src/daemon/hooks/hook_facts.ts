/** What hooks are told of a torrent: environment variables, as Transmission has them, or JSON. */
import type { Torrent } from "../../torrent/torrent.ts";
import { VERSION } from "../../wire/peer_id.ts";

/** In the order in which they happen. */
export const HOOK_EVENTS = ["added", "done", "seedingDone"] as const;
export type HookEvent = typeof HOOK_EVENTS[number];

/** Plain data: what is owed is kept over a restart. */
export interface HookFacts {
  readonly event: HookEvent;
  readonly infoHash: string;
  readonly name: string;
  readonly dir: string;
  /** Bytes. */
  readonly size: number;
  /** Payload bytes of all runs. */
  readonly downloaded: number;
  readonly uploaded: number;
  readonly labels: readonly string[];
  /** -1, 0 or 1. */
  readonly priority: number;
  /** Host names. */
  readonly trackers: readonly string[];
  /** Milliseconds since 1970. */
  readonly time: number;
}

export function factsOf(torrent: Torrent, event: HookEvent, time: number): HookFacts {
  const { infoHash, name, dir, size, totals, labels } = torrent.status();
  const urls = torrent.trackers().map(({ url }) => url);
  const hosts = urls.flatMap((url) => URL.canParse(url) ? new URL(url).hostname : []);
  const trackers = [...new Set(hosts)], { priority = 0 } = torrent.options;
  const about = { infoHash, name, dir, size, labels: [...labels], priority, trackers };
  return { event, ...about, ...totals, time };
}

/** A text in the environment cannot contain a NUL. */
export function environmentOf(facts: HookFacts): Record<string, string> {
  const all = {
    TR_APP_VERSION: VERSION,
    TR_TIME_LOCALTIME: localTime(facts.time),
    TR_TORRENT_BYTES_DOWNLOADED: String(facts.downloaded),
    TR_TORRENT_DIR: facts.dir,
    TR_TORRENT_HASH: facts.infoHash,
    TR_TORRENT_ID: facts.infoHash, // clients take it as an id, too
    TR_TORRENT_LABELS: facts.labels.join(","),
    TR_TORRENT_NAME: facts.name,
    TR_TORRENT_PRIORITY: String(facts.priority),
    TR_TORRENT_TRACKERS: facts.trackers.join(","),
    SHOAL_EVENT: facts.event,
  };
  const pairs = Object.entries(all).map(([name, text]) => [name, text.replaceAll("\0", "")]);
  return Object.fromEntries(pairs);
}

/** "Mon Nov 30 12:00:00 2026", as C has it. */
function localTime(time: number): string {
  const [weekday, month, day, year, clock] = String(new Date(time)).split(" ");
  return `${weekday} ${month} ${String(Number(day)).padStart(2)} ${clock} ${year}`;
}
