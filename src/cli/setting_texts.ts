/**
 * The settings of a daemon as text: each has a flag, a variable of the environment named after the
 * flag (--up-limit, SHOAL_UP_LIMIT), and a name that `shoal config set` takes.
 */
import type { Form } from "../client/option_kinds.ts";
import type { OptionFlag, OptionRow } from "../client/settings.ts";
import { settingOf, type Values } from "../daemon/config_file.ts";
import { isOfTorrents, SETTING_ROWS, type SettingRow } from "../daemon/setting_rows.ts";
import type { Files, Process } from "../platform/types.ts";
import { nearest } from "../util/nearest.ts";
import { type Flag, type Flags, repeated, single, toggle } from "./args.ts";
import { UsageError } from "./errors.ts";
import { formOf, isFor, readerOf } from "./option_flags.ts";
import { hostAndPort, notEmpty, trackerUrl } from "./values.ts";

/** A setting, or one part of it. */
export interface SettingText {
  /** Of the flag, without dashes. */
  readonly flag: string;
  readonly help: string;
  readonly setting: SettingRow;
  readonly part: string | undefined;
  /** The flag turns it off. */
  readonly off: boolean;
  readonly form: Form;
  readonly placeholder: string | null;
  readonly short: string | undefined;
}

/** Has a flag of its own on the command line, since it says where the rest is. */
const STATE_DIR = "stateDir";

/** One for each flag. */
export const SETTING_TEXTS: readonly SettingText[] = SETTING_ROWS.flatMap(textsOf);

export function variableOf({ flag }: Pick<SettingText, "flag">): string {
  return `SHOAL_${flag.toUpperCase().replaceAll("-", "_")}`;
}

/** The flags of `shoal daemon` for its settings. */
export function settingFlags(): Flags {
  return Object.fromEntries(SETTING_TEXTS.map((text) => [text.flag, flagOf(text)]));
}

/** The settings among the values of flags. Throws a UsageError. */
export function settingsInFlags(values: Values, files: Pick<Files, "absolute">): Values {
  const given = SETTING_TEXTS.flatMap((text) => {
    const value = values[text.flag];
    if (value === undefined || value === null || value === false) return [];
    if (Array.isArray(value) && value.length === 0) return [];
    return [[text, text.off ? false : value, `--${text.flag}`] as const];
  });
  return merged(given, files);
}

/** The settings in the environment. Throws a UsageError that names the variable. */
export function settingsInEnvironment(
  { process, files }: { process: Pick<Process, "variables">; files: Pick<Files, "absolute"> },
): Values {
  const variables = process.variables("SHOAL_");
  const given = SETTING_TEXTS.flatMap((text) => {
    const name = variableOf(text), value = variables[name];
    if (value === undefined || value === "" && text.form.type !== "text") return [];
    return [[text, naming(name, () => parsed(text, value)), name] as const];
  });
  return merged(given, files);
}

/** By the name of the setting or of its flag, as "limits.up" or "up-limit". Throws a UsageError. */
export function textNamed(name: string): SettingText {
  const found = SETTING_TEXTS.find((text) => nameOf(text) === name) ??
    SETTING_TEXTS.find((text) => text.flag === name);
  if (found !== undefined) return found;
  const meant = nearest(name, [...SETTING_TEXTS.map(nameOf), ...SETTING_TEXTS.map((t) => t.flag)]);
  throw new UsageError(
    `There is no setting ${name}${
      meant === null ? "; shoal config lists all" : `: did you mean ${meant}?`
    }`,
  );
}

/** The name of the setting, with its part. */
export function nameOf({ setting, part }: SettingText): string {
  return part === undefined ? setting.name : `${setting.name}.${part}`;
}

/** One setting from its text, as JSON has it, without the other parts. Throws a UsageError. */
export function plainFrom(
  text: SettingText,
  value: string,
  files: Pick<Files, "absolute">,
): unknown {
  const { setting: { row, name }, part } = text;
  const read = naming(name, () => parsed(text, value));
  const whole = part === undefined ? read : { [part]: read };
  const plain = naming(name, () => {
    row.kind.check(whole, name);
    return row.kind.pack(whole as never, (path) => files.absolute(path));
  });
  return part === undefined ? plain : (plain as Record<string, unknown>)[part];
}

function textsOf(setting: SettingRow): SettingText[] {
  const { row } = setting;
  if (setting.name === STATE_DIR) return [];
  const own = ownFlags(row);
  if (own.length > 0) return own.map((flag) => textOf(setting, flag));
  const prefix = isOfTorrents(setting) ? "torrent-" : "";
  const flag = prefix + kebab(setting.path.at(-1)!);
  return [textOf(setting, { name: flag, placeholder: "VALUE", help: row.help })];
}

/** A flag that two commands explain differently counts once. */
function ownFlags(row: OptionRow): readonly OptionFlag[] {
  const swarming = (row.flags ?? []).filter((flag) => {
    return isFor(flag, "download") || isFor(flag, "seed");
  });
  return swarming.filter((flag, at) => {
    return swarming.findIndex(({ name }) => name === flag.name) === at;
  });
}

function textOf(setting: SettingRow, flag: OptionFlag): SettingText {
  const { row } = setting, { name, part, short, off = false } = flag;
  const isSwitch = flag.placeholder === undefined;
  return {
    flag: name,
    help: isOfTorrents(setting) ? `For new torrents: ${row.help}` : flag.help ?? row.help,
    setting,
    part,
    off,
    form: formOf(row.kind.form, part),
    placeholder: isSwitch ? null : flag.placeholder!,
    short,
  };
}

function flagOf(text: SettingText): Flag<unknown> {
  const { placeholder, help, form, short } = text;
  if (placeholder === null) return toggle(help);
  const item = itemReader(form);
  if (item !== null) return repeated(placeholder, help, item);
  return single<unknown>(placeholder, help, (value) => parsed(text, value), null, short);
}

/** Of a list of texts. */
function itemReader({ type }: Form): ((text: string) => string) | null {
  switch (type) {
    case "peers":
      return hostAndPort;
    case "texts":
      return notEmpty;
    case "urls":
      return trackerUrl;
    default:
      return null;
  }
}

/** The value as the program uses it. Throws a UsageError or a RangeError. */
function parsed({ form, off, placeholder, setting }: SettingText, text: string): unknown {
  const item = itemReader(form);
  if (item !== null) return text.split(/[\s,]+/).filter((each) => each !== "").map(item);
  if (form.type === "switch" || placeholder === null) return switched(text) !== off;
  switch (form.type) {
    case "text":
      return text;
    case "other":
    case "parts":
      return settingOf(setting.row, fromJson(text), setting.name);
    default:
      return readerOf(form)(text);
  }
}

function switched(text: string): boolean {
  const word = text.toLowerCase();
  if (["1", "true", "yes", "on"].includes(word)) return true;
  if (["0", "false", "no", "off"].includes(word)) return false;
  throw new UsageError(`"${text}" is neither true nor false`);
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new UsageError(`"${text}" is not JSON`, { cause });
  }
}

type Given = readonly [text: SettingText, value: unknown, where: string];

/** By setting; for one with parts, an object of the given ones. Paths become absolute. */
function merged(given: readonly Given[], files: Pick<Files, "absolute">): Values {
  const values: Record<string, unknown> = {};
  for (const [{ setting: { name, row }, part }, value, where] of given) {
    if (values[name] === false) continue;
    const whole = part === undefined ? value : { ...values[name] as object, [part]: value };
    values[name] = naming(where, () => {
      row.kind.check(whole, name);
      return row.kind.unpack(row.kind.pack(whole as never, (path) => files.absolute(path)));
    });
  }
  return values;
}

/** Errors of users get the name of what they wrote. */
function naming<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof RangeError || cause instanceof UsageError)) throw cause;
    throw new UsageError(`${where}: ${cause.message}`, { cause });
  }
}

/** "maxOpenFiles" -> "max-open-files". */
function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
