/** Where config.jsonc is, and what it says for each command. */
import type { FlagCommand, OptionRow } from "../client/settings.ts";
import { CLIENT_OPTIONS, TORRENT_OPTIONS } from "../client/settings.ts";
import type { AddOptions, ClientOptions } from "../client/types.ts";
import type { Values } from "../daemon/config_file.ts";
import { FileSettings } from "../daemon/settings.ts";
import type { Platform, Process } from "../platform/types.ts";
import { FileError } from "../util/errors.ts";
import { isFor, optional } from "./option_flags.ts";
import { settingsInEnvironment } from "./setting_texts.ts";
import { notEmpty } from "./values.ts";

export const CONFIG_FLAG = optional(
  "FILE",
  "Configuration file (default: ~/.config/shoal/config.jsonc)",
  notEmpty,
);

/** The file that the user named, or the usual one; null if the environment names no place. */
export function configPath(named: unknown, process: Pick<Process, "env" | "os">): string | null {
  if (typeof named === "string") return named;
  const given = process.env("SHOAL_CONFIG");
  if (given) return given;
  const { os } = process, home = process.env("HOME");
  const base = process.env("XDG_CONFIG_HOME") ||
    (os === "windows"
      ? process.env("APPDATA")
      : home && `${home}/${os === "darwin" ? MAC : ".config"}`);
  return base ? `${base}/shoal/config.jsonc` : null;
}

const MAC = "Library/Application Support";

/**
 * The settings of a daemon with these flags. Rejects with a ConfigError, a UsageError or a FileError,
 * also if there is no file of the name that the user gave.
 */
export async function openSettings(
  platform: Platform,
  named: unknown,
  flags: Values = {},
): Promise<FileSettings> {
  const { files, process } = platform, path = configPath(named, process);
  if (typeof named === "string" && files.stat(named) === null) {
    throw new FileError("not-found", named, `There is no configuration file ${named}`);
  }
  const environment = settingsInEnvironment(platform);
  return await FileSettings.open(files, path && files.absolute(path), { environment, flags });
}

/** What config.jsonc and the environment say for a command. */
export interface Configured {
  readonly client: ClientOptions;
  readonly torrent: Partial<AddOptions>;
  /** Null: the usual one. */
  readonly stateDir: string | null;
}

/** Options of which the command has a flag. Rejects as `openSettings`. */
export async function configured(platform: Platform, command: FlagCommand): Promise<Configured> {
  const settings = await openSettings(platform, undefined).catch((error: unknown) => {
    // Deno's sandbox: the usual file may not be read.
    const isDenied = error instanceof FileError && error.code === "permission";
    if (isDenied && !platform.process.env("SHOAL_CONFIG")) return null;
    throw error;
  });
  if (settings === null) return { client: {}, torrent: {}, stateDir: null };
  const set = new Set(settings.list().filter(({ source }) => source !== "default").map(nameOf));
  const { present } = settings;
  return {
    client: given(CLIENT_OPTIONS, { ...present }, command, (name) => set.has(name)),
    torrent: given(TORRENT_OPTIONS, { ...present.torrents }, command, (name) => {
      return set.has(`torrents.${name}`);
    }),
    stateDir: present.stateDir ?? null,
  };
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}

function given(
  rows: Readonly<Record<string, OptionRow>>,
  values: Readonly<Record<string, unknown>>,
  command: FlagCommand,
  isSet: (name: string) => boolean,
): Record<string, unknown> {
  const names = Object.keys(rows).filter((name) => {
    const isItsOwn = rows[name]!.flags?.some((flag) => isFor(flag, command)) ?? false;
    return name !== "stateDir" && isItsOwn && isSet(name);
  });
  return Object.fromEntries(names.map((name) => [name, values[name]]));
}

/** What the flags say, over what is configured; each part of an option by itself. */
export function overConfigured<T extends object>(configured: Partial<T>, flags: T): T {
  const merged = { ...configured } as Record<string, unknown>;
  for (const [name, value] of Object.entries(flags)) {
    const below = merged[name];
    merged[name] = isParts(below) && isParts(value) ? { ...below, ...value } : value;
  }
  return merged as T;
}

function isParts(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !Object.hasOwn(value, "kind");
}
