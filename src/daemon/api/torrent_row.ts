/** A torrent in the list: few figures, flat, and only such as change when something happens. */
import type { Torrent } from "../../torrent/torrent.ts";
import type { TorrentState, TrackerSnapshot } from "../../torrent/types.ts";

type Shown = Pick<Torrent, "status" | "trackers">;

export interface TorrentRow {
  name: string;
  state: TorrentState;
  labels: readonly string[];
  dir: string;
  /** Bytes, as in TorrentStatus. */
  size: number;
  wanted: number;
  have: number;
  left: number;
  /** Over all runs. */
  downloaded: number;
  uploaded: number;
  /** Whole bytes a second. */
  downRate: number;
  upRate: number;
  /** Whole seconds. */
  etaSeconds: number | null;
  /** Of the check under way, 0 to 1. */
  checked: number | null;
  /** Connected peers, those of them that have everything, and known addresses. */
  connected: number;
  seeds: number;
  known: number;
  /** Seconds since 1970. */
  addedAt: number;
  completedAt: number | null;
  /** From 0; null outside the queue. */
  queuePosition: number | null;
  goalReached: boolean;
  heldBackBy: string;
  /** Why it failed or waits. */
  error: string | null;
  /** Host of the first tracker; "" for none. */
  tracker: string;
  /** What a failing tracker said, while none works. */
  trackerError: string | null;
}

export function rowOf(torrent: Shown): TorrentRow {
  const status = torrent.status(), trackers = torrent.trackers();
  const { name, state, labels, dir, size, wanted, have, left, totals, peers, error } = status;
  const { checked, etaSeconds } = status;
  return {
    name,
    state,
    labels,
    dir,
    size,
    wanted,
    have,
    left,
    downloaded: totals.downloaded,
    uploaded: totals.uploaded,
    downRate: Math.round(status.downRate),
    upRate: Math.round(status.upRate),
    etaSeconds: etaSeconds === null ? null : Math.round(etaSeconds),
    checked: checked === null ? null : Math.round(checked * 1000) / 1000,
    connected: peers.connected,
    seeds: status.seeds,
    known: peers.known,
    addedAt: status.addedAt,
    completedAt: status.completedAt,
    queuePosition: status.queue?.position ?? null,
    goalReached: status.goalReached,
    heldBackBy: status.heldBackBy,
    error: error?.message ?? null,
    tracker: hostOf(trackers[0]?.url),
    trackerError: complaintOf(trackers),
  };
}

function hostOf(url = ""): string {
  return /^[a-z]+:\/\/(?:[^/@]*@)?(\[[^\]]*\]|[^/:?#]*)/i.exec(url)?.[1] ?? "";
}

function complaintOf(trackers: readonly TrackerSnapshot[]): string | null {
  let said: string | null = null;
  for (const { state, message } of trackers) {
    if (state === "working") return null;
    if (state === "failing") said ??= message;
  }
  return said;
}

/** The fields of `row` that differ from `before`; null if none do. */
export function changesOf(before: TorrentRow, row: TorrentRow): Partial<TorrentRow> | null {
  let changes: Record<string, unknown> | null = null;
  for (const key in row) {
    const is = row[key as keyof TorrentRow], was = before[key as keyof TorrentRow];
    if (is === was || key === "labels" && String(is) === String(was)) continue;
    (changes ??= {})[key] = is;
  }
  return changes;
}
