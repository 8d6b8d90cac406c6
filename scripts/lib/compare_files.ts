/** Byte-for-byte comparison of what was downloaded with what was given. */

import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { join } from "node:path";
import { relativePath, type TorrentSpec } from "./make_torrent.ts";

const chunkBytes = 4 * 1024 * 1024;

/** One line about the first file of `spec` that differs below the two folders; null when none. */
export function firstDifference(spec: TorrentSpec, source: string, copy: string): string | null {
  for (const file of spec.files) {
    const path = relativePath(spec, file);
    const what = difference(join(source, path), join(copy, path));
    if (what !== null) return `${path} ${what}`;
  }
  return null;
}

function difference(source: string, copy: string): string | null {
  if (!existsSync(copy)) return "is missing";
  const [wanted, found] = [statSync(source).size, statSync(copy).size];
  if (wanted !== found) return `has ${found} bytes instead of ${wanted}`;
  const [a, b] = [openSync(source, "r"), openSync(copy, "r")];
  try {
    const [left, right] = [Buffer.alloc(chunkBytes), Buffer.alloc(chunkBytes)];
    for (let at = 0; at < wanted;) {
      const got = readSync(a, left, 0, chunkBytes, at);
      readSync(b, right, 0, got, at);
      if (left.compare(right, 0, got, 0, got) !== 0) {
        return `differs between ${at} and ${at + got}`;
      }
      at += got;
    }
    return null;
  } finally {
    closeSync(a);
    closeSync(b);
  }
}
