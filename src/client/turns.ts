/**
 * Which torrents have their turn: a pure function of what each would do now, of their order and of
 * the limits. Torrents that check their files and those that are forced run beside the queue. One
 * that is stalled keeps its turn without counting, so that the next one can use the line meanwhile.
 */
import type { Work } from "../torrent/torrent_ports.ts";
import type { QueueLimits } from "./types.ts";

export interface TurnFacts {
  readonly infoHash: string;
  readonly work: Exclude<Work, null>;
  /** It runs outside the queue. */
  readonly forced: boolean;
  /** It has its turn and makes no progress. */
  readonly stalled: boolean;
}

/** Turns that are still free. */
export interface FreeTurns {
  download: number;
  seed: number;
}

export interface Turns {
  /** By info-hash: those that work, and at what. */
  readonly going: Map<string, TurnFacts["work"]>;
  readonly free: FreeTurns;
}

/** `torrents`: in the order of the queue. */
export function turnsOf(torrents: Iterable<TurnFacts>, limits: QueueLimits): Turns {
  const free: FreeTurns = { download: limits.downloads, seed: limits.seeds };
  const going: Turns["going"] = new Map();
  for (const { infoHash, work, forced, stalled } of torrents) {
    const counts = work !== "check" && !forced && !stalled;
    if (counts && free[work] <= 0) continue;
    if (counts) free[work]--;
    going.set(infoHash, work);
  }
  return { going, free };
}
