/** Repetition and patience on top of the platform's clock. */
import type { Clock, Timer } from "../platform/types.ts";

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

/** Waits for `work`, but at most `limitMs`; false when the time ran out. `work` goes on. */
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
