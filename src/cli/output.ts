/**
 * The output of the command line. Texts are written in order: one write is in progress at a time
 * and later texts are joined into the next one, so a slow reader costs neither order nor promises.
 */
import type { Process } from "../platform/types.ts";

type Ports = Pick<Process, "out" | "err">;

export class Output {
  readonly #out: TextQueue;
  readonly #err: TextQueue;
  #isLost = false;

  constructor(process: Ports) {
    this.#err = new TextQueue((text) => process.err(text), () => {});
    this.#out = new TextQueue((text) => process.out(text), (error) => {
      this.#isLost = true;
      this.errorLine(`shoal: ${error instanceof Error ? error.message : error}`);
    });
  }

  /** Writing to standard output failed; everything since then is missing. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** Prints everything to standard error, for output that is not part of the result. */
  static toErrors(process: Ports): Output {
    return new Output({ out: (text) => process.err(text), err: (text) => process.err(text) });
  }

  /** To standard output, unchanged. */
  write(text: string): void {
    this.#out.add(text);
  }

  line(text: string): void {
    this.#out.add(`${text}\n`);
  }

  /** To standard error, as a line. */
  errorLine(text: string): void {
    this.#err.add(`${text}\n`);
  }

  /** Characters that wait for the reader of standard output. */
  get backlog(): number {
    return this.#out.backlog;
  }

  /** Resolves when the system has everything printed so far. */
  async flush(): Promise<void> {
    await this.#out.idle();
    await this.#err.idle();
  }
}

class TextQueue {
  #waiting = "";
  #writing: Promise<void> | null = null;
  #broken = false;

  readonly #write: (text: string) => Promise<void>;
  readonly #onBroken: (error: unknown) => void;

  constructor(write: (text: string) => Promise<void>, onBroken: (error: unknown) => void) {
    this.#write = write;
    this.#onBroken = onBroken;
  }

  get backlog(): number {
    return this.#waiting.length;
  }

  add(text: string): void {
    if (this.#broken) return;
    this.#waiting += text;
    this.#writing ??= this.#drain();
  }

  async idle(): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  async #drain(): Promise<void> {
    while (this.#waiting !== "" && !this.#broken) {
      const text = this.#waiting;
      this.#waiting = "";
      try {
        await this.#write(text);
      } catch (error) {
        this.#broken = true;
        this.#onBroken(error);
      }
    }
    this.#writing = null;
  }
}
