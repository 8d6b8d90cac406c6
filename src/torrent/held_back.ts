/** In one word, what slows a torrent down, for its user. */
import type { HeldBackBy, TorrentState } from "./types.ts";

export interface HeldBackFacts {
  state: TorrentState;
  pool: { total: number; connecting: number; connected: number };
  trackersFailing: boolean;
  /** Connected peers that have something we lack, and those of them that let us ask. */
  useful: number;
  unchoking: number;
  /**
   * Part of the recent time that writing took, or of the piece memory that waits for the disk; part
   * of the piece memory that waits for hashes.
   */
  writing: number;
  hashing: number;
  /** A download limit is making peers wait. */
  limited: boolean;
}

/** Counts members that have something we lack, and those of them that let us ask. */
export function countUseful(
  members: Iterable<{ session: { readonly wanted: number; readonly peerChoking: boolean } }>,
): { useful: number; unchoking: number } {
  let useful = 0, unchoking = 0;
  for (const { session } of members) {
    if (session.wanted === 0) continue;
    useful++;
    if (!session.peerChoking) unchoking++;
  }
  return { useful, unchoking };
}

/** From this share on it is what a person should look at. */
const MOST = 0.5;

export function heldBackBy(facts: HeldBackFacts): HeldBackBy {
  if (facts.state === "checking" || facts.state === "verifying") return "hashing";
  if (facts.state !== "downloading" && facts.state !== "finding") return "nothing";
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
