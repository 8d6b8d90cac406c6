/**
 * A seed goal as Transmission has it: a ratio and an idle time, each of which can be missing. Goals of
 * other kinds stay beside them.
 */
import type { SeedGoal } from "../../client/types.ts";

export interface GoalParts {
  readonly ratio?: number | undefined;
  /** Seconds without an upload. */
  readonly idle?: number | undefined;
  readonly others?: readonly SeedGoal[];
}

export function partsOf(goal: SeedGoal | undefined): GoalParts {
  if (goal === undefined || goal.kind === "none") return { ratio: 0 };
  const goals = goal.kind === "any" ? goal.goals : [goal];
  const parts: { ratio?: number; idle?: number; others: SeedGoal[] } = { others: [] };
  for (const each of goals) {
    if (each.kind === "ratio") parts.ratio ??= each.ratio;
    else if (each.kind === "idle") parts.idle ??= each.seconds;
    else if (each.kind === "none") parts.ratio = 0;
    else if (each.kind !== "forever") parts.others.push(each);
  }
  return parts;
}

export function goalOf({ ratio, idle, others = [] }: GoalParts): SeedGoal {
  const goals: SeedGoal[] = [...others];
  if (ratio !== undefined) goals.push(ratio === 0 ? { kind: "none" } : { kind: "ratio", ratio });
  if (idle !== undefined) goals.push({ kind: "idle", seconds: idle });
  if (goals.length === 0) return { kind: "forever" };
  return goals.length === 1 ? goals[0]! : { kind: "any", goals };
}

/** As of Transmission. */
export const MODE = { global: 0, own: 1, unlimited: 2 } as const;

/** Whether a part of a torrent's goal is that of new torrents, its own, or missing. */
export function modeOf(own: number | undefined, general: number | undefined): number {
  if (own === general) return MODE.global;
  return own === undefined ? MODE.unlimited : MODE.own;
}
