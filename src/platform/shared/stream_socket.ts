/**
 * The synchronous path over a ByteStream that a user of the library supplies (a tunnel, a test
 * pipe). A byte stream is read into one buffer that is reused; any other stream is read chunk by
 * chunk.
 */
import type { ByteStream, Socket } from "../types.ts";
import { SocketBase } from "./socket_base.ts";

const BUFFER_BYTES = 65536;

/**
 * Makes a socket of your own connection, for `StreamNet.connect` and `StreamNet.listen` of a
 * platform. Takes the stream over: its `readable` and `writable` are locked from now on.
 */
export function socketFromStream(stream: ByteStream): Socket {
  return new StreamSocket(stream);
}

class StreamSocket extends SocketBase {
  readonly #stream: ByteStream;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #reading = true;
  /** Resumes the read loop after a pause. */
  #goOn: (() => void) | null = null;
  #finished = false;

  constructor(stream: ByteStream) {
    super();
    this.#stream = stream;
    this.#writer = stream.writable.getWriter();
    this.#writer.closed.catch(() => {}); // the stream's own `closed` reports the failure too
    // Not when `closed` resolves: bytes may still wait in `readable` then.
    stream.closed.catch((error) => this.#end(error));
    stream.opened.then((info) => {
      this.didOpen(info);
      return this.#readAll();
    }).then(() => this.#finishBoth(), (error) => this.#end(error));
  }

  protected override startSend(bytes: Uint8Array): boolean {
    // A failed write still releases the caller's buffer; the failure itself ends the socket.
    this.#writer.write(bytes).then(() => this.didSend(), (error) => this.#end(error));
    return false;
  }

  protected override startReading(): void {
    this.#reading = true;
    this.#goOn?.();
    this.#goOn = null;
  }

  protected override stopReading(): void {
    this.#reading = false;
  }

  protected override finishWriting(): void {
    this.#writer.close().catch((error) => this.#end(error));
  }

  protected override shutDown(sending: boolean): void {
    if (sending) this.#finishBoth();
    else this.#closeNow();
  }

  /** Queued bytes are sent first. */
  #finishBoth(): void {
    this.#writer.close().then(() => this.#closeNow(), () => this.#closeNow());
  }

  #closeNow(): void {
    this.#stream.close();
    this.#end(null);
  }

  async #readAll(): Promise<void> {
    const read = readerOf(this.#stream.readable);
    for (;;) {
      if (!this.#reading) {
        await new Promise<void>((resolve) => {
          this.#goOn = resolve;
        });
        continue;
      }
      const chunk = await read();
      if (chunk === null) return;
      if (!this.didReceive(chunk)) this.#reading = false;
    }
  }

  #end(error: unknown): void {
    if (this.#finished) return;
    this.#finished = true;
    if (error !== null) this.#stream.close();
    this.didEnd(error === null || error instanceof Error ? error : new Error(String(error)));
  }
}

/** Reads the next chunk, which is valid until the next call; null at the end. */
function readerOf(stream: ReadableStream<Uint8Array>): () => Promise<Uint8Array | null> {
  let buffer = new ArrayBuffer(BUFFER_BYTES);
  const bytes = byteReaderOf(stream);
  if (bytes !== null) {
    return async () => {
      const { value, done } = await bytes.read(new Uint8Array(buffer));
      if (done) return null;
      buffer = value.buffer;
      return value;
    };
  }
  const chunks = stream.getReader();
  return async () => (await chunks.read()).value ?? null;
}

/** Null for a stream of chunks. */
function byteReaderOf(stream: ReadableStream<Uint8Array>): ReadableStreamBYOBReader | null {
  try {
    return stream.getReader({ mode: "byob" });
  } catch (error) {
    if (error instanceof TypeError && !stream.locked) return null;
    throw error;
  }
}
