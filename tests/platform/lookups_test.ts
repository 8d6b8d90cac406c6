import assert from "node:assert/strict";
import { availableParallelism } from "node:os";
import { describe, it } from "node:test";
import { createLookup, halfOfThreads } from "../../src/platform/shared/lookups.ts";

/** Lets promises that are due go on. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

describe("createLookup", () => {
  it("leaves threads to files: so many look-ups run at once, in order, whatever becomes of them", async () => {
    const asked: { host: string; end: PromiseWithResolvers<string[]> }[] = [];
    const lookup = createLookup(2, (host) => {
      const end = Promise.withResolvers<string[]>();
      asked.push({ host, end });
      return end.promise;
    });
    const hosts = () => asked.map(({ host }) => host).join();
    const [a, b, c, d] = ["a", "b", "c", "d"].map((host) => lookup(host));
    assert.equal(hosts(), "a,b");
    asked[0]!.end.reject(new Error("unknown"));
    await assert.rejects(a!);
    await turn();
    assert.equal(hosts(), "a,b,c");
    asked[2]!.end.resolve(["192.0.2.3"]);
    assert.deepEqual(await c, ["192.0.2.3"]);
    for (const { end } of asked.slice(1, 3)) end.resolve(["192.0.2.1"]);
    await b;
    await turn();
    assert.equal(hosts(), "a,b,c,d");
    asked[3]!.end.resolve([]);
    assert.deepEqual(await d, []);
    await turn();
    void lookup("e");
    void lookup("f");
    assert.equal(hosts(), "a,b,c,d,e,f");
  });

  it("takes an address while all look-ups are under way", async () => {
    const lookup = createLookup(1, () => new Promise(() => {}));
    void lookup("silent.example");
    assert.deepEqual(await lookup("192.0.2.7"), ["192.0.2.7"]);
  });

  it("leaves one of two threads at least", () => {
    assert.ok(halfOfThreads() >= 1 && halfOfThreads() < Math.max(2, availableParallelism()));
  });
});
