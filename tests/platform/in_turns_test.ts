import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inTurns } from "../../src/platform/shared/in_turns.ts";

describe("calls in turns", () => {
  it("let a timer run before the rest of too many, and keep their order", async () => {
    const calls: number[] = [], call = inTurns((value: number) => void calls.push(value));
    for (let value = 0; value < 100; value++) call(value);
    assert.equal(calls.length, 32, "at once");
    const seen = await new Promise<number>((resolve) => setTimeout(() => resolve(calls.length), 0));
    assert.ok(seen < 100, `${seen} calls before a timer of the same time`);
    call(100);
    while (calls.length < 101) await new Promise((resolve) => setTimeout(resolve, 0));
    assert.deepEqual(calls, Array.from({ length: 101 }, (_, value) => value));
  });

  it("go on while each one asks for the next, and timers run in between", async () => {
    let calls = 0;
    const call = inTurns(() => {
      if (++calls < 1000) queueMicrotask(call);
    });
    call();
    const seen = await new Promise<number>((resolve) => setTimeout(() => resolve(calls), 0));
    assert.ok(seen < 1000, `${seen} calls before the timer`);
    while (calls < 1000) await new Promise((resolve) => setTimeout(resolve, 0));
  });

  it("are made at once in every turn that has few", async () => {
    let calls = 0;
    const call = inTurns(() => void calls++);
    for (let turn = 1; turn <= 3; turn++) {
      for (let each = 0; each < 30; each++) call();
      assert.equal(calls, turn * 30);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });
});
