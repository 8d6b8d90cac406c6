/** Ctrl-C: the first one requests an orderly end, the second one ends the process at once. */
import type { Clock, Platform, Timer } from "../platform/types.ts";
import { EXIT_INTERRUPTED } from "./errors.ts";

export interface Interrupt {
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal;
  readonly requested: boolean;
  /** Resolves at the first Ctrl-C. */
  readonly asked: Promise<void>;
  /** Restores the system's handling of Ctrl-C. */
  release(): void;
}

/** The time for the last output to a terminal. */
const LAST_WORDS_MS = 100;

/** `beforeExit` runs before the second Ctrl-C ends the process: it restores the terminal. */
export function watchInterrupt(
  { process, clock }: Pick<Platform, "process" | "clock">,
  beforeExit: () => Promise<void>,
): Interrupt {
  const controller = new AbortController();
  const asked = new Promise<void>((resolve) => {
    controller.signal.addEventListener("abort", () => resolve(), { once: true });
  });
  const handler = process.onInterrupt(() => {
    if (!controller.signal.aborted) return controller.abort();
    void within(clock, LAST_WORDS_MS, beforeExit()).then(() => process.exit(EXIT_INTERRUPTED));
  });
  return {
    signal: controller.signal,
    get requested() {
      return controller.signal.aborted;
    },
    asked,
    release: () => handler.cancel(),
  };
}

/** Calls `fn` every `periodMs`, first after one period, until cancelled. */
export function repeat(clock: Clock, periodMs: number, fn: () => void): Timer {
  let timer: Timer;
  let cancelled = false;
  const arm = () => {
    timer = clock.after(periodMs, () => {
      fn();
      if (!cancelled) arm();
    });
  };
  arm();
  return {
    cancel() {
      cancelled = true;
      timer.cancel();
    },
  };
}

/** Waits for `work`, but at most `limitMs`; false on timeout. `work` itself is not stopped. */
export async function within(
  clock: Clock,
  limitMs: number,
  work: Promise<unknown>,
): Promise<boolean> {
  let timer: Timer | null = null;
  const late = new Promise<boolean>((resolve) => {
    timer = clock.after(limitMs, () => resolve(false));
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    (timer as Timer | null)?.cancel();
  }
}
