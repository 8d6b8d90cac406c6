/** What slows a torrent down, in one word for its user. */
import type { HeldBackBy, TorrentState } from "./types.ts";

export interface HeldBackFacts {
  state: TorrentState;
  pool: { total: number; connecting: number; connected: number };
  trackersFailing: boolean;
  /** Connected peers with pieces that we lack, and those of them that unchoke us. */
  useful: number;
  unchoking: number;
  /**
   * The part of the recent time spent writing, or of the piece memory that waits for the disk; and
   * the part of the piece memory that waits for hashes.
   */
  writing: number;
  hashing: number;
  /** A download limit is making peers wait. */
  limited: boolean;
}

/** Counts members with pieces that we lack, and those of them that unchoke us. */
export function countUseful(
  members: Iterable<{ session: { source: { readonly wanted: number; readonly choked: boolean } } }>,
): { useful: number; unchoking: number } {
  let useful = 0, unchoking = 0;
  for (const { session } of members) {
    if (session.source.wanted === 0) continue;
    useful++;
    if (!session.source.choked) unchoking++;
  }
  return { useful, unchoking };
}

/** From this share on, it is the main cause. */
const MOST = 0.5;

/** In the other states nothing is, whatever the other facts are. */
export function canBeHeldBack(state: TorrentState): boolean {
  return state === "checking" || state === "verifying" || state === "downloading" ||
    state === "finding";
}

export function heldBackBy(facts: HeldBackFacts): HeldBackBy {
  if (facts.state === "checking" || facts.state === "verifying") return "hashing";
  if (!canBeHeldBack(facts.state)) return "nothing";
  const { pool } = facts;
  if (pool.connected === 0) {
    if (pool.connecting > 0) return "connecting";
    return facts.trackersFailing ? "tracker-failing" : "no-peers";
  }
  if (facts.state === "finding") return "nothing";
  if (facts.unchoking > 0) {
    if (facts.limited) return "limit";
    if (facts.writing >= MOST) return "disk";
    return facts.hashing >= MOST ? "hashing" : "nothing";
  }
  return facts.useful > 0 ? "choked" : "no-needed-pieces";
}
