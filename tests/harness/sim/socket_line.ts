/** The connection under HTTP between simulated nodes: a socket that is read on demand. */
import type { Socket } from "../../../src/platform/types.ts";
import type { HttpLine } from "../../../src/platform/shared/http_wire.ts";

export class SocketLine implements HttpLine {
  /** The other side has ended the connection, or it broke. */
  ended = false;
  readonly opened: Promise<unknown>;
  readonly #socket: Socket;
  readonly #came: Uint8Array[] = [];
  #error: Error | null = null;
  #wake: (() => void) | null = null;

  constructor(socket: Socket) {
    this.#socket = socket;
    this.opened = socket.opened;
    socket.attach({
      onData: (chunk) => {
        this.#came.push(chunk.slice());
        if (this.#wake === null) socket.pause();
        this.#stir();
      },
      onEnd: (error) => {
        this.ended = true;
        this.#error = error;
        this.#stir();
      },
    });
  }

  write(bytes: Uint8Array): void {
    this.#socket.send(bytes, () => {});
  }

  /** Resolves when the network has taken the bytes. */
  send(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => void this.#socket.send(bytes, resolve));
  }

  async read(): Promise<Uint8Array | null> {
    while (this.#came.length === 0) {
      if (this.#error !== null) throw this.#error;
      if (this.ended) return null;
      const stirred = new Promise<void>((resolve) => this.#wake = resolve);
      this.#socket.resume();
      await stirred;
    }
    return this.#came.shift()!;
  }

  close(): void {
    this.#socket.close();
  }

  #stir(): void {
    this.#wake?.();
    this.#wake = null;
  }
}
