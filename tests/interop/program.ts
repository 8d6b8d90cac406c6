/**
 * A started program whose output is read line by line. Whoever starts one must end it: a Scene does
 * so for every program that it started.
 */

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";

export interface Ended {
  /** Null when a signal ended it. */
  code: number | null;
  signal: string | null;
  /** All lines of standard output. */
  lines: string[];
  stderr: string;
  /** From start to end. */
  seconds: number;
}

export interface StartOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** The end of its input does not end it: it gets SIGTERM. */
  ignoresInput?: boolean;
}

interface Waiter {
  look(line: string): boolean;
  fail(error: Error): void;
}

/** How long anything here waits for a line before it gives up. */
const lineLimitMs = 30_000;

export class Program {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #ignoresInput: boolean;
  readonly #lines: string[] = [];
  readonly #errors: string[] = [];
  readonly #waiters = new Set<Waiter>();
  #result: Ended | null = null;

  constructor(command: readonly string[], options: StartOptions = {}) {
    const [program = "", ...args] = command;
    const start = performance.now();
    this.#name = command.slice(0, 4).join(" ");
    this.#ignoresInput = options.ignoresInput ?? false;
    this.#child = spawn(program, args, {
      cwd: options.cwd,
      env: {
        ...process.env,
        NO_COLOR: "1",
        DENO_NO_UPDATE_CHECK: "1",
        // Nothing is kept from one run to the next.
        XDG_STATE_HOME: "",
        ...options.env,
      },
      stdio: ["pipe", "pipe", "pipe"],
    });
    // Its input breaks when it ends first; that is no news.
    this.#child.stdin!.on("error", () => {});
    createInterface({ input: this.#child.stdout! }).on("line", (line) => this.#onLine(line));
    this.#child.stderr!.setEncoding("utf8").on("data", (text: string) => this.#errors.push(text));
    this.ended = new Promise((resolve) => {
      const end = (code: number | null, signal: string | null) => {
        const seconds = (performance.now() - start) / 1000;
        this.#result = { code, signal, lines: this.#lines, stderr: this.stderr, seconds };
        const how = `ended (${signal ?? code})`;
        for (const waiter of this.#waiters) waiter.fail(new Error(this.#failure(how)));
        resolve(this.#result);
      };
      this.#child.once("error", (error) => {
        this.#errors.push(error.message);
        end(127, null);
      });
      this.#child.once("close", end);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stderr(): string {
    return this.#errors.join("");
  }

  /** What it printed so far. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /** Null while it runs. */
  get result(): Ended | null {
    return this.#result;
  }

  /**
   * The first line, past or to come, for which `pick` gives something. Rejects with what the
   * program printed when it ends before or prints no such line in time.
   */
  waitFor<T>(what: string, pick: (line: string) => T | null): Promise<T> {
    for (const line of this.#lines) {
      const found = pick(line);
      if (found !== null) return Promise.resolve(found);
    }
    if (this.#result !== null) return Promise.reject(new Error(this.#failure(`no ${what}`)));
    return new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(limit);
        this.#waiters.delete(waiter);
      };
      const waiter: Waiter = {
        look: (line) => {
          const found = pick(line);
          if (found === null) return false;
          settle();
          resolve(found);
          return true;
        },
        fail: (error) => {
          settle();
          reject(error);
        },
      };
      const limit = setTimeout(
        () => waiter.fail(new Error(this.#failure(`no ${what} in ${lineLimitMs / 1000} s`))),
        lineLimitMs,
      );
      this.#waiters.add(waiter);
    });
  }

  /** Writes a line to its input. */
  tell(line: string): void {
    this.#child.stdin!.write(`${line}\n`);
  }

  /** By its id: after ChildProcess.kill Deno says that the signal ended it, whatever it did. */
  kill(signal: NodeJS.Signals): void {
    if (this.#result === null) process.kill(this.pid, signal);
  }

  /** Closes its input, which ends the peers of this folder, and kills it if that does not help. */
  async stop(): Promise<void> {
    if (this.#result !== null) return;
    this.#child.stdin!.end();
    if (this.#ignoresInput) this.#child.kill("SIGTERM");
    const kill = setTimeout(() => this.#child.kill("SIGKILL"), 3000);
    await this.ended;
    clearTimeout(kill);
  }

  #onLine(line: string): void {
    this.#lines.push(line);
    for (const waiter of this.#waiters) waiter.look(line);
  }

  #failure(what: string): string {
    const said = [...this.#lines.slice(-15), this.stderr.slice(-3000)].join("\n").trim();
    return `${this.#name}: ${what}; it printed:\n${said}`;
  }
}
