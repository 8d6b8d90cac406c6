/** The settings of session-get and session-set: one row each. */
import type { AlternativeLimits, Rates } from "../../client/types.ts";
import { asNumber, asSwitch, asText, asWhole, isAbsolute } from "./coerce.ts";
import { DEFAULT_IDLE_MINUTES, DEFAULT_RATIO, minutesOf } from "./goal_fields.ts";
import { goalOf, type GoalParts, partsOf } from "./goal_parts.ts";
import { RpcError } from "./rpc_error.ts";
import type { RpcPorts, RpcSettings } from "./ports.ts";
import { DEFAULT_LIMIT } from "./state_fields.ts";

/** What the user gave for settings that are off, in this run. */
export class SessionMemory {
  down = DEFAULT_LIMIT;
  up = DEFAULT_LIMIT;
  ratio = DEFAULT_RATIO;
  idleMinutes = DEFAULT_IDLE_MINUTES;
  downloads = 5;
  seeds = 10;
  stalledMinutes = 30;
  incompleteDir = "";
  /** Days as bits, Sunday 1; minutes after midnight. */
  hours = { days: 127, from: 540, to: 1020 };
  startsAdded = true;
}

export interface SessionFacts {
  readonly memory: SessionMemory;
  readonly port: number;
  readonly roots: RpcPorts["roots"];
}

/** Settings with the changes of a request so far. */
export class SessionDraft {
  readonly facts: SessionFacts;
  readonly #present: RpcSettings;
  readonly changes = new Map<string, unknown>();

  constructor(present: RpcSettings, facts: SessionFacts) {
    this.#present = present;
    this.facts = facts;
  }

  get<K extends keyof RpcSettings>(name: K): RpcSettings[K] {
    return (this.changes.has(name) ? this.changes.get(name) : this.#present[name]) as never;
  }

  getOfTorrents<K extends keyof RpcSettings["torrents"]>(name: K): RpcSettings["torrents"][K] {
    const key = `torrents.${name}`;
    return (this.changes.has(key) ? this.changes.get(key) : this.#present.torrents[name]) as never;
  }

  set(name: string, value: unknown): void {
    this.changes.set(name, value);
  }

  get memory(): SessionMemory {
    return this.facts.memory;
  }
}

export interface SessionRow {
  read(draft: SessionDraft): unknown;
  /** Missing where session-set has no effect. */
  write?(draft: SessionDraft, value: unknown): void;
}

const fixed = (value: unknown): SessionRow => ({ read: () => value });

/** A number that is kept while its switch is off. Rows with numbers come before their switches. */
const KB = 1000;

function limitRows(direction: "down" | "up"): Record<string, SessionRow> {
  const limit = (draft: SessionDraft) => draft.get("limits")?.[direction] ?? Infinity;
  const set = (draft: SessionDraft, bytes: number) => {
    draft.set("limits", withRate(draft.get("limits"), direction, bytes));
  };
  return {
    [`speed-limit-${direction}`]: {
      read: (draft) => limit(draft) < Infinity ? rounded(limit(draft)) : draft.memory[direction],
      write(draft, value) {
        const number = asWhole(value);
        if (number === undefined) return;
        draft.memory[direction] = Math.max(0, number);
        if (limit(draft) < Infinity) set(draft, draft.memory[direction] * KB);
      },
    },
    [`speed-limit-${direction}-enabled`]: {
      read: (draft) => limit(draft) < Infinity,
      write(draft, value) {
        const isOn = asSwitch(value), present = limit(draft);
        if (isOn === undefined || isOn === present < Infinity) return;
        if (present < Infinity) draft.memory[direction] = rounded(present);
        set(draft, isOn ? draft.memory[direction] * KB : Infinity);
      },
    },
    [`alt-speed-${direction}`]: {
      read: (draft) => rounded(alternative(draft).limits[direction]),
      write(draft, value) {
        const number = asWhole(value);
        if (number === undefined) return;
        const { limits } = alternative(draft);
        change(draft, { limits: withRate(limits, direction, Math.max(0, number) * KB) });
      },
    },
  };
}

function withRate(
  rates: Partial<Rates> | undefined,
  direction: "down" | "up",
  bytes: number,
): Rates {
  return { down: Infinity, up: Infinity, ...rates, [direction]: bytes };
}

function rounded(bytes: number): number {
  return Math.round(bytes / KB);
}

/** Kilobytes a second that Transmission has by default. */
const ALTERNATIVE = 50 * KB;

function alternative(draft: SessionDraft): AlternativeLimits & { limits: Rates } {
  const { limits, on = false, schedule = [] } = draft.get("alternative") ?? {};
  const rate = (bytes = Infinity) => bytes < Infinity ? bytes : ALTERNATIVE;
  return { limits: { down: rate(limits?.down), up: rate(limits?.up) }, on, schedule };
}

function change(draft: SessionDraft, part: Partial<AlternativeLimits>): void {
  draft.set("alternative", { ...alternative(draft), ...part });
}

/** Of the first window of the schedule, or what it would be. */
function hoursOf(draft: SessionDraft): SessionMemory["hours"] {
  const [window] = alternative(draft).schedule;
  if (window === undefined) return draft.memory.hours;
  const days = window.days.reduce((bits, day) => bits | 1 << day, 0);
  return { days, from: minutesOfDay(window.from), to: minutesOfDay(window.to) };
}

function setHours(
  draft: SessionDraft,
  part: Partial<SessionMemory["hours"]>,
  isOn?: boolean,
): void {
  const hours = { ...hoursOf(draft), ...part };
  const [first, ...others] = alternative(draft).schedule;
  draft.memory.hours = hours;
  if (!(isOn ?? first !== undefined)) {
    if (first !== undefined) change(draft, { schedule: [] });
    return;
  }
  const days = [0, 1, 2, 3, 4, 5, 6].filter((day) => hours.days & 1 << day);
  const window = { days, from: timeOfDay(hours.from), to: timeOfDay(hours.to) };
  change(draft, { schedule: [window, ...others] });
}

function minutesOfDay(text: string): number {
  const [hours = 0, minutes = 0] = text.split(":").map(Number);
  return hours * 60 + minutes;
}

function timeOfDay(minutes: number): string {
  const within = Math.min(Math.max(0, minutes), 1439);
  const two = (number: number) => String(number).padStart(2, "0");
  return `${two(Math.floor(within / 60))}:${two(within % 60)}`;
}

function hoursRow(part: "days" | "from" | "to"): SessionRow {
  return {
    read: (draft) => hoursOf(draft)[part],
    write(draft, value) {
      const number = asWhole(value);
      if (number !== undefined) setHours(draft, { [part]: number });
    },
  };
}

const HOURS: Readonly<Record<string, SessionRow>> = {
  "alt-speed-enabled": {
    read: (draft) => alternative(draft).on,
    write(draft, value) {
      const on = asSwitch(value);
      if (on !== undefined) change(draft, { on });
    },
  },
  "alt-speed-time-begin": hoursRow("from"),
  "alt-speed-time-end": hoursRow("to"),
  "alt-speed-time-day": hoursRow("days"),
  "alt-speed-time-enabled": {
    read: (draft) => alternative(draft).schedule.length > 0,
    write(draft, value) {
      const isOn = asSwitch(value);
      if (isOn !== undefined) setHours(draft, {}, isOn);
    },
  },
};

function goal(draft: SessionDraft): GoalParts {
  return partsOf(draft.getOfTorrents("seedGoal"));
}

function setGoal(draft: SessionDraft, part: GoalParts): void {
  draft.set("torrents.seedGoal", goalOf({ ...goal(draft), ...part }));
}

const GOALS: Readonly<Record<string, SessionRow>> = {
  seedRatioLimit: {
    read: (draft) => goal(draft).ratio ?? draft.memory.ratio,
    write(draft, value) {
      const ratio = asNumber(value);
      if (ratio === undefined) return;
      draft.memory.ratio = Math.max(0, ratio);
      if (goal(draft).ratio !== undefined) setGoal(draft, { ratio: draft.memory.ratio });
    },
  },
  seedRatioLimited: {
    read: (draft) => goal(draft).ratio !== undefined,
    write(draft, value) {
      const isOn = asSwitch(value), { ratio } = goal(draft);
      if (isOn === undefined || isOn === (ratio !== undefined)) return;
      draft.memory.ratio = ratio ?? draft.memory.ratio;
      setGoal(draft, { ratio: isOn ? draft.memory.ratio : undefined });
    },
  },
  "idle-seeding-limit": {
    read: (draft) => idleMinutes(draft) ?? draft.memory.idleMinutes,
    write(draft, value) {
      const minutes = asWhole(value);
      if (minutes === undefined) return;
      draft.memory.idleMinutes = Math.max(1, minutes);
      if (idleMinutes(draft) !== undefined) setGoal(draft, { idle: draft.memory.idleMinutes * 60 });
    },
  },
  "idle-seeding-limit-enabled": {
    read: (draft) => idleMinutes(draft) !== undefined,
    write(draft, value) {
      const isOn = asSwitch(value), minutes = idleMinutes(draft);
      if (isOn === undefined || isOn === (minutes !== undefined)) return;
      draft.memory.idleMinutes = minutes ?? draft.memory.idleMinutes;
      setGoal(draft, { idle: isOn ? draft.memory.idleMinutes * 60 : undefined });
    },
  },
};

function idleMinutes(draft: SessionDraft): number | undefined {
  const { idle } = goal(draft);
  return idle === undefined ? undefined : minutesOf(idle);
}

function queueRows(
  key: "downloads" | "seeds" | "stalledSeconds",
  memory: "downloads" | "seeds" | "stalledMinutes",
  [name, enabled]: readonly [string, string],
  unit: number,
): Record<string, SessionRow> {
  const value = (draft: SessionDraft) => {
    return draft.get("queue")?.[key] ?? (key === "stalledSeconds" ? 300 : Infinity);
  };
  const set = (draft: SessionDraft, number: number) => {
    draft.set("queue", { ...draft.get("queue"), [key]: number });
  };
  const shown = (draft: SessionDraft) => Math.max(1, Math.round(value(draft) / unit));
  return {
    [name]: {
      read: (draft) => value(draft) < Infinity ? shown(draft) : draft.memory[memory],
      write(draft, given) {
        const number = asWhole(given);
        if (number === undefined) return;
        draft.memory[memory] = Math.max(1, number);
        if (value(draft) < Infinity) set(draft, draft.memory[memory] * unit);
      },
    },
    [enabled]: {
      read: (draft) => value(draft) < Infinity,
      write(draft, given) {
        const isOn = asSwitch(given), present = value(draft);
        if (isOn === undefined || isOn === present < Infinity) return;
        if (present < Infinity) draft.memory[memory] = shown(draft);
        set(draft, isOn ? draft.memory[memory] * unit : Infinity);
      },
    },
  };
}

const QUEUE: Readonly<Record<string, SessionRow>> = {
  ...queueRows("downloads", "downloads", ["download-queue-size", "download-queue-enabled"], 1),
  ...queueRows("seeds", "seeds", ["seed-queue-size", "seed-queue-enabled"], 1),
  ...queueRows(
    "stalledSeconds",
    "stalledMinutes",
    ["queue-stalled-minutes", "queue-stalled-enabled"],
    60,
  ),
};

const FOLDERS: Readonly<Record<string, SessionRow>> = {
  "download-dir": {
    read: (draft) => draft.getOfTorrents("dir") ?? draft.facts.roots.downloadDir,
    write(draft, value) {
      draft.set("torrents.dir", checkedFolder(draft.facts, value, "download directory path"));
    },
  },
  "incomplete-dir": {
    read: (draft) => draft.getOfTorrents("incompleteDir") ?? incompleteDir(draft),
    write(draft, value) {
      draft.memory.incompleteDir = checkedFolder(
        draft.facts,
        value,
        "incomplete torrents directory path",
      );
      if (draft.getOfTorrents("incompleteDir") === undefined) return;
      draft.set("torrents.incompleteDir", draft.memory.incompleteDir);
    },
  },
  "incomplete-dir-enabled": {
    read: (draft) => draft.getOfTorrents("incompleteDir") !== undefined,
    write(draft, value) {
      const isOn = asSwitch(value), present = draft.getOfTorrents("incompleteDir");
      if (isOn === undefined || isOn === (present !== undefined)) return;
      if (present !== undefined) draft.memory.incompleteDir = present;
      draft.set("torrents.incompleteDir", isOn ? incompleteDir(draft) : undefined);
    },
  },
};

function incompleteDir(draft: SessionDraft): string {
  return draft.memory.incompleteDir || FOLDERS["download-dir"]!.read(draft) as string;
}

/** Throws an RpcError; `what` begins its text. */
export function checkedFolder(
  { roots }: Pick<SessionFacts, "roots">,
  value: unknown,
  what: string,
): string {
  const path = asText(value);
  if (path === undefined || !isAbsolute(path)) {
    throw new RpcError("not-absolute", `${what} is not absolute`);
  }
  if (roots.mayName(path)) return path;
  throw new RpcError("params", `${path} is outside the folders that the setting roots allows`);
}

function switchRow(
  read: (draft: SessionDraft) => boolean,
  name: string,
): SessionRow {
  return {
    read,
    write(draft, value) {
      const isOn = asSwitch(value);
      if (isOn !== undefined && isOn !== read(draft)) draft.set(name, isOn);
    },
  };
}

function numberRow(
  read: (draft: SessionDraft) => number,
  name: string,
  least: number,
): SessionRow {
  return {
    read,
    write(draft, value) {
      const number = asWhole(value);
      if (number !== undefined) draft.set(name, Math.max(least, number));
    },
  };
}

const NETWORK: Readonly<Record<string, SessionRow>> = {
  "peer-port": numberRow(({ facts }) => Math.max(0, facts.port), "port", 0),
  "peer-port-random-on-start": {
    read: (draft) => (draft.get("port") ?? 0) === 0,
    write(draft, value) {
      const isOn = asSwitch(value), isRandom = (draft.get("port") ?? 0) === 0;
      if (isOn !== undefined && isOn !== isRandom) draft.set("port", isOn ? 0 : draft.facts.port);
    },
  },
  "peer-limit-global": numberRow(
    (draft) => draft.get("maxConnections") ?? 500,
    "maxConnections",
    1,
  ),
  "peer-limit-per-torrent": numberRow(
    (draft) => draft.getOfTorrents("maxPeers") ?? 25,
    "torrents.maxPeers",
    1,
  ),
  "dht-enabled": switchRow((draft) => draft.get("dht") !== false, "dht"),
  "lpd-enabled": switchRow((draft) => draft.get("lsd") !== false, "lsd"),
  "pex-enabled": switchRow((draft) => draft.getOfTorrents("pex") !== false, "torrents.pex"),
  "default-trackers": {
    read: (draft) => (draft.get("extraTrackers") ?? []).join("\n\n"),
    write(draft, value) {
      if (typeof value !== "string") return;
      draft.set("extraTrackers", value.split(/\s+/).filter(Boolean));
    },
  },
  "cache-size-mb": {
    read: (draft) => Math.round((draft.get("readCacheBytes") ?? 32 * 1024 * 1024) / (1024 * 1024)),
  },
  "start-added-torrents": {
    read: ({ memory }) => memory.startsAdded,
    write({ memory }, value) {
      memory.startsAdded = asSwitch(value) ?? memory.startsAdded;
    },
  },
};

/** What we do not have: always off, and session-set has no effect. */
const ABSENT: Readonly<Record<string, SessionRow>> = {
  "blocklist-enabled": fixed(false),
  "blocklist-size": fixed(0),
  "blocklist-url": fixed(""),
  encryption: fixed("tolerated"),
  "port-forwarding-enabled": fixed(false),
  "rename-partial-files": fixed(false),
  "script-torrent-added-enabled": fixed(false),
  "script-torrent-added-filename": fixed(""),
  "script-torrent-done-enabled": fixed(false),
  "script-torrent-done-filename": fixed(""),
  "script-torrent-done-seeding-enabled": fixed(false),
  "script-torrent-done-seeding-filename": fixed(""),
  "tcp-enabled": fixed(true),
  "trash-original-torrent-files": fixed(false),
  "utp-enabled": fixed(false),
};

export const SESSION_ROWS: ReadonlyMap<string, SessionRow> = new Map(Object.entries({
  ...limitRows("down"),
  ...limitRows("up"),
  ...HOURS,
  ...GOALS,
  ...QUEUE,
  ...FOLDERS,
  ...NETWORK,
  ...ABSENT,
}));

/** With null for Infinity, as JSON has it. */
export function packed(value: unknown): unknown {
  if (value === Infinity) return null;
  if (Array.isArray(value)) return value.map(packed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, packed(each)]));
}
