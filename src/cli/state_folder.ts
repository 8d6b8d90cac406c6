/** The folder for the command's saved state: the system's usual place for it. */
import { StateDir } from "../client/state_dir.ts";
import type { Platform, Process } from "../platform/types.ts";
import { FileError } from "../util/errors.ts";

/** The flags, the configuration and the environment about it. */
export interface StateChoice {
  /** Null: nothing is saved. */
  readonly dir: string | null;
  /**
   * The user named it: then there is no warning, and a folder that cannot be written is an error.
   */
  readonly isWish: boolean;
}

export const NO_STATE: StateChoice = { dir: null, isWish: true };

export function stateChoice(
  flags: Readonly<Record<string, unknown>>,
  process: Pick<Process, "env" | "os">,
  configured: string | null = null,
): StateChoice {
  if (flags["no-state"]) return NO_STATE;
  const named = flags["state-dir"] ?? configured;
  return typeof named === "string"
    ? { dir: named, isWish: true }
    : { dir: stateFolder(process), isWish: false };
}

/** Null if the environment names no place. An empty variable counts as not set. */
export function stateFolder(process: Pick<Process, "env" | "os">): string | null {
  const { os } = process;
  const base = process.env("XDG_STATE_HOME") ||
    (os === "windows" ? process.env("LOCALAPPDATA") : inHome(process.env("HOME"), os));
  return base ? `${base}/shoal` : null;
}

function inHome(home: string | undefined, os: string): string | undefined {
  if (!home) return undefined;
  return os === "darwin" ? `${home}/Library/Application Support` : `${home}/.local/state`;
}

/**
 * The folder, created and tested; null with a warning if the run continues without it. Throws a
 * FileError if a folder that the user named cannot be written.
 */
export function openState(
  { files, hasher, process }: Pick<Platform, "files" | "hasher" | "process">,
  { dir, isWish }: StateChoice,
): { stateDir: string | null; warning: string | null } {
  if (dir === null) {
    const missing = process.os === "windows" ? "LOCALAPPDATA" : "HOME";
    const why = `${missing} is not set; --state-dir chooses a folder`;
    return { stateDir: null, warning: isWish ? null : withoutState(why) };
  }
  try {
    const { path } = new StateDir(files, dir, (bytes) => hasher.digest("sha1", bytes));
    tryToWrite(files, `${path}/.writable-${process.pid}`);
    return { stateDir: dir, warning: null };
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    if (!isWish) {
      const why = `${error.message}; --state-dir names another folder`;
      return { stateDir: null, warning: withoutState(why) };
    }
    const message = `--state-dir ${dir}: ${error.message}`;
    throw new FileError(error.code, error.path, message, { cause: error });
  }
}

function withoutState(why: string): string {
  return `warning: Progress will not be saved: ${why}`;
}

function tryToWrite(files: Platform["files"], path: string): void {
  try {
    files.open(path, "create").close();
  } catch (error) {
    // From a process that had our number and was killed at that moment.
    if (!(error instanceof FileError) || error.code !== "exists") throw error;
  }
  files.remove(path);
}
