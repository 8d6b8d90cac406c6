/** Files, as torrent-get shows them: without pad files, and numbered in this order. */
import type { FileSnapshot, TorrentStatus } from "../../client/types.ts";
import type { TorrentFacts } from "./facts.ts";

/** Our priority of a file that has none of its own. */
export const NORMAL = 4;
/** What -1, 0 and 1 are for us. */
export const PRIORITIES = { low: 1, normal: NORMAL, high: 7 } as const;

/** -1, 0 or 1. A file that is not wanted counts as normal. */
export function priorityOf({ priority }: FileSnapshot): number {
  return priority === 0 ? 0 : Math.sign(priority - NORMAL);
}

export function fileRow(file: FileSnapshot, status: TorrentStatus): Record<string, unknown> {
  return { bytesCompleted: file.bytesDone, length: file.size, name: nameOf(file, status) };
}

/** With the name that it has on the disk, below downloadDir. */
function nameOf({ path, name }: FileSnapshot, { dir }: TorrentStatus): string {
  const folder = dir.endsWith("/") ? dir : `${dir}/`;
  return path.startsWith(folder) ? path.slice(folder.length) : name;
}

export function fileStatsRow(file: FileSnapshot): Record<string, unknown> {
  return {
    bytesCompleted: file.bytesDone,
    priority: priorityOf(file),
    wanted: file.priority > 0,
  };
}

export function wantedRow(file: FileSnapshot, { general }: TorrentFacts): boolean | number {
  const isWanted = file.priority > 0;
  return general.jsonRpc ? isWanted : Number(isWanted);
}
