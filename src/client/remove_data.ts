/**
 * Deletes the files of a torrent that was removed, in place: each file that is its own by the rules of
 * storage/ownership.ts, its part file, and folders that are empty after that. Everything else is left
 * alone and named with a reason. It can be repeated: what is gone counts for nothing.
 */
import type { Files, FileStat } from "../platform/types.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { ResumeData } from "../state/resume_data.ts";
import { identityOf, isIdentity } from "../storage/ownership.ts";
import {
  isPartFile,
  otherPartFileName,
  PART_FILE_MARK_BYTES,
  partFileName,
} from "../storage/part_file.ts";
import { isAsLeft } from "../storage/stamps.ts";
import type { PathOwner } from "../torrent/take_over.ts";
import { FileError } from "../util/errors.ts";
import type { RemovedData } from "./types.ts";

/** What is known of a torrent that has ended. */
export interface EndedTorrent {
  readonly meta: Metainfo;
  /** Absolute. */
  readonly dir: string;
  /** Null: then no file is known to be its own. */
  readonly record: ResumeData | null;
}

export interface RemoveDataPorts {
  readonly files: Files;
  /** Another torrent that has the file, too; null if none is known. */
  userOf(path: string): Promise<PathOwner | null>;
}

export function nothingRemoved(): RemovedData {
  return { removed: [], kept: [], bytes: 0 };
}

/** Never rejects: what cannot be deleted is among `kept`. */
export async function removeData(
  { meta, dir, record }: EndedTorrent,
  ports: RemoveDataPorts,
): Promise<RemovedData> {
  if (record === null) return keepAll({ meta, dir }, NOT_KNOWN, ports.files);
  const removal = new Removal(ports, record, dir);
  // After a crash in the middle of a move, each file is in one of two places.
  for (const place of [{ dir, renamed: record.renamed }, ...record.moving ? [record.moving] : []]) {
    for (const [file, { path, pad }] of meta.files.entries()) {
      if (!pad) await removal.file(place.dir, place.renamed.get(file) ?? path, file);
    }
  }
  const name = partFileName(record.infoHash);
  for (const parts of [name, otherPartFileName(name)]) await removal.parts(dir, parts);
  removal.folders();
  return removal.done;
}

const NOT_KNOWN = "it is not known to be the torrent's";

/** Its files are left alone. */
export function keepAll(
  { meta, dir }: Pick<EndedTorrent, "meta" | "dir">,
  reason: string,
  files: Files,
): RemovedData {
  const paths = meta.files.filter(({ pad }) => !pad).map(({ path }) => [dir, ...path].join("/"));
  const kept = paths.filter((path) => exists(files, path));
  return { ...nothingRemoved(), kept: kept.map((path) => ({ path, reason })) };
}

function exists(files: Files, path: string): boolean {
  try {
    return files.stat(path) !== null;
  } catch (error) {
    if (error instanceof FileError) return false;
    throw error;
  }
}

class Removal {
  readonly done: RemovedData = nothingRemoved();
  readonly #ports: RemoveDataPorts;
  readonly #record: ResumeData;
  /** The disk of the torrent's folder is the one of the record. */
  readonly #isSameDisk: boolean;
  /** Below the folder of the torrent. */
  readonly #folders = new Set<string>();

  constructor(ports: RemoveDataPorts, record: ResumeData, dir: string) {
    this.#ports = ports;
    this.#record = record;
    this.#isSameDisk = isDisk(ports.files, dir, record.disk);
  }

  async file(dir: string, path: readonly string[], index: number): Promise<void> {
    const whole = [dir, ...path].join("/");
    await this.#try(whole, async () => {
      const isBehindLink = !this.#isInPlace(dir, path);
      const found = await this.#ports.files.statAsync(whole);
      if (found === null) return null;
      if (isBehindLink) return "its folder is a symbolic link";
      if (found.kind !== "file") return "it is not a file any more";
      const user = await this.#ports.userOf(whole);
      if (user !== null) return `"${user.name}" uses it, too`;
      const reason = this.#reasonToKeep(found, index);
      if (reason === null) this.#delete(whole, found);
      return reason;
    });
  }

  /** Only bytes of this torrent are in it. Other clients give theirs the same name. */
  async parts(dir: string, name: string): Promise<void> {
    const path = `${dir}/${name}`, { files } = this.#ports;
    if (!this.#record.partsStamp) return;
    await this.#try(path, async () => {
      const found = await files.statAsync(path);
      if (found?.kind === "file" && isPartFile(beginOf(files, path))) this.#delete(path, found);
      return null;
    });
  }

  /** Deepest first; the torrent's own folder stays. */
  folders(): void {
    for (const folder of [...this.#folders].sort((a, b) => b.length - a.length)) {
      const { files } = this.#ports;
      try {
        if (files.stat(folder)?.kind !== "directory" || files.list(folder).length > 0) continue;
        files.remove(folder);
        this.done.removed.push(folder);
      } catch (error) {
        if (!(error instanceof FileError)) throw error; // it stays, empty
      }
    }
  }

  /** A folder that became a link leads to files of others. */
  #isInPlace(dir: string, path: readonly string[]): boolean {
    for (let depth = 1; depth < path.length; depth++) {
      const folder = [dir, ...path.slice(0, depth)].join("/");
      const kind = this.#folders.has(folder) ? "directory" : this.#ports.files.stat(folder)?.kind;
      if (kind !== "directory") return false;
      this.#folders.add(folder);
    }
    return true;
  }

  #reasonToKeep(found: FileStat, index: number): string | null {
    const { stamps, owned } = this.#record, stamp = stamps[index];
    const isOwned = isIdentity(owned.get(index), identityOf(found));
    // A copy on another disk, such as a backup, may have the same time.
    if (stamp && isAsLeft(stamp, found) && (isOwned || this.#isSameDisk)) return null;
    if (!isOwned) return NOT_KNOWN;
    return stamp ? "it was changed by another program" : null;
  }

  #delete(path: string, { size }: FileStat): void {
    this.#ports.files.remove(path);
    this.done.removed.push(path);
    this.done.bytes += size;
  }

  /** `work` resolves to why the file is kept. */
  async #try(path: string, work: () => Promise<string | null>): Promise<void> {
    try {
      const reason = await work();
      if (reason !== null) this.done.kept.push({ path, reason });
    } catch (error) {
      if (!(error instanceof FileError)) throw error;
      this.done.kept.push({ path, reason: error.message });
    }
  }
}

function beginOf(files: Files, path: string): Uint8Array {
  const file = files.open(path, "read"), begin = new Uint8Array(PART_FILE_MARK_BYTES);
  try {
    return begin.subarray(0, file.readAt(begin, 0));
  } finally {
    file.close();
  }
}

/** Records of earlier versions name no disk. */
function isDisk(files: Files, dir: string, id: string): boolean {
  try {
    return id === "" || files.diskOf(dir).id === id;
  } catch (error) {
    if (error instanceof FileError) return false;
    throw error;
  }
}
