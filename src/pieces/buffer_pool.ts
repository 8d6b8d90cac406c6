/** Hands out piece-sized buffers again, so that the runtime zeroes each of them only once. */
export class BufferPool {
  readonly #free: Uint8Array[] = [];
  readonly #allocate: (length: number) => Uint8Array;

  constructor(readonly length: number, allocate: (length: number) => Uint8Array) {
    this.#allocate = allocate;
  }

  take(): Uint8Array {
    return this.#free.pop() ?? this.#allocate(this.length);
  }

  give(buffer: Uint8Array): void {
    this.#free.push(buffer);
  }

  clear(): void {
    this.#free.length = 0;
  }
}
