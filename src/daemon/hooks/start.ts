/** The hooks of a daemon. */
import type { DaemonModule, DaemonParts } from "../daemon.ts";
import { HookJournal } from "./hook_journal.ts";
import { Hooks } from "./hooks.ts";

/** Rejects with a FileError. */
export async function startHooks(parts: DaemonParts): Promise<DaemonModule> {
  const { platform: { clock, http, programs, process, files }, client, settings, log } = parts;
  const path = `${parts.stateDir}/hooks.jsonl`;
  const journal = await HookJournal.open(files, path, (infoHash) => client.get(infoHash) !== null);
  const hooks = () => settings.present.hooks;
  return new Hooks({ clock, http, programs, process, client, log, hooks }, journal);
}
