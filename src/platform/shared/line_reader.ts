/** Lines that are typed, one for each question. */
import process from "node:process";
import type { Interface } from "node:readline";

type Input = NodeJS.ReadableStream & { ref?(): void; unref?(): void };

export class LineReader {
  readonly #input: Input;
  #lines: Interface | null = null;
  /** Lines that came before they were asked for, as from a pipe. */
  readonly #early: string[] = [];
  #waiting: ((line: string | null) => void) | null = null;
  #ended = false;

  constructor(input: Input) {
    this.#input = input;
  }

  /** Null when there is none to come. */
  next(): Promise<string | null> {
    const early = this.#early.shift();
    if (early !== undefined) return Promise.resolve(early);
    if (this.#ended) return Promise.resolve(null);
    this.#lines ??= this.#open();
    // Only who waits for a line keeps the process alive.
    this.#input.ref?.();
    this.#lines.resume();
    return new Promise((resolve) => this.#waiting = resolve);
  }

  #open(): Interface {
    // Loaded when it is needed: most runs ask for no line.
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
