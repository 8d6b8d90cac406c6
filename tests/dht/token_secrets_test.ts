import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { TokenSecrets } from "../../src/dht/token_secrets.ts";
import { HandRandom } from "../harness/random.ts";

const MINUTE = 60_000;
const HASH = new Uint8Array(20).fill(1), OTHER = new Uint8Array(20).fill(2);
const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());
const secrets = (seed = "tokens") => new TokenSecrets(new HandRandom(seed), sha1, 0);

describe("TokenSecrets (BEP 5)", () => {
  it("a token is valid for its address and target, and for no others", () => {
    const tokens = secrets(), token = tokens.token("192.0.2.1", HASH, 0);
    assert.equal(tokens.isValid(token, "192.0.2.1", HASH, 1), true);
    assert.equal(tokens.isValid(token, "192.0.2.2", HASH, 1), false);
    assert.equal(tokens.isValid(token, "2001:db8::1", HASH, 1), false);
    assert.equal(tokens.isValid(token, "192.0.2.1", OTHER, 1), false);
    assert.equal(secrets("another node").isValid(token, "192.0.2.1", HASH, 1), false);
  });

  it("a token with one bit changed, cut, prolonged or empty is not valid", () => {
    const tokens = secrets(), token = tokens.token("::1", HASH, 0);
    for (let bit = 0; bit < 64; bit++) {
      const changed = token.slice();
      changed[bit >> 3]! ^= 1 << (bit & 7);
      assert.equal(tokens.isValid(changed, "::1", HASH, 0), false);
    }
    const longer = new Uint8Array(9);
    longer.set(token);
    for (const other of [token.subarray(1), longer, new Uint8Array(0)]) {
      assert.equal(tokens.isValid(other, "::1", HASH, 0), false);
    }
  });

  it("a token is accepted for at least 5 minutes, whenever it was made, and under 10", () => {
    for (const given of [0, 1, 2.5 * MINUTE, 5 * MINUTE - 1]) {
      for (const asked of [0, 1, 2, 3, 4, 5].map((age) => given + age * MINUTE)) {
        const tokens = secrets(), token = tokens.token("192.0.2.1", HASH, given);
        assert.equal(tokens.isValid(token, "192.0.2.1", HASH, asked), true, `${given} ${asked}`);
      }
      const tokens = secrets(), token = tokens.token("192.0.2.1", HASH, given);
      tokens.token("192.0.2.1", HASH, 5 * MINUTE);
      assert.equal(tokens.isValid(token, "192.0.2.1", HASH, 10 * MINUTE), false);
    }
  });

  it("after a long silence no old token is believed", () => {
    const tokens = secrets(), token = tokens.token("192.0.2.1", HASH, 0);
    assert.equal(tokens.isValid(token, "192.0.2.1", HASH, 10 * MINUTE), false);
  });
});
