/**
 * Gives each torrent its turn: one timer for all torrents of a client while one of them runs; a
 * quick one while limits are set.
 */
import type { Clock, Timer } from "../platform/types.ts";
import type { TorrentInside } from "../torrent/torrent_ports.ts";
import { Waking } from "./waking.ts";

const TICK_MS = 500;
/** An idle torrent has its turn in one of this many ticks. */
const IDLE_TURNS = 4;
/** How often links that wait for a rate limit are served; this keeps the rates smooth. */
const LIMIT_TICK_MS = 25;

export interface RoundsPorts {
  /** Resumes the links that wait for a limit of the whole client. */
  serve(now: number): void;
  /** The turn of these torrents. */
  tick(due: readonly TorrentInside[], now: number): void;
}

export class Rounds {
  readonly #clock: Clock;
  readonly #running: ReadonlyMap<string, TorrentInside>;
  readonly #ports: RoundsPorts;
  /** The torrents that were busy at the last tick. */
  #awake: TorrentInside[] = [];
  #turn = 0;
  #timer: Timer | null = null;
  #nextTickAt = 0;
  /** Null while no torrent runs: then elapsed time does not matter. */
  #waking: Waking | null = null;

  constructor(clock: Clock, running: ReadonlyMap<string, TorrentInside>, ports: RoundsPorts) {
    this.#clock = clock;
    this.#running = running;
    this.#ports = ports;
  }

  /** A torrent that is `running` from now on. */
  add(torrent: TorrentInside): void {
    this.#awake.push(torrent);
    this.#schedule();
  }

  /** Limits were changed. */
  restart(): void {
    this.stop();
    this.#schedule();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #schedule(): void {
    if (this.#timer !== null) return;
    this.#waking = this.#running.size === 0 ? null : this.#waking ?? new Waking(this.#clock);
    if (this.#waking === null) return;
    this.#timer = this.#clock.after(this.#limited ? LIMIT_TICK_MS : TICK_MS, () => {
      this.#timer = null;
      this.#tick(this.#clock.now());
      this.#schedule();
    });
  }

  get #limited(): boolean {
    return this.#awake.some(({ peers }) => peers.online && peers.limits.limited);
  }

  #tick(now: number): void {
    this.#ports.serve(now);
    for (const { peers } of this.#awake) if (peers.online) peers.limits.serve(now);
    if (now < this.#nextTickAt) return;
    this.#nextTickAt = now + TICK_MS;
    if (this.#waking?.woke()) { for (const { peers } of this.#running.values()) peers.woke(now); }
    this.#ports.tick(this.#takeTurn(), now);
  }

  /** All busy torrents, and every fourth idle one, a different one each time. */
  #takeTurn(): TorrentInside[] {
    const due: TorrentInside[] = [], turn = this.#turn = (this.#turn + 1) % IDLE_TURNS;
    let place = 0;
    this.#awake = [];
    for (const inside of this.#running.values()) {
      const isIdle = inside.idle;
      if (!isIdle) this.#awake.push(inside);
      if (place++ % IDLE_TURNS === turn || !isIdle) due.push(inside);
    }
    return due;
  }
}
