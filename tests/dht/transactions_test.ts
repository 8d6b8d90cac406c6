import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Transactions } from "../../src/dht/transactions.ts";
import type { KrpcError } from "../../src/dht/krpc.ts";
import { toHex } from "../../src/util/bytes.ts";
import { HandRandom } from "../harness/random.ts";

const NODE = { address: "198.51.100.1", port: 6881 };

class Log {
  readonly lines: string[] = [];
  readonly transactions: Transactions;

  constructor(limits: { max?: number } = {}) {
    this.transactions = new Transactions(new HandRandom("transactions"), limits);
  }

  open(name: string, now: number, to = NODE): Uint8Array | null {
    return this.transactions.open(to, {
      answered: (_, rttMs, at) => this.lines.push(`${name} answered ${rttMs} at ${at}`),
      slow: (at) => this.lines.push(`${name} slow at ${at}`),
      gaveUp: (at) => this.lines.push(`${name} gave up at ${at}`),
    }, now);
  }

  settle(t: Uint8Array, now: number, from = NODE): boolean {
    const message: KrpcError = {
      kind: "error",
      t,
      code: 201,
      message: "",
      client: null,
      ownEndpoint: null,
    };
    return this.transactions.settle(message, from, now);
  }
}

describe("Transactions", () => {
  it("leads an answer to its query, once, with the round trip time", () => {
    const log = new Log();
    const t = log.open("a", 100)!;
    assert.equal(t.length, 2);
    assert.equal(log.settle(t, 130), true);
    assert.equal(log.settle(t, 131), false);
    log.transactions.expire(1e6);
    assert.deepEqual(log.lines, ["a answered 30 at 130"]);
    assert.equal(log.transactions.size, 0);
  });

  it("takes no answer from another address, another port, or with another id", () => {
    const log = new Log();
    const t = log.open("a", 0)!;
    assert.equal(log.settle(t, 1, { ...NODE, address: "198.51.100.2" }), false);
    assert.equal(log.settle(t, 1, { ...NODE, port: 6882 }), false);
    assert.equal(log.settle(Uint8Array.of(t[0]!, t[1]! ^ 1), 1), false);
    assert.equal(log.settle(Uint8Array.of(0, t[0]!, t[1]!), 1), false);
    assert.equal(log.settle(t, 2), true, "the query still waits");
  });

  it("calls a query slow after 1 s and times out after 5 s, in the order of sending", () => {
    const log = new Log();
    const late = log.open("a", 0)!;
    log.open("b", 10);
    log.open("c", 2000);
    log.transactions.expire(999);
    assert.deepEqual(log.lines, []);
    log.transactions.expire(1500);
    assert.deepEqual(log.lines, ["a slow at 1500", "b slow at 1500"]);
    assert.equal(log.settle(late, 2000), true, "who is slow may still answer");
    log.transactions.expire(5010);
    assert.deepEqual(log.lines.slice(2), [
      "a answered 2000 at 2000",
      "c slow at 5010",
      "b gave up at 5010",
    ]);
    log.transactions.expire(1e6);
    assert.deepEqual(log.lines.slice(5), ["c gave up at 1000000"]);
  });

  it("assigns no id that is in use, and no more than its limit", () => {
    const log = new Log({ max: 3000 });
    const ids = new Set<string>();
    for (let n = 0; n < 3000; n++) ids.add(toHex(log.open(`${n}`, 0)!));
    assert.equal(ids.size, 3000);
    assert.equal(log.transactions.full, true);
    assert.equal(log.open("one more", 0), null);
    log.transactions.expire(1e6);
    log.transactions.expire(2e6);
    assert.equal(log.transactions.size, 0);
    assert.notEqual(log.open("again", 2e6), null);
  });
});
