/** What a user had chosen for a torrent, out of its resume record. */
import type { ResumeData } from "../protocol/resume_data.ts";
import { selectionOf } from "./file_priorities.ts";
import type { AddOptions } from "./types.ts";

export function optionsOf(record: ResumeData): AddOptions {
  const { dir, targetDir, seedGoal, limits, peerLimits, priorities } = record;
  const files = priorities.length > 0 ? { files: selectionOf(priorities) } : {};
  const place = targetDir === "" || targetDir === dir
    ? { dir }
    : { dir: targetDir, incompleteDir: dir };
  return { ...place, seedGoal, limits, peerLimits, ...files };
}
