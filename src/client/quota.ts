/**
 * Limits the bytes per day or month (UTC), for lines that are paid by volume. Counts all torrents
 * together; when a direction's bytes are used up, it pauses until the next period begins. Clients
 * that share a state folder share its count: each adds its own bytes.
 */
import { BDict, decode } from "../bencode/bencode.ts";
import { encode } from "../bencode/bencode_encode.ts";
import type { QuotaSpent } from "../torrent/types.ts";

/** A day or a month, by UTC. */
export type QuotaPeriod = "day" | "month";

/** Most bytes per day or month, over all torrents of a client. */
export interface QuotaOptions {
  /** Most bytes per period. Default: no limit. */
  down?: number;
  /** Most uploaded bytes per period. Default: no limit. */
  up?: number;
  /** Default "month". */
  period?: QuotaPeriod;
}

/** The state to save between runs. */
export interface QuotaState {
  /** "2026-11-21" or "2026-11". */
  period: string;
  down: number;
  up: number;
}

/** Bytes each way. */
export interface QuotaBytes {
  down: number;
  up: number;
}

export function encodeQuota({ period, down, up }: QuotaState): Uint8Array {
  return encode({ period, down, up });
}

/** Null if it is not a valid state. */
export function decodeQuota(bytes: Uint8Array): QuotaState | null {
  try {
    const dict = decode(bytes, { maxBytes: 1000, maxDepth: 1 });
    if (!(dict instanceof BDict)) return null;
    const [down, up] = [dict.get("down"), dict.get("up")], period = dict.bytes("period");
    const isCount = (value: unknown): value is number => typeof value === "number" && value >= 0;
    if (!isCount(down) || !isCount(up) || period === undefined) return null;
    return { period: new TextDecoder().decode(period), down, up };
  } catch {
    return null;
  }
}

export class Quota {
  readonly #options: QuotaOptions;
  #state: QuotaState;
  /** Totals at the last look. */
  #seen: QuotaBytes = { down: 0, up: 0 };
  /** The part of `#state` that is not saved yet. */
  #unsaved: QuotaBytes = { down: 0, up: 0 };

  /**
   * `saved`: from an earlier run; it counts if its period is still the present one. `total`: bytes
   * before this call.
   */
  constructor(
    options: QuotaOptions,
    saved: QuotaState | null,
    wallTime: number,
    total: QuotaBytes = { down: 0, up: 0 },
  ) {
    this.#options = options;
    this.#seen = total;
    const period = this.#periodAt(wallTime);
    this.#state = saved?.period === period ? { ...saved } : { period, down: 0, up: 0 };
  }

  get period(): QuotaPeriod {
    return this.#options.period ?? "month";
  }

  /** Takes the bytes of this run so far. `wallTime` in milliseconds since 1970. */
  update(total: QuotaBytes, wallTime: number): void {
    this.#enterPeriod(wallTime);
    const passed = { down: total.down - this.#seen.down, up: total.up - this.#seen.up };
    this.#state = { ...this.#state, ...sum(this.#state, passed) };
    this.#unsaved = sum(this.#unsaved, passed);
    this.#seen = { ...total };
  }

  /**
   * To be called before a save, with the saved state (null: none that is readable), which others
   * may have changed. Adds our bytes since the last save to it; the sum must be saved. Returns our
   * part, for `unsave` if saving fails.
   */
  merge(saved: QuotaState | null, wallTime: number): QuotaBytes {
    this.#enterPeriod(wallTime);
    const { period } = this.#state, added = this.#unsaved;
    if (saved?.period === period) this.#state = { period, ...sum(saved, added) };
    this.#unsaved = { down: 0, up: 0 };
    return added;
  }

  /** The save failed. */
  unsave(added: QuotaBytes, wallTime: number): void {
    const { period } = this.#state;
    this.#enterPeriod(wallTime);
    if (period === this.#state.period) this.#unsaved = sum(this.#unsaved, added);
  }

  get state(): Readonly<QuotaState> {
    return this.#state;
  }

  /** The remaining bytes; Infinity without a limit. */
  get left(): QuotaBytes {
    const { down = Infinity, up = Infinity } = this.#options;
    return { down: Math.max(0, down - this.#state.down), up: Math.max(0, up - this.#state.up) };
  }

  get downSpent(): boolean {
    return this.left.down === 0;
  }

  get upSpent(): boolean {
    return this.left.up === 0;
  }

  /** Null while neither direction is used up. */
  spentAt(wallTime: number): QuotaSpent | null {
    const down = this.downSpent, up = this.upSpent;
    return down || up ? { down, up, until: this.#endOfPeriod(wallTime) } : null;
  }

  #enterPeriod(wallTime: number): void {
    const period = this.#periodAt(wallTime);
    if (period === this.#state.period) return;
    this.#state = { period, down: 0, up: 0 };
    this.#unsaved = { down: 0, up: 0 };
  }

  #periodAt(wallTime: number): string {
    return new Date(wallTime).toISOString().slice(0, this.period === "day" ? 10 : 7);
  }

  #endOfPeriod(wallTime: number): number {
    const now = new Date(wallTime), [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
    return this.period === "day"
      ? Date.UTC(year, month, now.getUTCDate() + 1)
      : Date.UTC(year, month + 1, 1);
  }
}

/** The message for a person. */
export function spentMessage(way: "down" | "up", until: number): string {
  const time = new Date(until).toISOString().slice(0, 16).replace("T", " ");
  const [quota, what] = way === "down" ? ["download", "downloaded"] : ["upload", "uploaded"];
  return `The ${quota} quota is used up: nothing is ${what} until ${time} UTC`;
}

function sum(a: QuotaBytes, b: QuotaBytes): QuotaBytes {
  return { down: a.down + b.down, up: a.up + b.up };
}
