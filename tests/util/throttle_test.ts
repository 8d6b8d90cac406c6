import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Throttle, ThrottleChain } from "../../src/util/throttle.ts";

/** A flow that always has more to send, in chunks; counts what it sent. */
class Flow {
  sent = 0;
  now = 0;
  readonly #chain: ThrottleChain;
  readonly #chunk: number;

  constructor(chain: ThrottleChain, chunk: number) {
    this.#chain = chain;
    this.#chunk = chunk;
  }

  proceed(): void {
    while (this.#chain.passOrWait(this, this.now)) {
      this.sent += this.#chunk;
      this.#chain.charge(this.#chunk, this.now);
    }
  }
}

/** A flow that takes what it gets of an endless chunk. */
class Reader {
  read = 0;
  now = 0;
  longestWait = 0;
  #readAt = 0;
  readonly #chain: ThrottleChain;

  constructor(chain: ThrottleChain) {
    this.#chain = chain;
  }

  proceed(): void {
    this.read += this.#chain.take(65_536, this, this.now);
    this.longestWait = Math.max(this.longestWait, this.now - this.#readAt);
    this.#readAt = this.now;
  }
}

function run(throttles: Throttle[], flows: Flow[], fromMs: number, toMs: number): void {
  for (let now = fromMs; now < toMs; now += 25) {
    for (const flow of flows) flow.now = now;
    if (now === 0) { for (const flow of flows) flow.proceed(); }
    for (const throttle of throttles) throttle.serve(now);
  }
}

describe("Throttle", () => {
  it("keeps the rate within 5 % over any two seconds", () => {
    const throttle = new Throttle();
    throttle.setLimit(1_000_000, 0);
    const flow = new Flow(new ThrottleChain([throttle]), 16384);
    run([throttle], [flow], 0, 2000);
    for (let second = 2; second < 20; second += 2) {
      const before = flow.sent;
      run([throttle], [flow], second * 1000, second * 1000 + 2000);
      const rate = (flow.sent - before) / 2;
      assert.ok(Math.abs(rate - 1_000_000) < 50_000, `${rate} bytes a second`);
    }
  });

  it("serves queued flows evenly", () => {
    const throttle = new Throttle();
    throttle.setLimit(400_000, 0);
    const chain = new ThrottleChain([throttle]);
    const flows = Array.from({ length: 7 }, () => new Flow(chain, 4000));
    run([throttle], flows, 0, 60_000);
    const most = Math.max(...flows.map((f) => f.sent)),
      least = Math.min(...flows.map((f) => f.sent));
    assert.ok(most < least * 1.1, `${least} to ${most}`);
  });

  it("obeys the tightest of a chain and leaves unused tokens to others", () => {
    const all = new Throttle(), own = new Throttle();
    all.setLimit(1_000_000, 0);
    own.setLimit(100_000, 0);
    const slow = new Flow(new ThrottleChain([own, all]), 4000);
    const quick = new Flow(new ThrottleChain([all]), 4000);
    run([all, own], [slow, quick], 0, 20_000);
    assert.ok(Math.abs(slow.sent / 20 - 100_000) < 5000, `${slow.sent / 20}`);
    assert.ok(Math.abs(quick.sent / 20 - 900_000) < 30_000, `${quick.sent / 20}`);
  });

  it("never overdraws for readers, however many wait", () => {
    const throttle = new Throttle(), chain = new ThrottleChain([throttle]);
    throttle.setLimit(10_000, 0);
    const readers = Array.from({ length: 12 }, () => new Reader(chain));
    for (const reader of readers) reader.proceed();
    for (let now = 0; now <= 10_000; now += 25) {
      for (const reader of readers) reader.now = now;
      throttle.serve(now);
      const read = readers.reduce((sum, reader) => sum + reader.read, 0);
      assert.ok(read <= 10 * now, `${read} bytes after ${now} ms`);
      assert.ok(now === 0 || read >= 10 * now - 1, `${read} bytes after ${now} ms`);
    }
    for (const { longestWait } of readers) assert.ok(longestWait < 1000, `${longestWait} ms`);
    const parts = readers.map((reader) => reader.read);
    assert.ok(Math.max(...parts) < 1.1 * Math.min(...parts), `${parts}`);
  });

  it("no flow overtakes the queue", () => {
    const throttle = new Throttle(), chain = new ThrottleChain([throttle]);
    throttle.setLimit(1000, 0);
    const first = new Reader(chain), second = new Reader(chain);
    first.proceed();
    second.now = first.now = 90;
    second.proceed();
    assert.equal(second.read, 0);
    throttle.serve(90);
    assert.equal(first.read, 90);
  });

  it("takes a new limit while flows wait", () => {
    const throttle = new Throttle();
    throttle.setLimit(100_000, 0);
    const flow = new Flow(new ThrottleChain([throttle]), 1000);
    run([throttle], [flow], 0, 4000);
    const before = flow.sent;
    throttle.setLimit(500_000, 4000);
    run([throttle], [flow], 4000, 8000);
    assert.ok(Math.abs((flow.sent - before) / 4 - 500_000) < 25_000, `${flow.sent - before}`);
  });

  it("releases all flows when the limit is removed", () => {
    const throttle = new Throttle();
    throttle.setLimit(1000, 0);
    let freed = false;
    throttle.charge(10_000_000, 8000);
    throttle.wait({ proceed: () => freed = true });
    throttle.setLimit(Infinity, 8000);
    assert.ok(freed);
    assert.equal(throttle.limited, false);
  });

  it("forgets a flow that leaves the queue", () => {
    const throttle = new Throttle();
    throttle.setLimit(1000, 0);
    throttle.charge(5000, 0);
    const waiter = { proceed: () => assert.fail("it had left") };
    throttle.wait(waiter);
    throttle.leave(waiter);
    throttle.serve(60_000);
    assert.equal(throttle.waiting, 0);
  });
});

describe("Throttle whose callers read the time one after the other", () => {
  it("keeps its rate if queued flows read a later time than the caller that serves them", () => {
    const throttle = new Throttle();
    let now = 0, passed = 0;
    throttle.setLimit(100_000, now);
    const waiters = [1, 2, 3, 4].map(() => ({
      proceed() {
        now += 0.5; // the work of the one before took time
        const taken = throttle.available(now);
        passed += taken;
        throttle.charge(taken, now);
        throttle.wait(this);
      },
    }));
    for (const waiter of waiters) throttle.wait(waiter);
    for (let tick = 25; tick <= 10_000; tick += 25) {
      now = Math.max(now, tick);
      throttle.serve(tick);
    }
    assert.ok(passed > 900_000 && passed < 1_011_000, `${passed} bytes in ten seconds`);
  });
});

describe("Throttle with an allowance", () => {
  it("passes exactly the allowance, at any rate, and resumes after an increase", () => {
    for (const rate of [Infinity, 1e9]) {
      const throttle = new Throttle(), flow = new Flow(new ThrottleChain([throttle]), 1000);
      if (rate !== Infinity) throttle.setLimit(rate, 0);
      throttle.setAllowance(10_500, 0);
      run([throttle], [flow], 0, 1000);
      assert.equal(flow.sent, 11_000);
      assert.equal(throttle.waiting, 1);
      flow.now = 1000;
      throttle.setAllowance(500, 1000);
      run([throttle], [flow], 1025, 2000);
      assert.equal(flow.sent, 12_000);
    }
  });

  it("counts as a limit when its end is near", () => {
    const throttle = new Throttle();
    throttle.setAllowance(100e6, 0);
    assert.equal(throttle.limited, false);
    throttle.charge(99.5e6, 0);
    assert.equal(throttle.limited, true);
    throttle.setAllowance(Infinity, 0);
    assert.equal(throttle.limited, false);
  });
});
