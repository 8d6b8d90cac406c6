/** The shared parts of the real HTTP server and the simulated one. */
import type { ServeLimits } from "../types.ts";

export const DEFAULT_LIMITS: Required<ServeLimits> = {
  connections: 1000,
  headMs: 15_000,
  bodyMs: 300_000,
};

/** The time that `close()` gives to running answers; an event stream would never end. */
export const CLOSE_GRACE_MS = 1000;

/** Waits for `done`, at most for the grace time. Never rejects. */
export async function within(done: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, CLOSE_GRACE_MS);
  });
  await Promise.race([done.catch(() => {}), late]);
  clearTimeout(timer);
}

/** A handler's bug must not show its source to the visitor. */
export function serverError(): Response {
  return new Response("Internal Server Error", { status: 500 });
}
