import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { RequestWindow } from "../../../src/swarm/peer/request_window.ts";
import { Prng } from "../../harness/prng.ts";
import { arraysMadeBy } from "../../harness/allocations.ts";

const BLOCK = 16384;

/** Asks for blocks `from` to `to` of piece 0. */
function ask(window: RequestWindow, from: number, to: number, now = 0): void {
  for (let block = from; block < to; block++) window.push(0, block, now);
}

/** The peer answers this block of piece 0, all of it at once. */
function answer(window: RequestWindow, block: number, now = 0): boolean | null {
  const asked = window.take(0, block, now);
  if (asked !== null) window.blockCame(now, asked);
  return asked;
}

/** Keeps the window full for `seconds` while the peer answers `perSecond` blocks; two ticks a second. */
function download(window: RequestWindow, perSecond: number, seconds: number, from = 0): void {
  let block = 0, answered = 0;
  for (let tick = 1; tick <= 2 * seconds; tick++) {
    const now = from + tick * 500;
    while (window.outstanding < window.size) window.push(1, block++, now - 500);
    for (let i = 0; i < perSecond / 2 && answered < block; i++) {
      assert.equal(window.take(1, answered++, now), true);
      window.blockCame(now, true);
    }
    window.tick(now, perSecond * BLOCK);
  }
}

function released(release: (fn: (piece: number, block: number) => void) => void): number[] {
  const blocks: number[] = [];
  release((_piece, block) => blocks.push(block));
  return blocks;
}

describe("RequestWindow: the requests", () => {
  it("counts requests until the answer begins", () => {
    const window = new RequestWindow();
    ask(window, 0, 3);
    assert.equal(window.outstanding, 3);
    assert.equal(window.has(0, 1), true);
    assert.equal(window.take(0, 1, 5), true);
    assert.equal(window.has(0, 1), false);
    assert.equal(window.outstanding, 2);
    assert.equal(window.take(0, 1, 5), null, "only once");
    assert.equal(window.take(5, 0, 5), null, "never asked for");
  });

  it("keeps them in order over many rounds of the ring, and while it grows", () => {
    const window = new RequestWindow();
    let next = 0, answered = 0;
    for (let round = 0; round < 40; round++) {
      for (let i = 0; i < 37 + round; i++) window.push(next >> 4, next++ & 15, 0);
      for (let i = 0; i < 30; i++) {
        assert.equal(window.take(answered >> 4, answered & 15, 0), true);
        answered++;
      }
      assert.equal(window.outstanding, next - answered);
    }
    const order: number[] = [];
    window.releaseAll((piece, block) => order.push(16 * piece + block));
    assert.deepEqual(order, Array.from({ length: next - answered }, (_, i) => answered + i));
  });

  it("agrees with a plain list over random steps, answers out of order included", () => {
    for (let seed = 0; seed < 20; seed++) {
      const dice = new Prng(seed), window = new RequestWindow();
      const live: number[] = [], late: number[] = [];
      let next = 0, now = 0;
      for (let step = 0; step < 2000; step++) {
        const block = dice.below(4) === 0 ? dice.below(next + 1) : live[dice.below(8)] ?? 0;
        const inLive = live.indexOf(block), inLate = late.indexOf(block);
        switch (dice.below(6)) {
          case 0:
          case 1:
            live.push(next);
            window.push(0, next++, now);
            break;
          case 2: {
            const expected = inLive >= 0 ? true : inLate >= 0 ? false : null;
            assert.equal(window.take(0, block, now), expected);
            if (inLive >= 0) live.splice(inLive, 1);
            else if (inLate >= 0) late.splice(inLate, 1);
            break;
          }
          case 3:
            assert.equal(window.rejected(0, block), inLive >= 0);
            if (inLive >= 0) live.splice(inLive, 1);
            else if (inLate >= 0) late.splice(inLate, 1);
            break;
          case 4:
            window.giveUp(0, block);
            if (inLive >= 0) late.push(...live.splice(inLive, 1));
            break;
          default:
            now += 10;
            window.tick(now, 0);
        }
        assert.equal(window.outstanding, live.length, `seed ${seed}, step ${step}`);
        assert.equal(window.has(0, block), live.includes(block));
      }
      assert.ok(next > 300 && late.length > 0, "the walk went everywhere");
      assert.deepEqual(released((fn) => window.releaseAll(fn)), live);
    }
  });

  it("recognises an answer after the request was given up, for a minute", () => {
    const window = new RequestWindow();
    ask(window, 0, 3, 1000);
    window.giveUp(0, 0);
    assert.equal(window.outstanding, 2);
    assert.equal(window.has(0, 0), false);
    window.giveUp(0, 0);
    assert.equal(window.outstanding, 2, "a second time changes nothing");
    assert.equal(window.take(0, 0, 1001), false);
    assert.equal(window.take(0, 0, 1001), null);
    assert.deepEqual(released((fn) => window.releaseAll(fn)), [1, 2]);
    assert.equal(window.outstanding, 0);
    window.tick(61_000, 0);
    assert.equal(window.take(0, 1, 61_000), false);
    window.tick(61_001, 0);
    assert.equal(window.take(0, 2, 61_001), null);
  });

  it("matches a block that was asked for again with its first request first", () => {
    const window = new RequestWindow();
    ask(window, 0, 1);
    window.giveUp(0, 0);
    ask(window, 0, 1);
    assert.equal(window.take(0, 0, 1), false);
    assert.equal(window.take(0, 0, 2), true);
    assert.equal(window.outstanding, 0);
  });

  it("reports whether a refused request still counted", () => {
    const window = new RequestWindow();
    ask(window, 0, 2);
    window.giveUp(0, 1);
    assert.equal(window.rejected(0, 0), true);
    assert.equal(window.rejected(0, 0), false);
    assert.equal(window.rejected(0, 1), false);
    assert.equal(window.outstanding, 0);
  });

  it("leaves a peer that refuses alone, each time for longer, until a block arrives", () => {
    const window = new RequestWindow();
    const rests: number[] = [];
    let now = 0;
    for (let turn = 0; turn < 9; turn++) {
      ask(window, 0, 2);
      for (const block of [0, 1]) assert.equal(window.rejected(0, block), true);
      assert.equal(window.wantsMore, false);
      const since = now;
      while (!window.wantsMore) window.tick(now += 250, 0);
      rests.push(now - since);
    }
    assert.ok(rests[0]! <= 1000, `${rests[0]} ms at first`);
    rests.reduce((before, rest) => (assert.ok(rest > before || before > 60_000), rest));
    assert.ok(rests.at(-1)! < 62_000);

    ask(window, 0, 3);
    assert.equal(window.rejected(0, 0), true);
    assert.equal(window.size, 0);
    assert.equal(answer(window, 1, now), true);
    assert.ok(window.size > 1, "it gives after all");
  });

  it("does not take it amiss that a cancelled request is refused", () => {
    const window = new RequestWindow();
    ask(window, 0, 2);
    window.giveUp(0, 1);
    window.rejected(0, 1);
    assert.ok(window.size > 1);
  });

  it("releases a request that many answers overtook, and only that", () => {
    const window = new RequestWindow();
    ask(window, 0, 10);
    for (let block = 1; block < 80; block++) {
      answer(window, block, block);
      window.push(0, block + 9, block);
      const lost = released((fn) => window.trim(fn, fn));
      if (lost.length > 0) {
        assert.deepEqual(lost, [0]);
        assert.ok(block > 20, `already after ${block} answers`);
        assert.equal(window.has(0, 0), false);
        assert.equal(window.take(0, 0, 100), false, "its answer may still come");
        return;
      }
    }
    assert.fail("the lost request was never released");
  });

  it("releases none of a peer that answers in a somewhat mixed order", () => {
    const window = new RequestWindow(), dice = new Prng(1);
    for (let batch = 0; batch < 200; batch++) {
      ask(window, 25 * batch, 25 * (batch + 1));
      const blocks = dice.shuffle(Array.from({ length: 25 }, (_, i) => 25 * batch + i));
      for (const block of blocks) {
        assert.equal(answer(window, block), true);
        assert.deepEqual(released((fn) => window.trim(fn, fn)), []);
      }
    }
  });

  it("knows the time of each request, even after forgetting those between", () => {
    const window = new RequestWindow();
    ask(window, 0, 1, 50_000);
    window.giveUp(0, 0);
    for (let block = 1; block < 60; block++) {
      window.push(0, block, 0);
      answer(window, block);
    }
    ask(window, 60, 62, 50_000);
    window.giveUp(0, 60);
    window.tick(50_001, 0);
    assert.deepEqual(released((fn) => window.trim(fn, fn)), [], "61 was not overtaken");
    window.tick(100_000, 0);
    assert.equal(window.take(0, 60, 100_000), false, "and 60 is not too late yet");
  });

  it("stays small while one request is neither answered nor given up", () => {
    for (const giveUp of [false, true]) {
      const window = new RequestWindow();
      ask(window, 0, 1);
      if (giveUp) window.giveUp(0, 0);
      const made = arraysMadeBy(() => {
        for (let block = 1; block < 20_000; block++) {
          window.push(0, block, block / 100);
          answer(window, block, block / 100);
          if (block % 500 === 0) window.tick(block / 100, 0);
        }
      });
      assert.ok(made.every((length) => length <= 1024), `grew to ${Math.max(...made)}`);
    }
  });
});

describe("RequestWindow: its size", () => {
  it("starts at 8 and grows by one a block while the rate still rises", () => {
    const window = new RequestWindow();
    assert.equal(window.size, 8);
    let now = 0, block = 0;
    for (const came of [8, 16, 32, 64]) {
      for (let i = 0; i < came; i++) {
        window.push(0, block, now);
        answer(window, block++, now);
      }
      window.tick(now += 1000, 0);
    }
    assert.equal(window.size, 8 + 120);
  });

  it("follows the rate once it rises no more: two seconds' worth", () => {
    const window = new RequestWindow();
    download(window, 40, 10);
    assert.equal(window.size, 80);
    download(window, 20, 5, 100_000);
    assert.equal(window.size, 40);
    window.releaseAll(() => {});
    window.tick(200_000, 0);
    assert.equal(window.size, 2, "never under two");
  });

  it("stays at 512 for a quick peer nearby, and grows with the way to a far one", () => {
    const near = new RequestWindow();
    near.setReqq(4096);
    for (let i = 0; i < 3; i++) {
      near.push(0, i, 0);
      answer(near, i, 10);
      near.tick(i * 1000, 1000 * BLOCK);
    }
    assert.equal(near.size, 512);
    const far = new RequestWindow();
    far.setReqq(4096);
    for (let i = 0; i < 3; i++) {
      far.push(0, i, 0);
      answer(far, i, 500);
      far.tick(i * 1000, 1000 * BLOCK);
    }
    assert.equal(far.size, 1000);
  });

  it("never exceeds reqq, 250 until the peer sends its own, nor the limit", () => {
    const window = new RequestWindow();
    for (let i = 0; i < 3; i++) {
      window.push(0, i, 0);
      answer(window, i, 400);
      window.tick(i * 1000, 1000 * BLOCK);
    }
    assert.equal(window.size, 250);
    window.setReqq(100);
    assert.equal(window.size, 100);
    window.setReqq(0);
    assert.equal(window.size, 1);
    window.setReqq(1 << 20);
    assert.equal(window.size, 800);
    window.setShare(Infinity, false, null, 30);
    assert.equal(window.size, 30);
    window.setShare(Infinity, false, null, 0);
    assert.equal(window.size, 1);
  });

  it("wants more when a quarter of it is free, so that requests go out in bulk", () => {
    const window = new RequestWindow();
    window.setShare(Infinity, false, null, 8);
    assert.equal(window.wantsMore, true);
    ask(window, 0, 7);
    assert.equal(window.wantsMore, false);
    answer(window, 0);
    assert.equal(window.wantsMore, true);
    window.setShare(Infinity, false, null, 2);
    assert.equal(window.wantsMore, false);
    for (let block = 1; block < 6; block++) answer(window, block);
    assert.equal(window.outstanding, 1);
    assert.equal(window.wantsMore, true, "a small one is refilled one by one");
  });
});

describe("RequestWindow: snubbing", () => {
  it("snubs a peer that never answered after 15 seconds, and says so once", () => {
    const window = new RequestWindow();
    ask(window, 0, 2, 1000);
    assert.equal(window.tick(16_000, 0), false);
    assert.equal(window.tick(16_001, 0), true);
    assert.equal(window.snubbed, true);
    assert.equal(window.tick(16_500, 0), false);
  });

  it("counts from the last answer, not from the request", () => {
    const window = new RequestWindow();
    ask(window, 0, 3, 0);
    answer(window, 0, 14_000);
    assert.equal(window.tick(15_500, 0), false);
  });

  it("never snubs a peer that was asked for nothing", () => {
    const window = new RequestWindow();
    assert.equal(window.tick(100_000, 0), false);
    ask(window, 0, 1, 100_000);
    answer(window, 0, 100_001);
    assert.equal(window.tick(1_000_000, 0), false);
  });

  it("waits at least 2 s for a quick peer, and far longer for one of a slow pace, at most 30 s", () => {
    for (
      const [gap, least, most] of [[10, 2000, 2600], [4000, 4000, 12_000], [28_000, 28_000, 30_000]]
    ) {
      const window = new RequestWindow();
      let now = 0, block = 0;
      for (; block < 100; block++) {
        window.push(0, block, now);
        answer(window, block, now += gap!);
      }
      window.push(0, block, now);
      assert.equal(window.tick(now + least!, 0), false, `gap ${gap}: not yet`);
      assert.equal(window.tick(now + most! + 1, 0), true, `gap ${gap}: by now`);
    }
  });

  it("snubs a peer that stops in the middle of the only block it was asked for", () => {
    const window = new RequestWindow();
    ask(window, 0, 1, 0);
    assert.equal(window.take(0, 0, 1000), true);
    assert.equal(window.outstanding, 0);
    assert.equal(window.tick(16_000, 0), true);
  });

  it("asks a snubbed peer for nothing while it owes answers, then for one block", () => {
    const window = new RequestWindow();
    ask(window, 0, 3, 0);
    assert.equal(window.tick(20_000, 0), true);
    window.releaseAll(() => {});
    assert.equal(window.size, 0);
    assert.equal(window.wantsMore, false);
    window.tick(60_001, 0);
    assert.equal(window.size, 1);
    assert.equal(window.wantsMore, true);
  });

  it("a snubbed peer is restored by its first block, even one that was given up", () => {
    for (const given of [false, true]) {
      const window = new RequestWindow();
      ask(window, 0, 3, 0);
      assert.equal(window.tick(20_000, 0), true);
      if (given) window.releaseAll(() => {});
      assert.equal(answer(window, 0, 21_000), !given);
      assert.equal(window.snubbed, false);
      assert.ok(window.size >= 2);
      assert.equal(window.tick(22_000, 0), false, "and the waiting begins anew");
    }
  });
});

describe("a peer that sends no whole block", () => {
  it("is unwilling 10 s after its first request", () => {
    const window = new RequestWindow();
    window.push(0, 0, 0);
    window.take(0, 0, 1000); // and the rest of the block never arrives
    for (let now = 0; now < 15_000; now += 500) window.tick(now, 1);
    assert.equal(window.isUnwilling(15_000), false);
    window.tick(15_500, 1);
    assert.equal(window.isUnwilling(15_500), true);
    window.blockCame(16_000, true);
    assert.equal(window.isUnwilling(16_000), false);
  });

  it("is unwilling after five rejects in a row", () => {
    const window = new RequestWindow();
    let rejects = 0, now = 0;
    for (; !window.isUnwilling(now) && now < 60_000; now += 500) {
      if (window.size > 0) {
        window.push(0, 0, now);
        window.rejected(0, 0);
        rejects++;
      }
      window.tick(now, 0);
    }
    assert.equal(rejects, 5);
    assert.ok(now < 12_000, `${now} ms`);
  });
});
