/** One world from its beginning to its end. */
import { Play, type PlayOptions } from "./play.ts";
import type { Scenario } from "./scenarios.ts";

const MAX_DISTURBANCES = 12;
/** Between two of them, in virtual milliseconds. */
const MAX_QUIET_MS = 4000;

export interface WorldResult {
  seed: number;
  scenario: string;
  /** Null when all was well. */
  error: string | null;
  /** Of the log of events: equal for equal code, seed and scenario. */
  digest: string;
  virtualMs: number;
  realMs: number;
  /** What happened, by name: disturbances, and the faults that came of them. */
  deeds: Record<string, number>;
  faults: Record<string, number>;
  /** Bytes that were compared at the end, over all disks. */
  bytes: number;
  /** Claims of having a piece that were looked up on a disk. */
  claims: number;
}

export async function runWorld(
  seed: number,
  scenario: Scenario,
  options: PlayOptions = {},
): Promise<WorldResult> {
  const start = performance.now();
  const play = new Play(`${scenario.name} ${seed}`, options);
  let error: string | null = null;
  try {
    await act(play, scenario);
    await play.finish();
  } catch (thrown) {
    error = thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown);
  }
  return {
    seed,
    scenario: scenario.name,
    error,
    digest: play.world.logHash(),
    virtualMs: play.world.now,
    realMs: Math.round(performance.now() - start),
    deeds: Object.fromEntries([...play.deeds].sort()),
    faults: Object.fromEntries([...play.world.allFaults()].sort()),
    bytes: error === null ? play.machines.length * play.swarm.torrent.content.length : 0,
    claims: play.auditor?.checked ?? 0,
  };
}

async function act(play: Play, { disturbances }: Scenario): Promise<void> {
  await play.setUp();
  const count = disturbances.length === 0 ? 0 : 1 + play.dice.below(MAX_DISTURBANCES);
  for (let i = 0; i < count; i++) {
    await play.pass(play.dice.below(MAX_QUIET_MS));
    for (const machine of play.machines) machine.noteHave();
    await play.dice.pick(disturbances)(play);
  }
}
