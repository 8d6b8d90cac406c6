/** What happens in a world, by name: which disturbances, how many and how dense. */
import * as disturb from "./disturbances.ts";
import type { Disturbance } from "./disturbances.ts";
import * as events from "./owners/events.ts";
import type { HomeScenario } from "./owners/play.ts";

/** A swarm in which things go wrong, or one machine whose disks shoal shares with others. */
export type Scenario = SwarmScenario | OwnersScenario;

export interface SwarmScenario {
  readonly name: string;
  readonly about: string;
  readonly disturbances: readonly Disturbance[];
}

export interface OwnersScenario {
  readonly name: string;
  readonly about: string;
  readonly home: HomeScenario;
}

const crashes = [disturb.killed, disturb.powerLost, disturb.restarted];
const lines = [disturb.partitioned, disturb.shaken, disturb.rated];

export const swarmScenarios: readonly SwarmScenario[] = [
  { name: "calm", about: "nothing happens", disturbances: [] },
  {
    name: "churn",
    about: "peers are lost and come back",
    disturbances: [disturb.left, disturb.killed, disturb.restarted],
  },
  { name: "partitions", about: "the network falls apart", disturbances: [disturb.partitioned] },
  { name: "latency", about: "long, shaky, torn lines", disturbances: [disturb.shaken] },
  { name: "rates", about: "lines and limits change", disturbances: [disturb.rated] },
  { name: "restarts", about: "kill -9, power loss, restarts", disturbances: crashes },
  {
    name: "clock",
    about: "the wall clock is set, also between crashes",
    disturbances: [disturb.clockSet, disturb.clockSet, ...crashes],
  },
  {
    name: "disk",
    about: "full, read-only and failing disks",
    disturbances: [disturb.diskBroken],
  },
  {
    name: "crashes",
    about: "kill -9 and power loss on disks that fail",
    disturbances: [disturb.diskBroken, ...crashes],
  },
  {
    name: "files",
    about: "other files are wanted all the time, with crashes",
    disturbances: [disturb.filesChosen, disturb.filesChosen, ...crashes],
  },
  {
    name: "pauses",
    about: "pause, resume and recheck",
    disturbances: [disturb.paused, disturb.rechecked],
  },
  {
    name: "hostile",
    about: "bad peers, and peers that are lost",
    disturbances: [disturb.infiltrated, disturb.infiltrated, disturb.left, disturb.killed],
  },
  {
    name: "all",
    about: "everything at once",
    disturbances: [
      ...crashes,
      ...lines,
      disturb.left,
      disturb.clockSet,
      disturb.diskBroken,
      disturb.filesChosen,
      disturb.paused,
      disturb.rechecked,
      disturb.infiltrated,
    ],
  },
];

const plain = { clashes: false, oddNames: false, oddDisks: false, wishes: false, foreign: 0 };
const ends = [events.killed, events.restarted, events.powerLost];
const edits = [events.edited, events.edited, events.replaced, events.deleted, events.shared];

export const ownersScenarios: readonly OwnersScenario[] = [
  {
    name: "foreign",
    about: "files of others, links and folders are where a torrent wants to write",
    home: { ...plain, wishes: true, foreign: 0.5, events: ends },
  },
  {
    name: "writers",
    about: "torrents and processes want the same paths",
    home: { ...plain, clashes: true, events: [...ends, events.paused, events.rechecked] },
  },
  {
    name: "edits",
    about: "others edit, replace, delete and hard-link files of ours",
    home: { ...plain, events: [...edits, ...edits, ...ends] },
  },
  {
    name: "mounts",
    about: "a disk goes and comes back, with another one or a placeholder in its place",
    home: { ...plain, events: [events.unplugged, events.unplugged, ...ends] },
  },
  {
    name: "file-systems",
    about: "disks that fold or change names, refuse some, renumber files, have coarse clocks",
    home: {
      ...plain,
      oddNames: true,
      oddDisks: true,
      foreign: 0.1,
      events: [events.forgotten, events.forgotten, events.unplugged, events.rechecked, ...ends],
    },
  },
  {
    name: "owners",
    about: "all of these at once",
    home: {
      clashes: true,
      oddNames: true,
      oddDisks: true,
      wishes: true,
      foreign: 0.3,
      events: [
        ...ends,
        ...edits,
        events.unplugged,
        events.forgotten,
        events.paused,
        events.rechecked,
        events.moved,
      ],
    },
  },
];

export const scenarios: readonly Scenario[] = [...swarmScenarios, ...ownersScenarios];

/** "swarms" and "disks" are all of a kind. */
const GROUPS: Record<string, readonly Scenario[]> = {
  swarms: swarmScenarios,
  disks: ownersScenarios,
};

/** The scenarios of a name: one of them, or those of a kind. */
export function scenariosNamed(name: string): readonly Scenario[] {
  return GROUPS[name] ?? [scenarioNamed(name)];
}

export function scenarioNamed(name: string): Scenario {
  const found = scenarios.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = [...scenarios.map((each) => each.name), ...Object.keys(GROUPS)].join(", ");
  throw new Error(`There is no scenario "${name}": choose of ${names}`);
}
