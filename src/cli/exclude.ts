/** What `shoal create` leaves out of a folder: files that file managers make, and what `--exclude` names. */
import type { LeavesOut } from "../storage/source_files.ts";
import { globPattern } from "./glob.ts";

/** Made by macOS, Windows and Synology in folders that somebody only looked into. */
const JUNK: ReadonlySet<string> = new Set([".ds_store", "thumbs.db", "desktop.ini", "@eadir"]);

/** A glob with "/" is for the path below the folder, any other one for the name. */
export function leavesOut(globs: readonly string[], keepJunk: boolean): LeavesOut {
  const tests = globs.map((glob) => {
    const pattern = globPattern(glob.replace(/^\.?\/|\/$/g, "")), ofPath = glob.includes("/");
    return (path: readonly string[]) => pattern.test(ofPath ? path.join("/") : path.at(-1)!);
  });
  return (path) => {
    if (!keepJunk && JUNK.has(path.at(-1)!.toLowerCase())) return true;
    return tests.some((test) => test(path));
  };
}
