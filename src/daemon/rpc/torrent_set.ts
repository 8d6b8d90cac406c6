/** torrent-set: one row for each key. Nothing is changed if one of the values is invalid. */
import type { SeedGoal, TorrentPatch } from "../../client/types.ts";
import { type Arguments, asNumber, asSwitch, asTexts, asWhole, asWholes } from "./coerce.ts";
import type { TorrentFacts } from "./facts.ts";
import { chooseFiles, type FileLists } from "./file_lists.ts";
import { goalOf, type GoalParts, MODE } from "./goal_parts.ts";
import { DEFAULT_IDLE_MINUTES, DEFAULT_RATIO } from "./goal_fields.ts";
import type { Remembered } from "./known_torrents.ts";
import { RpcError } from "./rpc_error.ts";
import { rateLimit } from "./state_fields.ts";
import { changeTrackers, type TrackerKeys, trackerTiersOf } from "./tracker_changes.ts";

/** What a request changes of one torrent. */
interface Change {
  readonly facts: TorrentFacts;
  readonly args: Arguments;
  readonly patch: { -readonly [K in keyof TorrentPatch]: TorrentPatch[K] };
  readonly remembered: Remembered;
  goal: GoalParts;
  position: number | null;
}

type Set = (change: Change, value: unknown) => void;

const SETTERS: Readonly<Record<string, Set>> = {
  bandwidthPriority: ({ patch }, value) => {
    const priority = asWhole(value);
    if (priority !== undefined) patch.priority = Math.sign(priority);
  },
  labels: ({ patch }, value) => {
    const labels = asTexts(value);
    if (labels !== undefined) patch.labels = checkedLabels(labels);
  },
  "peer-limit": ({ patch }, value) => {
    const most = asWhole(value);
    if (most !== undefined) patch.maxPeers = Math.max(1, most);
  },
  downloadLimit: ({ remembered }, value) => {
    const limit = asWhole(value);
    if (limit !== undefined) remembered.downloadLimit = Math.max(0, limit);
  },
  uploadLimit: ({ remembered }, value) => {
    const limit = asWhole(value);
    if (limit !== undefined) remembered.uploadLimit = Math.max(0, limit);
  },
  seedRatioLimit: ({ remembered }, value) => {
    const ratio = asNumber(value);
    if (ratio !== undefined) remembered.seedRatioLimit = Math.max(0, ratio);
  },
  seedIdleLimit: ({ remembered }, value) => {
    const minutes = asWhole(value);
    if (minutes !== undefined) remembered.seedIdleLimit = Math.max(1, minutes);
  },
  queuePosition: (change, value) => {
    change.position = asWhole(value) ?? null;
  },
};

/** All keys that torrent-set knows. */
export const TORRENT_SET_KEYS: readonly string[] = [
  ...Object.keys(SETTERS),
  "downloadLimited",
  "uploadLimited",
  "honorsSessionLimits",
  "seedRatioMode",
  "seedIdleMode",
  "files-wanted",
  "files-unwanted",
  "priority-high",
  "priority-normal",
  "priority-low",
  "trackerAdd",
  "trackerRemove",
  "trackerReplace",
  "trackerList",
];

export interface TorrentChange {
  readonly patch: TorrentPatch;
  readonly position: number | null;
  /** Numbers for limits that are off; applied when the patch is. */
  readonly remembered: Remembered;
}

/** Throws an RpcError. */
export function changeOf(facts: TorrentFacts, args: Arguments): TorrentChange {
  const remembered = { ...facts.known.remembered };
  const change: Change = { facts, args, patch: {}, remembered, goal: facts.goal, position: null };
  for (const [key, set] of Object.entries(SETTERS)) if (key in args) set(change, args[key]);
  setRates(change);
  setGoal(change);
  setFiles(change);
  setTrackers(change);
  const { patch, position } = change;
  return { patch, position, remembered };
}

/** Throws an RpcError. */
export function checkedLabels(given: readonly string[]): string[] {
  const labels = given.map((label) => label.trim());
  const refuse = (why: string) => {
    throw new RpcError("params", `labels cannot ${why}`);
  };
  if (labels.includes("")) refuse("be empty");
  if (labels.some((label) => label.includes(","))) refuse("contain comma (,) character");
  if (new Set(labels).size < labels.length) refuse("contain duplicates");
  return labels;
}

function setRates(change: Change): void {
  const down = rateOf(change, "down"), up = rateOf(change, "up");
  if (down === undefined && up === undefined) return;
  change.patch.limits = {
    ...(down === undefined ? {} : { down }),
    ...(up === undefined ? {} : { up }),
  };
}

/** Bytes a second. */
function rateOf({ facts, args, remembered }: Change, direction: "down" | "up"): number | undefined {
  const key = direction === "down" ? "downloadLimit" : "uploadLimit";
  const isOn = asSwitch(args[`${key}ed`]);
  if (isOn === false) {
    remembered[key] ??= rateLimit(facts, direction);
    return Infinity;
  }
  const wasOn = (facts.options.limits?.[direction] ?? Infinity) < Infinity;
  if (isOn === undefined && (!wasOn || !(key in args))) return undefined;
  return (remembered[key] ?? rateLimit(facts, direction)) * 1000;
}

function setGoal({ facts, args, patch, remembered }: Change): void {
  const { goal, general } = facts;
  const ratio = partOf(goal.ratio, general.goal.ratio, {
    mode: asWhole(args.seedRatioMode),
    given: "seedRatioLimit" in args,
    limit: remembered.seedRatioLimit ?? DEFAULT_RATIO,
  });
  const idle = partOf(goal.idle, general.goal.idle, {
    mode: asWhole(args.seedIdleMode),
    given: "seedIdleLimit" in args,
    limit: 60 * (remembered.seedIdleLimit ?? DEFAULT_IDLE_MINUTES),
  });
  if (ratio === goal.ratio && idle === goal.idle) return;
  const next: SeedGoal = goalOf({ ...goal, ratio, idle });
  patch.seedGoal = next;
}

/** The ratio or idle time after the request; undefined for none. */
function partOf(
  present: number | undefined,
  general: number | undefined,
  asked: { mode: number | undefined; given: boolean; limit: number },
): number | undefined {
  if (asked.mode === MODE.global) return general;
  if (asked.mode === MODE.unlimited) return undefined;
  if (asked.mode === MODE.own) return asked.limit;
  const isOwn = present !== undefined && present !== general;
  return asked.given && isOwn ? asked.limit : present;
}

function setFiles({ facts, args, patch }: Change): void {
  const lists = fileListsOf(args);
  if (lists === null) return;
  const { files } = facts;
  const present = new Map(files.map(({ index, priority }) => [index, priority]));
  const priorities = chooseFiles(files.map(({ index }) => index), lists, present);
  const options = facts.options.files;
  patch.files = { ...(typeof options === "function" ? {} : options), priorities };
}

/** Null if the request names no files. */
export function fileListsOf(args: Arguments): FileLists | null {
  const lists: FileLists = {
    unwanted: asWholes(args["files-unwanted"]),
    wanted: asWholes(args["files-wanted"]),
    high: asWholes(args["priority-high"]),
    low: asWholes(args["priority-low"]),
    normal: asWholes(args["priority-normal"]),
  };
  return Object.values(lists).some((list) => list !== undefined) ? lists : null;
}

function setTrackers({ facts, args, patch }: Change): void {
  const keys: TrackerKeys = {
    list: typeof args.trackerList === "string" ? args.trackerList : undefined,
    add: asTexts(args.trackerAdd),
    remove: asWholes(args.trackerRemove),
    replace: Array.isArray(args.trackerReplace) ? args.trackerReplace : undefined,
  };
  if (Object.values(keys).every((key) => key === undefined)) return;
  patch.trackers = changeTrackers(facts.known, trackerTiersOf(facts.trackers), keys);
}
