/** What happens in a world, by name: which disturbances, how many and how dense. */
import * as disturb from "./disturbances.ts";
import type { Disturbance } from "./disturbances.ts";

export interface Scenario {
  readonly name: string;
  readonly about: string;
  readonly disturbances: readonly Disturbance[];
}

const crashes = [disturb.killed, disturb.powerLost, disturb.restarted];
const lines = [disturb.partitioned, disturb.shaken, disturb.rated];

export const scenarios: readonly Scenario[] = [
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

export function scenarioNamed(name: string): Scenario {
  const found = scenarios.find((each) => each.name === name);
  if (found !== undefined) return found;
  const names = scenarios.map((each) => each.name).join(", ");
  throw new Error(`There is no scenario "${name}": choose of ${names}`);
}
