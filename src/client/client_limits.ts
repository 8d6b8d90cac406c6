/** What all torrents of a client share of the line: rates, connections, and bytes a day or month. */
import type { Clock } from "../platform/types.ts";
import { ConnectionSlots } from "../torrent/connection_slots.ts";
import { newThrottles, type Rates } from "../torrent/rate_limits.ts";
import { Quota, type QuotaOptions, type QuotaState } from "./quota.ts";

const DEFAULT_MAX_CONNECTIONS = 500;

export class ClientLimits {
  readonly throttles = newThrottles();
  readonly slots: ConnectionSlots;
  #quota: Quota | null;
  readonly #clock: Clock;
  readonly #quotaOptions: QuotaOptions | null;
  #rates: Rates = { down: Infinity, up: Infinity };

  constructor(clock: Clock, maxConnections = DEFAULT_MAX_CONNECTIONS, quota?: QuotaOptions) {
    this.#clock = clock;
    this.slots = new ConnectionSlots(maxConnections);
    this.#quotaOptions = quota ?? null;
    this.#quota = quota === undefined ? null : new Quota(quota, null, clock.wallTime());
  }

  /** What was spent in an earlier run. Before anything passed. */
  recall(saved: QuotaState | null): void {
    if (this.#quotaOptions === null || saved === null) return;
    this.#quota = new Quota(this.#quotaOptions, saved, this.#clock.wallTime());
    this.#apply();
  }

  /** What is worth keeping; null without a quota. */
  get spent(): QuotaState | null {
    return this.#quota?.state ?? null;
  }

  get rates(): Rates {
    return this.#rates;
  }

  /** Bytes a second; what is left out stays as it is. */
  setRates(rates: Partial<Rates>): void {
    this.#rates = { down: rates.down ?? this.#rates.down, up: rates.up ?? this.#rates.up };
    this.#apply();
  }

  /** Lets those go on who waited for tokens. Every few milliseconds while there are limits. */
  serve(now: number): void {
    this.throttles.down.serve(now);
    this.throttles.up.serve(now);
  }

  /** A few times a second: what has passed counts against the quota. */
  count(): void {
    if (this.#quota === null) return;
    const { down, up } = this.throttles;
    this.#quota.update({ down: down.total, up: up.total }, this.#clock.wallTime());
    this.#apply();
  }

  /** The rates that were set, or nothing at all where the quota is spent. */
  #apply(): void {
    const now = this.#clock.now(), { down, up } = this.throttles;
    const downRate = this.#quota?.downSpent ? 0 : this.#rates.down;
    const upRate = this.#quota?.upSpent ? 0 : this.#rates.up;
    if (down.limit !== downRate) down.setLimit(downRate, now);
    if (up.limit !== upRate) up.setLimit(upRate, now);
  }
}
