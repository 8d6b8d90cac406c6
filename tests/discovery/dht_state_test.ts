import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeDhtState, encodeDhtState, withNodesOf } from "../../src/discovery/dht_state.ts";

const IDS = { 4: new Uint8Array(20).fill(4), 6: null };

function nodes(count: number, block = 0) {
  return Array.from({ length: count }, (_, i) => ({
    address: `10.${block}.${i >> 8}.${i & 255}`,
    port: 6881,
  }));
}

describe("the DHT's state", () => {
  it("is read back as written, both families", () => {
    const state = { ids: IDS, nodes: [...nodes(3), { address: "2001:db8::1", port: 7 }] };
    assert.deepEqual(decodeDhtState(encodeDhtState(state)), state);
  });

  it("is null for nonsense", () => {
    for (const bytes of [[], [0x69], [0x64, 0x65, 0x65]]) {
      assert.equal(decodeDhtState(new Uint8Array(bytes)), null);
    }
  });

  it("keeps nodes of earlier runs while a run met few, its own first and without duplicates", () => {
    const now = { ids: IDS, nodes: nodes(3) };
    const before = { ids: { 4: null, 6: null }, nodes: nodes(500) };
    const kept = withNodesOf(before, now);
    assert.deepEqual(kept.ids, IDS);
    assert.deepEqual(kept.nodes, nodes(200));
    const many = { ids: IDS, nodes: nodes(300, 1) };
    assert.deepEqual(withNodesOf(before, many), many);
    assert.deepEqual(withNodesOf(null, now), now);
  });
});
