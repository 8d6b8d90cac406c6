/** A part of a file as a stream of the Web. */
import type { FileReader } from "./file_reader.ts";

/** Reads only when its consumer asks, so that nothing waits in memory. */
export function streamOf(
  reader: FileReader,
  signal?: AbortSignal,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const abort = () => reader.fail(signal!.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  const close = () => {
    signal?.removeEventListener("abort", abort);
    reader.close();
  };
  return new ReadableStream({
    async pull(controller) {
      try {
        const bytes = await reader.next();
        if (bytes !== null) return controller.enqueue(bytes);
        close();
        controller.close();
      } catch (error) {
        close();
        throw error;
      }
    },
    cancel: close,
  }, { highWaterMark: 0 });
}
