/**
 * What a hash thread runs. It is turned into source text and started from that, so that a bundle, a
 * compiled program and a page's `import` all work without a second file. So the function must stand
 * alone: nothing from this module or its imports may be named inside (types are fine).
 */
import type { FileSpan } from "../types.ts";

export interface HashJob {
  id: number;
  spans: readonly FileSpan[];
}

export type HashReply =
  /** `digest` null: a file is missing or too short. */
  | { id: number; digest: Uint8Array | null }
  | { id: number; path: string; errno: string; message: string };

function hashThread(): void {
  const { parentPort } = process.getBuiltinModule("node:worker_threads");
  const { createHash } = process.getBuiltinModule("node:crypto");
  const fs = process.getBuiltinModule("node:fs");
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
  const flags = O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0);
  const buffer = new Uint8Array(512 * 1024);
  const zeros = new Uint8Array(64 * 1024);

  /** False when the file ends too soon. */
  function addFile(hash: ReturnType<typeof createHash>, path: string, span: FileSpan): boolean {
    const fd = fs.openSync(path, flags);
    try {
      for (let done = 0; done < span.length;) {
        const want = Math.min(buffer.length, span.length - done);
        const got = fs.readSync(fd, buffer, 0, want, span.offset + done);
        if (got === 0) return false;
        hash.update(buffer.subarray(0, got));
        done += got;
      }
    } finally {
      fs.closeSync(fd);
    }
    return true;
  }

  function work(job: HashJob): HashReply {
    const hash = createHash("sha1");
    for (const span of job.spans) {
      if (span.path === null) {
        for (let left = span.length; left > 0; left -= zeros.length) {
          hash.update(zeros.subarray(0, Math.min(left, zeros.length)));
        }
        continue;
      }
      try {
        if (!addFile(hash, span.path, span)) return { id: job.id, digest: null };
      } catch (error) {
        const { code, message } = error as { code?: string; message: string };
        if (code === "ENOENT" || code === "ENOTDIR") return { id: job.id, digest: null };
        return { id: job.id, path: span.path, errno: code ?? "", message };
      }
    }
    return { id: job.id, digest: new Uint8Array(hash.digest()) };
  }

  parentPort!.on("message", (job: HashJob) => parentPort!.postMessage(work(job)));
}

export const HASH_THREAD_SOURCE = `(${hashThread.toString()})();`;
