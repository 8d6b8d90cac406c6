/** Where the command keeps what outlives it: the place that the system has for such things. */
import type { Process } from "../platform/types.ts";

/** Null where the environment names no place. */
export function stateFolder(process: Pick<Process, "env" | "os">): string | null {
  const { os } = process;
  const base = process.env("XDG_STATE_HOME") ??
    (os === "windows" ? process.env("LOCALAPPDATA") : inHome(process.env("HOME"), os));
  return base ? `${base}/shoal` : null;
}

function inHome(home: string | undefined, os: string): string | undefined {
  if (!home) return undefined;
  return os === "darwin" ? `${home}/Library/Application Support` : `${home}/.local/state`;
}
