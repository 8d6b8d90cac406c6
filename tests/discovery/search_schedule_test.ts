import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { SearchSchedule } from "../../src/discovery/search_schedule.ts";

interface Fake {
  name: number;
  complete: boolean;
  alone: boolean;
}

/** A schedule whose searches each last for some time, and the times at which they began. */
function makeSchedule(searchMs: number, queries = 20) {
  let now = 0;
  const began: { name: number; at: number }[] = [];
  const ends: { at: number; done(queries: number): void }[] = [];
  const schedule = new SearchSchedule<Fake>(() => now, ({ name }) => {
    began.push({ name, at: now });
    return new Promise((done) => ends.push({ at: now + searchMs, done }));
  });
  return {
    began,
    /** Times of one torrent's searches. */
    timesOf: (wanted: number) =>
      began.filter(({ name }) => name === wanted).map(({ at }) => Math.round(at / 1000)),
    async run(
      torrents: readonly Fake[],
      seconds: number,
      each: (second: number) => void = () => {},
    ) {
      for (const until = now + 1000 * seconds; now < until; now += 250) {
        for (const { done } of ends.filter(({ at }) => at === now)) done(queries);
        await Promise.resolve();
        each(now / 1000);
        schedule.tick(torrents, now);
      }
    },
  };
}

const seed = (name: number): Fake => ({ name, complete: true, alone: true });
const leech = (name: number): Fake => ({ name, complete: false, alone: true });

describe("SearchSchedule", () => {
  it("searches for each of 400 torrents without peers before any for the second time", async () => {
    const { began, run } = makeSchedule(4000);
    const torrents = Array.from({ length: 400 }, (_, i) => seed(i));
    await run(torrents, 210);
    const first = began.slice(0, 400).map(({ name }) => name);
    assert.equal(new Set(first).size, 400);
    assert.equal(began[399]!.at, 196_000, "eight at once, of four seconds each");
    assert.ok(began.length > 400, "then the first ones come again");
  });

  it("incomplete torrents precede seeds that have waited longer, but not for ever", async () => {
    const { began, run } = makeSchedule(4000);
    const torrents = Array.from({ length: 200 }, (_, i) => seed(i));
    await run(torrents, 20);
    assert.ok(!began.some(({ name }) => name === 150));
    await run([...torrents, leech(1000)], 8);
    assert.ok(began.some(({ name }) => name === 1000));
    const many = Array.from({ length: 2000 }, (_, i) => leech(2000 + i));
    await run([...torrents, ...many], 1500);
    assert.ok(torrents.every(({ name }) => began.some((one) => one.name === name)));
  });

  it("looks for a lonely leech after 15 s, 30 s, and so on up to 15 minutes", async () => {
    const { timesOf, run } = makeSchedule(1000);
    await run([leech(0)], 4000);
    assert.deepEqual(timesOf(0), [0, 16, 47, 108, 229, 470, 951, 1852, 2753, 3654]);
  });

  it("looks again soon when the peers that it had turn out to be dead", async () => {
    const { timesOf, run } = makeSchedule(1000);
    const torrent = leech(0);
    let wasThere = false;
    await run([torrent], 60, (second) => {
      torrent.alone = second < 1 || second > 30;
      wasThere ||= !torrent.alone;
    });
    assert.ok(wasThere, "somebody was there while the search ended");
    const [, again] = timesOf(0);
    assert.ok(again! > 30 && again! <= 36, `after ${again} s`);
  });

  it("restarts with short waits after peers that stayed, and not after others", async () => {
    for (const [stay, least] of [[70, 1], [20, 0]] as const) {
      const { timesOf, run } = makeSchedule(1000);
      const torrent = leech(0);
      await run([torrent], 800, (second) => torrent.alone = second < 480 || second > 480 + stay);
      const after = timesOf(0).filter((at) => at > 480 + stay && at < 480 + stay + 60);
      assert.ok(stay === 70 ? after.length >= least : after.length === 0, `${stay}: ${after}`);
    }
  });

  it("asks every 15 minutes for one that has peers", async () => {
    const { timesOf, run } = makeSchedule(1000);
    await run([{ ...leech(0), alone: false }], 2000);
    assert.deepEqual(timesOf(0), [0, 901, 1802]);
  });

  it("tries every two seconds while the DHT knows no node", async () => {
    const { timesOf, run } = makeSchedule(500, 0);
    await run([seed(0)], 11);
    assert.equal(timesOf(0).length, 5);
  });
});
