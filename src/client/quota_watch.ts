/**
 * Counts bytes against the quota, reports when it is used up, and shares the count with other
 * clients.
 */
import type { QuotaSpent } from "../torrent/types.ts";
import type { ClientLimits } from "./client_limits.ts";
import { spentMessage } from "./quota.ts";
import type { StateDir } from "./state_dir.ts";

/**
 * Clients that share a quota know each other's bytes within twice this time: one saves, the other
 * reads.
 */
const KEEP_EVERY_MS = 10_000;

export class QuotaWatch {
  readonly #limits: ClientLimits;
  /** Null: the count is not saved. */
  readonly #state: StateDir | null;
  readonly #warn: (message: string) => void;
  #nextKeepAt = 0;
  /** The state as last reported. */
  #spent: QuotaSpent | null = null;

  constructor(limits: ClientLimits, state: StateDir | null, warn: (message: string) => void) {
    this.#limits = limits;
    this.#state = state;
    this.#warn = warn;
  }

  /** A few times a second. */
  tick(now: number): void {
    this.#count();
    if (now < this.#nextKeepAt) return;
    this.#nextKeepAt = now + KEEP_EVERY_MS;
    void this.keep();
  }

  /** Never rejects. */
  async keep(): Promise<void> {
    if (this.#state !== null) await this.#limits.shareQuota(this.#state);
  }

  #count(): void {
    this.#limits.count();
    const spent = this.#limits.quotaSpent, before = this.#spent;
    this.#spent = spent;
    for (const way of ["down", "up"] as const) {
      if (spent?.[way] && !before?.[way]) this.#warn(spentMessage(way, spent.until));
    }
  }
}
