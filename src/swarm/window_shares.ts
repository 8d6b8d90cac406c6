/** The even shares of the peers in the memory for open pieces and in the rate limits. */
import type { PeerSession } from "./peer/session.ts";
import type { RateLimits } from "./rate_limits.ts";

/** How long a new peer counts as one that will upload: many may unchoke us at once. */
const HOPEFUL_MS = 10_000;

/**
 * Gives every session its share, or the first ones would take everything. A limit too low for all of
 * them serves the first ones, preferring those whose block is in flight: one block more than the
 * limit can carry delays all of them. `budgetBlocks`: blocks that fit into the memory.
 */
export function shareWindows(
  sessions: { keys(): Iterable<PeerSession> },
  limits: RateLimits,
  budgetBlocks: number,
  now: number,
): void {
  let active = 0, giving = 0, hopeful = 0, busy = 0, requested = 0;
  for (const session of sessions.keys()) {
    requested += session.source.outstanding;
    if (!session.source.choked) active++;
    if (session.source.window.waitingSince !== null) busy++;
    if (gives(session)) giving++;
    else if (now - session.taker.connectedAt < HOPEFUL_MS) hopeful++;
  }
  const limit = Math.max(2, Math.floor(budgetBlocks / Math.max(1, active)));
  const { rate, carried } = limits.shareDown(giving + hopeful), { allowance } = limits;
  limits.settlePromises(requested);
  let first = 0, next = busy, later = busy + giving;
  for (const session of sessions.keys()) {
    const { window } = session.source;
    const rank = window.waitingSince !== null ? first++ : gives(session) ? next++ : later++;
    window.setShare(rate, rank >= carried && !session.source.snubbed, allowance, limit);
  }
}

/** Whether it unchokes us, has missing pieces, and answers. */
function gives({ source: { choked, wanted, snubbed } }: PeerSession): boolean {
  return !choked && wanted > 0 && !snubbed;
}
