/**
 * Who made much work and left: it does not come back from the same address with a full budget.
 * Invariant: at most MAX_ADDRESSES are remembered, those that left last.
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

  /** What somebody who comes from this address may spend: enough to say what it has, at least. */
  allows(address: string, now: number): number {
    const known = this.#byAddress.get(address);
    known?.refill(now, 0);
    return Math.max(this.#least, Math.min(this.#atFirst, known?.left ?? Infinity));
  }

  /** Somebody from there left, who may have spent so much that `left` is little. */
  left(address: string, left: number, now: number): void {
    this.#byAddress.delete(address);
    if (left >= this.#atFirst) return;
    this.#byAddress.set(address, new WorkBudget(left, now));
    if (this.#byAddress.size <= MAX_ADDRESSES) return;
    const [oldest] = this.#byAddress.keys();
    this.#byAddress.delete(oldest!);
  }
}
