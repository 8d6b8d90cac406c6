/**
 * Turns arguments into typed values by a table of flags. Strict: an unknown flag is an error with a
 * hint. Flags may be anywhere; `--` ends them.
 */
import { UsageError } from "./errors.ts";
import { nearest } from "../util/nearest.ts";

export interface Flag<T> {
  /** A single letter for the flag, without its dash. */
  readonly short?: string;
  /** The value's name in the help; null for a switch, which takes no value. */
  readonly placeholder: string | null;
  readonly help: string;
  readonly initial: T;
  /** The new value after the flag was given with `text`; throws UsageError. */
  accept(text: string, before: T): T;
}

export type Flags = Readonly<Record<string, Flag<unknown>>>;

export type ValuesOf<F extends Flags> = {
  [Name in keyof F]: F[Name] extends Flag<infer T> ? T : never;
};

interface ParsedArgs<F extends Flags> {
  values: ValuesOf<F>;
  operands: string[];
}

/** A flag without a value. */
export function toggle(help: string, short?: string): Flag<boolean> {
  return { placeholder: null, help, initial: false, accept: () => true, ...(short && { short }) };
}

/** A flag with one value; given twice, the last one counts. `read` throws UsageError. */
export function single<T>(
  placeholder: string,
  help: string,
  read: (text: string) => T,
  initial: T,
  short?: string,
): Flag<T> {
  return { placeholder, help, initial, accept: (text) => read(text), ...(short && { short }) };
}

/** A flag that may be given several times. */
export function repeated<T>(
  placeholder: string,
  help: string,
  read: (text: string) => T,
): Flag<readonly T[]> {
  return { placeholder, help, initial: [], accept: (text, before) => [...before, read(text)] };
}

/** Throws UsageError, with the flag's name in its message. */
export function parseArgs<F extends Flags>(flags: F, args: readonly string[]): ParsedArgs<F> {
  const values = new Map<string, unknown>();
  for (const [name, flag] of Object.entries(flags)) values.set(name, flag.initial);
  const operands: string[] = [];
  for (let i = 0; i < args.length; i++) {
    const arg = args[i]!;
    if (arg === "--") {
      operands.push(...args.slice(i + 1));
      break;
    }
    if (!arg.startsWith("-") || arg === "-") {
      operands.push(arg);
      continue;
    }
    const { name, shown, attached } = splitFlag(flags, arg);
    const flag = flags[name]!;
    let text = attached;
    if (flag.placeholder === null) {
      if (text !== null) throw new UsageError(`${shown} takes no value, but got "${text}"`);
    } else if (text === null) {
      text = args[++i] ?? null;
      rejectMissing(shown, flag.placeholder, text);
    }
    values.set(name, accept(flag, shown, text ?? "", values.get(name)));
  }
  return { values: Object.fromEntries(values) as ValuesOf<F>, operands };
}

/** `--name`, `--name=value`, `-n`, `-nvalue` and `-n=value`. */
function splitFlag(flags: Flags, arg: string) {
  if (arg.startsWith("--")) {
    const equals = arg.indexOf("=");
    const shown = equals < 0 ? arg : arg.slice(0, equals);
    const name = shown.slice(2);
    if (!Object.hasOwn(flags, name)) throw unknownFlag(flags, shown);
    return { name, shown, attached: equals < 0 ? null : arg.slice(equals + 1) };
  }
  const shown = arg.slice(0, 2);
  const found = Object.entries(flags).find(([, flag]) => flag.short === shown.slice(1));
  if (found === undefined) throw unknownFlag(flags, arg);
  const rest = arg.slice(2);
  const attached = rest === "" ? null : rest.startsWith("=") ? rest.slice(1) : rest;
  return { name: found[0], shown, attached };
}

function rejectMissing(shown: string, placeholder: string, text: string | null): void {
  if (text === null) throw new UsageError(`${shown} needs a value: ${shown} ${placeholder}`);
  if (text.startsWith("--")) {
    throw new UsageError(
      `${shown} needs a value before ${text} (a value that starts with dashes: ${shown}=${text})`,
    );
  }
}

function accept(flag: Flag<unknown>, shown: string, text: string, before: unknown): unknown {
  try {
    return flag.accept(text, before);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`${shown}: ${error.message}`, { cause: error });
  }
}

function unknownFlag(flags: Flags, shown: string): UsageError {
  const known = Object.keys(flags).map((name) => `--${name}`);
  const meant = nearest(shown.replace(/^-(?!-)/, "--"), known);
  const hint = meant === null ? "" : ` (did you mean ${meant}?)`;
  return new UsageError(`Unknown flag ${shown}${hint}`);
}
