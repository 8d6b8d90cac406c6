/**
 * Finds the files of a new torrent: one file, or all files in a folder, hidden ones too. Only real
 * files are shared. Symbolic links are not followed, because their targets may be outside the folder,
 * and nobody should share files by accident.
 */
import type { Files, FileStat } from "../platform/types.ts";
import { FileError } from "../util/errors.ts";
import { isWindowsPath } from "./safe_paths.ts";

export interface SourceFile {
  /** Below the folder; empty when the source is a file itself. */
  readonly path: readonly string[];
  /** Its location. */
  readonly location: string;
  /** Its state when it was found. */
  readonly stat: FileStat;
}

export interface Source {
  /** Absolute. */
  readonly root: string;
  /** The last part of the root; empty for that of a disk. */
  readonly name: string;
  /** In the order of the folder lists, empty files included. */
  readonly files: SourceFile[];
  /** Locations of omitted entries: links, and entries that are neither file nor folder. */
  readonly links: string[];
  readonly others: string[];
  /** Locations of the entries that `leavesOut` named; a folder counts as one. */
  readonly excluded: string[];
}

/** Whether a file or folder (a path below the source) is not part of the torrent. */
export type LeavesOut = (path: readonly string[]) => boolean;

/**
 * Throws a FileError if the source does not exist, a folder cannot be read, or a name is not valid
 * UTF-8.
 */
export function findSource(
  files: Files,
  path: string,
  leavesOut: LeavesOut = () => false,
): Source {
  const root = files.absolute(path), name = lastPart(root);
  const source: Source = { root, name, files: [], links: [], others: [], excluded: [] };
  const stat = files.stat(root);
  if (stat === null) {
    throw new FileError("not-found", root, `Cannot share ${root}: there is no such file or folder`);
  }
  if (stat.kind === "file") source.files.push({ path: [], location: root, stat });
  else if (stat.kind === "directory") walk(files, root, [], source, leavesOut);
  // The one link that is followed, if it leads to a folder: the user named it himself.
  else if (stat.kind === "link") walkLink(files, root, source, leavesOut);
  else {throw new FileError(
      "io",
      root,
      `Cannot share ${root}: the path is neither a file nor a folder`,
    );}
  return source;
}

/** The files that changed since they were found. Throws a FileError. */
export function changedSince(files: Files, found: readonly SourceFile[]): SourceFile[] {
  // Where a disk makes inode numbers up, they change by themselves.
  const goByInode = found.length > 0 && files.diskOf(found[0]!.location).keepsInodes;
  return found.filter(({ location, stat }) => {
    const now = files.stat(location);
    return now === null || now.kind !== "file" || now.size !== stat.size ||
      now.mtimeMs !== stat.mtimeMs || (goByInode && now.inode !== stat.inode);
  });
}

function walk(
  files: Files,
  folder: string,
  path: readonly string[],
  into: Source,
  leavesOut: LeavesOut,
): void {
  for (const name of files.list(folder)) {
    const location = `${folder.replace(/\/$/, "")}/${name}`;
    const below = [...path, name];
    if (leavesOut(below)) {
      into.excluded.push(location);
      continue;
    }
    const stat = files.stat(location);
    if (stat === null) throw vanished(location, name);
    if (stat.kind === "file") into.files.push({ path: below, location, stat });
    else if (stat.kind === "directory") walk(files, location, below, into, leavesOut);
    else if (stat.kind === "link") into.links.push(location);
    else into.others.push(location);
  }
}

function walkLink(files: Files, root: string, into: Source, leavesOut: LeavesOut): void {
  try {
    files.list(root);
  } catch (cause) {
    const message = `Cannot share ${root}: the path is a symbolic link; name its target instead`;
    throw new FileError("symlink", root, message, { cause });
  }
  walk(files, root, [], into, leavesOut);
}

/** A name that is not UTF-8 cannot be opened: its bytes were replaced when we read it. */
function vanished(location: string, name: string): FileError {
  return name.includes("\ufffd")
    ? new FileError(
      "io",
      location,
      `Cannot share ${location}: the name is not valid UTF-8; rename the file`,
    )
    : new FileError(
      "changed",
      location,
      `${location} was removed while shoal was reading its folder`,
    );
}

/** The name of a file or folder, by its absolute path; empty for the root of a disk. */
export function lastPart(path: string): string {
  return path.split(isWindowsPath(path) ? /[\\/]/ : "/").findLast((part) => part !== "") ?? "";
}
