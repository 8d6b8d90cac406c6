/** What all torrents of a client share of the line: rates, connections, and bytes a day or month. */
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

/** How often, and for how long each time, a client waits for others that count at this moment. */
const TURNS = 50, TURN_MS = 20;

/** Attempts to connect that all torrents together may begin in a second. */
const MAX_ATTEMPTS_PER_SECOND = 50;

/** Where a quota's count is kept, by all that share it. All may fail with a FileError. */
export interface QuotaStore {
  /** Null while another process has it. */
  lockQuota(period: QuotaPeriod): FileLock | null;
  /** Null when there is none, or none that can be understood. */
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

  /** Which ways rest, and until when; null where none does. */
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

  /** What was spent before, in this run, counts when it is shared and not else. */
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

  /** A few times a second: what has passed counts against the quota, and a new period begins. */
  count(): void {
    if (this.#quota === null) return;
    const { down, up } = this.throttles;
    this.#quota.update({ down: down.total, up: up.total }, this.#clock.wallTime());
    this.#apply();
  }

  /**
   * Adds what was spent since the last time to what is kept, and takes the sum: others may share it.
   * One after the other, as long as the disk knows locks; else, of two that do so within the same
   * milliseconds, one loses its last addition. When the disk fails it is added the next time. Never
   * rejects.
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

  /** Null where there are no locks, or somebody holds it far too long: counting goes on without. */
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

  /** The rates that were set, and not a block more than the quota has left. */
  #apply(): void {
    const now = this.#clock.now(), { down, up } = this.throttles;
    setRates(this.throttles, this.#rates, now);
    if (this.#quota === null) return;
    const { left } = this.#quota;
    down.setAllowance(left.down, now);
    up.setAllowance(left.up, now);
  }
}
