import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Evictable, expendable, leastMissed } from "../../src/swarm/eviction.ts";
import { parseIp } from "../../src/util/ip_address.ts";

let made = 0;

interface Traits {
  wants?: boolean;
  down?: number;
  up?: number;
  connectedAt?: number;
  movedAt?: number;
  wastes?: boolean;
  stuck?: boolean;
  unwilling?: boolean;
  address?: string;
  incoming?: boolean;
}

/** By default one that wants what we have, waits for its first turn, and shares no address. */
function member(spread: number, traits: Traits = {}): Evictable {
  const { wants = true, down = 0, up = 0, connectedAt = 0, wastes = false, stuck = false } = traits;
  const {
    movedAt = connectedAt,
    address = `10.1.1.${made++}`,
    incoming = true,
    unwilling = false,
  } = traits;
  const rate = (rate: number) => ({ rate });
  return {
    peer: { spread, bytes: parseIp(address)! },
    incoming,
    movedAt,
    session: {
      source: {
        interested: false,
        down: rate(down),
        window: { isUnwilling: () => unwilling },
      },
      taker: {
        peerInterested: wants,
        connectedAt,
        up: rate(up),
        stuck,
        wastesTurns: () => wastes,
      },
    },
  };
}

function crowdAt(address: string, count: number, traits: Traits = {}): Evictable[] {
  return Array.from({ length: count }, () => member(19, { address, ...traits }));
}

const MINUTE = 60_000;
const somebody = (spread = 0, address = "192.0.2.1") => ({ address, spread });

describe("expendable", () => {
  it("chooses a peer without interest on either side, as soon as that is clear", () => {
    const idle = member(19, { wants: false });
    assert.equal(expendable([member(0), idle], somebody(), 1000), null);
    assert.equal(expendable([member(0), idle], somebody(), 2001), idle);
  });

  it("keeps a peer without interest on either side for a round after it carried data", () => {
    const between = member(19, { wants: false, movedAt: 5000 });
    assert.equal(expendable([member(0), between], somebody(), 15_000), null);
    assert.equal(expendable([member(0), between], somebody(), 15_001), between);
  });

  it("chooses the lowest priority of those idle for a minute, if the newcomer's is higher", () => {
    const low = member(3), lower = member(2), busy = member(1, { down: 5000 });
    const giving = member(0, { up: 5000 });
    const all = [low, lower, busy, giving];
    assert.equal(expendable(all, somebody(10), MINUTE - 1), null);
    assert.equal(expendable(all, somebody(10), MINUTE), lower);
    assert.equal(expendable(all, somebody(2), MINUTE), null);
  });

  it("chooses no peer that has just connected", () => {
    const fresh = member(0, { connectedAt: MINUTE });
    assert.equal(expendable([fresh], somebody(19), MINUTE + 5000), null);
  });

  it("chooses a peer that does not read what it requested, after ten seconds without data", () => {
    const stuck = member(19, { stuck: true, movedAt: 5000 });
    assert.equal(expendable([member(19), stuck], somebody(), 14_999), null);
    assert.equal(expendable([member(19), stuck], somebody(), 15_000), stuck);
  });

  it("chooses a peer that let a turn pass and moved nothing for a round, at any priority", () => {
    const waits = member(19), first = member(19, { wastes: true, movedAt: 5000 });
    const second = member(19, { wastes: true, movedAt: 6000 });
    const all = [waits, second, first];
    assert.equal(expendable(all, somebody(), 14_999), null);
    assert.equal(expendable(all, somebody(), 15_000), first);
    assert.equal(expendable([waits, second], somebody(), 10 * MINUTE), second);
    const never = member(19, { wastes: true });
    assert.equal(expendable([...all, never], somebody(), 2000), never, "at once if it never did");
    const busy = member(19, { up: 5000 });
    assert.equal(expendable([...all, never, busy], somebody(), 19_999), null);
    assert.equal(expendable([...all, never, busy], somebody(), 20_000), never);
    assert.equal(expendable([waits], somebody(), 10 * MINUTE), null, "waiting is no fault");
  });

  it("chooses the longest idle one of the address over its share, for a peer from another address", () => {
    const others = Array.from({ length: 6 }, () => member(19));
    const three = crowdAt("10.9.9.9", 3, { movedAt: 1000 });
    three[1] = member(19, { address: "10.9.9.9", movedAt: 500 });
    const all = [...others, ...three];
    assert.equal(expendable(all, somebody(), 10_499), null, "none was idle for a round");
    assert.equal(expendable(all, somebody(), 10_500), three[1]);
    assert.equal(expendable(all, somebody(0, "10.9.9.9"), MINUTE - 1), null, "not for its own");
    assert.equal(expendable([...others, ...three.slice(1)], somebody(), MINUTE - 1), null);
  });

  it("spares served peers of a crowd, and those that we dialled", () => {
    const busy = crowdAt("10.9.9.9", 8, { movedAt: MINUTE - 5000, up: 1000 });
    assert.equal(expendable(busy, somebody(), MINUTE), null);
    const dialled = crowdAt("10.9.9.9", 8, { incoming: false });
    assert.equal(expendable(dialled, somebody(), MINUTE), null);
  });

  it("two addresses cannot take each other's places in turn", () => {
    const even = [...crowdAt("10.9.9.8", 4), ...crowdAt("10.9.9.9", 5)];
    assert.equal(expendable(even, somebody(0, "10.9.9.8"), MINUTE - 1), null);
  });

  it("counts the 64 bits of an IPv6 network as one address", () => {
    const crowd = [1, 2, 3, 4].map((i) => member(19, { address: `2001:db8::${i}:1` }));
    assert.equal(expendable(crowd, somebody(), MINUTE - 1), crowd[0]);
    const apart = [1, 2, 3, 4].map((i) => member(19, { address: `2001:db8:0:${i}::1` }));
    assert.equal(expendable(apart, somebody(), MINUTE - 1), null);
  });
});

describe("a peer that lets us request and sends no block", () => {
  const drip = member(19, { unwilling: true, down: 1, movedAt: 99_999 });
  it("makes room for a newcomer, and for a peer to dial, though single bytes arrive", () => {
    assert.equal(expendable([member(0, { down: 2000 }), drip], somebody(), 100_000), drip);
    assert.equal(leastMissed([member(0, { down: 2000 }), drip], 100_000, false), drip);
  });

  it("stays while it takes our blocks", () => {
    const leech = member(19, { unwilling: true, up: 2000, movedAt: 99_999 });
    assert.equal(expendable([leech], somebody(), 100_000), null);
    assert.equal(leastMissed([leech], 100_000, true), null);
  });

  it("is the only one to go while the download is not starving", () => {
    const quiet = member(19);
    assert.equal(leastMissed([quiet], 100_000, false), null);
    assert.equal(leastMissed([quiet], 100_000, true), quiet);
  });
});
