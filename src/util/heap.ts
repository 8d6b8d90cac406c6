/**
 * A binary heap that knows the position of each item, so that any of them can be removed or moved
 * in O(log n). After changing an item's rank, call `update` before changing another.
 */
export class IndexedHeap<T> {
  readonly #items: T[] = [];
  readonly #positions = new Map<T, number>();
  readonly #before: (a: T, b: T) => boolean;

  /** `before(a, b)`: a leaves the heap earlier than b. It should be a total order. */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  has(item: T): boolean {
    return this.#positions.has(item);
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  /** Adds an item, or moves it to its place if it is in the heap already. */
  push(item: T): void {
    if (this.#positions.has(item)) return this.update(item);
    this.#items.push(item);
    this.#positions.set(item, this.#items.length - 1);
    this.#up(this.#items.length - 1);
  }

  pop(): T | undefined {
    const first = this.#items[0];
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** Returns false if the item was not in the heap. */
  remove(item: T): boolean {
    const at = this.#positions.get(item);
    if (at === undefined) return false;
    const last = this.#items.pop()!;
    this.#positions.delete(item);
    if (last !== item) {
      this.#place(last, at);
      this.update(last);
    }
    return true;
  }

  /** Moves an item whose rank changed to its place; no effect if it is not in the heap. */
  update(item: T): void {
    const at = this.#positions.get(item);
    if (at === undefined) return;
    this.#up(at);
    this.#down(this.#positions.get(item)!);
  }

  /** All items in the order of `pop`: O(n log n), for display and tests. */
  sorted(): T[] {
    return [...this.#items].sort((a, b) => this.#before(a, b) ? -1 : this.#before(b, a) ? 1 : 0);
  }

  #place(item: T, at: number): void {
    this.#items[at] = item;
    this.#positions.set(item, at);
  }

  #up(at: number): void {
    const item = this.#items[at]!;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(item, this.#items[parent]!)) break;
      this.#place(this.#items[parent]!, at);
      at = parent;
    }
    this.#place(item, at);
  }

  #down(at: number): void {
    const item = this.#items[at]!;
    while (true) {
      let child = 2 * at + 1;
      if (child >= this.#items.length) break;
      const right = child + 1;
      if (
        right < this.#items.length && this.#before(this.#items[right]!, this.#items[child]!)
      ) child = right;
      if (!this.#before(this.#items[child]!, item)) break;
      this.#place(this.#items[child]!, at);
      at = child;
    }
    this.#place(item, at);
  }
}
