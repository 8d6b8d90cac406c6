/**
 * Reads the spans of a piece one after the other, with one file open at a time. The function runs
 * in the hash threads, started from its source text: it must stand alone.
 */
import type { FileSpan } from "../types.ts";

export interface SpanReader {
  /** Fills `part` with the next bytes of the spans; false if a file is missing or too short. */
  read(part: Uint8Array): boolean;
  close(): void;
}

/** The file that was read last, open unless `fd` is negative. */
export interface OpenFile {
  path: string;
  fd: number;
}

/**
 * Opens nothing yet: each file is opened when it is reached, and closed for the next one or by
 * `close`. Readers that share one `file` in turn open it once.
 */
export function openSpans(
  fs: typeof import("node:fs"),
  spans: readonly FileSpan[],
  file: OpenFile = { path: "", fd: -1 },
): SpanReader {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
  const flags = O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0);
  let index = 0, done = 0;

  function close(): void {
    if (file.fd >= 0) fs.closeSync(file.fd);
    file.fd = -1;
  }

  function readFile(path: string, position: number, part: Uint8Array): number {
    try {
      if (file.fd < 0 || file.path !== path) {
        close();
        file.fd = fs.openSync(path, flags);
        file.path = path;
      }
      return fs.readSync(file.fd, part, 0, part.length, position);
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
