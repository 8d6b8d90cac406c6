/** The process of a simulated node: its output is kept, and a test can interrupt it. */
import type { Process, Timer } from "../../../src/platform/types.ts";

export interface ProcessOptions {
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Default 1. */
  pid?: number;
  terminal?: { columns: number; rows: number; color: boolean };
}

export class SimProcess implements Process {
  readonly args: readonly string[];
  readonly os = "linux";
  readonly pid: number;
  /** All text so far. */
  outText = "";
  errText = "";
  code = 0;
  /** Whether `exit` was called. */
  exited = false;
  /** What the service manager was told. */
  readonly notes: { socket: string; text: string }[] = [];
  readonly #hangups = new Set<() => void>();
  readonly #options: ProcessOptions;
  readonly #onExit: () => void;
  readonly #interrupts = new Set<() => void>();

  constructor(options: ProcessOptions, onExit: () => void) {
    this.args = options.args ?? [];
    this.pid = options.pid ?? 1;
    this.#options = options;
    this.#onExit = onExit;
  }

  env(name: string): string | undefined {
    return this.#options.env?.[name];
  }

  variables(prefix: string): Readonly<Record<string, string>> {
    const all = Object.entries(this.#options.env ?? {});
    return Object.fromEntries(all.filter(([name]) => name.startsWith(prefix)));
  }

  /** There is no input. */
  readLine(): Promise<string | null> {
    return Promise.resolve(null);
  }

  onKeys(): null {
    return null;
  }

  out(text: string): Promise<void> {
    this.outText += text;
    return Promise.resolve();
  }

  err(text: string): Promise<void> {
    this.errText += text;
    return Promise.resolve();
  }

  terminal(): { columns: number; rows: number; color: boolean } | null {
    return this.#options.terminal ?? null;
  }

  onInterrupt(fn: () => void): Timer {
    const own = () => fn();
    this.#interrupts.add(own);
    return { cancel: () => void this.#interrupts.delete(own) };
  }

  onHangup(fn: () => void): Timer {
    const own = () => fn();
    this.#hangups.add(own);
    return { cancel: () => void this.#hangups.delete(own) };
  }

  /** Like `kill -HUP`. */
  hangup(): void {
    for (const fn of [...(this.#hangups.size > 0 ? this.#hangups : this.#interrupts)]) fn();
  }

  notify(socket: string, text: string): boolean {
    this.notes.push({ socket, text });
    return true;
  }

  /** It is never stopped. */
  onContinue(): Timer {
    return { cancel() {} };
  }

  /** Like Ctrl-C. Returns whether there was a handler. */
  interrupt(): boolean {
    for (const fn of [...this.#interrupts]) fn();
    return this.#interrupts.size > 0;
  }

  exitCode(code: number): void {
    this.code = code;
  }

  /** The node dies; the calling code does not continue. */
  exit(code: number): never {
    this.code = code;
    this.exited = true;
    this.#onExit();
    throw new ProcessExit(code);
  }

  residentBytes(): number {
    return 64 * 1024 * 1024;
  }

  /** A node has a processor of its own. */
  waitedMs(): number {
    return 0;
  }
}

/** Ends the calling code of `exit()`; the timeline takes it as the orderly end that it is. */
export class ProcessExit extends Error {
  constructor(readonly code: number) {
    super(`The process ended with ${code}`);
  }
}
