/**
 * Remembers peers that caused much work and left, so that they do not return from the same address
 * with a full budget. Invariant: at most MAX_ADDRESSES are kept, those that left last.
 */
import { WorkBudget } from "./peer/work_budget.ts";

const MAX_ADDRESSES = 256;

export class SpentWork {
  readonly #atFirst: number;
  readonly #least: number;
  readonly #byAddress = new Map<string, WorkBudget>();

  constructor(pieceCount: number) {
    this.#atFirst = WorkBudget.atFirst(pieceCount);
    this.#least = WorkBudget.least(pieceCount);
  }

  /** The budget of a peer from this address: at least enough to announce its pieces. */
  allows(address: string, now: number): number {
    const known = this.#byAddress.get(address);
    known?.refill(now, 0);
    return Math.max(this.#least, Math.min(this.#atFirst, known?.left ?? Infinity));
  }

  /** A peer from there left; `left` is the rest of its budget. */
  left(address: string, left: number, now: number): void {
    this.#byAddress.delete(address);
    if (left >= this.#atFirst) return;
    this.#byAddress.set(address, new WorkBudget(left, now));
    if (this.#byAddress.size <= MAX_ADDRESSES) return;
    const [oldest] = this.#byAddress.keys();
    this.#byAddress.delete(oldest!);
  }
}
