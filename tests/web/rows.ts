/** Rows of the list, as the API sends them. */
import type { TorrentRow } from "../../src/daemon/api/torrent_row.ts";

export function rowWith(changes: Partial<TorrentRow> = {}): TorrentRow & { infoHash: string } {
  return {
    infoHash: "",
    name: "torrent",
    state: "downloading",
    labels: [],
    dir: "/downloads",
    size: 1000,
    wanted: 1000,
    have: 0,
    left: 1000,
    downloaded: 0,
    uploaded: 0,
    downRate: 0,
    upRate: 0,
    etaSeconds: null,
    checked: null,
    connected: 0,
    seeds: 0,
    known: 0,
    addedAt: 0,
    completedAt: null,
    queuePosition: null,
    goalReached: false,
    heldBackBy: "nothing",
    error: null,
    tracker: "",
    trackerError: null,
    ...changes,
  };
}
