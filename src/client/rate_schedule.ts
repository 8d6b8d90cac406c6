/**
 * Which rate limits of the client hold now: its usual ones, or the alternative ones, by hours of the
 * week in local time. A switch by hand holds until the next begin or end of a window.
 */
import type { Clock } from "../platform/types.ts";
import type { ClientLimits } from "./client_limits.ts";
import type { AlternativeLimits, Rates, WeeklyWindow } from "./types.ts";

const MINUTE_MS = 60_000, DAY_MINUTES = 24 * 60;
/** 1 January 1970 was a Thursday. */
const FIRST_DAY = 4;

export class RateSchedule {
  readonly #clock: Clock;
  readonly #limits: ClientLimits;
  #usual: Rates = { down: Infinity, up: Infinity };
  #alternative: AlternativeLimits = { limits: {}, on: false, schedule: [] };
  /** The switch as it was given last. */
  #givenOn = false;
  /** What the schedule said when it was last asked; null before. */
  #said: boolean | null = null;

  constructor(clock: Clock, limits: ClientLimits) {
    this.#clock = clock;
    this.#limits = limits;
  }

  /** The alternative limits hold now. */
  get isOn(): boolean {
    return this.#alternative.on;
  }

  /** Those that are left out stay as they are. */
  setUsual(rates: Partial<Rates>): void {
    this.#usual = { ...this.#usual, ...rates };
    this.#apply();
  }

  /**
   * Parts that are left out stay as they are; another schedule speaks at once. `on` beside the present
   * schedule, as in settings that are given as a whole, is a switch by hand only where it is another.
   */
  setAlternative(given: Partial<AlternativeLimits>): void {
    const before = this.#alternative, { on = before.on } = given;
    const isSwitch = given.schedule === undefined || on !== this.#givenOn;
    const isSame = sameSchedule(given.schedule ?? before.schedule, before.schedule);
    this.#givenOn = given.on ?? this.#givenOn;
    this.#alternative = { ...before, ...given };
    this.#said = this.#schedule();
    const inForce = isSame ? isSwitch ? on : before.on : this.#said ?? on;
    this.#alternative = { ...this.#alternative, on: this.#said === null ? on : inForce };
    this.#apply();
  }

  /** A few times a second. */
  tick(): void {
    const says = this.#schedule(), before = this.#said;
    if (says === before) return;
    this.#said = says;
    if (says === null) return;
    this.#alternative = { ...this.#alternative, on: says };
    this.#apply();
  }

  /** Null without a schedule. */
  #schedule(): boolean | null {
    const { schedule } = this.#alternative, wall = this.#clock.wallTime();
    return schedule.length === 0 ? null : isWithin(schedule, wall, this.#clock.utcOffset(wall));
  }

  #apply(): void {
    const { on, limits } = this.#alternative;
    this.#limits.setRates(on ? { ...this.#usual, ...limits } : this.#usual);
  }
}

/** Whether one of the windows is open; `offset`: minutes by which local time is ahead of UTC. */
export function isWithin(
  windows: readonly WeeklyWindow[],
  wallTime: number,
  offset: number,
): boolean {
  const minutes = Math.floor(wallTime / MINUTE_MS) + offset;
  const days = Math.floor(minutes / DAY_MINUTES), minute = minutes - days * DAY_MINUTES;
  const today = (days + FIRST_DAY) % 7, yesterday = (today + 6) % 7;
  return windows.some(({ days, from, to }) => {
    const begin = minuteOf(from), end = minuteOf(to);
    if (begin < end) return days.includes(today) && minute >= begin && minute < end;
    return minute >= begin ? days.includes(today) : minute < end && days.includes(yesterday);
  });
}

function sameSchedule(a: readonly WeeklyWindow[], b: readonly WeeklyWindow[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function minuteOf(time: string): number {
  const [hours, minutes] = time.split(":");
  return Number(hours) * 60 + Number(minutes);
}
