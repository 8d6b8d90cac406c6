/**
 * The synchronous path over a ByteStream that a user of the library brings (a tunnel, a test pipe):
 * one BYOB reader into one buffer that goes round.
 */
import type { ByteStream, Socket } from "../types.ts";
import { SocketBase } from "./socket_base.ts";

const BUFFER_BYTES = 65536;

/** Takes the stream over: its `readable` and `writable` are locked from now on. */
export function socketFromStream(stream: ByteStream): Socket {
  return new StreamSocket(stream);
}

class StreamSocket extends SocketBase {
  readonly #stream: ByteStream;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #reading = true;
  /** Lets the waiting read loop go on after a pause. */
  #goOn: (() => void) | null = null;
  #finished = false;

  constructor(stream: ByteStream) {
    super();
    this.#stream = stream;
    this.#writer = stream.writable.getWriter();
    this.#writer.closed.catch(() => {}); // the failure shows in `closed` of the stream too
    // Not on the resolution of `closed`: bytes may still wait in `readable` then.
    stream.closed.catch((error) => this.#end(error));
    stream.opened.then((info) => {
      this.didOpen(info);
      return this.#readAll();
    }).then(() => this.#finishBoth(), (error) => this.#end(error));
  }

  protected override startSend(bytes: Uint8Array): boolean {
    // A failed write still frees the caller's buffer; the failure itself ends the socket.
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

  /** What was sent goes out first. */
  #finishBoth(): void {
    this.#writer.close().then(() => this.#closeNow(), () => this.#closeNow());
  }

  #closeNow(): void {
    this.#stream.close();
    this.#end(null);
  }

  async #readAll(): Promise<void> {
    const reader = this.#stream.readable.getReader({ mode: "byob" });
    let buffer = new ArrayBuffer(BUFFER_BYTES);
    for (;;) {
      if (!this.#reading) {
        await new Promise<void>((resolve) => {
          this.#goOn = resolve;
        });
        continue;
      }
      const { value, done } = await reader.read(new Uint8Array(buffer));
      if (done) return;
      if (!this.didReceive(value)) this.#reading = false;
      buffer = value.buffer;
    }
  }

  #end(error: unknown): void {
    if (this.#finished) return;
    this.#finished = true;
    if (error !== null) this.#stream.close();
    this.didEnd(error === null || error instanceof Error ? error : new Error(String(error)));
  }
}
