import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { EventFeed } from "../../src/client/event_feed.ts";
import type { TorrentEvent } from "../../src/client/types.ts";

const event = (piece: number): TorrentEvent => ({
  infoHash: "ab",
  type: "piece",
  piece,
  have: 0,
  size: 1,
});

/** The pieces of the events that are in the queue now. */
async function take(events: AsyncIterator<TorrentEvent>, count: number): Promise<TorrentEvent[]> {
  const taken: TorrentEvent[] = [];
  for (let i = 0; i < count; i++) {
    const { done, value } = await events.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

const pieces = (events: TorrentEvent[]) =>
  events.map((one) => one.type === "piece" ? one.piece : one.type);

describe("EventFeed", () => {
  it("passes all events from its start on to each listener, in order", async () => {
    const feed = new EventFeed();
    const first = feed.listen();
    feed.push(event(1));
    const second = feed.listen();
    feed.push(event(2));
    feed.end();
    assert.deepEqual(pieces(await take(first, 9)), [1, 2]);
    assert.deepEqual(pieces(await take(second, 9)), [2]);
  });

  it("wakes a listener that waits", async () => {
    const feed = new EventFeed();
    const events = feed.listen();
    const waiting = events.next();
    feed.push(event(5));
    assert.deepEqual(await waiting, { done: false, value: event(5) });
  });

  it("answers several calls of next that wait at once, in their order", async () => {
    const feed = new EventFeed();
    const events = feed.listen();
    const waiting = [events.next(), events.next(), events.next()];
    feed.push(event(1));
    feed.push(event(2));
    feed.end();
    const [first, second, third] = await Promise.all(waiting);
    assert.deepEqual(first, { done: false, value: event(1) });
    assert.deepEqual(second, { done: false, value: event(2) });
    assert.equal(third!.done, true);
  });

  it("ends `for await` when the feed ends, after the queued events", async () => {
    const feed = new EventFeed();
    const events = feed.listen();
    feed.push(event(1));
    feed.end();
    const seen: TorrentEvent[] = [];
    for await (const one of events) seen.push(one);
    assert.deepEqual(pieces(seen), [1]);
  });

  it("ends a listener that waits when the feed ends", async () => {
    const feed = new EventFeed();
    const waiting = feed.listen().next();
    feed.end();
    assert.equal((await waiting).done, true);
  });

  it("ends at once for a listener that starts after the end", async () => {
    const feed = new EventFeed();
    feed.end();
    assert.equal((await feed.listen().next()).done, true);
  });

  it("return ends a call of next that waits, so that for await ends too", async () => {
    const feed = new EventFeed();
    const events = feed.listen();
    const waiting = events.next();
    await events.return!();
    assert.equal((await waiting).done, true);
  });

  it("a listener that broke off gets nothing more and costs nothing more", async () => {
    const feed = new EventFeed();
    const events = feed.listen();
    feed.push(event(1));
    for await (const _ of events) break;
    feed.push(event(2));
    assert.equal((await events.next()).done, true);
  });

  it("drops the oldest events of a slow listener, and reports how many", async () => {
    const feed = new EventFeed();
    const slow = feed.listen(), quick = feed.listen();
    const seen: TorrentEvent[] = [];
    for (let i = 0; i < 10_003; i++) {
      feed.push(event(i));
      seen.push(...await take(quick, 1));
    }
    assert.equal(seen.length, 10_003);
    const [warning, next, ...rest] = await take(slow, 10_001);
    assert.equal(warning!.type, "warning");
    assert.equal(warning!.infoHash, "ab");
    assert.match(warning!.type === "warning" ? warning!.message : "", /^3 events were dropped/);
    assert.deepEqual(pieces([next!]), [3]);
    assert.equal(rest.length, 9999);
    assert.deepEqual(pieces(rest.slice(-1)), [10_002]);
  });
});
