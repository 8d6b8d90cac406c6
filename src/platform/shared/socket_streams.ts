/** The Web-standard streams of a socket, built on its synchronous path. */
import { NetError } from "../../util/errors.ts";
import type { Socket } from "../types.ts";

type SyncSocket = Pick<Socket, "attach" | "send" | "pause" | "resume" | "close" | "closed">;

/**
 * A byte stream that reads only on demand: the socket is paused from each chunk to the next pull,
 * so that TCP pushes back on the other side.
 */
export function readableOf(socket: SyncSocket): ReadableStream<Uint8Array> {
  let controller!: ReadableByteStreamController;
  const stream = new ReadableStream({
    type: "bytes",
    start: (own) => {
      controller = own;
    },
    pull: () => socket.resume(),
    cancel: () => socket.close(),
  });
  socket.pause();
  socket.attach({
    onData(chunk) {
      socket.pause(); // before the bytes are enqueued, which may pull again at once
      const rest = fillRequest(controller, chunk);
      if (rest.length > 0) controller.enqueue(rest.slice());
    },
    onEnd(error) {
      try {
        endStream(controller, error);
      } catch {
        // The reader cancelled: the stream is closed already.
      }
    },
  });
  return stream;
}

/** Copies into the buffer of a waiting BYOB read, if there is one; returns the rest. */
function fillRequest(controller: ReadableByteStreamController, chunk: Uint8Array): Uint8Array {
  const request = controller.byobRequest;
  if (request === null || request.view === null) return chunk;
  const { buffer, byteOffset, byteLength } = request.view;
  const taken = Math.min(byteLength, chunk.length);
  new Uint8Array(buffer, byteOffset, taken).set(chunk.subarray(0, taken));
  request.respond(taken);
  return chunk.subarray(taken);
}

function endStream(controller: ReadableByteStreamController, error: Error | null): void {
  if (error !== null) {
    controller.error(error);
    return;
  }
  controller.close();
  controller.byobRequest?.respond(0); // without it a waiting BYOB read would never settle
}

/** A write is done when the system has the bytes; the chunk must not change before that. */
export function writableOf(
  socket: SyncSocket,
  finish: () => void,
): WritableStream<Uint8Array> {
  return new WritableStream<Uint8Array>({
    start(controller) {
      socket.closed.then(
        () => controller.error(new NetError("closed", "The connection is closed")),
        (error) => controller.error(error),
      );
    },
    write: (bytes) => new Promise<void>((resolve) => socket.send(bytes, resolve)),
    close: finish,
    abort: () => socket.close(),
  });
}
