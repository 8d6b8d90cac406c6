/** A peer whose connection we ended ourselves and dial anew may refuse at first, and is not blamed. */
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { noteTransfer } from "../../src/peers/conduct.ts";
import { PEER_STATE } from "../../src/peers/pool_peer.ts";
import { add, haveCompany, makePool, MINUTE } from "./pool_harness.ts";

const ADDRESS = "192.0.2.7", PORT = 6881;
const REFUSED = { error: true }, ORDERLY = { error: false };

function leaving() {
  const { pool, dialer } = makePool();
  const peer = add(pool, ADDRESS, PORT);
  pool.connectToPeers(-2000);
  pool.connected(peer, -2000);
  pool.stop(-1000);
  dialer.take();
  pool.connectToPeers(0);
  assert.equal(dialer.take().length, 1, "it is dialled at once");
  const company = haveCompany(pool);
  /** When it is dialled the next time after it refused at `now`. */
  const refuse = (now: number, how = REFUSED) => {
    pool.connectionClosed(peer, now, how);
    assert.deepEqual(dialer.take(), [], "not within the call");
    const next = pool.nextDeadline();
    pool.tick(next - 1);
    assert.deepEqual(dialer.take(), [], "not before its time");
    pool.tick(next);
    assert.equal(dialer.take().length, 1);
    return next;
  };
  return { pool, dialer, peer, company, refuse };
}

describe("PeerPool, dialling peers that it disconnected when it stopped", () => {
  it("does not count refusals and repeats after 1, 2 and 4 s, then as for other peers", () => {
    const { peer, refuse } = leaving();
    assert.equal(refuse(500), 1500);
    assert.equal(refuse(2000), 4000);
    assert.equal(refuse(4000), 8000);
    assert.equal(peer.dials.failCount, 0);
    assert.equal(refuse(8500), 8500 + MINUTE, "four tries, and no more");
    assert.equal(peer.dials.failCount, 0);
    assert.equal(refuse(70_000), 70_000 + 2 * MINUTE);
    assert.equal(peer.dials.failCount, 1);
  });

  it("takes a connection that ends at once for a refusal, orderly or not", () => {
    const { pool, peer, refuse } = leaving();
    pool.connected(peer, 100);
    assert.equal(refuse(200, ORDERLY), 1200);
    pool.connected(peer, 1300);
    assert.equal(refuse(1400), 3400);
    assert.equal(peer.dials.failCount, 0);
  });

  it("ends once a connection lasted", () => {
    const { pool, peer, refuse } = leaving();
    pool.connected(peer, 100);
    assert.equal(refuse(5000, ORDERLY), 5000 + MINUTE);
    assert.equal(refuse(70_000), 70_000 + 2 * MINUTE);
    assert.equal(peer.dials.failCount, 1);
  });

  it("ends when we disconnect: an unwanted peer is not dialled soon", () => {
    const { pool, dialer, peer, company } = leaving();
    pool.connected(peer, 100);
    noteTransfer(pool.known!, company, 1, 0);
    pool.giveUpOne(200);
    assert.equal(pool.nextDeadline(), 200 + MINUTE);
    assert.deepEqual(dialer.take(), []);
  });

  it("skips peers that were not connected or are banned", () => {
    const { pool } = makePool();
    const waiting = add(pool, "192.0.2.8", PORT), peer = add(pool, ADDRESS, PORT);
    pool.connectToPeers(0);
    pool.connected(peer, 0);
    pool.stop(100);
    assert.deepEqual([waiting.dials.quickTries, peer.dials.quickTries > 0], [0, true]);
    pool.ban(peer, 200, "sent garbage");
    pool.connectToPeers(300);
    pool.tick(100 * MINUTE);
    assert.equal(peer.state, PEER_STATE.BANNED);
  });
});
