/** One world from its beginning to its end. */
import type { SimWorld } from "../../tests/harness/sim/world.ts";
import { HomePlay } from "./owners/play.ts";
import { Play, type PlayOptions } from "./play.ts";
import type { Scenario, SwarmScenario } from "./scenarios.ts";

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
  /** Events by name: disturbances, and the faults that they caused. */
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
  const drama = begin(`${scenario.name} ${seed}`, scenario, options);
  let error: string | null = null;
  try {
    await drama.run();
  } catch (thrown) {
    error = thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown);
  }
  const { world } = drama;
  if (error !== null && options.onFailure) options.onFailure(world.logLines());
  return {
    seed,
    scenario: scenario.name,
    error,
    digest: world.logHash(),
    virtualMs: world.now,
    realMs: Math.round(performance.now() - start),
    deeds: Object.fromEntries([...drama.deeds].sort()),
    faults: Object.fromEntries([...world.allFaults()].sort()),
    bytes: error === null ? drama.bytes() : 0,
    claims: drama.claims(),
  };
}

interface Drama {
  readonly world: SimWorld;
  readonly deeds: ReadonlyMap<string, number>;
  run(): Promise<void>;
  bytes(): number;
  claims(): number;
}

function begin(seed: string, scenario: Scenario, options: PlayOptions): Drama {
  if ("home" in scenario) {
    const play = new HomePlay(seed, scenario.home), { home } = play;
    return {
      world: home.world,
      deeds: home.deeds,
      run: async () => {
        await play.act();
        await play.finish();
      },
      bytes: () => play.compared,
      claims: () => home.auditors.reduce((sum, { checked, tasted }) => sum + checked + tasted, 0),
    };
  }
  const play = new Play(seed, options);
  return {
    world: play.world,
    deeds: play.deeds,
    run: async () => {
      await act(play, scenario);
      await play.finish();
    },
    bytes: () => play.machines.length * play.swarm.torrent.content.length,
    claims: () => play.auditor?.checked ?? 0,
  };
}

async function act(play: Play, { disturbances }: SwarmScenario): Promise<void> {
  await play.setUp();
  const count = disturbances.length === 0 ? 0 : 1 + play.dice.below(MAX_DISTURBANCES);
  for (let i = 0; i < count; i++) {
    await play.pass(play.dice.below(MAX_QUIET_MS));
    for (const machine of play.machines) machine.noteHave();
    await play.dice.pick(disturbances)(play);
  }
}
