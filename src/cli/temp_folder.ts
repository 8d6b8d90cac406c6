/** Folders of the command line's own: made under the system's temporary one, removed as a whole. */
import type { Files, Platform } from "../platform/types.ts";

/** A new folder whose name starts with `prefix`; its absolute path. Throws FileError. */
export function makeTempFolder(
  { files, process, random }: Pick<Platform, "files" | "process" | "random">,
  prefix: string,
): string {
  const base = process.env("TMPDIR") || process.env("TEMP") || process.env("TMP") || "/tmp";
  for (;;) {
    const path = files.absolute(`${base}/${prefix}${random.uint32().toString(36)}`);
    // makeDir takes an existing folder, which would be somebody else's.
    if (files.stat(path) !== null) continue;
    files.makeDir(path);
    return path;
  }
}

/** Removes a folder and all in it; symlinks are removed, not followed. Throws FileError. */
export function removeTree(files: Files, path: string): void {
  if (files.stat(path)?.kind === "directory") {
    for (const name of files.list(path)) removeTree(files, `${path}/${name}`);
  }
  files.remove(path);
}
