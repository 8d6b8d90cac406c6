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
  it("is nothing while any peer unchokes us", () => {
    assert.equal(heldBackBy(facts({})), "nothing");
    assert.equal(heldBackBy(facts({ trackersFailing: true })), "nothing");
  });

  it("names the disk, then hashing, when most of the time or memory goes there", () => {
    assert.equal(heldBackBy(facts({ writing: 0.6, hashing: 0.9 })), "disk");
    assert.equal(heldBackBy(facts({ writing: 0.4, hashing: 0.9 })), "hashing");
    assert.equal(heldBackBy(facts({ writing: 0.6, limited: true })), "limit");
    assert.equal(heldBackBy(facts({ writing: 0.4, hashing: 0.4 })), "nothing");
  });

  it("is choked if peers have missing pieces and all choke us", () => {
    assert.equal(heldBackBy(facts({ unchoking: 0 })), "choked");
  });

  it("says that the connected peers have nothing we lack", () => {
    assert.equal(heldBackBy(facts({ useful: 0, unchoking: 0 })), "no-needed-pieces");
  });

  it("distinguishes connecting, failing trackers and no peers without connections", () => {
    const connecting = { total: 4, connecting: 1, connected: 0 };
    assert.equal(heldBackBy(facts({ pool: connecting, trackersFailing: true })), "connecting");
    assert.equal(heldBackBy(facts({ pool: nobody, trackersFailing: true })), "tracker-failing");
    assert.equal(heldBackBy(facts({ pool: nobody })), "no-peers");
  });

  it("says why no peer has sent the metadata of a magnet link yet", () => {
    const finding = { state: "finding", unchoking: 0, useful: 0 } as const;
    assert.equal(
      heldBackBy(facts({ ...finding, pool: nobody, trackersFailing: true })),
      "tracker-failing",
    );
    const trying = { total: 1, connecting: 1, connected: 0 };
    assert.equal(heldBackBy(facts({ ...finding, pool: trying })), "connecting");
    assert.equal(heldBackBy(facts({ ...finding, pool: { ...trying, connected: 1 } })), "nothing");
  });

  it("is hashing while files are checked, and nothing in states that wait for no peer", () => {
    const expected: Record<TorrentState, string> = {
      finding: "no-peers",
      waiting: "nothing",
      paused: "nothing",
      queued: "nothing",
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
