import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { TorrentSnapshot } from "../../src/client/types.ts";
import { torrentBlock } from "../../src/cli/render/block.ts";
import { paintLine } from "../../src/cli/render/line.ts";
import { heldBackPhrase, noPeersMessage, statePhrase } from "../../src/cli/render/phrases.ts";
import { widthOf } from "../../src/cli/render/text.ts";
import { snapshotOf } from "./fakes.ts";

const TRACKER = {
  url: "http://tracker.example/announce",
  tier: 0,
  state: "working" as const,
  message: null,
  seeders: null,
  leechers: null,
  nextAnnounceInMs: null,
  last: null,
};

function shown(torrent: TorrentSnapshot, columns: number, unicode = false): string[] {
  return torrentBlock(torrent, columns, { unicode }).map((line) => paintLine(line, columns, false));
}

describe("torrentBlock", () => {
  const torrent = snapshotOf({
    size: 3 * 1024 ** 3,
    have: 1.5 * 1024 ** 3,
    downRate: 12.3 * 1024 ** 2,
    upRate: 2048,
    etaSeconds: 125,
    peers: { connected: 12, connecting: 1, known: 48, banned: 0 },
  });

  it("shows name, bar, percent, sizes, rates, time left and peers", () => {
    assert.deepEqual(shown(torrent, 120), [
      "big.bin",
      "[##############--------------] 50.0%  1.50 GiB of 3.00 GiB" +
      "  down 12.3 MiB/s  2 min 05 s left  up 2.00 KiB/s",
      "12 of 48 peers connected, downloading",
    ]);
  });

  it("fits any width", () => {
    for (let columns = 20; columns < 200; columns++) {
      for (const unicode of [true, false]) {
        for (const line of shown(torrent, columns, unicode)) {
          assert.ok(widthOf(line) <= columns, `${columns}: ${line}`);
        }
      }
    }
  });

  it("leaves out whole parts that do not fit, the least useful first", () => {
    const rows = (columns: number) => shown(torrent, columns, true)[1];
    assert.equal(
      rows(80),
      "▕█████████         ▏ 50.0%  1.50 GiB of 3.00 GiB  ↓ 12.3 MiB/s  2 min 05 s left",
    );
    assert.equal(rows(70), "▕███████▌       ▏ 50.0%  1.50 GiB of 3.00 GiB  ↓ 12.3 MiB/s");
    assert.equal(rows(42), "▕█████     ▏ 50.0%  ↓ 12.3 MiB/s");
    assert.equal(rows(24), "▕█████     ▏ 50.0%");
  });

  it("leaves the time out while it is unknown", () => {
    assert.doesNotMatch(shown({ ...torrent, etaSeconds: null }, 120).join("\n"), /left/);
  });

  it("shows the check's own progress while it checks", () => {
    const [, bar, phrase] = shown(
      { ...torrent, state: "checking", checked: 0.25, have: 0, etaSeconds: null },
      120,
    );
    assert.match(bar!, /25\.0%/);
    assert.match(phrase!, /checking existing data, 25\.0%/);
  });

  it("shows nothing done while the metadata is looked for, and all of an empty torrent", () => {
    const [, finding] = shown(snapshotOf({ state: "finding", size: 0 }), 120);
    assert.match(finding!, / 0\.0%/);
    const [, empty] = shown(snapshotOf({ state: "seeding", size: 0 }), 120);
    assert.match(empty!, / 100%/);
  });

  it("shows escape sequences in hostile names as text", () => {
    const [name] = shown(snapshotOf({ name: "evil\x1b[2J\u202Etxt.exe" }), 80);
    assert.equal(name, "evil\\x1b[2J\\u202etxt.exe");
  });
});

describe("heldBackPhrase", () => {
  function phrase(part: Partial<TorrentSnapshot>): string | null {
    return heldBackPhrase(snapshotOf(part));
  }

  it("is null if nothing slows the download", () => {
    assert.equal(phrase({ heldBackBy: "nothing" }), null);
  });

  it("says why there are no peers", () => {
    const known = { connected: 0, connecting: 0, known: 3, banned: 0 };
    assert.match(phrase({ heldBackBy: "no-peers" })!, /has no tracker \(--peer/);
    assert.match(
      phrase({ heldBackBy: "no-peers", peers: known })!,
      /^no peers yet: 3 peers known$/,
    );
    assert.match(
      phrase({ heldBackBy: "no-peers", trackers: [{ ...TRACKER, state: "announcing" }] })!,
      /asking the tracker/,
    );
    assert.match(
      phrase({ heldBackBy: "no-peers", trackers: [{ ...TRACKER, nextAnnounceInMs: 29_500 }] })!,
      /the tracker knows none, next announce in 30 s/,
    );
    const onlyUs = { ...known, known: 1, banned: 1 };
    assert.match(
      phrase({ heldBackBy: "no-peers", peers: onlyUs, trackers: [TRACKER] })!,
      /the tracker knows none/,
    );
  });

  it("names no next announce once the run has ended", () => {
    const trackers = [{ ...TRACKER, nextAnnounceInMs: 29_500 }];
    assert.equal(
      noPeersMessage(snapshotOf({ heldBackBy: "no-peers", trackers }), 60),
      "no peer was reached in 1 min 00 s (the tracker knows none); " +
        "run the same command again to resume",
    );
  });

  it("names several failing trackers and the other attempts", () => {
    const failing = (name: string, message: string) => ({
      ...TRACKER,
      url: `udp://${name}`,
      state: "failing" as const,
      message,
    });
    const torrent = {
      heldBackBy: "no-peers" as const,
      unreached: { silent: 9, refused: 1, hungUp: 1, unfit: 0 },
      trackers: [TRACKER, failing("a", "timed out"), failing("b", "banned"), failing("c", "x")],
      dht: { nodes: 0 },
    };
    assert.equal(
      phrase(torrent),
      "no peers: 9 addresses do not answer; 1 address refuses the connection; " +
        "1 peer took the connection and closed it (may insist on encryption, which shoal does not " +
        "support yet); the tracker knows none; no DHT node has answered yet; " +
        "3 of 4 trackers failing: udp://a: timed out, udp://b: banned, ...",
    );
    const more = {
      ...torrent,
      trackers: [],
      unreached: { silent: 0, refused: 0, hungUp: 0, unfit: 2 },
    };
    assert.equal(
      phrase({ ...more, dht: { nodes: 1200 } }),
      "no peers: 2 addresses do not have this torrent; the DHT (1,200 nodes) knows none yet",
    );
  });

  it("says the same while it looks for metadata", () => {
    const trackers = [{ ...TRACKER, state: "failing" as const, message: "disabled" }];
    const finding = snapshotOf({ state: "finding", heldBackBy: "tracker-failing", trackers });
    assert.equal(statePhrase(finding), "finding metadata: tracker failing: disabled");
    const peers = { connected: 1, connecting: 0, known: 1, banned: 0 };
    assert.equal(statePhrase({ ...finding, heldBackBy: "nothing", peers }), "finding metadata");
  });

  it("quotes a failing tracker, made safe", () => {
    const trackers = [{
      ...TRACKER,
      state: "failing" as const,
      message: "not\x1b[31m registered",
      nextAnnounceInMs: 60_000,
      last: null,
    }];
    assert.equal(
      phrase({ heldBackBy: "tracker-failing", trackers }),
      "tracker failing: not\\x1b[31m registered, next announce in 1 min 00 s",
    );
  });

  it("begins with the cause of a tracker's failure, not with its URL", () => {
    const message = `Cannot get ${TRACKER.url}: the connection was refused`;
    const trackers = [{ ...TRACKER, state: "failing" as const, message }];
    assert.equal(
      phrase({ heldBackBy: "tracker-failing", trackers }),
      "tracker failing: the connection was refused",
    );
  });

  it("has words for every other reason", () => {
    const peers = { connected: 0, connecting: 2, known: 3, banned: 0 };
    assert.equal(phrase({ heldBackBy: "connecting", peers }), "connecting to 2 peers");
    assert.match(phrase({ heldBackBy: "choked" })!, /^choked: waiting/);
    assert.match(phrase({ heldBackBy: "no-needed-pieces" })!, /no connected peer/);
    assert.match(phrase({ heldBackBy: "disk" })!, /^waiting for the disk/);
    assert.match(phrase({ heldBackBy: "hashing" })!, /^waiting for hash checks/);
    assert.match(phrase({ heldBackBy: "limit" })!, /^at the speed limit/);
  });
});

describe("statePhrase and quotas", () => {
  const until = Date.UTC(2026, 11), up = { down: false, up: true, until };

  it("says that the quota is used up, and until when", () => {
    assert.equal(
      statePhrase(
        snapshotOf({ state: "seeding", totals: { downloaded: 0, uploaded: 430 }, quotaSpent: up }),
      ),
      "seeding, the upload quota is used up until 2026-12-01 00:00 UTC, ratio 0.43",
    );
    const down = { state: "downloading", heldBackBy: "limit", quotaSpent: { ...up, down: true } };
    assert.equal(
      statePhrase(snapshotOf(down as Partial<TorrentSnapshot>)),
      "the download quota is used up until 2026-12-01 00:00 UTC",
    );
  });

  it("is silent about a quota that stops nothing now", () => {
    const quotaSpent = { down: true, up: false, until };
    const seeding = snapshotOf({ state: "seeding", quotaSpent });
    assert.equal(statePhrase(seeding), "seeding, ratio 0.00");
    const downloading = snapshotOf({ state: "downloading", quotaSpent: up });
    assert.equal(statePhrase(downloading), "downloading");
    assert.equal(
      statePhrase(snapshotOf({ state: "checking", quotaSpent: up })).includes("quota"),
      false,
    );
  });

  it("is highlighted on a terminal", () => {
    const [, , line] = torrentBlock(snapshotOf({ state: "seeding", quotaSpent: up }), 120, {
      unicode: false,
    });
    assert.equal(line!.at(-1)!.style, "warn");
  });
});

describe("statePhrase", () => {
  it("names each state", () => {
    const size = 1000;
    assert.match(
      statePhrase(snapshotOf({ state: "verifying", checked: 0.5 })),
      /verifying.*50\.0%/,
    );
    assert.equal(
      statePhrase(snapshotOf({ state: "seeding", size, totals: { downloaded: 0, uploaded: 430 } })),
      "seeding, ratio 0.43",
    );
    assert.equal(statePhrase(snapshotOf({ state: "done" })), "done");
    assert.equal(statePhrase(snapshotOf({ state: "stopped" })), "stopped");
    const error = { code: "disk-full", message: "Cannot write x: the disk is full" };
    assert.equal(
      statePhrase(snapshotOf({ state: "failed", error })),
      "failed: Cannot write x: the disk is full",
    );
  });
});
