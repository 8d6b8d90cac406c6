/**
 * The order of a client's torrents in its queue. Each torrent has a rank, a number that is saved with
 * its settings; a move changes the ranks of the moved torrents alone, so that clients that share a
 * state folder never overwrite each other's order.
 */

import type { QueueTarget } from "./types.ts";

/** Ranks nearer to each other than this are numbered again. */
const LEAST_GAP = 1e-6;

export class QueueOrder {
  readonly #ranks = new Map<string, number>();
  /** Made for the first caller that asks after a change. */
  #positions: Map<string, number> | null = null;
  #last = 0;

  /** At the end, unless an earlier run knows its rank. */
  add(infoHash: string, rank = this.#last + 1): void {
    this.#set(infoHash, rank);
  }

  remove(infoHash: string): void {
    this.#ranks.delete(infoHash);
    this.#positions = null;
  }

  rankOf(infoHash: string): number {
    return this.#ranks.get(infoHash) ?? this.#last + 1;
  }

  /** From 0; null for an unknown torrent. */
  positionOf(infoHash: string): number | null {
    return this.#all.get(infoHash) ?? null;
  }

  /** The info-hashes, first to last. */
  get order(): Iterable<string> {
    return this.#all.keys();
  }

  /** Unknown torrents are skipped. Returns those whose rank has changed. */
  move(infoHashes: readonly string[], to: QueueTarget): string[] {
    const asked = new Set(infoHashes), before = [...this.order];
    const moved = before.filter((each) => asked.has(each));
    return this.#rank(moved, moveIn(before, new Set(moved), to));
  }

  /** Gives the moved ones ranks between their new neighbours. */
  #rank(moved: readonly string[], order: readonly string[]): string[] {
    const isMoved = new Set(moved), changed: string[] = [];
    for (let first = 0; first < order.length; first++) {
      if (!isMoved.has(order[first]!)) continue;
      let end = first;
      while (end < order.length && isMoved.has(order[end]!)) end++;
      const run = order.slice(first, end);
      if (!this.#spread(run, order[first - 1], order[end])) return this.#renumber(order);
      changed.push(...run);
      first = end;
    }
    return changed;
  }

  /** False where there is no room between the two. */
  #spread(run: readonly string[], before: string | undefined, after: string | undefined): boolean {
    const parts = run.length + 1;
    const low = before === undefined ? null : this.rankOf(before);
    const high = after === undefined ? null : this.rankOf(after);
    const from = low ?? (high ?? parts) - parts, step = ((high ?? from + parts) - from) / parts;
    if (step < LEAST_GAP) return false;
    run.forEach((each, place) => this.#set(each, from + (place + 1) * step));
    return true;
  }

  #renumber(order: readonly string[]): string[] {
    order.forEach((each, place) => this.#set(each, place));
    return [...order];
  }

  #set(infoHash: string, rank: number): void {
    this.#ranks.set(infoHash, rank);
    this.#last = Math.max(this.#last, rank);
    this.#positions = null;
  }

  get #all(): Map<string, number> {
    return this.#positions ??= new Map(
      [...this.#ranks].sort(([, a], [, b]) => a - b).map(([infoHash], place) => [infoHash, place]),
    );
  }
}

function moveIn(
  order: readonly string[],
  moved: ReadonlySet<string>,
  to: QueueTarget,
): readonly string[] {
  if (to === "up") return stepUp(order, moved);
  if (to === "down") return stepUp(order.toReversed(), moved).toReversed();
  const group = order.filter((each) => moved.has(each));
  const others = order.filter((each) => !moved.has(each));
  const place = to === "top" ? 0 : to === "bottom" ? others.length : to;
  return [...others.slice(0, place), ...group, ...others.slice(place)];
}

/** Each changes places with the one before it, unless that one moves too and could not. */
function stepUp(order: readonly string[], moved: ReadonlySet<string>): string[] {
  const result = [...order];
  for (let at = 1; at < result.length; at++) {
    if (!moved.has(result[at]!) || moved.has(result[at - 1]!)) continue;
    [result[at - 1], result[at]] = [result[at]!, result[at - 1]!];
  }
  return result;
}
