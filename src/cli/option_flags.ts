/** The flags that give an option of the client as it is: from the table of options, and back to options. */
import type { Form } from "../client/option_kinds.ts";
import {
  CLIENT_OPTIONS,
  type OptionFlag,
  type OptionRow,
  TORRENT_OPTIONS,
} from "../client/settings.ts";
import type { AddOptions, ClientOptions } from "../client/types.ts";
import { type Flag, type Flags, repeated, single, toggle } from "./args.ts";
import { hostAndPort, notEmpty, oneOf, rate, seedGoal, wholeNumber } from "./values.ts";

type Rows = Readonly<Record<string, OptionRow>>;
type Command = NonNullable<OptionFlag["command"]>;

/** More of anything that is counted nobody means. */
const MOST = 100_000;

/** The flags for options of a torrent that a command has; null: only those that all have. */
export function torrentFlags(command: Command | null): Flags {
  return flagsOf(TORRENT_OPTIONS, command);
}

export function clientFlags(): Flags {
  return flagsOf(CLIENT_OPTIONS, null);
}

/** What was given for a torrent; what was not stays the client's choice. */
export function givenToTorrent(values: Readonly<Record<string, unknown>>): Partial<AddOptions> {
  return given(TORRENT_OPTIONS, values);
}

export function givenToClient(values: Readonly<Record<string, unknown>>): ClientOptions {
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
