/** Keeps all hash threads busy with the pieces of one torrent: what checker and creator share. */
import type { FileSpan, Hasher } from "../platform/types.ts";

/** Jobs for each that can be under way: the second one waits, so that no thread is idle between. */
const JOBS_EACH = 2;

/**
 * Hashes the spans of each of `pieces`, which are drawn one by one when a thread can take them, and
 * hands each digest to `take` (null: a file is missing or too short), in the order in which they
 * come. Resolves when all are taken, or at once when aborted. Rejects with a FileError and with what
 * `pieces`, `spans` or `take` throw; nothing is taken after either.
 */
export async function hashPieces(
  hasher: Pick<Hasher, "concurrency" | "hashFiles">,
  pieces: Iterable<number>,
  spans: (piece: number) => FileSpan[],
  take: (piece: number, digest: Uint8Array | null) => void,
  signal?: AbortSignal,
): Promise<void> {
  if (signal?.aborted) return;
  const source = pieces[Symbol.iterator]();
  let over = false;
  const lane = async () => {
    while (!over) {
      const { done, value } = source.next();
      if (done) return;
      const digest = await hasher.hashFiles(spans(value));
      if (!over) take(value, digest);
    }
  };
  const abort = Promise.withResolvers<void>();
  const onAbort = () => abort.resolve();
  signal?.addEventListener("abort", onAbort);
  try {
    const lanes = Array.from({ length: hasher.concurrency * JOBS_EACH }, lane);
    await Promise.race([Promise.all(lanes), abort.promise]);
  } finally {
    over = true;
    signal?.removeEventListener("abort", onAbort);
  }
}
