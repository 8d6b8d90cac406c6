import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { Blame } from "../../src/swarm/blame.ts";
import { add, makePool } from "../peers/pool_harness.ts";

function newBlame() {
  const { pool } = makePool({ maxPeerlistSize: 5000 });
  const sender = (n: number, delivers = true) => {
    const peer = add(pool, `40.0.${n >> 8}.${n & 255}`);
    return { peer, session: { source: { key: peer.order + 1, delivers } } };
  };
  return { blame: new Blame(pool), sender };
}

describe("Blame", () => {
  it("covers peers that left, if they had sent blocks", () => {
    const { blame, sender } = newBlame();
    const here = sender(1), gone = sender(2), idle = sender(3, false);
    for (const each of [here, gone, idle]) blame.joined(each);
    for (const each of [gone, idle]) blame.left(each);
    const keys = [here, gone, idle].map(({ session }) => session.source.key);
    assert.deepEqual(blame.names(keys), ["40.0.0.1:6881", "40.0.0.2:6881"]);
    blame.convict(gone.session.source.key, 0);
    assert.equal(gone.peer.banReason, "sent wrong data");
  });

  it("remembers the last thousand peers that left", () => {
    const { blame, sender } = newBlame();
    const all = Array.from({ length: 1500 }, (_, n) => sender(n));
    for (const each of all) {
      blame.joined(each);
      blame.left(each);
    }
    const known = blame.names(all.map(({ session }) => session.source.key));
    assert.equal(known.length, 1000);
    assert.equal(known[0], "40.0.1.244:6881", "the 501st");
  });
});
