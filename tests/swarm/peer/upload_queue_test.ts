import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { MAX_QUEUED_REQUESTS, UploadQueue } from "../../../src/swarm/peer/upload_queue.ts";

describe("UploadQueue", () => {
  it("returns requests in their order", () => {
    const queue = new UploadQueue();
    queue.push(1, 0, 5);
    queue.push(0, 16384, 6);
    assert.equal(queue.length, 2);
    assert.deepEqual(queue.next(), { piece: 1, begin: 0, length: 5 });
    assert.deepEqual(queue.next(), { piece: 0, begin: 16384, length: 6 });
    assert.equal(queue.next(), undefined);
    assert.equal(queue.length, 0);
  });

  it("accepts as many as it promises by reqq, and refuses more", () => {
    const queue = new UploadQueue();
    for (let i = 0; i < MAX_QUEUED_REQUESTS; i++) assert.equal(queue.push(i, 0, 1), true);
    assert.equal(queue.push(0, 0, 1), false);
    assert.equal(queue.length, MAX_QUEUED_REQUESTS);
    queue.next();
    assert.equal(queue.push(0, 0, 1), true);
  });

  it("cancels exactly the given request, and reports whether it was queued", () => {
    const queue = new UploadQueue();
    queue.push(1, 0, 5);
    queue.push(1, 0, 6);
    queue.push(2, 0, 5);
    assert.equal(queue.cancel(1, 0, 6), true);
    assert.equal(queue.cancel(1, 0, 6), false);
    assert.equal(queue.cancel(9, 0, 5), false);
    assert.deepEqual([queue.next()!.piece, queue.next()!.piece, queue.next()], [1, 2, undefined]);
  });

  it("run: the oldest requests as long as each begins where the last one ended", () => {
    const queue = new UploadQueue();
    assert.deepEqual(queue.run(9), []);
    queue.push(1, 100, 5);
    queue.push(1, 105, 7);
    queue.push(1, 112, 5);
    queue.push(2, 117, 5);
    queue.push(2, 123, 5);
    assert.deepEqual(queue.run(2), [5, 7]);
    assert.deepEqual(queue.run(9), [5, 7, 5], "not into another piece");
    queue.skip(3);
    assert.deepEqual(queue.run(9), [5], "not over a gap");
    assert.equal(queue.length, 2);
  });

  it("clear empties it and returns the queued requests", () => {
    const queue = new UploadQueue();
    queue.push(1, 0, 5);
    queue.push(2, 0, 5);
    assert.deepEqual(queue.clear().map(({ piece }) => piece), [1, 2]);
    assert.equal(queue.length, 0);
    assert.deepEqual(queue.clear(), []);
  });
});
