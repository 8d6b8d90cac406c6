import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Evictable, expendable } from "../../src/torrent/eviction.ts";

function member(
  spread: number,
  { wants = true, down = 0, up = 0, connectedAt = 0 } = {},
): Evictable {
  const rate = (rate: number) => ({ rate });
  return {
    peer: { spread },
    session: {
      interested: wants,
      peerInterested: false,
      connectedAt,
      down: rate(down),
      up: rate(up),
    },
  };
}

const MINUTE = 60_000;

describe("expendable", () => {
  it("is who has no interest on either side, as soon as that is clear", () => {
    const idle = member(19, { wants: false });
    assert.equal(expendable([member(0), idle], 0, 1000), null);
    assert.equal(expendable([member(0), idle], 0, 2001), idle);
  });

  it("is the lowest priority of those that carry nothing for a minute, if the newcomer's is higher", () => {
    const low = member(3), lower = member(2), busy = member(1, { down: 5000 });
    const giving = member(0, { up: 5000 });
    const all = [low, lower, busy, giving];
    assert.equal(expendable(all, 10, MINUTE - 1), null);
    assert.equal(expendable(all, 10, MINUTE), lower);
    assert.equal(expendable(all, 2, MINUTE), null);
  });

  it("is nobody who came just now", () => {
    const fresh = member(0, { connectedAt: MINUTE });
    assert.equal(expendable([fresh], 19, MINUTE + 5000), null);
  });
});
