import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ListView } from "../../src/web/app/list_view.js";
import { Store } from "../../src/web/app/store.js";
import { rowWith } from "./rows.ts";

function shown(count = 4) {
  const store = new Store(), view = new ListView(store.rows);
  store.onRow((before, after) => view.changed(before, after));
  const torrents = Object.fromEntries(
    Array.from({ length: count }, (_, i) => [`h${i}`, rowWith({ name: `torrent ${i}` })]),
  );
  store.begin({ torrents, session: SESSION });
  const change = (infoHash: string, row: object, removed: string[] = []) =>
    store.apply({ torrents: { [infoHash]: row }, removed, session: SESSION });
  return { store, view, change };
}

const SESSION = { torrents: 0, downRate: 0, upRate: 0, port: 0 };

describe("the list of the page", () => {
  it("counts by state, label and tracker as rows change", () => {
    const { view, change } = shown();
    assert.equal(view.counts.get("state:downloading"), 4);
    change("h1", { state: "seeding", labels: ["tv", "hd"], tracker: "t.example" });
    assert.equal(view.counts.get("state:downloading"), 3);
    assert.equal(view.counts.get("state:seeding"), 1);
    assert.equal(view.counts.get("label:tv"), 1);
    assert.equal(view.counts.get("label:hd"), 1);
    assert.equal(view.counts.get("tracker:t.example"), 1);
    change("h1", { error: "The disk is gone", state: "waiting" });
    assert.equal(view.counts.get("state:needs"), 1);
    change("h2", {}, ["h1"]);
    assert.equal(view.counts.get("label:tv"), undefined);
    assert.equal(view.counts.get("state:needs"), undefined);
  });

  it("is in order by any column, with a filter and a search", () => {
    const { view, change } = shown();
    change("h2", { downRate: 500 });
    view.show({ sort: { by: "down", down: true } });
    assert.equal(view.order(false)[0], "h2");
    view.show({ text: "RENT 1", sort: { by: "name", down: false } });
    assert.deepEqual(view.order(false), ["h1"]);
    view.show({ text: "", filter: { kind: "state", value: "active" } });
    assert.deepEqual(view.order(false), ["h2"]);
  });

  it("keeps its order while somebody is in it: new ones come last, removed ones go", () => {
    const { view, change } = shown();
    view.show({ sort: { by: "down", down: true } });
    const before = view.order(false);
    change("h0", { downRate: 9000 });
    assert.deepEqual(view.order(true), before);
    change("h9", rowWith({ name: "new", downRate: 99_000 }), [before[0]!]);
    assert.deepEqual(view.order(true), [...before.slice(1), "h9"]);
    assert.equal(view.order(false)[0], "h9");
  });

  it("is computed again only after a change that matters", () => {
    const { view, change } = shown();
    const before = view.order(false);
    change("h0", { downRate: 5, upRate: 7, connected: 3 });
    assert.equal(view.order(false), before, "the same array");
    change("h0", { name: "zzz" });
    assert.deepEqual(view.order(false), ["h1", "h2", "h3", "h0"]);
  });
});
