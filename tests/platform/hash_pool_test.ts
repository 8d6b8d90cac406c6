import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { HashPool } from "../../src/platform/shared/hash_pool.ts";
import {
  type HashBatch,
  type HashEngine,
  type HashReply,
  hashThreadSource,
} from "../../src/platform/shared/hash_worker.ts";
import type { FileSpan, HashAlgorithm } from "../../src/platform/types.ts";
import { equalBytes } from "../../src/util/bytes.ts";
import { FileError } from "../../src/util/errors.ts";
import { tempFolder } from "./run_program.ts";

const PIECE = 300_000;

function pieceBytes(seed: number, length = PIECE): Uint8Array {
  const bytes = new Uint8Array(length); // Uint8Array.from with a function is slow
  for (let i = 0; i < length; i++) bytes[i] = i * seed + (i >> 8);
  return bytes;
}

function sha1(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash("sha1").update(bytes).digest());
}

/** A hash thread without its pool: what it answers to one batch. */
async function answer(batch: HashBatch): Promise<HashReply[]> {
  const source = new Blob([hashThreadSource(batch.engine)], { type: "text/javascript" });
  const url = URL.createObjectURL(source);
  const { Worker } = globalThis as unknown as {
    Worker: new (url: string, options: { type: "module" }) => {
      onmessage: (event: { data: HashReply[] }) => void;
      onerror: (event: { message: string }) => void;
      postMessage(message: HashBatch): void;
      terminate(): void;
    };
  };
  const worker = new Worker(url, { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.postMessage(batch);
    });
  } finally {
    worker.terminate();
    URL.revokeObjectURL(url);
  }
}

describe("a hash thread", () => {
  const batch = (engine: HashEngine, count: number): HashBatch => ({
    engine,
    jobs: Array.from({ length: count }, (_, id) => ({
      id,
      algorithm: "sha1",
      length: PIECE,
      bytes: pieceBytes(id + 1),
    })),
  });
  const digests = (replies: HashReply[]) =>
    replies.map((reply) => [reply.id, "digest" in reply && reply.digest]);

  for (const count of [3, 4]) {
    it(`hashes ${count} jobs in lanes, which end together`, async () => {
      const replies = await answer(batch("lanes", count));
      const expected = Array.from({ length: count }, (_, id) => [id, sha1(pieceBytes(id + 1))]);
      assert.deepEqual(digests(replies), expected);
    });
  }

  it("hashes single jobs, and jobs of other engines, one after the other", async () => {
    const cases = [["lanes", 1], ["webcrypto", 4], ["node", 4]] as const;
    for (const [engine, count] of cases) {
      const replies = await answer(batch(engine, count));
      const expected = Array.from({ length: count }, (_, id) => [id, sha1(pieceBytes(id + 1))]);
      assert.deepEqual(digests(replies), expected, engine);
    }
  });
});

for (const engine of ["node", "webcrypto", "lanes"] as const) {
  describe(`HashPool with ${engine}`, () => {
    const folder = tempFolder();
    let pool: HashPool;

    before(() => {
      pool = new HashPool(2);
      pool.engine = engine;
    });

    after(() => {
      pool.close();
      folder.dispose();
    });

    it("returns each buffer with its own digest", async () => {
      const pieces = Array.from({ length: 11 }, (_, i) => pieceBytes(i + 1));
      const results = await Promise.all(pieces.map((piece, i) => {
        // The first is alone, then come batches: of memory that is given away, of both kinds.
        const Memory = i < 5 || i % 2 === 0 ? ArrayBuffer : SharedArrayBuffer;
        const buffer = new Uint8Array(new Memory(PIECE + 77));
        buffer.set(piece);
        return pool.hashBytes("sha1", buffer, PIECE);
      }));
      results.forEach(({ digest, bytes }, i) => {
        assert.deepEqual(digest, sha1(pieces[i]!), `job ${i}`);
        assert.equal(bytes.length, PIECE + 77);
        assert.ok(equalBytes(bytes.subarray(0, PIECE), pieces[i]!), `bytes of job ${i}`);
      });
    });

    it("never batches jobs of different lengths", async () => {
      const lengths = [5, 5, 5, 5, 5, 7, 7, 7, 7, 9, 9, 9, 5, 7, 5, 0, 0, 0, 0].map((n) =>
        n * 9999
      );
      const results = await Promise.all(lengths.map((length, i) => {
        return pool.hashBytes("sha1", pieceBytes(i, length), length);
      }));
      results.forEach(({ digest }, i) => {
        assert.deepEqual(digest, sha1(pieceBytes(i, lengths[i]!)), `job ${i}`);
      });
    });

    it("never batches jobs of different algorithms", async () => {
      const algorithms = Array.from({ length: 20 }, (_, i) => i % 3 === 0 ? "sha256" : "sha1");
      const digests = await Promise.all(algorithms.map(async (algorithm, i) => {
        const own = algorithm as HashAlgorithm;
        return (await pool.hashBytes(own, pieceBytes(i), PIECE)).digest;
      }));
      digests.forEach((digest, i) => {
        const expected = createHash(algorithms[i]!).update(pieceBytes(i)).digest();
        assert.deepEqual(digest, new Uint8Array(expected), `job ${i}`);
      });
    });

    it("reads pieces in several files, and reports unreadable ones", async () => {
      const path = (name: string) => join(folder.path, name);
      writeFileSync(path("one"), pieceBytes(1, 700_000));
      writeFileSync(path("two"), pieceBytes(2, 100_000));
      mkdirSync(path("folder"));
      const span = (name: string, offset: number, length: number): FileSpan => ({
        path: path(name),
        offset,
        length,
      });
      const good = [span("one", 600_000, 100_000), span("two", 0, 50_000), {
        path: null,
        offset: 0,
        length: 150_000,
      }];
      const jobs: FileSpan[][] = [
        [span("one", 0, PIECE)],
        good,
        [span("two", 0, 50_000), span("missing", 0, 250_000)],
        [span("two", 0, 50_000), span("two", 50_000, 250_000)],
        [span("one", 0, 290_000), span("folder", 0, 10_000)],
        [span("one", 300_000, PIECE)],
      ];
      // Twice, so that each kind is in a batch: the first jobs find the threads idle.
      const outcomes = (await Promise.allSettled([...jobs, ...jobs].map((spans) => {
        return pool.hashFiles("sha1", spans);
      }))).map((each) => each.status === "fulfilled" ? each.value : each.reason);
      const one = pieceBytes(1, 700_000);
      const joined = new Uint8Array(PIECE);
      joined.set(one.subarray(600_000));
      joined.set(pieceBytes(2, 50_000), 100_000);
      for (const from of [0, jobs.length]) {
        const [whole, several, missing, short, unreadable, last] = outcomes.slice(from);
        assert.deepEqual(whole, sha1(one.subarray(0, PIECE)));
        assert.deepEqual(several, sha1(joined));
        assert.deepEqual([missing, short], [null, null]);
        assert.ok(unreadable instanceof FileError, String(unreadable));
        assert.deepEqual([unreadable.code, unreadable.path], ["is-directory", path("folder")]);
        assert.deepEqual(last, sha1(one.subarray(300_000, 600_000)));
      }
    });

    it("rejects all jobs of a batch when it is closed, and restarts with the next job", async () => {
      const jobs = Array.from({ length: 40 }, () => pool.hashBytes("sha1", pieceBytes(3), PIECE));
      await jobs[0]; // now others are under way, and others wait
      pool.close();
      const outcomes = await Promise.allSettled(jobs);
      const rejected = outcomes.filter((each) => each.status === "rejected");
      assert.ok(rejected.length >= 4, `${rejected.length} of 40`);
      for (const { reason } of rejected) assert.ok(reason instanceof FileError);
      assert.deepEqual(
        (await pool.hashBytes("sha1", pieceBytes(4), PIECE)).digest,
        sha1(pieceBytes(4)),
      );
    });
  });
}

it("starts a second hash thread only for much work", async () => {
  const folder = tempFolder(), path = join(folder.path, "file");
  writeFileSync(path, pieceBytes(1));
  const spans: FileSpan[] = [{ path, offset: 0, length: PIECE }];
  const scope = globalThis as unknown as { Worker: new (...args: unknown[]) => object };
  const { Worker: Real } = scope;
  let started = 0;
  scope.Worker = class extends Real {
    constructor(...args: unknown[]) {
      super(...args);
      started++;
    }
  };
  const pool = new HashPool(2);
  const hash = (count: number) =>
    Promise.all(Array.from({ length: count }, () => pool.hashFiles("sha1", spans)));
  try {
    await hash(20);
    assert.equal(started, 1);
    await hash(40);
    assert.equal(started, 2);
  } finally {
    scope.Worker = Real;
    pool.close();
    folder.dispose();
  }
});
