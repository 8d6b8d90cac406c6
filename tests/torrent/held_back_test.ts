import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { heldBackBy, type HeldBackFacts } from "../../src/torrent/held_back.ts";
import type { TorrentState } from "../../src/torrent/types.ts";

const facts = (changes: Partial<HeldBackFacts>): HeldBackFacts => ({
  state: "downloading",
  pool: { total: 5, connecting: 0, connected: 3 },
  trackersFailing: false,
  useful: 2,
  unchoking: 1,
  writing: 0,
  hashing: 0,
  limited: false,
  ...changes,
});
const nobody = { total: 0, connecting: 0, connected: 0 };

describe("heldBackBy", () => {
  it("says nothing while somebody lets us ask", () => {
    assert.equal(heldBackBy(facts({})), "nothing");
    assert.equal(heldBackBy(facts({ trackersFailing: true })), "nothing");
  });

  it("names the disk, then hashing, when most of the time or memory goes there", () => {
    assert.equal(heldBackBy(facts({ writing: 0.6, hashing: 0.9 })), "disk");
    assert.equal(heldBackBy(facts({ writing: 0.4, hashing: 0.9 })), "hashing");
    assert.equal(heldBackBy(facts({ writing: 0.6, limited: true })), "limit");
    assert.equal(heldBackBy(facts({ writing: 0.4, hashing: 0.4 })), "nothing");
  });

  it("says choked when peers have what we lack and none lets us ask", () => {
    assert.equal(heldBackBy(facts({ unchoking: 0 })), "choked");
  });

  it("says that the connected peers have nothing we lack", () => {
    assert.equal(heldBackBy(facts({ useful: 0, unchoking: 0 })), "no-needed-pieces");
  });

  it("tells connecting, failing trackers and no peers apart when nobody is connected", () => {
    const connecting = { total: 4, connecting: 1, connected: 0 };
    assert.equal(heldBackBy(facts({ pool: connecting, trackersFailing: true })), "connecting");
    assert.equal(heldBackBy(facts({ pool: nobody, trackersFailing: true })), "tracker-failing");
    assert.equal(heldBackBy(facts({ pool: nobody })), "no-peers");
  });

  it("says why nobody has the metadata of a magnet link yet", () => {
    const finding = { state: "finding", unchoking: 0, useful: 0 } as const;
    assert.equal(
      heldBackBy(facts({ ...finding, pool: nobody, trackersFailing: true })),
      "tracker-failing",
    );
    const trying = { total: 1, connecting: 1, connected: 0 };
    assert.equal(heldBackBy(facts({ ...finding, pool: trying })), "connecting");
    assert.equal(heldBackBy(facts({ ...finding, pool: { ...trying, connected: 1 } })), "nothing");
  });

  it("says hashing while files are checked, and nothing in states that wait for nobody", () => {
    const expected: Record<TorrentState, string> = {
      finding: "no-peers",
      waiting: "nothing",
      paused: "nothing",
      moving: "nothing",
      checking: "hashing",
      verifying: "hashing",
      downloading: "no-peers",
      seeding: "nothing",
      done: "nothing",
      stopped: "nothing",
      failed: "nothing",
    };
    for (const [state, answer] of Object.entries(expected)) {
      assert.equal(
        heldBackBy(facts({ state: state as TorrentState, pool: nobody })),
        answer,
        state,
      );
    }
  });
});
