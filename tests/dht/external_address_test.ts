import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { ExternalAddress } from "../../src/dht/external_address.ts";

const OURS = "9.9.9.9", LIE = "6.6.6.6", NEXT = "9.9.9.10";
const HOUR = 3_600_000;

/** `count` voters, each of a network of its own, from number `first` on. */
function votes(
  external: ExternalAddress,
  address: string,
  first: number,
  count: number,
  now = 0,
): boolean {
  let changed = false;
  for (let i = first; i < first + count; i++) {
    changed = external.vote(address, `11.${i >> 8}.${i & 255}.1`, now) || changed;
  }
  return changed;
}

describe("ExternalAddress", () => {
  it("needs three networks that agree, and more than half", () => {
    const external = new ExternalAddress();
    assert.equal(votes(external, OURS, 0, 2), false);
    assert.equal(external.ipv4, null);
    assert.equal(votes(external, OURS, 2, 1), true);
    assert.equal(external.ipv4, OURS);
    const torn = new ExternalAddress();
    votes(torn, LIE, 0, 2);
    votes(torn, OURS, 10, 2);
    votes(torn, NEXT, 20, 2);
    assert.equal(votes(torn, OURS, 30, 2), false, "four of eight");
    assert.equal(votes(torn, OURS, 32, 1), true, "five of nine");
  });

  it("counts one vote per network, its last; names of trackers vote as well", () => {
    const external = new ExternalAddress();
    for (let i = 1; i < 200; i++) assert.equal(external.vote(LIE, `11.0.0.${i}`, 0), false);
    for (let i = 1; i < 200; i++) external.vote("2a00::6", `2a01:0:0:1::${i}`, 0);
    assert.deepEqual([external.ipv4, external.ipv6], [null, null]);
    for (let i = 0; i < 5; i++) external.vote(OURS, "tracker.example", 0);
    external.vote(OURS, "Tracker.Example", 0);
    for (const url of ["http://tracker.example/a", "udp://Tracker.example:80/b?c", "http://["]) {
      external.vote(OURS, url, 0);
    }
    for (const url of ["http://10.0.0.1/a", "udp://[::1]:6969", "http://localhost:1/announce"]) {
      external.vote(OURS, url, 0);
    }
    external.vote(OURS, "other.example", 0);
    assert.equal(external.ipv4, null);
    assert.equal(external.vote(OURS, "12.0.0.1", 0), true);
    assert.equal(external.ipv4, OURS);
  });

  it("keeps the two families apart", () => {
    const external = new ExternalAddress();
    votes(external, OURS, 0, 3);
    votes(external, "2A00:0::1", 0, 2);
    assert.equal(external.ipv6, null);
    votes(external, "2a00::1", 2, 1);
    assert.deepEqual([external.ipv4, external.ipv6], [OURS, "2a00::1"]);
  });

  it("does not move for less than twice the votes, and moves with the truth", () => {
    const external = new ExternalAddress();
    votes(external, OURS, 0, 10);
    assert.equal(votes(external, LIE, 100, 15), false);
    assert.equal(external.ipv4, OURS);
    const moving = new ExternalAddress();
    votes(moving, OURS, 0, 10);
    assert.equal(votes(moving, NEXT, 0, 10), true);
    assert.equal(moving.ipv4, NEXT);
  });

  it("does not swing back and forth when votes are nearly even", () => {
    const external = new ExternalAddress();
    let changes = 0;
    for (let i = 0; i < 1000; i++) {
      if (votes(external, i % 2 === 0 ? OURS : NEXT, i, 1, i)) changes++;
    }
    assert.ok(changes <= 1, `${changes}`);
  });

  it("forgets old votes, so that a new address is found after a silence", () => {
    const external = new ExternalAddress();
    votes(external, OURS, 0, 40, 0);
    assert.equal(votes(external, NEXT, 100, 3, 2 * HOUR), true);
    assert.equal(external.ipv4, NEXT);
  });

  it("remembers no more than the last fifty", () => {
    const external = new ExternalAddress();
    votes(external, OURS, 0, 40);
    votes(external, LIE, 1000, 49);
    assert.equal(external.ipv4, LIE);
  });

  it("takes no local or unusable addresses, and no word of local voters", () => {
    const external = new ExternalAddress();
    for (const address of ["127.0.0.1", "10.0.0.1", "0.0.0.0", "fe80::1", "x", "1.2.3"]) {
      assert.equal(votes(external, address, 0, 20), false, address);
    }
    for (const voter of ["127.0.0.1", "10.1.2.3", "192.168.1.1", "fd00::1", "", "localhost"]) {
      for (let i = 0; i < 20; i++) external.vote(OURS, voter, 0);
    }
    for (const i of [1, 2, 3, 4]) external.vote(OURS, `192.168.${i}.1`, 0);
    assert.deepEqual([external.ipv4, external.ipv6], [null, null]);
  });
});
