/** Whether a seed goal was reached by one run alone: goals count over all runs. Pure. */
import type { SeedGoal, TorrentSnapshot } from "../client/types.ts";

/** A run that gave all the time itself may seem to be shorter by so much. */
const TOLERANCE_SECONDS = 0.5;

/**
 * For a torrent that ended at its goal: true if this run, which gave for `seconds`, did less than
 * that, so that earlier ones must have done the rest or all of it.
 */
export function owesEarlierRuns(
  goal: SeedGoal | undefined,
  { uploaded, wanted }: Pick<TorrentSnapshot, "uploaded" | "wanted">,
  seconds: number,
): boolean {
  // Of a magnet whose metadata was all that was asked for.
  if (wanted === 0) return false;
  switch (goal?.kind) {
    case "ratio":
      return uploaded < goal.ratio * wanted;
    case "time":
      return seconds < goal.seconds - TOLERANCE_SECONDS;
    default:
      return false;
  }
}
