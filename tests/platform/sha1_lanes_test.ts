import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { Sha1Lanes } from "../../src/platform/shared/sha1_lanes.ts";
import { sha1LanesModule } from "../../src/platform/shared/sha1_lanes_code.ts";
import { fromLatin1, toHex } from "../../src/util/bytes.ts";
import { Prng } from "../harness/prng.ts";

const random = new Prng(20_240_817);

function randomBytes(length: number): Uint8Array {
  return random.fill(new Uint8Array(length));
}

function expected(bytes: Uint8Array): string {
  return createHash("sha1").update(bytes).digest("hex");
}

describe("Sha1Lanes.hash", () => {
  const lanes = new Sha1Lanes(sha1LanesModule());

  function digests(inputs: readonly Uint8Array[], step: number = Sha1Lanes.PART): string[] {
    const hashes = lanes.hash(inputs.length, inputs[0]!.length, step, (lane, part, from) => {
      part.set(inputs[lane]!.subarray(from, from + part.length));
    });
    return hashes.map(toHex);
  }

  function check(inputs: readonly Uint8Array[], step?: number): void {
    assert.deepEqual(digests(inputs, step), inputs.map(expected), `${inputs[0]!.length} bytes`);
  }

  it("returns the FIPS 180 vectors in every lane", () => {
    const vectors = [
      ["", "da39a3ee5e6b4b0d3255bfef95601890afd80709"],
      ["abc", "a9993e364706816aba3e25717850c26c9cd0d89d"],
      [
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
      ],
      [
        "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
        "a49b2446a02c645bf419f995b67091253a04a259",
      ],
      ["a".repeat(1_000_000), "34aa973cd4c4daa4f61eeb2bdbad27316534016f"],
    ] as const;
    for (const [text, digest] of vectors) {
      const bytes = fromLatin1(text);
      assert.deepEqual(digests([bytes, bytes, bytes, bytes]), [digest, digest, digest, digest]);
    }
  });

  it("agrees with createHash for all lengths from 0 to 300, in parts and in one", () => {
    for (let length = 0; length <= 300; length++) {
      const inputs = [0, 1, 2, 3].map(() => randomBytes(length));
      check(inputs);
      check(inputs, Sha1Lanes.BLOCK);
    }
  });

  it("agrees with createHash around the length of a part", () => {
    for (const off of [-9, -8, -1, 0, 1, 55, 56, 64]) {
      check([0, 1, 2, 3].map(() => randomBytes(Sha1Lanes.PART + off)));
      check([0, 1, 2, 3].map(() => randomBytes(2 * 4096 + off)), 4096);
    }
  });

  it("agrees with createHash for random lengths up to 2 MiB", { timeout: 30_000 }, () => {
    for (let round = 0; round < 6; round++) {
      const length = random.below(2 * 1024 * 1024);
      check([0, 1, 2, 3].map(() => randomBytes(length)), 32 * 1024);
    }
  });

  it("leaves lanes idle if there are fewer than four inputs", () => {
    for (const count of [1, 2, 3]) {
      check(Array.from({ length: count }, () => randomBytes(100_001)));
    }
  });
});
