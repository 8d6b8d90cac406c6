import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { ItemStore } from "../../src/dht/item_store.ts";
import type { DhtItem } from "../../src/dht/dht_item.ts";
import { fromLatin1 } from "../../src/util/bytes.ts";

const HOUR = 3_600_000;
const OWN = new Uint8Array(20);
const TARGET = new Uint8Array(20).fill(9);
const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());
const by = (address = "192.0.2.1", cas: bigint | null = null) => ({ address, cas, ownId: OWN });
const immutable = (n: number): DhtItem => ({ value: fromLatin1(`i${n}e`), signed: null });
const mutable = (n: number, seq: bigint): DhtItem => ({
  value: fromLatin1(`i${n}e`),
  signed: {
    key: new Uint8Array(32),
    signature: new Uint8Array(64).fill(n),
    seq,
    salt: new Uint8Array(0),
  },
});
/** At a distance from OWN that grows with `n`. */
const at = (n: number) => {
  const target = new Uint8Array(20);
  target[0] = n;
  return target;
};

describe("ItemStore (BEP 44)", () => {
  it("keeps an item for 2 hours after it was last put", () => {
    const items = new ItemStore(), item = immutable(1), target = sha1(item.value);
    assert.equal(items.put(target, item, by(), 0), null);
    assert.equal(items.put(target, item, by(), HOUR), null);
    assert.deepEqual(items.get(target, 3 * HOUR - 1), item);
    assert.equal(items.get(target, 3 * HOUR), null);
    assert.equal(items.size, 0);
    assert.equal(items.get(TARGET, 0), null);
  });

  it("expire forgets items that were not put again", () => {
    const items = new ItemStore();
    items.put(at(1), immutable(1), by(), 0);
    items.put(at(2), immutable(2), by(), HOUR);
    items.expire(2 * HOUR);
    assert.equal(items.size, 1);
  });

  it("a mutable item is replaced by a higher sequence number only, else error 302", () => {
    const items = new ItemStore();
    assert.equal(items.put(TARGET, mutable(1, 5n), by(), 0), null);
    assert.equal(items.put(TARGET, mutable(2, 4n), by(), 0)?.code, 302);
    assert.equal(items.put(TARGET, mutable(2, 5n), by(), 0)?.code, 302, "another value");
    assert.deepEqual(items.get(TARGET, 0), mutable(1, 5n));
    assert.equal(items.put(TARGET, mutable(2, 6n), by(), 0), null);
    assert.deepEqual(items.get(TARGET, 0), mutable(2, 6n));
  });

  it("the same value with the same sequence number restarts the time", () => {
    const items = new ItemStore();
    items.put(TARGET, mutable(1, 5n), by(), 0);
    assert.equal(items.put(TARGET, mutable(1, 5n), by(), HOUR), null);
    assert.notEqual(items.get(TARGET, 2 * HOUR), null);
  });

  it("a refused put does not restart the time", () => {
    const items = new ItemStore();
    items.put(TARGET, mutable(1, 5n), by(), 0);
    items.put(TARGET, mutable(2, 4n), by(), HOUR);
    assert.equal(items.get(TARGET, 2 * HOUR), null);
  });

  it("cas stores only over the number it names, else error 301; over nothing it is ignored", () => {
    const items = new ItemStore();
    assert.equal(items.put(TARGET, mutable(1, 5n), by("192.0.2.1", 77n), 0), null);
    assert.equal(items.put(TARGET, mutable(2, 6n), by("192.0.2.1", 4n), 0)?.code, 301);
    assert.deepEqual(items.get(TARGET, 0), mutable(1, 5n));
    assert.equal(items.put(TARGET, mutable(2, 6n), by("192.0.2.1", 5n), 0), null);
  });

  it("a full store drops the item farthest from our id, and refuses a new one that is farther", () => {
    const items = new ItemStore({ maxItems: 3 });
    for (const n of [10, 30, 20]) items.put(at(n), immutable(n), by(), 0);
    assert.equal(items.put(at(40), immutable(40), by(), 0)?.code, 202);
    assert.equal(items.put(at(15), immutable(15), by(), 0), null);
    const held = [10, 15, 20, 30, 40].filter((n) => items.get(at(n), 0) !== null);
    assert.deepEqual(held, [10, 15, 20]);
  });

  it("full: an item that several networks put outlives nearer ones put by one", () => {
    const items = new ItemStore({ maxItems: 3 });
    for (const address of ["192.0.2.1", "198.51.100.1"]) {
      items.put(at(200), immutable(1), by(address), 0);
    }
    // Many addresses of one network count once.
    for (let n = 1; n < 50; n++) items.put(at(100), immutable(2), by(`203.0.113.${n}`), 0);
    items.put(at(3), immutable(3), by(), 0);
    items.put(at(2), immutable(4), by(), 0);
    assert.deepEqual([2, 3, 100, 200].filter((n) => items.get(at(n), 0) !== null), [2, 3, 200]);
  });

  it("a full store first drops expired items", () => {
    const items = new ItemStore({ maxItems: 2 });
    items.put(at(1), immutable(1), by(), 0);
    items.put(at(9), immutable(9), by(), HOUR);
    assert.equal(items.put(at(99), immutable(99), by(), 2 * HOUR), null);
    assert.notEqual(items.get(at(9), 2 * HOUR), null);
  });

  it("never exceeds its bound", () => {
    const items = new ItemStore({ maxItems: 50 });
    for (let n = 0; n < 2000; n++) {
      const item = immutable(n);
      items.put(sha1(item.value), item, by(`10.${n >> 8}.${n & 255}.1`), n);
      assert.ok(items.size <= 50);
    }
    assert.equal(items.size, 50);
  });
});
