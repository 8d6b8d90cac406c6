/**
 * Ed25519 through `node:crypto`, which both runtimes have and which, unlike Web Crypto, is
 * synchronous. It accepts keys only in their DER encoding: a fixed prefix before the 32 bytes.
 */
import { Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { concatBytes, fromHex } from "../../util/bytes.ts";
import type { Ed25519 } from "../types.ts";

const KEY_BYTES = 32, SIGNATURE_BYTES = 64;
/** RFC 8410: the prefix of a public key (SPKI) and of a seed (PKCS #8). */
const PUBLIC_PREFIX = fromHex("302a300506032b6570032100");
const PRIVATE_PREFIX = fromHex("302e020100300506032b657004220420");

export function createEd25519(): Ed25519 {
  return {
    verify(publicKey, message, signature) {
      if (publicKey.length !== KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
      try {
        return verify(null, message, publicKeyObject(publicKey), signature);
      } catch {
        // Bytes that are not a point of the curve: a runtime may throw for them.
        return false;
      }
    },
    sign(seed, message) {
      return new Uint8Array(sign(null, message, privateKeyObject(seed)));
    },
    publicKey(seed) {
      const der = createPublicKey(privateKeyObject(seed)).export({ format: "der", type: "spki" });
      return new Uint8Array(der.subarray(PUBLIC_PREFIX.length));
    },
  };
}

function publicKeyObject(key: Uint8Array) {
  const der = Buffer.from(concatBytes(PUBLIC_PREFIX, key));
  return createPublicKey({ key: der, format: "der", type: "spki" });
}

function privateKeyObject(seed: Uint8Array) {
  if (seed.length !== KEY_BYTES) throw new RangeError("The seed of a key has 32 bytes");
  const der = Buffer.from(concatBytes(PRIVATE_PREFIX, seed));
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" });
}
