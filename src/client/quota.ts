/**
 * How many bytes may pass in a day or a month (UTC): for lines that are paid by volume. Counts all
 * torrents together; when a direction's bytes are spent it rests until the next period begins.
 */
import { BDict, decode } from "../protocol/bencode.ts";
import { encode } from "../protocol/bencode_encode.ts";

export interface QuotaOptions {
  /** Bytes in a period; left out: no limit that way. */
  down?: number;
  up?: number;
  period: "day" | "month";
}

/** What is worth keeping between runs. */
export interface QuotaState {
  /** "2026-11-21" or "2026-11". */
  period: string;
  down: number;
  up: number;
}

export function encodeQuota({ period, down, up }: QuotaState): Uint8Array {
  return encode({ period, down, up });
}

/** Null for what is no such state. */
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
  #seen = { down: 0, up: 0 };

  /** `saved`: of an earlier run; it counts if its period is still the present one. */
  constructor(options: QuotaOptions, saved: QuotaState | null, wallTime: number) {
    this.#options = options;
    const period = this.#periodAt(wallTime);
    this.#state = saved?.period === period ? { ...saved } : { period, down: 0, up: 0 };
  }

  /** Takes the bytes of this run so far. `wallTime` in milliseconds since 1970. */
  update(total: { down: number; up: number }, wallTime: number): void {
    const period = this.#periodAt(wallTime);
    if (period !== this.#state.period) this.#state = { period, down: 0, up: 0 };
    this.#state.down += total.down - this.#seen.down;
    this.#state.up += total.up - this.#seen.up;
    this.#seen = { ...total };
  }

  get state(): Readonly<QuotaState> {
    return this.#state;
  }

  get downSpent(): boolean {
    return this.#state.down >= (this.#options.down ?? Infinity);
  }

  get upSpent(): boolean {
    return this.#state.up >= (this.#options.up ?? Infinity);
  }

  #periodAt(wallTime: number): string {
    return new Date(wallTime).toISOString().slice(0, this.#options.period === "day" ? 10 : 7);
  }
}
