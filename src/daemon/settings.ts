/**
 * The settings of a daemon: what its command line, environment and config.jsonc say, in this order,
 * over the defaults. They are checked, listed with their sources, changed, and read again here.
 */
import type { Files } from "../platform/types.ts";
import { type Form, isPlain } from "../client/option_kinds.ts";
import { makeFolders } from "../client/state_dir.ts";
import { parentOf } from "../storage/safe_paths.ts";
import { nearest } from "../util/nearest.ts";
import {
  ConfigError,
  editConfig,
  MAX_CONFIG_BYTES,
  plainIn,
  readConfig,
  settingOf,
  type Values,
} from "./config_file.ts";
import {
  type DaemonSettings,
  hasParts,
  isOfTorrents,
  rowOf,
  SETTING_ROWS,
  type SettingRow,
} from "./setting_rows.ts";

export type { DaemonSettings, TorrentDefaults } from "./setting_rows.ts";

export type SettingSource = "default" | "file" | "environment" | "flag";

export interface SettingView {
  /** As "limits" or "torrents.dir". */
  readonly name: string;
  /** As JSON has it; undefined where nothing is set and there is no default. */
  readonly value: unknown;
  readonly source: SettingSource;
  readonly help: string;
  /** It applies at once; any other needs a restart. */
  readonly changeable: boolean;
  /** For those that show or parse it. */
  readonly form: Form;
}

/** By name, as JSON has the values; null where a row allows it, undefined for the default. */
export type SettingsPatch = Readonly<Record<string, unknown>>;

/** Told the names that changed. If it rejects, `update` undoes the change and rejects, too. */
export type SettingsListener = (names: readonly string[]) => void | Promise<void>;

export interface Settings {
  /** The effective values. */
  readonly present: DaemonSettings;
  list(): readonly SettingView[];
  /**
   * Changes settings here and in config.jsonc, where comments survive. Of an option with parts, those
   * that are left out stay as they are. Rejects with a RangeError that
   * names the setting, a ConfigError or a FileError; then nothing is changed.
   */
  update(patch: SettingsPatch): Promise<void>;
  /** Returns what ends it. */
  onChange(listener: SettingsListener): () => void;
}

export interface GivenSettings {
  readonly environment: Values;
  readonly flags: Values;
}

const NOTHING: GivenSettings = { environment: {}, flags: {} };

/** The settings in config.jsonc at `path`; null for none. */
export class FileSettings implements Settings {
  readonly #files: Files;
  readonly #path: string | null;
  readonly #listeners = new Set<SettingsListener>();
  #given: GivenSettings;
  #file: Values = {};
  #present: DaemonSettings;
  /** Changes follow one another. */
  #changing: Promise<unknown> = Promise.resolve();

  private constructor(files: Files, path: string | null, given: GivenSettings) {
    this.#files = files;
    this.#path = path;
    this.#given = given;
    this.#present = this.#effective();
  }

  /** A missing file is an empty one. Rejects with a ConfigError or a FileError. */
  static async open(
    files: Files,
    path: string | null,
    given: GivenSettings = NOTHING,
  ): Promise<FileSettings> {
    const settings = new FileSettings(files, path, given);
    settings.#file = readConfig(await settings.#text(), settings.#name);
    settings.#present = settings.#effective();
    return settings;
  }

  get present(): DaemonSettings {
    return this.#present;
  }

  list(): SettingView[] {
    return SETTING_ROWS.map((setting) => {
      const { name, row: { help, changeable = false, kind } } = setting;
      const value = this.#valueOf(setting), source = this.#sourceOf(name);
      const plain = value === undefined ? undefined : kind.pack(value as never, (path) => path);
      const isChangeable = changeable || isOfTorrents(setting);
      return { name, value: plain, source, help, changeable: isChangeable, form: kind.form };
    });
  }

  onChange(listener: SettingsListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  update(patch: SettingsPatch): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#path === null) throw new RangeError("There is no configuration file to change");
      const changes = Object.entries(patch).map(([name, value]) => checked(name, value));
      const after = changes.reduce(edited, await this.#text());
      const { environment, flags } = this.#given;
      // The change is newer than what the daemon was started with.
      const given = { environment: without(environment, changes), flags: without(flags, changes) };
      await this.#apply(readConfig(after, this.#name), given, () => this.#write(after));
    });
  }

  /**
   * Reads config.jsonc again and tells the listeners. Resolves to the names that changed. Rejects
   * with a ConfigError or a FileError; then everything stays as it was.
   */
  reload(): Promise<readonly string[]> {
    return this.#inTurn(async () => {
      return await this.#apply(readConfig(await this.#text(), this.#name), this.#given);
    });
  }

  get #name(): string {
    return this.#path ?? "config.jsonc";
  }

  async #text(): Promise<string> {
    if (this.#path === null || this.#files.stat(this.#path) === null) return "";
    const bytes = await this.#files.read(this.#path, MAX_CONFIG_BYTES);
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch (cause) {
      throw new ConfigError(`${this.#path}:1:1: The file is not UTF-8 text`, { cause });
    }
  }

  async #write(text: string): Promise<void> {
    const path = this.#files.realPath(this.#path!) ?? this.#files.absolute(this.#path!);
    makeFolders(this.#files, parentOf(path));
    await this.#files.writeWhole(path, new TextEncoder().encode(text), { ownerOnly: true });
  }

  async #apply(
    file: Values,
    given: GivenSettings,
    write: () => Promise<void> = () => Promise.resolve(),
  ): Promise<readonly string[]> {
    const before = { file: this.#file, given: this.#given };
    const names = this.#set(file, given);
    try {
      for (const listener of [...this.#listeners]) await listener(names);
      await write();
    } catch (error) {
      this.#set(before.file, before.given);
      for (const listener of [...this.#listeners]) await undone(listener(names));
      throw error;
    }
    return names;
  }

  /** The names of what is different now. */
  #set(file: Values, given: GivenSettings): string[] {
    const before = new Map(SETTING_ROWS.map((row) => [row.name, this.#textOf(row)]));
    this.#file = file;
    this.#given = given;
    this.#present = this.#effective();
    return SETTING_ROWS.filter((row) => this.#textOf(row) !== before.get(row.name))
      .map(({ name }) => name);
  }

  #textOf(setting: SettingRow): string {
    const value = this.#valueOf(setting);
    return value === undefined
      ? ""
      : JSON.stringify(setting.row.kind.pack(value as never, (path) => path));
  }

  #effective(): DaemonSettings {
    const present: Record<string, unknown> = {}, torrents: Record<string, unknown> = {};
    for (const setting of SETTING_ROWS) {
      const value = this.#valueOf(setting), [first, below] = setting.path as [string, string?];
      if (value === undefined) continue;
      if (below === undefined) present[first] = value;
      else torrents[below] = value;
    }
    return { ...present, torrents } as unknown as DaemonSettings;
  }

  #valueOf({ name, row }: SettingRow): unknown {
    const { environment, flags } = this.#given;
    const values = [flags[name], environment[name], this.#file[name], row.default]
      .filter((value) => value !== undefined);
    const isMerged = hasParts(row) && values.every((value) => typeof value === "object");
    return isMerged && values.length > 0 ? Object.assign({}, ...values.reverse()) : values[0];
  }

  #sourceOf(name: string): SettingSource {
    if (this.#given.flags[name] !== undefined) return "flag";
    if (this.#given.environment[name] !== undefined) return "environment";
    return this.#file[name] === undefined ? "default" : "file";
  }

  #inTurn<T>(what: () => Promise<T>): Promise<T> {
    const done = this.#changing.then(what);
    this.#changing = done.catch(() => {});
    return done;
  }
}

/** What a listener says of going back adds nothing to the error that caused it. */
async function undone(work: void | Promise<void>): Promise<void> {
  try {
    await work;
  } catch {
    // The first error is told.
  }
}

interface Change {
  readonly setting: SettingRow;
  /** As JSON has it. */
  readonly plain: unknown;
}

/** Throws a RangeError that names the setting. */
function checked(name: string, plain: unknown): Change {
  const setting = rowOf(name);
  if (setting === undefined) {
    const meant = nearest(name, SETTING_ROWS.map((row) => row.name));
    const hint = meant === null ? "" : `: did you mean ${meant}?`;
    throw new RangeError(`There is no setting ${name.slice(0, 100)}${hint}`);
  }
  if (plain === undefined) return { setting, plain };
  try {
    settingOf(setting.row, plain, name);
  } catch (cause) {
    const { message } = cause as Error;
    const about = message.includes(name) ? "" : `The setting ${name} cannot be used: `;
    throw new RangeError(about + message, { cause });
  }
  return { setting, plain };
}

/** Of an option with parts, those that are left out stay as they are, and so do their comments. */
function edited(text: string, { setting, plain }: Change): string {
  const { path, row } = setting, before = plainIn(text, path);
  if (!hasParts(row) || !isPlain(plain) || !isPlain(before)) return editConfig(text, path, plain);
  return Object.entries(plain).reduce(
    (text, [part, value]) => editConfig(text, [...path, part], value),
    text,
  );
}

function without(values: Values, changes: readonly Change[]): Values {
  const left: Record<string, unknown> = { ...values };
  for (const { setting: { name, row }, plain } of changes) {
    const value = left[name];
    if (!hasParts(row) || !isPlain(plain) || !isPlain(value)) {
      delete left[name];
      continue;
    }
    const kept = Object.entries(value).filter(([part]) => !Object.hasOwn(plain, part));
    if (kept.length === 0) delete left[name];
    else left[name] = Object.fromEntries(kept);
  }
  return left;
}
