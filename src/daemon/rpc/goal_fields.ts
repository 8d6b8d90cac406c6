/** The fields of torrent-get about seed goals. */
import type { TorrentFacts } from "./facts.ts";
import { MODE, modeOf } from "./goal_parts.ts";

/** What Transmission has where nobody gave a number. */
export const DEFAULT_RATIO = 2, DEFAULT_IDLE_MINUTES = 30;

export const goalFields = { seedRatioMode, seedRatioLimit, seedIdleMode, seedIdleLimit };

function seedRatioMode({ goal, general }: TorrentFacts): number {
  return modeOf(goal.ratio, general.goal.ratio);
}

function seedRatioLimit(facts: TorrentFacts): number {
  const { goal, general, known } = facts;
  if (seedRatioMode(facts) === MODE.own) return goal.ratio!;
  return known.remembered.seedRatioLimit ?? general.goal.ratio ?? DEFAULT_RATIO;
}

function seedIdleMode({ goal, general }: TorrentFacts): number {
  return modeOf(goal.idle, general.goal.idle);
}

/** Minutes. */
function seedIdleLimit(facts: TorrentFacts): number {
  const { goal, general, known } = facts;
  if (seedIdleMode(facts) === MODE.own) return minutesOf(goal.idle!);
  const { seedIdleLimit } = known.remembered;
  if (seedIdleLimit !== undefined) return seedIdleLimit;
  return general.goal.idle === undefined ? DEFAULT_IDLE_MINUTES : minutesOf(general.goal.idle);
}

export function minutesOf(seconds: number): number {
  return Math.max(1, Math.round(seconds / 60));
}
