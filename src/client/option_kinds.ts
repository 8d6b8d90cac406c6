/**
 * The kinds of values that options have. A kind knows what is allowed, and how a value looks in JSON,
 * which has neither Infinity nor maps.
 */
import { isAbsoluteFolder } from "../state/resume_reader.ts";
import { parseHostPort } from "../util/compact_address.ts";
import { nearest } from "../util/nearest.ts";
import type {
  DhtSettings,
  FileSelection,
  QuotaOptions,
  Rates,
  SeedGoal,
  TrackerChanges,
  TrackerTiers,
} from "./types.ts";

export interface Kind<T = unknown> {
  /** The allowed values, as in "it must be a whole number from 1". */
  readonly allowed: string;
  /** For parsers of text, such as the command line. */
  readonly form: Form;
  /** Throws a RangeError that names the option, its value and the allowed values. */
  check(value: unknown, option: string): void;
  /**
   * Undefined for a value that cannot be saved. `absolute` makes a path independent of the working
   * folder.
   */
  pack(value: T, absolute: (path: string) => string): unknown;
  /** Undoes `pack`. The result is not checked yet. */
  unpack(plain: unknown): unknown;
}

export type Form =
  | { readonly type: "whole"; readonly least: number; readonly most: number }
  | { readonly type: "choice"; readonly words: readonly string[] }
  | { readonly type: "parts"; readonly parts: Readonly<Record<string, Form>> }
  | {
    readonly type:
      | "switch"
      | "text"
      | "texts"
      | "urls"
      | "peers"
      | "rate"
      | "size"
      | "goal"
      | "other";
  }
  /** Text about a torrent's files, which must be known to turn it into a value. */
  | { readonly type: "selection" | "names" };

export type Plain = Record<string, unknown>;

const MAX_TEXT = 64 * 1024;

/** A kind whose values are the same in JSON. */
export function plain<T>(
  allowed: string,
  fits: (value: unknown) => boolean,
  form: Form = { type: "other" },
): Kind<T> {
  return {
    allowed,
    form,
    check(value, option) {
      if (!fits(value)) throw refused(option, value, allowed);
    },
    pack: (value) => value,
    unpack: (value) => value,
  };
}

/** As `kind`, with Infinity allowed, which is null in JSON. */
function orInfinity(kind: Kind<number>, allowed: string): Kind<number> {
  return {
    ...kind,
    allowed,
    check(value, option) {
      if (value === Infinity) return;
      try {
        kind.check(value, option);
      } catch {
        throw refused(option, value, allowed);
      }
    },
    pack: (value) => value === Infinity ? null : value,
    unpack: (value) => value === null ? Infinity : value,
  };
}

function isAmount(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value !== Infinity;
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value.length <= MAX_TEXT;
}

export function whole(least: number, most = Number.MAX_SAFE_INTEGER): Kind<number> {
  const allowed = most === Number.MAX_SAFE_INTEGER
    ? `a whole number from ${least}`
    : `a whole number from ${least} to ${most}`;
  return plain(
    allowed,
    (value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
    { type: "whole", least, most },
  );
}

export function wholeOrInfinity(least: number): Kind<number> {
  return orInfinity(whole(least), `a whole number from ${least}, or Infinity`);
}

export function oneOf<T extends string>(...words: readonly T[]): Kind<T> {
  const quoted = words.map((word) => `"${word}"`).join(" or ");
  return plain(quoted, (value) => words.includes(value as T), { type: "choice", words });
}

export const SWITCH: Kind<boolean> = plain(
  "true or false",
  (value) => typeof value === "boolean",
  { type: "switch" },
);
export const TEXT: Kind<string> = plain("text", isText, { type: "text" });
export const AMOUNT: Kind<number> = plain("a number from 0", isAmount);
export const RATE: Kind<number> = {
  ...orInfinity(AMOUNT, "bytes a second from 0, or Infinity for no limit"),
  form: { type: "rate" },
};
export const BYTES: Kind<number> = orInfinity(AMOUNT, "bytes from 0, or Infinity for no limit");

/** A path; an absolute one in JSON. */
export const FOLDER: Kind<string> = {
  ...TEXT,
  pack: (path, absolute) => absolute(path),
  unpack(path) {
    if (isText(path) && isAbsoluteFolder(path)) return path;
    throw new RangeError("a folder in it is not an absolute path");
  },
};

/** A list of at most `most` values of one kind. */
export function listOf<T>(
  item: Kind<T>,
  allowed: string,
  form: Form,
  most = Infinity,
): Kind<readonly T[]> {
  return {
    allowed,
    form,
    check(value, option) {
      if (!Array.isArray(value)) throw refused(option, value, allowed);
      for (const one of value) item.check(one, option);
    },
    pack: (list, absolute) => list.slice(0, most).map((one) => item.pack(one as never, absolute)),
    unpack: (list) => arrayOf(list).map((one) => item.unpack(one)),
  };
}

export const FOLDERS = listOf(FOLDER, "a list of folders", { type: "texts" });
/** The most saved peers from the user. */
const MAX_KEPT_PEERS = 100;
const PEER = plain<string>(
  "host:port or [v6]:port",
  (value) => isText(value) && parseHostPort(value) !== null,
);
export const PEERS = listOf(PEER, "a list of peers", { type: "peers" }, MAX_KEPT_PEERS);

/** A map from a file's index to a `value`; a list of [first, last, value] in JSON. */
function byFile<T>(
  allowed: string,
  fits: (value: unknown) => boolean,
): Kind<ReadonlyMap<number, T>> {
  return {
    allowed,
    form: { type: "other" },
    check(map, option) {
      if (map instanceof Map && [...map].every(([file, value]) => isIndex(file) && fits(value))) {
        return;
      }
      throw refused(option, map, allowed);
    },
    pack: (map) => runsOf(map),
    unpack: (runs) => fromRuns(runs),
  };
}

export const FILE_PRIORITIES = byFile<number>(
  "a Map from files' numbers to priorities from 0 to 7",
  (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 7,
);
export const FILE_NAMES: Kind<ReadonlyMap<number, string>> = {
  ...byFile<string>("a Map from files' numbers to paths", isText),
  form: { type: "names" },
};

export const FILE_SET: Kind<ReadonlySet<number>> = {
  allowed: "a Set of files' numbers",
  form: { type: "other" },
  check(value, option) {
    if (value instanceof Set && [...value].every(isIndex)) return;
    throw refused(option, value, this.allowed);
  },
  pack: (set) => [...set],
  unpack: (list) => new Set(arrayOf(list)),
};

function runsOf<T>(map: ReadonlyMap<number, T>): [first: number, last: number, value: T][] {
  const runs: [number, number, T][] = [];
  for (const [file, value] of [...map].sort(([a], [b]) => a - b)) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === file - 1 && last[2] === value) last[1] = file;
    else runs.push([file, file, value]);
  }
  return runs;
}

/** The most files of a torrent of MAX_TORRENT_BYTES. */
const MAX_FILES = 1_000_000;

/** Also accepts pairs of file and value, as version 0.1 wrote them. */
function fromRuns(runs: unknown): Map<number, unknown> {
  const map = new Map<number, unknown>();
  for (const run of arrayOf(runs)) {
    const parts = arrayOf(run), [first, last] = parts.length === 2 ? [parts[0], parts[0]] : parts;
    if (!isIndex(first) || !isIndex(last)) throw new RangeError("a file in it has no such number");
    for (let file = first; file <= last; file++) map.set(file, parts.at(-1));
  }
  return map;
}

function isIndex(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) >= 0 && Number(value) < MAX_FILES;
}

/** An object with these parts, of which `required` must be there. */
export function shape<T extends object>(
  parts: { readonly [K in keyof T]-?: Kind<NonNullable<T[K]>> },
  required: readonly (keyof T & string)[] = [],
): Kind<T> {
  const kinds = Object.entries<Kind<never>>(parts as never);
  return {
    allowed: `an object with ${Object.keys(parts).join(", ")}`,
    form: {
      type: "parts",
      parts: Object.fromEntries(kinds.map(([key, { form }]) => [key, form])),
    },
    check(value, option) {
      if (!isPlain(value)) throw refused(option, value, this.allowed);
      refuseUnknown(parts, value, `${option}.`);
      for (const [key, kind] of kinds) {
        const isMissing = value[key] === undefined && !required.includes(key as never);
        if (!isMissing) kind.check(value[key], `${option}.${key}`);
      }
    },
    pack: (value, absolute) => {
      const given = kinds.filter(([key]) => value[key as keyof T] !== undefined);
      return Object.fromEntries(given.map(([key, kind]) => {
        return [key, kind.pack(value[key as keyof T] as never, absolute)];
      }));
    },
    unpack: (value) => {
      const from = plainOf(value), given = kinds.filter(([key]) => from[key] !== undefined);
      return Object.fromEntries(given.map(([key, kind]) => [key, kind.unpack(from[key])]));
    },
  };
}

/**
 * Also accepts a function that returns the value when the files are known; only its result can be
 * saved.
 */
export function orAsked<T extends object>(kind: Kind<T>): Kind<T | ((...known: never[]) => T)> {
  return {
    ...kind,
    allowed: `${kind.allowed}, or a function`,
    check(value, option) {
      if (typeof value !== "function") kind.check(value, option);
    },
    pack: (value, absolute) => typeof value === "function" ? undefined : kind.pack(value, absolute),
  };
}

/** Also accepts true and false, for a feature that can be on with its defaults, or off. */
export function orSwitch<T extends object>(kind: Kind<T>): Kind<T | boolean> {
  return {
    ...kind,
    allowed: `true, false or ${kind.allowed}`,
    check(value, option) {
      if (typeof value !== "boolean") kind.check(value, option);
    },
    pack: (value, absolute) => typeof value === "boolean" ? value : kind.pack(value, absolute),
    unpack: (value) => typeof value === "boolean" ? value : kind.unpack(value),
  };
}

/** Throws a RangeError for a key that is not in `known`, with the one that may be meant. */
export function refuseUnknown(known: object, given: object, prefix = ""): void {
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(known, key)) continue;
    const meant = nearest(key, Object.keys(known));
    const hint = meant === null ? "" : `: did you mean ${prefix}${meant}?`;
    throw new RangeError(`There is no option ${prefix}${key.slice(0, 100)}${hint}`);
  }
}

export function refused(option: string, value: unknown, allowed: string): RangeError {
  const shown = typeof value === "string" ? JSON.stringify(value.slice(0, 100)) : nameOf(value);
  return new RangeError(`The option ${option} is ${shown}: it must be ${allowed}`);
}

function nameOf(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "function") return "a function";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

export function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function plainOf(value: unknown): Plain {
  if (isPlain(value)) return value;
  throw new RangeError("a part of it has the wrong type");
}

function arrayOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  throw new RangeError("a list in it is not a list");
}

export const RATES = shape<Partial<Rates>>({ down: RATE, up: RATE });

/** Includes WebTorrent's, which torrents name and which are listed as unsupported. */
const TRACKER_URL = plain<string>(
  "the URL of a tracker (http, https, udp, ws or wss)",
  (value) => isText(value) && /^(https?|udp|wss?):\/\/[^/?#\s]/i.test(value),
);
const TRACKER_LIST = "a list of tracker URLs";
export const URLS = listOf(TRACKER_URL, TRACKER_LIST, { type: "urls" });
const TIERS: Pick<Kind, "check"> = {
  check(value, option) {
    for (const tier of value as unknown[]) {
      if (!Array.isArray(tier)) throw refused(option, tier, "a list of lists of tracker URLs");
      URLS.check(tier, option);
    }
  },
};
/** Anything in the list can be removed. */
const TRACKER_CHANGES = shape<TrackerChanges>({
  add: URLS,
  remove: listOf(TEXT, TRACKER_LIST, { type: "urls" }),
});
export const TRACKERS: Kind<TrackerTiers | TrackerChanges> = {
  allowed: "a list of lists of tracker URLs, or an object with add, remove",
  form: TRACKER_CHANGES.form,
  check: (value, option) => (Array.isArray(value) ? TIERS : TRACKER_CHANGES).check(value, option),
  pack: (value) => value,
  unpack: (value) => value,
};

const GOAL_KINDS = oneOf<SeedGoal["kind"]>("none", "forever", "ratio", "time", "idle", "any");
/** None of them is a list itself. */
const SOME_GOALS: Kind<readonly SeedGoal[]> = plain(
  "a list of seed goals",
  (goals) => Array.isArray(goals) && goals.length > 0 && goals.length <= 10,
);
/** The measure of each kind of goal. */
const GOALS: { readonly [K in SeedGoal["kind"]]: Kind<object> } = {
  none: shape({ kind: GOAL_KINDS }),
  forever: shape({ kind: GOAL_KINDS }),
  ratio: shape({ kind: GOAL_KINDS, ratio: AMOUNT }, ["ratio"]),
  time: shape({ kind: GOAL_KINDS, seconds: AMOUNT }, ["seconds"]),
  idle: shape({ kind: GOAL_KINDS, seconds: AMOUNT }, ["seconds"]),
  any: shape({ kind: GOAL_KINDS, goals: SOME_GOALS }, ["goals"]),
};
export const GOAL: Kind<SeedGoal> = {
  allowed: "a seed goal",
  form: { type: "goal" },
  check(value, option) {
    const kind = (value as SeedGoal | null)?.kind;
    GOAL_KINDS.check(kind, `${option}.kind`);
    GOALS[kind!].check(value, option);
    if (kind !== "any") return;
    for (const goal of (value as { goals: readonly SeedGoal[] }).goals) {
      if (goal?.kind === "any") {
        throw refused(`${option}.goals`, goal, "a list of single seed goals");
      }
      GOAL.check(goal, `${option}.goals`);
    }
  },
  pack: (goal) => goal,
  unpack: (goal) => goal,
};

const QUOTA_BYTES: Kind<number> = { ...BYTES, form: { type: "size" } };
export const QUOTA = shape<QuotaOptions>({
  down: QUOTA_BYTES,
  up: QUOTA_BYTES,
  period: oneOf("day", "month"),
});

const LIMITS_OF_DHT: Kind<NonNullable<DhtSettings["limits"]>> = {
  allowed: "an object",
  form: { type: "other" },
  check(value, option) {
    if (typeof value !== "object") throw refused(option, value, "an object");
  },
  pack: (value) => value,
  unpack: (value) => value,
};
export const DHT = shape<DhtSettings>({
  bootstrap: PEERS,
  readOnly: SWITCH,
  limits: LIMITS_OF_DHT,
});

const FILE_SELECTION = orAsked(shape<FileSelection>({
  priorities: FILE_PRIORITIES,
  others: whole(0, 7),
  sequential: FILE_SET,
  endsFirst: SWITCH,
}));
export const SELECTION: typeof FILE_SELECTION = { ...FILE_SELECTION, form: { type: "selection" } };
