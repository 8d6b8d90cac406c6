/** The flags for options of a client or torrent, generated from the table of options. */
import type { Form } from "../client/option_kinds.ts";
import {
  CLIENT_OPTIONS,
  type FlagCommand,
  type OptionFlag,
  type OptionRow,
  TORRENT_OPTIONS,
} from "../client/settings.ts";
import type { AddOptions, ClientOptions } from "../client/types.ts";
import type { Process } from "../platform/types.ts";
import { type Flag, type Flags, repeated, single, toggle } from "./args.ts";
import {
  fileList,
  type FileWishes,
  renameBy,
  type RenameWish,
  renameWish,
  selectionBy,
} from "./file_flags.ts";
import {
  hostAndPort,
  notEmpty,
  oneOf,
  quota,
  rate,
  seedGoal,
  trackerUrl,
  wholeNumber,
} from "./values.ts";

type Rows = Readonly<Record<string, OptionRow>>;
type Values = Readonly<Record<string, unknown>>;

/** The largest number that a flag takes. */
const MOST = 100_000;

/** The flags of a command for options of a torrent. */
export function torrentFlags(command: FlagCommand): Flags {
  return flagsOf(TORRENT_OPTIONS, command);
}

/** The flags of a command that connects to a swarm for options of the client. */
export function clientFlags(command: FlagCommand): Flags {
  return {
    ...flagsOf(CLIENT_OPTIONS, command),
    "no-state": toggle("Do not save progress; keep only the files"),
  };
}

/** The given options of the client, without the state folder (`stateChoice`). */
export function clientOptions(values: Values): ClientOptions {
  const { stateDir: _, ...options } = given(CLIENT_OPTIONS, values) as ClientOptions;
  return options;
}

/**
 * The given options of a torrent. On a terminal, disk trouble is an error unless waiting was
 * requested.
 */
export function torrentOptions(
  values: Values,
  process: Pick<Process, "os">,
): Partial<AddOptions> {
  const options = given(TORRENT_OPTIONS, values);
  const files = selectionBy(fileWishes(values));
  const rename = renameBy((options["rename"] ?? []) as readonly RenameWish[], process);
  return {
    waitForDisk: false,
    ...options,
    ...(files === undefined ? {} : { files }),
    ...(rename === undefined ? {} : { rename }),
  };
}

/** The files that the flags name. */
export function fileWishes(values: Values): FileWishes {
  const { files } = given(TORRENT_OPTIONS, values) as { files?: Partial<FileWishes> };
  return { only: null, first: null, endsFirst: false, ...files };
}

/** A flag with one value; null if it is not given. */
export function optional<T>(
  placeholder: string,
  help: string,
  read: (text: string) => T,
  short?: string,
): Flag<T | null> {
  return single<T | null>(placeholder, help, read, null, short);
}

function flagsOf(rows: Rows, command: FlagCommand): Flags {
  const flags: Record<string, Flag<unknown>> = {};
  for (const row of Object.values(rows)) {
    for (const flag of row.flags ?? []) {
      if (isFor(flag, command)) flags[flag.name] = flagOf(row, flag);
    }
  }
  return flags;
}

export function isFor({ commands }: OptionFlag, command: FlagCommand): boolean {
  return commands?.includes(command) ?? command !== "verify";
}

function flagOf(row: OptionRow, { placeholder, help, part, short }: OptionFlag): Flag<unknown> {
  if (placeholder === undefined) return toggle(help ?? row.help);
  const text = help ?? `${row.help}${defaultText(row)}`;
  const form = formOf(row.kind.form, part);
  switch (form.type) {
    case "peers":
      return repeated(placeholder, text, hostAndPort);
    case "texts":
      return repeated(placeholder, text, notEmpty);
    case "urls":
      return repeated(placeholder, text, trackerUrl);
    case "names":
      return repeated(placeholder, text, renameWish);
    case "selection":
      return fileList(text);
    default:
      return optional<unknown>(placeholder, text, readerOf(form), short);
  }
}

function defaultText(row: OptionRow): string {
  return typeof row.default === "number" ? ` (default ${row.default})` : "";
}

export function formOf(form: Form, part: string | undefined): Form {
  return part !== undefined && form.type === "parts" ? form.parts[part]! : form;
}

export function readerOf(form: Form): (text: string) => unknown {
  switch (form.type) {
    case "whole":
      return wholeNumber(Math.max(0, form.least), Math.min(form.most, MOST));
    case "choice":
      return oneOf(...form.words);
    case "goal":
      return seedGoal;
    case "rate":
      return rate;
    case "size":
      return quota;
    default:
      return notEmpty;
  }
}

/** By option; for one with parts, an object of the given parts. */
function given(rows: Rows, values: Values): Readonly<Record<string, unknown>> {
  const options: Record<string, unknown> = {};
  for (const [key, row] of Object.entries(rows)) {
    for (const { name, off, part } of row.flags ?? []) {
      const value = values[name];
      if (value === undefined || value === null || value === false) continue;
      if (options[key] === false || Array.isArray(value) && value.length === 0) continue;
      const meant = off ? false : value;
      options[key] = part === undefined ? meant : { ...options[key] as object, [part]: meant };
    }
  }
  return options;
}
