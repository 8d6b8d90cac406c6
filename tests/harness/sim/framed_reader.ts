/** Reads what comes over a socket in parts, each after its length; takes in little unasked. */
import { concatBytes, readUint32 } from "../../../src/util/bytes.ts";
import { NetError } from "../../../src/util/errors.ts";
import type { Socket } from "../../../src/platform/types.ts";

/** With so much waiting to be read the socket is paused. */
const AHEAD_BYTES = 65536;

export class FramedReader {
  /** The other side has ended the connection, or it broke. */
  ended = false;
  readonly #socket: Socket;
  /** Bytes of the part under way that are still to come. */
  #left = 0;
  #waiting = new Uint8Array(0);
  #error: Error = new NetError("reset", "Cannot read on: the other side ended the connection");
  #wake: (() => void) | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.attach({
      onData: (chunk) => {
        this.#waiting = concatBytes(this.#waiting, chunk);
        if (this.#wake === null && this.#waiting.length >= AHEAD_BYTES) socket.pause();
        this.#wake?.();
      },
      onEnd: (error) => {
        this.ended = true;
        this.#error = error ?? this.#error;
        this.#wake?.();
      },
    });
  }

  /** A whole part. Rejects with a NetError when the connection ends before; so does `some`. */
  async part(): Promise<Uint8Array> {
    await this.#begin();
    return await this.#take(this.#left);
  }

  /** What is here of the next part, at least one byte; null when that part is empty. */
  async some(): Promise<Uint8Array | null> {
    await this.#begin();
    if (this.#left === 0) return null;
    await this.#demand(1);
    return await this.#take(Math.min(this.#left, this.#waiting.length));
  }

  async #begin(): Promise<void> {
    if (this.#left > 0) return;
    const length = await this.#take(this.#left = 4);
    this.#left = readUint32(length, 0);
  }

  async #take(length: number): Promise<Uint8Array> {
    await this.#demand(length);
    const bytes = this.#waiting.slice(0, length);
    this.#waiting = this.#waiting.slice(length);
    this.#left -= length;
    return bytes;
  }

  async #demand(length: number): Promise<void> {
    while (this.#waiting.length < length) {
      if (this.ended) throw this.#error;
      this.#socket.resume();
      await new Promise<void>((resolve) => this.#wake = resolve);
      this.#wake = null;
    }
  }
}
