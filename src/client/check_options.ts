/**
 * What a program hands us is checked before anything is made of it: one rule for each option, by its
 * path. What is left out takes its default and is never wrong.
 */
import type { Rates } from "../torrent/rate_limits.ts";
import type { AddOptions, ClientOptions, SeedGoal } from "./types.ts";

interface Rule {
  /** What is allowed, after "must be". */
  readonly allowed: string;
  fits(value: unknown): boolean;
}
type Rules = Readonly<Record<string, Rule>>;

const isNumber = (value: unknown): value is number =>
  typeof value === "number" && !Number.isNaN(value);

function whole(least: number, most = Number.MAX_SAFE_INTEGER): Rule {
  return {
    allowed: most === Number.MAX_SAFE_INTEGER
      ? `a whole number from ${least}`
      : `a whole number from ${least} to ${most}`,
    fits: (value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
  };
}

function oneOf(...words: string[]): Rule {
  const quoted = words.map((word) => `"${word}"`).join(" or ");
  return { allowed: quoted, fits: (value) => words.includes(value as string) };
}

const PIECES: Rule = {
  allowed: "a whole number from 1, or Infinity",
  fits: (value) => value === Infinity || whole(1).fits(value),
};
const RATE: Rule = {
  allowed: "bytes a second from 0, or Infinity for no limit",
  fits: (value) => isNumber(value) && value >= 0,
};
const BYTES: Rule = {
  allowed: "bytes from 0, or Infinity for no limit",
  fits: (value) => isNumber(value) && value >= 0,
};
const AMOUNT: Rule = {
  allowed: "a number from 0",
  fits: (value) => isNumber(value) && value >= 0 && value !== Infinity,
};
const SWITCH: Rule = { allowed: "true or false", fits: (value) => typeof value === "boolean" };
const TEXT: Rule = { allowed: "a text", fits: (value) => typeof value === "string" };

const RATES: Rules = { down: RATE, up: RATE };

const CLIENT_RULES: Rules = {
  port: whole(-1, 65_535),
  address: TEXT,
  maxOpenFiles: whole(1),
  pieceBudgetBytes: BYTES,
  readCacheBytes: BYTES,
  ...below("limits", RATES),
  stateDir: TEXT,
  saveEveryMs: AMOUNT,
  lsd: SWITCH,
  maxConnections: whole(1),
  "quota.down": BYTES,
  "quota.up": BYTES,
};

const ADD_RULES: Rules = {
  dir: TEXT,
  pex: SWITCH,
  metadataOnly: SWITCH,
  incompleteDir: TEXT,
  maxPeers: whole(1),
  uploadSlots: whole(0),
  superSeed: SWITCH,
  piecesPerPeer: PIECES,
  sequential: SWITCH,
  preallocate: SWITCH,
  finalCheck: oneOf("changed", "full"),
  trustFiles: SWITCH,
  seedOnly: SWITCH,
  followLinks: SWITCH,
  waitForDisk: SWITCH,
  anew: SWITCH,
  overwrite: SWITCH,
  repair: SWITCH,
  ...below("limits", RATES),
  ...below("peerLimits", RATES),
};

/** What each kind of goal goes by. */
const GOAL_RULES: Readonly<Record<SeedGoal["kind"], Rules>> = {
  none: {},
  forever: {},
  ratio: { "seedGoal.ratio": AMOUNT },
  time: { "seedGoal.seconds": AMOUNT },
  idle: { "seedGoal.seconds": AMOUNT },
};

/** Throws a RangeError that names the option, its value and what is allowed. */
export function checkClientOptions(options: ClientOptions): void {
  checkAll(CLIENT_RULES, options);
  // Without its period a quota, without its kind a goal, would be none at all.
  if (options.quota) check("quota.period", oneOf("day", "month"), options.quota.period);
}

/** Throws a RangeError that names the option, its value and what is allowed. */
export function checkAddOptions(options: AddOptions): void {
  checkAll(ADD_RULES, options);
  if (options.seedGoal === undefined) return;
  const { kind } = options.seedGoal;
  check("seedGoal.kind", oneOf(...Object.keys(GOAL_RULES)), kind);
  for (const [path, rule] of Object.entries(GOAL_RULES[kind])) {
    check(path, rule, valueAt(options, path));
  }
}

/** `option`: what they are the rates of, for the RangeError. */
export function checkRates(option: string, rates: Partial<Rates>): void {
  checkAll(below(option, RATES), { [option]: rates });
}

function checkAll(rules: Rules, options: object): void {
  for (const [path, rule] of Object.entries(rules)) {
    const value = valueAt(options, path);
    if (value !== undefined) check(path, rule, value);
  }
}

function check(path: string, rule: Rule, value: unknown): void {
  if (rule.fits(value)) return;
  const shown = typeof value === "string" ? JSON.stringify(value.slice(0, 100)) : String(value);
  throw new RangeError(`The option ${path} is ${shown}: it must be ${rule.allowed}`);
}

/** "a.b" is the `b` of `a`; undefined where there is none. */
function valueAt(options: object, path: string): unknown {
  return path.split(".").reduce<unknown>(
    (value, key) => (value as Record<string, unknown> | null | undefined)?.[key],
    options,
  );
}

function below(option: string, rules: Rules): Rules {
  return Object.fromEntries(
    Object.entries(rules).map(([key, rule]) => [`${option}.${key}`, rule]),
  );
}
