/** Typed lines, one for each question. */
import process from "node:process";
import type { Interface } from "node:readline";

type Input = NodeJS.ReadableStream & { ref?(): void; unref?(): void };

export class LineReader {
  readonly #input: Input;
  #lines: Interface | null = null;
  /** Lines that arrived before they were requested, as from a pipe. */
  readonly #early: string[] = [];
  #waiting: ((line: string | null) => void) | null = null;
  #ended = false;

  constructor(input: Input) {
    this.#input = input;
  }

  /** Null at the end of input. */
  next(): Promise<string | null> {
    const early = this.#early.shift();
    if (early !== undefined) return Promise.resolve(early);
    if (this.#ended) return Promise.resolve(null);
    this.#lines ??= this.#open();
    // Only a pending question keeps the process alive.
    this.#input.ref?.();
    this.#lines.resume();
    return new Promise((resolve) => this.#waiting = resolve);
  }

  #open(): Interface {
    // Loaded on demand: most runs ask for no line.
    const { createInterface } = process.getBuiltinModule("node:readline");
    const lines = createInterface({ input: this.#input });
    lines.on("line", (line) => {
      if (this.#waiting === null) this.#early.push(line);
      else this.#answer(line);
    });
    lines.on("close", () => {
      this.#ended = true;
      this.#answer(null);
    });
    return lines;
  }

  #answer(line: string | null): void {
    if (!this.#ended) this.#lines?.pause();
    this.#input.unref?.();
    this.#waiting?.(line);
    this.#waiting = null;
  }
}
