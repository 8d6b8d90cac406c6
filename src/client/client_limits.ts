/**
 * The limits that all torrents of a client share: rates, connections, and bytes per day or month.
 */
import type { Clock, FileLock } from "../platform/types.ts";
import { ConnectionSlots } from "../peers/connection_slots.ts";
import {
  newThrottles,
  type Rates,
  serveAll,
  setRates,
  type ThrottlePair,
} from "../swarm/rate_limits.ts";
import { FileError } from "../util/errors.ts";
import { Labels } from "./labels.ts";
import { Quota, type QuotaOptions, type QuotaPeriod, type QuotaState } from "./quota.ts";
import type { QuotaSpent } from "../torrent/types.ts";

/** How often and how long a client waits for others that count at the same moment. */
const TURNS = 50, TURN_MS = 20;

/** The most connection attempts of all torrents together per second. */
const MAX_ATTEMPTS_PER_SECOND = 50;

/**
 * The saved count of a quota, for all clients that share it. All calls may fail with a FileError.
 */
export interface QuotaStore {
  /** Null while another process has it. */
  lockQuota(period: QuotaPeriod): FileLock | null;
  /** Null if there is none, or none that is readable. */
  loadQuota(period: QuotaPeriod): Promise<QuotaState | null>;
  keepQuota(period: QuotaPeriod, state: QuotaState): Promise<void>;
}

export class ClientLimits {
  readonly throttles: ThrottlePair = newThrottles();
  readonly labels: Labels = new Labels();
  readonly slots: ConnectionSlots;
  #quota: Quota | null;
  readonly #clock: Clock;
  #rates: Rates = { down: Infinity, up: Infinity };
  #saving: Promise<void> = Promise.resolve();

  constructor(clock: Clock, maxConnections: number, quota?: QuotaOptions) {
    this.#clock = clock;
    this.slots = new ConnectionSlots(maxConnections, MAX_ATTEMPTS_PER_SECOND);
    this.#quota = quota === undefined ? null : new Quota(quota, null, clock.wallTime());
    this.#apply();
  }

  /** The directions that have used up their quota, and until when; null if none has. */
  get quotaSpent(): QuotaSpent | null {
    return this.#quota?.spentAt(this.#clock.wallTime()) ?? null;
  }

  get rates(): Rates {
    return this.#rates;
  }

  /** Bytes a second; omitted limits stay as they are. */
  setRates(rates: Partial<Rates>): void {
    this.#rates = { down: rates.down ?? this.#rates.down, up: rates.up ?? this.#rates.up };
    this.#apply();
  }

  /** Bytes that this run spent before count only if the count is shared. */
  setQuota(options: QuotaOptions): void {
    this.#quota = new Quota(options, this.#quota?.state ?? null, this.#clock.wallTime(), {
      down: this.throttles.down.total,
      up: this.throttles.up.total,
    });
    this.#apply();
  }

  /** Resumes waiting flows. Call it every few milliseconds while there are limits. */
  serve(now: number): void {
    this.labels.serve(now);
    serveAll(this.throttles, now);
  }

  /**
   * A few times a second: counts the transferred bytes against the quota, and begins a new period.
   */
  count(): void {
    if (this.#quota === null) return;
    const { down, up } = this.throttles;
    this.#quota.update({ down: down.total, up: up.total }, this.#clock.wallTime());
    this.#apply();
  }

  /**
   * Adds the bytes spent since the last time to the saved count, and takes over the sum, as others
   * may share it. If the disk has locks, clients do this one after the other; without locks, one of
   * two that do it within the same milliseconds loses its last addition. If the disk fails, the
   * bytes are added the next time. Never rejects.
   */
  shareQuota(store: QuotaStore): Promise<void> {
    return this.#saving = this.#saving.then(() => this.#share(store)).catch(() => {});
  }

  async #share(store: QuotaStore): Promise<void> {
    const quota = this.#quota, { period } = quota ?? {};
    if (quota === null || period === undefined) return;
    const lock = await this.#turn(store, period);
    try {
      await this.#add(quota, store);
    } finally {
      lock?.release();
    }
  }

  async #add(quota: Quota, store: QuotaStore): Promise<void> {
    const { period } = quota, saved = await store.loadQuota(period);
    this.count();
    const added = quota.merge(saved, this.#clock.wallTime());
    this.#apply();
    if (added.down === 0 && added.up === 0) return;
    try {
      await store.keepQuota(period, quota.state);
    } catch (error) {
      quota.unsave(added, this.#clock.wallTime());
      throw error;
    }
  }

  /**
   * Null if there are no locks, or another client holds it far too long: counting continues
   * without.
   */
  async #turn(store: QuotaStore, period: QuotaPeriod): Promise<FileLock | null> {
    for (let turn = 0; turn < TURNS; turn++) {
      try {
        const lock = store.lockQuota(period);
        if (lock !== null) return lock;
      } catch (error) {
        if (error instanceof FileError) return null;
        throw error;
      }
      await new Promise<void>((resolve) => void this.#clock.after(TURN_MS, resolve));
    }
    return null;
  }

  /** The given rates, and at most one block more than the rest of the quota. */
  #apply(): void {
    const now = this.#clock.now(), { down, up } = this.throttles;
    setRates(this.throttles, this.#rates, now);
    if (this.#quota === null) return;
    const { left } = this.#quota;
    down.setAllowance(left.down, now);
    up.setAllowance(left.up, now);
  }
}
