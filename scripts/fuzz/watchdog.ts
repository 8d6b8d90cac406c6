/**
 * Watches the input that is being tried from a thread of its own: an endless loop could not be
 * reported by the thread that is in it. Writes the input down and ends the process.
 */
import process from "node:process";
import type { Watched } from "./watchdog_worker.ts";

const HEAD_BYTES = 8, MAX_INPUT = 256 * 1024;

/** `dir`: where an input that hangs is written. */
export class Watchdog {
  readonly #memory = new SharedArrayBuffer(HEAD_BYTES + MAX_INPUT);
  #count = 0;
  #target = "";
  #name = new Uint8Array(0);
  /** The number of the input that is being tried, 0 for none, and the bytes that it takes. */
  readonly #head = new Int32Array(this.#memory, 0, 2);
  readonly #input = new Uint8Array(this.#memory, HEAD_BYTES);
  readonly #worker = new Worker(
    new URL("./watchdog_worker.ts", import.meta.url),
    { type: "module" },
  );

  constructor(dir: string) {
    const watched: Watched = {
      head: this.#head,
      input: this.#input,
      pid: process.pid,
      dir,
    };
    this.#worker.postMessage(watched);
  }

  /** Resolves when it watches: a worker does not start while this thread is busy. */
  async ready(): Promise<void> {
    await new Promise((resolve) => this.#worker.onmessage = resolve);
  }

  /** Null: it is done, and nothing is tried. */
  trying(target: string, input: Uint8Array | null): void {
    if (input === null) return void Atomics.store(this.#head, 0, 0);
    if (target !== this.#target) {
      this.#target = target;
      this.#name = new TextEncoder().encode(`${target}\n`);
    }
    const name = this.#name;
    this.#input.set(name);
    this.#input.set(input.subarray(0, MAX_INPUT - name.length), name.length);
    Atomics.store(this.#head, 1, Math.min(MAX_INPUT, name.length + input.length));
    Atomics.store(this.#head, 0, this.#count = 1 + this.#count % 0x7fffffff);
  }

  stop(): void {
    this.#worker.terminate();
  }
}
