import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { IndexedHeap } from "../../src/util/heap.ts";

interface Item {
  key: number;
  id: number;
}
const before = (a: Item, b: Item) => a.key !== b.key ? a.key < b.key : a.id < b.id;

/** A small generator with a fixed seed: the same steps on every run and runtime. */
function dice(seed: number): (below: number) => number {
  return (below) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return seed % below;
  };
}

describe("IndexedHeap", () => {
  it("returns items in order", () => {
    const heap = new IndexedHeap(before);
    [5, 1, 4, 1, 3].forEach((key, id) => heap.push({ key, id }));
    const out: number[] = [];
    for (let item = heap.pop(); item !== undefined; item = heap.pop()) {
      out.push(item.key * 10 + item.id);
    }
    assert.deepEqual(out, [11, 13, 34, 42, 50]);
    assert.equal(heap.size, 0);
    assert.equal(heap.peek(), undefined);
  });

  it("stays in step with a sorted list over random pushes, pops, removals and updates", () => {
    const roll = dice(20);
    const heap = new IndexedHeap(before);
    const model: Item[] = [];
    for (let step = 0; step < 5000; step++) {
      const item = model[roll(model.length || 1)];
      const action = roll(4);
      if (action === 0 || item === undefined) {
        const fresh = { key: roll(50), id: step };
        heap.push(fresh);
        model.push(fresh);
      } else if (action === 1) {
        assert.equal(heap.remove(item), true);
        assert.equal(heap.remove(item), false);
        model.splice(model.indexOf(item), 1);
      } else if (action === 2) {
        item.key = roll(50);
        heap.update(item);
      } else {
        const best = model.reduce((a, b) => before(a, b) ? a : b);
        assert.equal(heap.pop(), best);
        model.splice(model.indexOf(best), 1);
      }
      assert.equal(heap.size, model.length);
    }
    model.sort((a, b) => before(a, b) ? -1 : 1);
    assert.deepEqual(heap.sorted(), model);
  });

  it("pushing an item twice keeps it once, in its new place", () => {
    const heap = new IndexedHeap(before);
    const a = { key: 1, id: 0 }, b = { key: 2, id: 1 };
    heap.push(a);
    heap.push(b);
    a.key = 3;
    heap.push(a);
    assert.equal(heap.size, 2);
    assert.equal(heap.peek(), b);
    assert.equal(heap.has(a), true);
  });

  it("takes at most 3 log2(n) comparisons for each push, update and pop of 4,096 items", () => {
    let comparisons = 0;
    const heap = new IndexedHeap<Item>((a, b) => {
      comparisons++;
      return before(a, b);
    });
    const roll = dice(7);
    const costOf = (step: () => void) => {
      comparisons = 0;
      step();
      return comparisons;
    };
    const items = Array.from({ length: 4096 }, (_, id) => ({ key: roll(1e6), id }));
    let worst = 0;
    for (const item of items) worst = Math.max(worst, costOf(() => heap.push(item)));
    for (const item of items) {
      item.key = roll(1e6);
      worst = Math.max(worst, costOf(() => heap.update(item)));
    }
    while (heap.size > 0) worst = Math.max(worst, costOf(() => heap.pop()));
    assert.ok(worst > 0 && worst <= 3 * 12, `${worst} comparisons`);
  });
});
