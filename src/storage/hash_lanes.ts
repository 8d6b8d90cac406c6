/** Keeps all hash threads busy with the pieces of one torrent: what checker and creator share. */
import type { FileSpan, HashAlgorithm, Hasher } from "../platform/types.ts";

/** Jobs for each worker: the second one waits, so that none idles. */
const JOBS_EACH = 2;
/** Small pieces are hashed quickly, so more of them wait: up to this many bytes. */
const BYTES_EACH = 512 * 1024;

/**
 * Hashes the spans of each of `pieces`, which are drawn one by one as there is room, and hands each
 * digest (null: a file is missing or too short) to `take` as it arrives. Resolves when all are
 * taken, or at once when aborted. Rejects with a FileError, and with errors of `pieces`, `spans` or
 * `take`; nothing is drawn or taken after that.
 */
export async function hashPieces(
  hasher: Pick<Hasher, "concurrency" | "hashFiles">,
  algorithm: HashAlgorithm,
  pieces: Iterable<number>,
  spans: (piece: number) => FileSpan[],
  take: (piece: number, digest: Uint8Array | null) => void,
  signal?: AbortSignal,
): Promise<void> {
  if (signal?.aborted) return;
  const source = pieces[Symbol.iterator](), end = Promise.withResolvers<void>();
  let jobs = 0, bytes = 0, over = false;

  const hashOne = async (piece: number) => {
    jobs++;
    const parts = spans(piece), length = parts.reduce((sum, part) => sum + part.length, 0);
    bytes += length;
    const digest = await hasher.hashFiles(algorithm, parts);
    jobs--;
    bytes -= length;
    if (over) return;
    take(piece, digest);
    fill();
  };
  const hasRoom = () =>
    jobs < hasher.concurrency * JOBS_EACH || bytes < hasher.concurrency * BYTES_EACH;
  const fill = () => {
    while (!over && hasRoom()) {
      const { done, value } = source.next();
      if (!done) hashOne(value).catch(end.reject);
      else if (jobs === 0) return end.resolve();
      else return;
    }
  };

  const stop = () => end.resolve();
  signal?.addEventListener("abort", stop);
  try {
    fill();
    await end.promise;
  } finally {
    over = true;
    signal?.removeEventListener("abort", stop);
  }
}
