/**
 * The queue of a client: the owner of which torrents work and which wait for their turn. turns.ts
 * decides; it is asked every two seconds, and at once when a torrent comes, goes or changes its state.
 */
import type { Clock, Timer } from "../platform/types.ts";
import type { TorrentInside } from "../torrent/torrent_ports.ts";
import { QueueOrder } from "./queue_order.ts";
import { Stalls } from "./stalls.ts";
import { type TurnFacts, type Turns, turnsOf } from "./turns.ts";
import type { ClientQueue, QueueLimits, QueueTarget } from "./types.ts";

const DECIDE_EVERY_MS = 2000;
const NO_LIMITS: QueueLimits = { downloads: Infinity, seeds: Infinity, stalledSeconds: 300 };

export class Queue implements ClientQueue {
  readonly #clock: Clock;
  readonly #running: ReadonlyMap<string, TorrentInside>;
  /** Also those that have ended. */
  readonly #all = new Map<string, TorrentInside>();
  readonly #order = new QueueOrder();
  readonly #stalls = new Stalls();
  #limits: QueueLimits;
  #turns: Turns;
  #nextAt = 0;
  /** A decision for all that changed in this turn. */
  #soon: Timer | null = null;
  #closed = false;
  /** Torrents of earlier runs are being added: their order is not known yet. */
  #gathers = false;

  constructor(
    clock: Clock,
    running: ReadonlyMap<string, TorrentInside>,
    limits: Partial<QueueLimits>,
  ) {
    this.#clock = clock;
    this.#running = running;
    this.#limits = { ...NO_LIMITS, ...limits };
    this.#turns = turnsOf([], this.#limits);
  }

  /** Those that are left out stay as they are. */
  setLimits(limits: Partial<QueueLimits>): void {
    this.#limits = { ...this.#limits, ...limits };
    if (this.#running.size > 0) this.#decideSoon();
  }

  /** At the end, unless an earlier run knows its rank. */
  add(inside: TorrentInside, rank?: number): void {
    this.#all.set(inside.infoHash, inside);
    this.#order.add(inside.infoHash, rank);
    this.changed();
  }

  remove(infoHash: string): void {
    this.#all.delete(infoHash);
    this.#order.remove(infoHash);
    this.#stalls.forget(infoHash);
    this.changed();
  }

  /** While `work` adds torrents of earlier runs, none has its turn. */
  async gather<T>(work: () => Promise<T>): Promise<T> {
    this.#gathers = true;
    try {
      return await work();
    } finally {
      this.#gathers = false;
      this.changed();
    }
  }

  close(): void {
    this.#closed = true;
    this.#soon?.cancel();
  }

  rankOf(infoHash: string): number {
    return this.#order.rankOf(infoHash);
  }

  /** Null for an unknown torrent. */
  placeOf(infoHash: string): { position: number } | null {
    const position = this.#order.positionOf(infoHash);
    return position === null ? null : { position };
  }

  /** See ClientQueue. */
  move(infoHashes: readonly string[], to: QueueTarget): void {
    const changed = this.#order.move(infoHashes.map((each) => each.toLowerCase()), to);
    for (const infoHash of changed) this.#all.get(infoHash)?.keepWish();
    this.changed();
  }

  /** Whether a torrent has to wait with what it would do now. A free turn is taken at once. */
  holds(inside: TorrentInside): boolean {
    const { infoHash, work } = inside;
    if (!this.#isOn || work === null || inside.torrent.options.forceStart) return false;
    const { going, free } = this.#turns;
    if (going.get(infoHash) === work) return false;
    const isFree = work === "check" || !this.#gathers && free[work] > 0;
    if (!isFree) {
      if (going.delete(infoHash)) this.changed();
      return true;
    }
    if (work !== "check") free[work]--;
    going.set(infoHash, work);
    return false;
  }

  /** A torrent came, went or does something else now: decides once for all such changes. */
  changed(): void {
    if (this.#isOn) this.#decideSoon();
  }

  #decideSoon(): void {
    if (this.#closed) return;
    this.#soon ??= this.#clock.after(0, () => {
      this.#soon = null;
      this.#decide(this.#clock.now());
    });
  }

  /** A few times a second. */
  tick(now: number): void {
    if (now < this.#nextAt || !this.#isOn) return;
    this.#nextAt = now + DECIDE_EVERY_MS;
    this.#decide(now);
  }

  get #isOn(): boolean {
    return this.#limits.downloads !== Infinity || this.#limits.seeds !== Infinity;
  }

  #decide(now: number): void {
    if (this.#gathers) return;
    const before = this.#turns, facts = this.#facts(now);
    this.#turns = turnsOf(facts, this.#limits);
    const { going } = this.#turns;
    for (const { infoHash, work } of facts) {
      if (going.has(infoHash) === before.going.has(infoHash) && going.has(infoHash)) continue;
      if (!going.has(infoHash)) this.#stalls.forget(infoHash);
      if (work !== "check") this.#running.get(infoHash)?.reconsider();
    }
  }

  #facts(now: number): TurnFacts[] {
    const facts: TurnFacts[] = [], { going } = this.#turns, { stalledSeconds } = this.#limits;
    for (const infoHash of this.#order.order) {
      const inside = this.#running.get(infoHash), work = inside?.work ?? null;
      if (inside === undefined || work === null) continue;
      const forced = inside.torrent.options.forceStart ?? false;
      const stalled = inside.waits || going.get(infoHash) === work &&
          this.#stalls.isStalled(inside, work, now, stalledSeconds * 1000);
      facts.push({ infoHash, work, forced, stalled });
    }
    return facts;
  }
}
