/** All settings of a daemon by their names, as config.jsonc has them. */
import { CLIENT_OPTIONS, type OptionRow, TORRENT_OPTIONS } from "../client/settings.ts";
import type { AddOptions, ClientOptions } from "../client/types.ts";
import { DAEMON_OPTIONS, type DaemonOptions } from "./options.ts";

/** Defaults of new torrents. */
export type TorrentDefaults = Partial<AddOptions>;

export interface DaemonSettings extends ClientOptions, DaemonOptions {
  readonly torrents: TorrentDefaults;
}

export interface SettingRow {
  /** As "limits" or "torrents.dir". */
  readonly name: string;
  /** Where config.jsonc has it. */
  readonly path: readonly string[];
  readonly row: OptionRow;
}

type Rows = Readonly<Record<string, OptionRow>>;

/** About one torrent or one run, so no default of others. */
const OF_ONE_TORRENT = new Set([
  "files",
  "rename",
  "reuse",
  "peers",
  "trackers",
  "superSeed",
  "seedOnly",
  "followLinks",
]);

/** Unlike a command, a daemon has nothing to end for: it seeds until somebody stops it. */
const SEED_GOAL: OptionRow = { ...TORRENT_OPTIONS.seedGoal, default: { kind: "forever" } };

/** The options of new torrents that config.jsonc can give a default. */
export const TORRENT_DEFAULTS: Rows = {
  ...Object.fromEntries(
    Object.entries<OptionRow>(TORRENT_OPTIONS).filter(([name, { kept }]) =>
      kept && !OF_ONE_TORRENT.has(name)
    ),
  ),
  seedGoal: SEED_GOAL,
};

export const SETTING_ROWS: readonly SettingRow[] = [
  ...Object.entries<OptionRow>(CLIENT_OPTIONS).map(([name, row]) => ({ name, path: [name], row })),
  ...Object.entries<OptionRow>(DAEMON_OPTIONS).map(([name, row]) => ({ name, path: [name], row })),
  ...Object.entries(TORRENT_DEFAULTS).map(([name, row]) => ({
    name: `torrents.${name}`,
    path: ["torrents", name],
    row,
  })),
];

/** Undefined if there is none of this name. */
export function rowOf(name: string): SettingRow | undefined {
  return SETTING_ROWS.find((row) => row.name === name);
}

/** Whether it is one of several values, each of which can come from another source. */
export function hasParts({ kind: { form } }: OptionRow): boolean {
  return form.type === "parts";
}

/** A default of new torrents, which applies from the next one on. */
export function isOfTorrents({ path: [first] }: SettingRow): boolean {
  return first === "torrents";
}
