/**
 * Reads the spans of a piece one after the other, with one file open at a time. The function runs in
 * the hash threads, started from its source text: it must stand alone.
 */
import type { FileSpan } from "../types.ts";

export interface SpanReader {
  /** Fills `part` with the next bytes of the spans; false if a file is missing or too short. */
  read(part: Uint8Array): boolean;
  close(): void;
}

/** Opens nothing yet: each file is opened when it is reached, and closed when it is done with. */
export function openSpans(fs: typeof import("node:fs"), spans: readonly FileSpan[]): SpanReader {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
  const flags = O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0);
  let index = 0, done = 0, fd = -1;

  function close(): void {
    if (fd >= 0) fs.closeSync(fd);
    fd = -1;
  }

  function readFile(path: string, position: number, part: Uint8Array): number {
    try {
      if (fd < 0) fd = fs.openSync(path, flags);
      return fs.readSync(fd, part, 0, part.length, position);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code === "ENOENT" || code === "ENOTDIR") return 0;
      throw Object.assign(error as Error, { path });
    }
  }

  function read(part: Uint8Array): boolean {
    for (let at = 0; at < part.length;) {
      const { path, offset, length } = spans[index]!;
      if (done === length) {
        close();
        index++;
        done = 0;
        continue;
      }
      const rest = part.subarray(at, at + length - done);
      const got = path === null ? rest.fill(0).length : readFile(path, offset + done, rest);
      if (got === 0) return false;
      at += got;
      done += got;
    }
    return true;
  }

  return { read, close };
}
