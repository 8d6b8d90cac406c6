import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { createCrc32c } from "../../../src/util/crc32c.ts";
import { Live } from "../../../src/daemon/api/live.ts";
import { Prng } from "../../harness/prng.ts";
import { FakeClock } from "../../tracker/tracker_fakes.ts";
import { ApiWorld } from "./api_harness.ts";
import { FakeClient } from "./fake_client.ts";

/** The machine compiles it once, in real time, for which a simulated world does not wait. */
before(() => createCrc32c());

describe("the events of the API", () => {
  it("begin with a snapshot, then tell only what changed", async () => {
    const api = await ApiWorld.open();
    const first = await api.add("a");
    await api.world.runFor(5000);
    const reader = await api.events(), snapshot = await reader.next();
    assert.equal(snapshot.event, "snapshot");
    assert.deepEqual(Object.keys(snapshot.data.torrents), [first]);
    assert.equal(snapshot.data.torrents[first].name, "a");
    const second = await api.add("b");
    let delta = await reader.next();
    assert.equal(delta.event, "delta");
    assert.equal(delta.data.torrents[second].name, "b", "all of a new one");
    assert.equal(delta.data.torrents[first], undefined);
    await api.ask(`PATCH /torrents/${first}`, { labels: ["tv"] });
    do delta = await reader.next(); while (delta.data.torrents[first] === undefined);
    assert.deepEqual(delta.data.torrents[first], { labels: ["tv"] });
    await api.ask(`DELETE /torrents/${second}`);
    do delta = await reader.next(); while (delta.data.removed.length === 0);
    assert.deepEqual(delta.data.removed, [second]);
    await api.close();
  });

  it("continue after the last one that was seen, or begin again", async () => {
    const api = await ApiWorld.open();
    await api.world.runFor(5000);
    const reader = await api.events(), { id } = await reader.next();
    await api.add("a");
    const missed = await reader.next();
    const back = await api.events(id);
    assert.deepEqual(await back.next(), missed, "the same frame");
    assert.equal((await (await api.events("0123456789ab-1")).next()).event, "snapshot");
    assert.equal((await (await api.events("nonsense")).next()).event, "snapshot");
    reader.stream.close();
    back.stream.close();
    await api.close();
  });
});

function liveOf(client: FakeClient): { live: Live; clock: FakeClock } {
  const clock = new FakeClock();
  return { live: new Live({ clock, random: new Prng(1), client }), clock };
}

const request = new Request("http://x/");

describe("the cost of events", () => {
  it("is nothing while nobody listens, and little for idle torrents", async () => {
    const client = new FakeClient(1000), { live, clock } = liveOf(client);
    await clock.pass(10);
    assert.equal(client.asked, 0);
    const reader = live.answer(request).body!.getReader();
    await reader.read();
    assert.equal(client.asked, 1000, "once for the snapshot");
    await clock.pass(30);
    assert.equal(client.asked, 2000, "once in thirty seconds");
    await reader.cancel();
    const { asked } = client;
    await clock.pass(10);
    assert.equal(client.asked, asked);
    assert.equal(clock.pending, 0);
  });

  it("is that of one reader for many: all get the same bytes", async () => {
    const client = new FakeClient(10), { live, clock } = liveOf(client);
    const readers = Array.from({ length: 10 }, () => live.answer(request).body!.getReader());
    const first = await Promise.all(readers.map((reader) => reader.read()));
    assert.ok(first.every(({ value }) => value === first[0]!.value));
    client.add(3, { name: "renamed" });
    await clock.pass(1);
    const next = await Promise.all(readers.map((reader) => reader.read()));
    assert.ok(next.every(({ value }) => value === next[0]!.value));
    assert.match(new TextDecoder().decode(next[0]!.value), /renamed/);
  });

  it("is that of all torrents only when the queue moves, which moves the still ones too", async () => {
    const client = new FakeClient(100), { live, clock } = liveOf(client);
    const places = Array.from({ length: 100 }, (_, position) => ({ position }));
    places.forEach((queue, index) => client.add(index, { queue: queue as never }));
    const reader = live.answer(request).body!.getReader();
    await reader.read();
    await clock.pass(1);
    const { asked } = client;
    for (const place of places) place.position = (place.position + 1) % 100;
    client.add(99, { queue: places[99] as never });
    await clock.pass(1);
    const next = await reader.read();
    const data = /^data: (.*)$/m.exec(new TextDecoder().decode(next.value))![1]!;
    const rows = Object.values(JSON.parse(data).torrents);
    assert.equal(rows.length, 100, "in one delta");
    assert.ok(client.asked - asked <= 105, `${client.asked - asked} looks`);
  });

  it("is bounded for a reader that never reads: it is dropped, the others go on", async () => {
    const client = new FakeClient(5), { live, clock } = liveOf(client);
    const stuck = live.answer(request).body!.getReader();
    const reader = live.answer(request).body!.getReader();
    let frames = 0;
    const reading = (async () => {
      while (!(await reader.read()).done) frames++;
    })();
    for (let i = 0; i < 80; i++) {
      client.add(0, { name: `name ${i}` });
      await clock.pass(1);
    }
    assert.equal(live.readers, 1);
    await assert.rejects(stuck.read().then(() => stuck.closed), /too slow/);
    live.close();
    await reading;
    assert.equal(frames, 81);
  });

  it("keeps a minute of deltas for those that come back", async () => {
    const client = new FakeClient(1), { live, clock } = liveOf(client);
    const ids: string[] = [];
    const reader = live.answer(request).body!.getReader();
    for (let i = 0; i < 70; i++) {
      ids.push(/^id: (\S+)/.exec(new TextDecoder().decode((await reader.read()).value))![1]!);
      client.add(0, { name: `name ${i}` });
      await clock.pass(1);
    }
    const first = async (id: string) => {
      const headers = { "last-event-id": id };
      const body = live.answer(new Request("http://x/", { headers })).body!.getReader();
      return new TextDecoder().decode((await body.read()).value).split("\n")[1];
    };
    assert.equal(await first(ids.at(-1)!), "event: delta");
    assert.equal(await first(ids.at(-60)!), "event: delta");
    assert.equal(await first(ids.at(-62)!), "event: snapshot");
  });
});
