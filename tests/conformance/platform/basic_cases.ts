import assert from "node:assert/strict";
import { toHex } from "../../../src/util/bytes.ts";
import type { FileSpan, Platform } from "../../../src/platform/types.ts";
import { type AddCase, bytesOf, pattern, rejectsWith, sleep } from "./subject.ts";

export function clockCases(add: AddCase): void {
  add("clock.after fires each timer once, and never early", async ({ here }) => {
    const start = here.clock.now();
    const fired: number[] = [];
    const delays = [30, 5, 20, 1, 12.5];
    await Promise.all(
      delays.map((delay) =>
        new Promise<void>((resolve) =>
          void here.clock.after(delay, () => {
            assert.ok(here.clock.now() - start >= delay, `${delay} ms had not passed`);
            fired.push(delay);
            resolve();
          })
        )
      ),
    );
    assert.deepEqual(fired.toSorted((a, b) => a - b), [1, 5, 12.5, 20, 30]);
  });

  add("clock.after with 0 or less fires later in another turn", async ({ here }) => {
    let fired = false;
    const both = Promise.all([
      sleep(here, 0).then(() => {
        fired = true;
      }),
      sleep(here, -5),
    ]);
    assert.equal(fired, false);
    await both;
    assert.equal(fired, true);
  });

  add("Timer.cancel stops a timer, twice and after it fired too", async ({ here }) => {
    let fired = 0;
    const cancelled = here.clock.after(5, () => fired++);
    cancelled.cancel();
    cancelled.cancel();
    const done = here.clock.after(1, () => {});
    const farAway = here.clock.after(40 * 24 * 3600 * 1000, () => fired++);
    await sleep(here, 20);
    done.cancel();
    farAway.cancel();
    assert.equal(fired, 0);
  });

  add("clock.wallTime is a plausible date", ({ here }) => {
    const wall = here.clock.wallTime();
    assert.ok(wall > Date.UTC(2020, 0) && wall < Date.UTC(2100, 0));
    return Promise.resolve();
  });
}

export function randomCases(add: AddCase): void {
  add("random.uint32 gives integers all over the range", ({ here }) => {
    const high = new Set<number>();
    for (let i = 0; i < 3000; i++) {
      const value = here.random.uint32();
      assert.ok(Number.isInteger(value) && value >= 0 && value < 2 ** 32);
      high.add(value >>> 27);
    }
    assert.equal(high.size, 32, "each thirty-second of the range is hit in 3000 draws");
    return Promise.resolve();
  });

  add("random.fill fills more than Web Crypto takes in one call", ({ here }) => {
    const bytes = new Uint8Array(200_001);
    assert.equal(here.random.fill(bytes), bytes);
    for (let from = 0; from < bytes.length; from += 20_000) {
      const seen = new Set(bytes.subarray(from, from + 20_000));
      assert.ok(from + 20_000 > bytes.length || seen.size > 250);
    }
    const view = new Uint8Array(new ArrayBuffer(64), 16, 16);
    here.random.fill(view);
    assert.ok(new Uint8Array(view.buffer, 0, 16).every((byte) => byte === 0));
    return Promise.resolve();
  });
}

const VECTORS: [string, string][] = [
  ["", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
  ["abc", "a9993e364706816aba3e25717850c26c9cd0d89d"],
  [
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
  ],
  ["a".repeat(1_000_000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"],
];

export function hashCases(add: AddCase): void {
  add("hasher.sha256 gives the FIPS 180 vector of abc", ({ here }) => {
    const digest = here.hasher.sha256(bytesOf("abc"));
    assert.equal(
      toHex(digest),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
    assert.equal(Object.getPrototypeOf(digest), Uint8Array.prototype);
    return Promise.resolve();
  });

  add("hasher.sha1 and running give the FIPS 180 vectors", ({ here }) => {
    for (const [message, digest] of VECTORS) {
      const bytes = bytesOf(message);
      assert.equal(toHex(here.hasher.sha1(bytes)), digest);
      const running = here.hasher.running();
      for (let at = 0; at < bytes.length; at += 7919) running.update(bytes.subarray(at, at + 7919));
      assert.equal(toHex(running.digest()), digest);
    }
    assert.equal(Object.getPrototypeOf(here.hasher.sha1(bytesOf(""))), Uint8Array.prototype);
    return Promise.resolve();
  });

  add("hasher.running keeps several hashes apart", ({ here }) => {
    const hashes = [1, 2, 3].map(() => here.hasher.running());
    for (let round = 0; round < 5; round++) {
      hashes.forEach((hash, i) => hash.update(pattern(1000, i + round)));
    }
    const digests = hashes.map((hash) => toHex(hash.digest()));
    assert.equal(new Set(digests).size, 3);
    return Promise.resolve();
  });

  add("hasher.hashFiles joins spans of files and of zeros", async ({ here, dir }) => {
    const [a, b] = [pattern(300_000, 1), pattern(5000, 2)];
    await here.files.writeWhole(`${dir}/a`, a);
    await here.files.writeWhole(`${dir}/b`, b);
    const spans: FileSpan[] = [
      { path: `${dir}/a`, offset: 123_457, length: 176_543 },
      { path: null, offset: 0, length: 100_000 },
      { path: `${dir}/b`, offset: 0, length: 5000 },
      { path: `${dir}/b`, offset: 4999, length: 1 },
    ];
    const expected = here.hasher.running();
    expected.update(a.subarray(123_457));
    expected.update(new Uint8Array(100_000));
    expected.update(b);
    expected.update(b.subarray(4999));
    assert.deepEqual(await here.hasher.hashFiles(spans), expected.digest());
    assert.deepEqual(await here.hasher.hashFiles([]), here.hasher.sha1(new Uint8Array(0)));
  });

  add("hasher.hashFiles gives null for a file that is missing or short", async ({ here, dir }) => {
    await here.files.writeWhole(`${dir}/short`, pattern(1000, 1));
    const hash = (path: string, length: number) =>
      here.hasher.hashFiles([{ path: `${dir}/${path}`, offset: 500, length }]);
    assert.equal(await hash("missing", 1), null);
    assert.equal(await hash("short/below-a-file", 1), null);
    assert.equal(await hash("short", 501), null);
    assert.notEqual(await hash("short", 500), null);
  });

  add("hasher.hashFiles rejects what it may not or cannot read", async (t) => {
    const { here, dir } = t;
    await here.files.writeWhole(`${dir}/real`, pattern(1000, 1));
    here.files.makeDir(`${dir}/folder`);
    t.link(`${dir}/link`, "real");
    const hash = (path: string) =>
      here.hasher.hashFiles([{ path: `${dir}/${path}`, offset: 0, length: 10 }]);
    await rejectsWith(hash("link"), "symlink");
    const failure = await rejectsWith(hash("folder"), "is-directory");
    assert.match(failure.message, /folder/);
  });

  add("hasher.hashFiles does many jobs at once, each its own", async ({ here, dir }) => {
    assert.ok(here.hasher.concurrency >= 1);
    const bytes = pattern(64 * 20_000, 3);
    await here.files.writeWhole(`${dir}/many`, bytes);
    const digests = await Promise.all(
      Array.from(
        { length: 64 },
        (_, i) =>
          here.hasher.hashFiles([{ path: `${dir}/many`, offset: i * 20_000, length: 20_000 }]),
      ),
    );
    digests.forEach((digest, i) => {
      const part = bytes.subarray(i * 20_000, (i + 1) * 20_000);
      assert.deepEqual(digest, here.hasher.sha1(part), `job ${i}`);
    });
  });

  add("hasher.close rejects what is pending and lets new jobs start again", async (t) => {
    const { here, dir } = t;
    await here.files.writeWhole(`${dir}/f`, pattern(100_000, 1));
    const job = () => here.hasher.hashFiles([{ path: `${dir}/f`, offset: 0, length: 100_000 }]);
    await job();
    const pending = [job(), job(), job(), job(), job(), job()].map((one) => rejectsWith(one, "io"));
    here.hasher.close();
    await Promise.all(pending);
    assert.equal((await job())?.length, 20);
    here.hasher.close();
  });
}

export function submitCases(add: AddCase): void {
  add("hasher.submit gives the digest of the first bytes, and the buffer back", async (t) => {
    const { hasher } = t.here;
    await hasher.calibrate();
    assert.ok(hasher.quickest === "running" || hasher.quickest === "submit");
    const jobs = [1, 1000, 200_000, 1_048_576, 300_000, 300_000].map((length, i) => {
      const whole = pattern(length + 5000, i);
      const expected = hasher.sha1(whole.subarray(0, length));
      return new Promise<void>((resolve, reject) => {
        hasher.submit(whole.slice(), length, (digest, bytes) => {
          try {
            assert.deepEqual(digest, expected, `${length} bytes`);
            assert.equal(Object.getPrototypeOf(digest), Uint8Array.prototype);
            assert.deepEqual(bytes, whole, "the same bytes come back");
            resolve();
          } catch (error) {
            reject(error);
          }
        });
      });
    });
    await Promise.all(jobs);
  });
}

export function processCases(add: AddCase): void {
  add("process tells what it is and takes text", async ({ here }) => {
    const own: Platform["process"] = here.process;
    assert.ok(Array.isArray(own.args));
    assert.match(own.os, /^[a-z0-9]+$/);
    assert.equal(own.env("SHOAL_SURELY_NOT_SET"), undefined);
    assert.ok(own.residentBytes() > 1_000_000);
    await own.out("");
    await own.err("");
    const terminal = own.terminal();
    assert.ok(terminal === null || (terminal.columns > 0 && terminal.rows > 0));
    own.onInterrupt(() => {}).cancel();
    own.onContinue(() => {}).cancel();
  });
}
