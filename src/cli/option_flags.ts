/** The flags that give an option of the client as it is: from the table of options, and back to options. */
import type { Form } from "../client/option_kinds.ts";
import {
  CLIENT_OPTIONS,
  type OptionFlag,
  type OptionRow,
  TORRENT_OPTIONS,
} from "../client/settings.ts";
import {
  type AddOptions,
  type ClientOptions,
  DHT_BOOTSTRAP,
  type QuotaOptions,
} from "../client/types.ts";
import { type Flag, type Flags, repeated, single, toggle, type ValuesOf } from "./args.ts";
import { hostAndPort, notEmpty, oneOf, quota, rate, seedGoal, wholeNumber } from "./values.ts";
import { UsageError } from "./errors.ts";
import type { ReportMode } from "./render/choose_reporter.ts";

type Rows = Readonly<Record<string, OptionRow>>;
type Command = NonNullable<OptionFlag["command"]>;

/** More of anything that is counted nobody means. */
const MOST = 100_000;

/** The flags for options of a torrent that a command has; null: only those that all have. */
export function torrentFlags(command: Command | null): Flags {
  return flagsOf(TORRENT_OPTIONS, command);
}

function clientFlags(): Flags {
  return flagsOf(CLIENT_OPTIONS, null);
}

/** What was given for a torrent; what was not stays the client's choice. */
function givenToTorrent(values: Readonly<Record<string, unknown>>): Partial<AddOptions> {
  return given(TORRENT_OPTIONS, values);
}

function givenToClient(values: Readonly<Record<string, unknown>>): ClientOptions {
  return given(CLIENT_OPTIONS, values);
}

function flagsOf(rows: Rows, command: Command | null): Flags {
  const flags: Record<string, Flag<unknown>> = {};
  for (const row of Object.values(rows)) {
    for (const flag of row.flags ?? []) {
      if (flag.command !== undefined && flag.command !== command) continue;
      flags[flag.name] = flagOf(row, flag);
    }
  }
  return flags;
}

function flagOf(row: OptionRow, { placeholder, help, part }: OptionFlag): Flag<unknown> {
  if (placeholder === undefined) return toggle(help ?? row.help);
  const form = formOf(row.kind.form, part), text = help ?? `${row.help}${defaultText(row)}`;
  if (form.type === "peers") return repeated(placeholder, text, hostAndPort);
  if (form.type === "texts") return repeated(placeholder, text, notEmpty);
  return single<unknown>(placeholder, text, readerOf(form), null);
}

function defaultText(row: OptionRow): string {
  return typeof row.default === "number" ? ` (default ${row.default})` : "";
}

function formOf(form: Form, part: string | undefined): Form {
  return part !== undefined && form.type === "parts" ? form.parts[part]! : form;
}

function readerOf(form: Form): (text: string) => unknown {
  switch (form.type) {
    case "whole":
      return wholeNumber(Math.max(0, form.least), Math.min(form.most, MOST));
    case "choice":
      return oneOf(...form.words);
    case "goal":
      return seedGoal;
    case "rate":
      return rate;
    default:
      return notEmpty;
  }
}

function given(rows: Rows, values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const [key, row] of Object.entries(rows)) {
    for (const { name, off, part } of row.flags ?? []) {
      const value = values[name];
      if (value === undefined || value === null || value === false) continue;
      if (Array.isArray(value) && value.length === 0) continue;
      const meant = off ? false : value;
      options[key] = part === undefined ? meant : { ...options[key] as object, [part]: meant };
    }
  }
  return options;
}

/** Null when it is not given, so that it stays the client's choice. */
export function optional<T>(
  placeholder: string,
  help: string,
  read: (text: string) => T,
  short?: string,
) {
  return single<T | null>(placeholder, help, read, null, short);
}

export const SWARM_FLAGS = {
  ...clientFlags(),
  "dht-bootstrap": repeated(
    "HOST:PORT",
    "DHT node to start from, instead of the usual ones; may be repeated",
    hostAndPort,
  ),
  "no-dht": toggle("Turn off the distributed hash table (DHT, BEP 5)"),
  "state-dir": optional(
    "DIR",
    "Folder for resume data (default: ~/.local/state/shoal)",
    notEmpty,
  ),
  "no-state": toggle("Do not save progress; keep only the files"),
  "down-quota": optional(
    "SIZE",
    "Most bytes to download in a --quota-period, like 50G or 1T",
    quota,
  ),
  "up-quota": optional("SIZE", "Most bytes to upload in a --quota-period", quota),
  "quota-period": single<"day" | "month">(
    "day|month",
    "Period of the quotas, by UTC (default month)",
    oneOf("day", "month"),
    "month",
  ),
} satisfies Flags;

/** How a command talks; `shoal create` has them as well. */
export const REPORT_FLAGS = {
  json: toggle("Print one JSON object per line and event (see shoal help json)"),
  quiet: toggle("Print nothing but errors", "q"),
} satisfies Flags;

type SwarmValues = ValuesOf<typeof SWARM_FLAGS>;

/** Without what was not given; the state folder is another matter (`stateChoice`). */
export function clientOptions(values: SwarmValues): ClientOptions {
  const options: ClientOptions = { lsd: true, ...givenToClient(values) };
  const quota: QuotaOptions = { period: values["quota-period"] };
  if (values["down-quota"] !== null) quota.down = values["down-quota"];
  if (values["up-quota"] !== null) quota.up = values["up-quota"];
  if (quota.down !== undefined || quota.up !== undefined) options.quota = quota;
  const named = values["dht-bootstrap"];
  if (!values["no-dht"]) options.dht = { bootstrap: named.length > 0 ? named : DHT_BOOTSTRAP };
  return options;
}

/** A person at a terminal is told of a disk in trouble, unless waiting was asked for. */
export function swarmOptions(values: SwarmValues): Partial<AddOptions> {
  return { waitForDisk: false, ...givenToTorrent(values) };
}

export function reportMode({ json, quiet }: ValuesOf<typeof REPORT_FLAGS>): ReportMode {
  if (json && quiet) throw new UsageError("--json and --quiet exclude each other");
  return json ? "json" : quiet ? "quiet" : "auto";
}
