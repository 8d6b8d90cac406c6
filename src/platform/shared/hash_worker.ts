/**
 * What a hash thread runs. It is turned into source text and started from that, so that a bundle, a
 * compiled program and a page's `import` all work without a second file. So the function must stand
 * alone: nothing from this module or its imports may be named inside (types are fine).
 */
import type { FileSpan } from "../types.ts";

/** Which SHA-1 the thread uses: whichever is quicker on this machine (see hasher.ts). */
export type HashEngine = "node" | "webcrypto";

export type HashJob =
  & { id: number; engine: HashEngine }
  /** `bytes`: the first `length` of a buffer that is given away and comes back. */
  & ({ spans: readonly FileSpan[] } | { bytes: Uint8Array; length: number });

export type HashReply =
  /** `digest` null: a file is missing or too short. */
  | { id: number; digest: Uint8Array | null; bytes?: Uint8Array }
  | { id: number; path: string; errno: string; message: string };

function hashThread(): void {
  const scope = globalThis as unknown as {
    onmessage: (event: { data: HashJob }) => void;
    postMessage(message: HashReply, transfer: ArrayBuffer[]): void;
  };
  const { createHash } = process.getBuiltinModule("node:crypto");
  const fs = process.getBuiltinModule("node:fs");
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = fs.constants;
  const flags = O_RDONLY | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0);
  const buffer = new Uint8Array(512 * 1024);
  /** For Web Crypto, which takes a whole piece at once. */
  let whole = new Uint8Array(0);

  /** Hands the bytes of a span to `take` in parts; false when the file ends too soon. */
  function readSpan(path: string, span: FileSpan, take: (part: Uint8Array) => void): boolean {
    const fd = fs.openSync(path, flags);
    try {
      for (let done = 0; done < span.length;) {
        const want = Math.min(buffer.length, span.length - done);
        const got = fs.readSync(fd, buffer, 0, want, span.offset + done);
        if (got === 0) return false;
        take(buffer.subarray(0, got));
        done += got;
      }
    } finally {
      fs.closeSync(fd);
    }
    return true;
  }

  function readSpans(spans: readonly FileSpan[], take: (part: Uint8Array) => void): boolean {
    for (const span of spans) {
      if (span.path === null) {
        buffer.fill(0);
        for (let left = span.length; left > 0; left -= buffer.length) {
          take(buffer.subarray(0, Math.min(left, buffer.length)));
        }
        continue;
      }
      try {
        if (!readSpan(span.path, span, take)) return false;
      } catch (error) {
        const { code } = error as { code?: string };
        if (code === "ENOENT" || code === "ENOTDIR") return false;
        throw Object.assign(error as Error, { path: span.path });
      }
    }
    return true;
  }

  async function digestOf(bytes: Uint8Array<ArrayBuffer>, engine: HashEngine): Promise<Uint8Array> {
    if (engine === "node") return new Uint8Array(createHash("sha1").update(bytes).digest());
    return new Uint8Array(await crypto.subtle.digest("SHA-1", bytes));
  }

  async function hashSpans(spans: readonly FileSpan[], engine: HashEngine) {
    if (engine === "node") {
      const hash = createHash("sha1");
      const found = readSpans(spans, (part) => void hash.update(part));
      return found ? new Uint8Array(hash.digest()) : null;
    }
    const length = spans.reduce((sum, span) => sum + span.length, 0);
    if (whole.length < length) whole = new Uint8Array(length);
    let at = 0;
    const found = readSpans(spans, (part) => {
      whole.set(part, at);
      at += part.length;
    });
    return found ? await digestOf(whole.subarray(0, length), engine) : null;
  }

  async function work(job: HashJob): Promise<HashReply> {
    if ("bytes" in job) {
      const bytes = job.bytes as Uint8Array<ArrayBuffer>;
      const digest = await digestOf(bytes.subarray(0, job.length), job.engine);
      return { id: job.id, digest, bytes };
    }
    try {
      return { id: job.id, digest: await hashSpans(job.spans, job.engine) };
    } catch (error) {
      const { code, message, path } = error as { code?: string; message: string; path?: string };
      return { id: job.id, path: path ?? "", errno: code ?? "", message };
    }
  }

  scope.onmessage = async ({ data }) => {
    const reply = await work(data);
    const give = "bytes" in reply && reply.bytes ? [reply.bytes.buffer as ArrayBuffer] : [];
    scope.postMessage(reply, give);
  };
}

export const HASH_THREAD_SOURCE = `(${hashThread.toString()})();`;
