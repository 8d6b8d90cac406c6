/** The kinds of the options that are about many torrents: labels, the queue, weekly hours. */
import {
  BYTES,
  FOLDER,
  GOAL,
  isPlain,
  type Kind,
  listOf,
  oneOf,
  plain,
  plainOf,
  RATES,
  refused,
  shape,
  SWITCH,
  wholeOrInfinity,
} from "./option_kinds.ts";
import type {
  AlternativeLimits,
  AtGoal,
  LabelSettings,
  QueueLimits,
  WeeklyWindow,
} from "./types.ts";

/** The most labels of a torrent, and the most patterns. */
const MAX_TEXTS = 1000;

const LABEL = plain<string>(
  "a label of 1 to 100 characters",
  (value) => typeof value === "string" && value.trim() !== "" && value.length <= 100,
);
export const LABEL_LIST = listOf(LABEL, "a list of labels", { type: "texts" }, MAX_TEXTS);

const PATTERN = plain<string>(
  "a pattern of up to 1000 characters",
  (value) => typeof value === "string" && value !== "" && value.length <= 1000,
);
export const PATTERNS = listOf(PATTERN, "a list of patterns", { type: "texts" }, MAX_TEXTS);

export const AT_GOAL: Kind<AtGoal> = oneOf("stop", "remove", "remove-data", "super-seed");

export const QUEUE: Kind<Partial<QueueLimits>> = shape<Partial<QueueLimits>>({
  downloads: wholeOrInfinity(0),
  seeds: wholeOrInfinity(0),
  stalledSeconds: wholeOrInfinity(1),
});

const DAY = plain<number>(
  "a day from 0 (Sunday) to 6 (Saturday)",
  (value) => Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 6,
);
const TIME_OF_DAY = plain<string>(
  'a time such as "22:30"',
  (value) => typeof value === "string" && /^(([01]\d|2[0-3]):[0-5]\d|24:00)$/.test(value),
);
const WINDOW = shape<WeeklyWindow>(
  {
    days: listOf(DAY, "a list of days", { type: "other" }),
    from: TIME_OF_DAY,
    to: TIME_OF_DAY,
  },
  ["days", "from", "to"],
);
export const ALTERNATIVE: Kind<Partial<AlternativeLimits>> = shape<Partial<AlternativeLimits>>({
  limits: RATES,
  on: SWITCH,
  schedule: listOf(WINDOW, "a list of weekly windows", { type: "other" }),
});

const LABEL_SETTINGS = shape<LabelSettings>({
  dir: FOLDER,
  limits: RATES,
  seedGoal: GOAL,
  atGoal: AT_GOAL,
  skipFiles: PATTERNS,
});
export const LABELS: Kind<Readonly<Record<string, LabelSettings>>> = byName(
  LABEL,
  LABEL_SETTINGS,
  "an object from labels to their settings",
);

/** Bytes, with the form of a size. */
export const FREE_SPACE: Kind<number> = { ...BYTES, form: { type: "size" } };

/** An object with any keys of one kind, and values of another. */
function byName<T>(
  name: Kind<string>,
  item: Kind<T>,
  allowed: string,
): Kind<Readonly<Record<string, T>>> {
  return {
    allowed,
    form: { type: "other" },
    check(value, option) {
      if (!isPlain(value)) throw refused(option, value, allowed);
      for (const [key, one] of Object.entries(value)) {
        name.check(key, option);
        item.check(one, `${option}.${key}`);
      }
    },
    pack: (value, absolute) => mapped(value, (one) => item.pack(one, absolute)),
    unpack: (value) => mapped(plainOf(value), (one) => item.unpack(one)),
  };
}

function mapped<T, U>(from: Readonly<Record<string, T>>, change: (one: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(from).map(([key, one]) => [key, change(one)]));
}
