/**
 * A daemon: one client that keeps the torrents of a state folder going, and the modules that steer
 * and watch it.
 */
import type { Platform } from "../platform/types.ts";
import { Client } from "../client/client.ts";
import { CLIENT_OPTIONS, type OptionRow } from "../client/settings.ts";
import { StateDir } from "../client/state_dir.ts";
import type { ClientOptions, ClientPatch } from "../client/types.ts";
import { logEvents } from "./event_log.ts";
import { Instance, unixPath } from "./instance.ts";
import type { DaemonLog, Log } from "./log.ts";
import { MODULES } from "./modules.ts";
import type { DaemonSettings, Settings } from "./settings.ts";

/** What a module of a daemon gets. */
export interface DaemonParts {
  readonly platform: Platform;
  readonly client: Client;
  readonly settings: Settings;
  readonly log: DaemonLog;
  /** Absolute. */
  readonly stateDir: string;
  /** Asks for the end of the daemon, which comes soon after. */
  end(): void;
}

/** A part of a daemon that works until it is closed: the API, the watch folders, hooks. */
export interface DaemonModule {
  /** Resolves when nothing of it is at work any more. */
  close(): Promise<void>;
}

/** Resolves when the module is at work. If it rejects, the daemon does not start. */
export type StartModule = (parts: DaemonParts) => DaemonModule | Promise<DaemonModule>;

export interface DaemonOpening {
  readonly settings: Settings;
  readonly log: DaemonLog;
  readonly stateDir: string;
  /** Default: all. */
  readonly modules?: readonly StartModule[];
}

/** What the modules have for their end, and the client for its. Together under 10 s. */
const MODULES_LIMIT_MS = 3000, CLIENT_LIMIT_MS = 6000;

export class Daemon {
  readonly client: Client;
  readonly #platform: Platform;
  readonly #log: Log;
  readonly #instance: Instance;
  readonly #modules: DaemonModule[] = [];
  readonly #asked = Promise.withResolvers<void>();
  #forgetSettings: () => void = () => {};
  #closing: Promise<void> | null = null;

  private constructor(platform: Platform, client: Client, log: Log, instance: Instance) {
    this.#platform = platform;
    this.client = client;
    this.#log = log;
    this.#instance = instance;
  }

  /**
   * Restores the torrents of the state folder and starts the modules. Rejects with a
   * DaemonRunningError, and as `Client.open` and the modules do.
   */
  static async open(platform: Platform, opening: DaemonOpening): Promise<Daemon> {
    const { settings, log, modules = MODULES } = opening, { files, hasher } = platform;
    const { path: stateDir } = new StateDir(files, opening.stateDir, (bytes) => {
      return hasher.digest("sha1", bytes);
    });
    const instance = await Instance.take(files, stateDir);
    let daemon: Daemon | null = null;
    try {
      await instance.tell(noteOf(platform, settings.present, stateDir));
      const client = await Client.open(platform, {
        ...clientOptionsOf(settings.present),
        stateDir,
      });
      daemon = new Daemon(platform, client, log, instance);
      const end = daemon.#asked.resolve;
      await daemon.#start({ platform, client, settings, log, stateDir, end }, modules);
      return daemon;
    } catch (error) {
      await daemon?.close();
      if (daemon === null) instance.release();
      throw error;
    }
  }

  /** Resolves when a module has asked for the end: somebody else closes the daemon. */
  get endAsked(): Promise<void> {
    return this.#asked.promise;
  }

  /** Ends the modules, then the client, within 10 s; trackers are told. Never rejects. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  async #start(parts: DaemonParts, modules: readonly StartModule[]): Promise<void> {
    const { client, settings, log } = parts;
    void logEvents(client, log);
    for (const warning of client.warnings) log.warn(warning);
    this.#forgetSettings = settings.onChange((names) => applyTo(client, settings, names, log));
    // Callers of the API find all torrents.
    const restored = await client.restore();
    log.info("The torrents of earlier runs are back", {
      torrents: restored.length,
      port: client.port,
    });
    for (const start of modules) this.#modules.push(await start(parts));
  }

  async #close(): Promise<void> {
    this.#forgetSettings();
    const modules = Promise.all(this.#modules.reverse().map((module) => module.close()));
    await this.#within("The modules", MODULES_LIMIT_MS, modules);
    await this.#within("The torrents", CLIENT_LIMIT_MS, this.client.close());
    this.#instance.release();
  }

  async #within(what: string, limitMs: number, work: Promise<unknown>): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = this.#platform.clock.after(limitMs, () => {
      this.#log.warn(`${what} did not end in time`, { seconds: limitMs / 1000 });
      late.resolve();
    });
    const ended = work.catch((error: Error) => {
      this.#log.error(`${what} did not end well: ${error.message}`);
    });
    await Promise.race([ended, late.promise]);
    timer.cancel();
  }
}

function noteOf(
  { process, files }: Platform,
  { unix, listen }: DaemonSettings,
  stateDir: string,
) {
  const socket = unixPath(unix, stateDir);
  return {
    pid: process.pid,
    unix: socket === null ? null : files.absolute(socket),
    listen: listen === "" ? null : listen,
  };
}

const CLIENT_ROWS: Readonly<Record<string, OptionRow>> = CLIENT_OPTIONS;

/** The settings of the client among those of the daemon, where they have a value. */
export function clientOptionsOf(settings: DaemonSettings): ClientOptions {
  const { stateDir: _, ...others } = Object.fromEntries(
    Object.entries(settings).filter(([name]) => Object.hasOwn(CLIENT_ROWS, name)),
  );
  return others;
}

/** Rejects if the client refuses; then nothing of it is changed. */
async function applyTo(
  client: Client,
  settings: Settings,
  names: readonly string[],
  log: Log,
): Promise<void> {
  const { present } = settings;
  const ofClient = names.filter((name) => CLIENT_ROWS[name]?.changeable);
  const patch = Object.fromEntries(ofClient.map((name) => [name, present[name as never] ?? {}]));
  if (ofClient.length > 0) await client.update(patch as ClientPatch);
  for (const { name, changeable } of settings.list()) {
    if (changeable || !names.includes(name)) continue;
    log.warn(`A restart is needed for the new value of ${name}`);
  }
}
