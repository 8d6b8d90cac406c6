/** A child of the kill test: its lines as they come, and its end by kill -9. */
import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { thisRuntime } from "../lib/runtimes.ts";

const script = fileURLToPath(new URL("child.ts", import.meta.url));

export class ChildProgram {
  /** Resolves when the process has ended and all its lines were told. */
  readonly ended: Promise<void>;
  #error = "";
  readonly #child: ChildProcess;
  #code: number | null = null;

  constructor(args: readonly string[], onLine: (word: string, rest: string) => void) {
    const start = thisRuntime === "deno" ? ["run", "-A", "--no-check", script] : [script];
    const child = spawn(process.execPath, [...start, ...args], {
      // The child ends when its input does: it does not outlive us.
      stdio: ["pipe", "pipe", "pipe"],
    });
    this.#child = child;
    child.stderr.on("data", (chunk) => this.#error += String(chunk));
    const exited = new Promise<void>((resolve) => {
      child.once("exit", (code) => {
        this.#code = code;
        resolve();
      });
    });
    const told = (async () => {
      for await (const line of createInterface({ input: child.stdout })) {
        const at = line.indexOf(" ");
        onLine(at < 0 ? line : line.slice(0, at), at < 0 ? "" : line.slice(at + 1));
      }
    })();
    this.ended = Promise.all([exited, told]).then(() => {});
  }

  /** Throws unless it ended by itself, and well. */
  assertWell(): void {
    if (this.#code !== 0) throw new Error(`a child ended with ${this.#code}: ${this.#error}`);
  }

  /** SIGKILL, by process id; resolves when it is gone. */
  async kill(): Promise<void> {
    try {
      process.kill(this.#child.pid!, "SIGKILL");
    } catch {
      // It ended by itself in this very moment.
    }
    await this.ended;
  }
}
