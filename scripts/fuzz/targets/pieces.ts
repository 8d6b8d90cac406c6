/**
 * The piece manager and its picker through the walk of its own model test, with the input as dice:
 * peers that lie, stall and leave, books checked after every step, and one honest seed at the end
 * that must be able to finish.
 */
import { Prng } from "../../../tests/harness/prng.ts";
import { PieceWalk, Tally, type WalkDice } from "../../../tests/harness/piece_walk.ts";
import { EventReader } from "../event_reader.ts";
import { about, type FuzzTarget, machine } from "../target.ts";

const STEPS = 80;
const TOLD = ["duplicates", "failures of one", "failures of several", "late and of use"];

/** Throws what the input says, and behind its end what a seed says: a walk has to end well. */
class InputDice implements WalkDice {
  readonly #events: EventReader;
  readonly #rest = new Prng("rest");

  constructor(events: EventReader) {
    this.#events = events;
  }

  below(limit: number): number {
    return this.#events.more ? this.#events.below(limit) : this.#rest.below(limit);
  }

  chance(probability: number): boolean {
    if (probability <= 0 || probability >= 1) return probability >= 1;
    return this.#events.more
      ? this.#events.byte() < probability * 256
      : this.#rest.chance(probability);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }
}

export function pieceTargets(): FuzzTarget[] {
  return [
    machine("piece-manager", (bytes) => {
      const tally = new Tally();
      new PieceWalk(1, tally, new InputDice(new EventReader(bytes))).run(STEPS);
      return TOLD.map((what) => about(tally.of(what))).join("/");
    }),
  ];
}
