import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NotYetError } from "../../src/util/errors.ts";
import { FilmNight, MIXED } from "../harness/film.ts";

const KIB = 1024, MIB = 1024 * KIB;
const TIMEOUT = { timeout: 60_000 };

async function readAll(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}

describe("a film that is watched while it comes", () => {
  for (const seed of [1, 2, 3]) {
    it(`does not stall with 1.5 times its rate, world ${seed}`, TIMEOUT, async () => {
      const link = { jitterMs: 10 * seed, latencyMs: 20 * seed };
      const speeds = [...MIXED.slice(3 * seed), ...MIXED.slice(0, 3 * seed)];
      const night = await FilmNight.begin(seed, { seconds: 180, link, speeds });
      const player = night.play();
      await night.swarm.run(() => player.isDone, 400_000);
      assert.deepEqual([player.error, player.stalls, player.isAtEnd], [null, 0, true]);
      await night.swarm.close();
    });
  }

  it("continues within a second where the player jumps to", TIMEOUT, async () => {
    const night = await FilmNight.begin("jump", { seconds: 180, rate: 1 * MIB, speeds: [20] });
    const first = night.play();
    await night.swarm.run(() => first.startMs > 0);
    assert.ok(first.firstByteMs < 1500, `${first.firstByteMs} ms`);
    const second = night.play(170 * MIB);
    assert.equal(night.viewer.torrent.pieces()!.have.at(-1)! & 1, 0, "the end is missing");
    await first.stop();
    await night.swarm.run(() => second.firstByteMs > 0);
    assert.ok(second.firstByteMs < 1000, `${second.firstByteMs} ms`);
    await night.swarm.run(() => second.isDone);
    assert.deepEqual([second.error, second.stalls], [null, 0]);
    await night.swarm.close();
  });

  it("gets the next piece from others when a peer holds it back, or leaves", TIMEOUT, async () => {
    const speeds = [0.9, 0.7, 0.5];
    const night = await FilmNight.begin("stuck", { seconds: 120, speeds }), { world } = night;
    const player = night.play();
    await night.swarm.run(() => player.startMs > 0);
    await world.runFor(10_000);
    night.seeds[0]!.node.link.upBytesPerSec = 1 * KIB;
    night.seeds[1]!.node.link.upBytesPerSec = 2 * night.rate;
    await world.runFor(20_000);
    assert.equal(player.stalls, 0);
    night.seeds[2]!.node.kill();
    await night.swarm.run(() => player.isDone, 400_000);
    assert.deepEqual([player.error, player.stalls, player.isAtEnd], [null, 0, true]);
    await night.swarm.close();
  });

  it("serves several players, and downloads the rest where there is time", TIMEOUT, async () => {
    const night = await FilmNight.begin("two", { seconds: 60, speeds: [3] });
    const players = [night.play(), night.play(30 * night.rate)];
    await night.swarm.untilDone([night.viewer], 400_000);
    await night.swarm.run(() => players.every(({ isDone }) => isDone));
    for (const { error, stalls } of players) assert.deepEqual([error, stalls], [null, 0]);
    night.swarm.assertHasAll(night.viewer);
    await night.swarm.close();
  });
});

describe("the stream of a file", () => {
  it("has the bytes of its range, and waits through a pause", TIMEOUT, async () => {
    const night = await FilmNight.begin("pause", { seconds: 20, speeds: [2] }), { world } = night;
    const { torrent } = night.viewer, { content } = night.swarm.torrent;
    await world.wait(torrent.ready);
    const [file] = torrent.files()!;
    const whole = readAll(file!.stream());
    const part = readAll(file!.stream({ start: 100_000, end: 400_001 }));
    await world.runFor(2000);
    await world.wait(torrent.pause());
    await world.runFor(10_000);
    torrent.start();
    assert.deepEqual(await world.wait(part), content.subarray(100_000, 400_001));
    assert.deepEqual(await world.wait(whole), content);
    assert.deepEqual(
      await world.wait(readAll(file!.stream({ start: 7, end: 7 }))),
      new Uint8Array(),
    );
    await night.swarm.close();
  });

  it("ends with its signal, with its torrent, and with its reader", TIMEOUT, async () => {
    const night = await FilmNight.begin("ends", { seconds: 20, speeds: [0.1] });
    const { world, viewer: { torrent } } = night;
    await world.wait(torrent.ready);
    const [file] = torrent.files()!, abort = new AbortController();
    const aborted = readAll(file!.stream({ signal: abort.signal }));
    const stopped = readAll(file!.stream());
    const left = file!.stream().getReader();
    await world.runFor(1000);
    const reason = new Error("enough");
    abort.abort(reason);
    await assert.rejects(world.wait(aborted), reason);
    await world.wait(left.cancel());
    await world.wait(Promise.all([
      assert.rejects(stopped, (error) => error instanceof NotYetError),
      torrent.stop(),
    ]));
    assert.throws(() => file!.stream(), NotYetError);
    await night.swarm.close();
  });

  it("refuses ranges outside the file, and files that are not chosen", TIMEOUT, async () => {
    const night = await FilmNight.begin("range", { seconds: 20, speeds: [1] });
    const { world, viewer: { torrent } } = night;
    await world.wait(torrent.ready);
    const [file] = torrent.files()!;
    for (const range of [{ start: -1 }, { start: 2 ** 40 }, { start: 5, end: 4 }, { end: 0.5 }]) {
      assert.throws(() => file!.stream(range), RangeError);
    }
    await world.wait(torrent.update({ files: { priorities: new Map([[0, 0]]) } }));
    assert.throws(() => torrent.files()![0]!.stream(), /not chosen/);
    await night.swarm.close();
  });
});
