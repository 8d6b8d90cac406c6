import assert from "node:assert/strict";
import { concatBytes, toHex } from "../../../src/util/bytes.ts";
import type { FileSpan, HashAlgorithm, PieceHash, Platform } from "../../../src/platform/types.ts";
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

  add("clock.utcOffset is the time zone's, in whole minutes", ({ here }) => {
    for (const wall of [0, Date.UTC(2026, 0, 1), Date.UTC(2026, 6, 1)]) {
      const offset = here.clock.utcOffset(wall);
      assert.ok(Number.isInteger(offset) && Math.abs(offset) <= 14 * 60, `${offset} minutes`);
      const local = new Date(wall + offset * 60_000);
      if (here.name === "sim") continue; // its zone is its own
      assert.equal(local.getUTCHours(), new Date(wall).getHours());
      assert.equal(local.getUTCMinutes(), new Date(wall).getMinutes());
    }
    return Promise.resolve();
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

const ALGORITHMS: readonly HashAlgorithm[] = ["sha1", "sha256"];

export function hashCases(add: AddCase): void {
  add("hasher.digest gives the FIPS 180 vector of abc for SHA-256", ({ here }) => {
    const digest = here.hasher.digest("sha256", bytesOf("abc"));
    assert.equal(
      toHex(digest),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    );
    assert.equal(Object.getPrototypeOf(digest), Uint8Array.prototype);
    return Promise.resolve();
  });

  add("hasher.digest gives the FIPS 180 vectors of SHA-1", ({ here }) => {
    for (const [message, digest] of VECTORS) {
      const bytes = bytesOf(message);
      assert.equal(toHex(here.hasher.digest("sha1", bytes)), digest);
    }
    assert.equal(
      Object.getPrototypeOf(here.hasher.digest("sha1", bytesOf(""))),
      Uint8Array.prototype,
    );
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
    const parts = [a.subarray(123_457), new Uint8Array(100_000), b, b.subarray(4999)];
    for (const algorithm of ALGORITHMS) {
      const expected = here.hasher.digest(algorithm, concatBytes(...parts));
      assert.deepEqual(await here.hasher.hashFiles(algorithm, spans), expected);
      const ofNothing = here.hasher.digest(algorithm, new Uint8Array(0));
      assert.deepEqual(await here.hasher.hashFiles(algorithm, []), ofNothing);
    }
  });

  add("hasher.hashFiles gives null for a file that is missing or short", async ({ here, dir }) => {
    await here.files.writeWhole(`${dir}/short`, pattern(1000, 1));
    const hash = (path: string, length: number) =>
      here.hasher.hashFiles("sha1", [{ path: `${dir}/${path}`, offset: 500, length }]);
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
      here.hasher.hashFiles("sha1", [{ path: `${dir}/${path}`, offset: 0, length: 10 }]);
    await rejectsWith(hash("link"), "symlink");
    const failure = await rejectsWith(hash("folder"), "is-directory");
    assert.match(failure.message, /folder/);
  });

  add("hasher.hashFiles does many jobs at once, each its own", async ({ here, dir }) => {
    assert.ok(here.hasher.concurrency >= 1);
    const bytes = pattern(64 * 20_000, 3);
    await here.files.writeWhole(`${dir}/many`, bytes);
    const algorithmOf = (i: number) => ALGORITHMS[Number(i % 5 === 0)]!;
    const digests = await Promise.all(
      Array.from(
        { length: 64 },
        (_, i) =>
          here.hasher.hashFiles(algorithmOf(i), [{
            path: `${dir}/many`,
            offset: i * 20_000,
            length: 20_000,
          }]),
      ),
    );
    digests.forEach((digest, i) => {
      const part = bytes.subarray(i * 20_000, (i + 1) * 20_000);
      assert.deepEqual(digest, here.hasher.digest(algorithmOf(i), part), `job ${i}`);
    });
  });

  add("hasher.close rejects what is pending and lets new jobs start again", async (t) => {
    const { here, dir } = t;
    await here.files.writeWhole(`${dir}/f`, pattern(100_000, 1));
    const job = () =>
      here.hasher.hashFiles("sha1", [{ path: `${dir}/f`, offset: 0, length: 100_000 }]);
    await job();
    const pending = [job(), job(), job(), job(), job(), job()].map((one) => rejectsWith(one, "io"));
    here.hasher.close();
    await Promise.all(pending);
    assert.equal((await job())?.length, 20);
    here.hasher.close();
  });
}

export function pieceHashCases(add: AddCase): void {
  add("hasher.begin gives the digest of the first bytes, at once or with the buffer", async (t) => {
    const { hasher } = t.here;
    await hasher.calibrate();
    const jobs = [1, 1000, 200_000, 1_048_576, 300_000, 300_000].flatMap((length, i) =>
      ALGORITHMS.map(async (algorithm) => {
        const whole = pattern(length + 5000, i), buffer = hasher.allocate(whole.length);
        const hash = hasher.begin(algorithm, buffer, length);
        for (let at = 0; at < length; at += 100_000) {
          const part = whole.subarray(at, Math.min(at + 100_000, length));
          buffer.set(part, at);
          // Not all that came is told: `finish` sees to the rest.
          if (at + part.length < length || i % 2 === 0) hash.grew(at + part.length);
        }
        const digest = await finished(hash, buffer, (back) => {
          assert.deepEqual(back.subarray(0, length), whole.subarray(0, length));
          assert.equal(back.length, whole.length);
        });
        assert.deepEqual(digest, hasher.digest(algorithm, whole.subarray(0, length)));
        assert.equal(Object.getPrototypeOf(digest), Uint8Array.prototype);
      })
    );
    await Promise.all(jobs);
  });

  add("hasher.begin keeps several pieces apart, also those that are never finished", async (t) => {
    const { hasher } = t.here, length = 600_000;
    await hasher.calibrate();
    const pieces = [1, 2, 3, 4].map((seed) => {
      const buffer = hasher.allocate(length);
      buffer.set(pattern(length, seed));
      return { buffer, seed, hash: hasher.begin("sha1", buffer, length) };
    });
    for (const to of [200_000, 400_000]) for (const { hash } of pieces) hash.grew(to);
    for (const { hash, buffer, seed } of pieces.slice(1)) {
      const digest = await finished(hash, buffer, () => {});
      assert.deepEqual(digest, hasher.digest("sha1", pattern(length, seed)));
    }
  });
}

/** `back` sees the buffer when it is ours again. */
function finished(
  hash: PieceHash,
  buffer: Uint8Array,
  back: (buffer: Uint8Array) => void,
): Promise<Uint8Array | null> {
  return new Promise((resolve, reject) => {
    let returned = false;
    const atOnce = hash.finish((digest, bytes) => {
      try {
        assert.ok(returned, "never before `finish` returns");
        assert.equal(atOnce, null, "not after a digest at once");
        back(bytes!);
        resolve(digest);
      } catch (error) {
        reject(error);
      }
    });
    returned = true;
    if (atOnce === null) return;
    back(buffer);
    resolve(atOnce);
  });
}

export function processCases(add: AddCase): void {
  add("process tells what it is and takes text", async ({ here }) => {
    const own: Platform["process"] = here.process;
    assert.ok(Array.isArray(own.args));
    assert.match(own.os, /^[a-z0-9]+$/);
    assert.equal(own.env("SHOAL_SURELY_NOT_SET"), undefined);
    assert.deepEqual(own.variables("SHOAL_SURELY_NOT_SET"), {});
    for (const name of Object.keys(own.variables("PA"))) assert.match(name, /^PA/);
    assert.ok(own.residentBytes() > 1_000_000);
    const waited = own.waitedMs();
    assert.ok(waited >= 0 && own.waitedMs() >= waited, "a time that never goes back");
    await own.out("");
    await own.err("");
    const terminal = own.terminal();
    assert.ok(terminal === null || (terminal.columns > 0 && terminal.rows > 0));
    own.onInterrupt(() => {}).cancel();
    own.onContinue(() => {}).cancel();
    own.onHangup(() => {}).cancel();
    assert.equal(typeof own.notify("@shoal-test-nobody", "STATUS=nobody listens"), "boolean");
  });
}

export function passwordCases(add: AddCase): void {
  add("passwords.scrypt matches the example of RFC 7914", async ({ here }) => {
    const key = await here.passwords.scrypt(
      bytesOf("pleaseletmein"),
      bytesOf("SodiumChloride"),
      14,
    );
    assert.equal(toHex(key), "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2");
  });

  add("passwords.scrypt leaves this thread free", async ({ here }) => {
    let turns = 0, over = false;
    const hash = here.passwords.scrypt(bytesOf("a"), bytesOf("b"), 15).finally(() => over = true);
    const turn = (): void => {
      turns++;
      if (!over) here.clock.after(1, turn);
    };
    turn();
    await hash;
    assert.ok(turns > 3, `${turns} turns`);
  });

  add("passwords.scrypt refuses a cost that would take all memory", async ({ here }) => {
    await assert.rejects(here.passwords.scrypt(bytesOf("a"), bytesOf("b"), 40), RangeError);
  });
}
