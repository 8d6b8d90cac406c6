/** The parts of the page that need no browser. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { treeOf } from "../../src/web/app/file_tree.js";
import { amountOf, amountText, percent, plain, size, span } from "../../src/web/app/format.js";
import { bitsOf, bucketsOf } from "../../src/web/app/piece_map.js";
import { hoursOf, windowsOf } from "../../src/web/app/schedule.js";
import { Selection } from "../../src/web/app/selection.js";
import { draftOf, valueOfDraft } from "../../src/web/app/setting_drafts.js";
import { needsYou, stateText } from "../../src/web/app/words.js";
import { SETTING_ROWS } from "../../src/daemon/setting_rows.ts";
import { fuzz } from "./schedules.ts";
import { rowWith } from "./rows.ts";

describe("words of the page", () => {
  it("say why a torrent is slow", () => {
    const say = (changes: object) => stateText(rowWith(changes));
    assert.equal(say({ heldBackBy: "no-peers" }), "No peers found yet");
    assert.equal(say({ heldBackBy: "no-peers", known: 3 }), "No answer from 3 peers");
    assert.equal(
      say({ heldBackBy: "tracker-failing", trackerError: "unregistered torrent" }),
      "Tracker: unregistered torrent",
    );
    assert.equal(say({ heldBackBy: "nothing" }), "Downloading");
    assert.equal(say({ state: "done", goalReached: true }), "Done: seed goal reached");
    assert.equal(say({ state: "failed", error: "The disk is full" }), "The disk is full");
  });

  it("tell which torrents need their user", () => {
    assert.ok(needsYou(rowWith({ trackerError: "unregistered" })));
    assert.ok(!needsYou(rowWith({ trackerError: "unregistered", connected: 3 })), "it works");
    assert.ok(!needsYou(rowWith({ trackerError: "unregistered", state: "paused" })));
    assert.ok(needsYou(rowWith({ state: "waiting" })));
  });
});

describe("numbers and names of the page", () => {
  it("are short", () => {
    assert.deepEqual([0, 999, 1000, 123_456_789].map(size), ["0 B", "999 B", "1.0 kB", "123 MB"]);
    assert.deepEqual([0, 0.999, 1].map(percent), ["0%", "99%", "100%"]);
    assert.deepEqual([59, 90, 3700, 90_000].map(span), ["59s", "2m", "1h 1m", "1d 1h"]);
    assert.equal(span(null), "");
  });

  it("are read as people write them", () => {
    assert.deepEqual(["500K", "1.5m", "2 GB", "7", ""].map(amountOf), [5e5, 1.5e6, 2e9, 7, null]);
    assert.ok(["fast", "-5", "1e3"].every((text) => Number.isNaN(amountOf(text))));
    for (const amount of [1, 1234, 500_000, 1_500_000, 2e9]) {
      assert.equal(amountOf(amountText(amount)), amount);
    }
  });

  it("hide no characters and never fill the screen", () => {
    assert.equal(plain("a\u202Eb\u200Bc\u0007\n"), "a\ufffdb\ufffdc\ufffd\ufffd");
    assert.equal(plain("x".repeat(10_000)).length, 301);
    assert.equal(plain("مرحبا <b>"), "مرحبا <b>");
  });
});

describe("the schedule of the page", () => {
  it("turns windows into hours and back", () => {
    const windows = [{ days: [1, 2], from: "08:00", to: "18:00" }];
    assert.deepEqual(windowsOf(hoursOf(windows)), windows);
    const night = hoursOf([{ days: [6], from: "22:00", to: "02:00" }]);
    assert.deepEqual(windowsOf(night), [
      { days: [0], from: "00:00", to: "02:00" },
      { days: [6], from: "22:00", to: "24:00" },
    ]);
    for (const hours of fuzz(50)) assert.deepEqual(hoursOf(windowsOf(hours)), hours);
  });
});

describe("settings of the page", () => {
  it("come back as they were shown", () => {
    const values: Record<string, unknown> = {
      limits: { down: 500_000, up: null },
      alternative: {
        limits: { down: null, up: 1000 },
        on: true,
        schedule: [{ days: [1], from: "01:00", to: "02:00" }],
      },
      "torrents.labels": ["a", "b"],
      lsd: false,
      logLevel: "warn",
      port: 6881,
      watch: [{ dir: "/w" }],
      quota: { down: null, up: 5_000_000_000, period: "day" },
    };
    for (const [name, value] of Object.entries(values)) {
      const { row } = SETTING_ROWS.find((each) => each.name === name)!;
      const form = row.kind.form as Parameters<typeof draftOf>[0];
      assert.deepEqual(valueOfDraft(form, draftOf(form, value)), value, name);
    }
  });
});

describe("the selection of the page", () => {
  it("is one, several or a range", () => {
    const selection = new Selection(), order = ["a", "b", "c", "d"];
    selection.choose("b", order, {});
    selection.choose("d", order, { extend: true });
    assert.deepEqual([...selection.chosen], ["b", "c", "d"]);
    selection.choose("c", order, { toggle: true });
    assert.deepEqual([...selection.chosen], ["b", "d"]);
    selection.follow(new Map([["d", {}]]));
    assert.deepEqual([...selection.chosen], ["d"], "removed ones are not selected");
    selection.expect("new");
    selection.follow(new Map([["d", {}]]));
    selection.follow(new Map([["d", {}], ["new", {}]]));
    assert.deepEqual([...selection.chosen], ["new"]);
  });
});

describe("files and pieces of the page", () => {
  it("are a tree", () => {
    const file = (index: number, name: string) => ({
      index,
      name,
      size: 1,
      bytesDone: 0,
      priority: 4,
    });
    const root = treeOf([file(0, "t/a/x"), file(1, "t/a/y"), file(2, "t/z")]);
    const [top] = root.folders, [inner] = top!.folders;
    assert.deepEqual([top!.path, inner!.path], ["t", "t/a"]);
    assert.deepEqual([root.all.length, top!.files.length, inner!.files.length], [3, 1, 2]);
    assert.equal(inner!.files[1]!.label, "y");
  });

  it("are a map of at most so many parts", () => {
    const bits = bitsOf(btoa("\xf0\x80"), 9);
    assert.deepEqual(bits, [true, true, true, true, false, false, false, false, true]);
    assert.deepEqual(bucketsOf(bits, 100).length, 9);
    assert.deepEqual(bucketsOf(bits, 3), [1, 1 / 3, 1 / 3]);
    assert.deepEqual(bucketsOf([], 3), []);
  });
});
