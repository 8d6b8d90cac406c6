/**
 * Items stored in the DHT (BEP 44): their targets, the signed bytes, and the checks that both
 * storing and reading nodes make. A value is always its bencoded bytes.
 */
import { concatBytes, equalBytes, fromLatin1 } from "../util/bytes.ts";
import { ProtocolError } from "../util/errors.ts";
import { decode } from "../bencode/bencode.ts";
import { KrpcErrorCode, type KrpcResponse, type MutablePart } from "./krpc_types.ts";

export const MAX_VALUE_BYTES = 1000;
export const MAX_SALT_BYTES = 64;
export const MAX_SEQ = 2n ** 63n - 1n;

/** SHA-1 of some bytes: 20 bytes. */
export type Sha1 = (bytes: Uint8Array) => Uint8Array;

/** The only function of Ed25519 that checking an item needs. */
export interface SignatureCheck {
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}

/** The functions that making an item needs; `seed` is 32 bytes. */
export interface Signer {
  /** The signature, 64 bytes; `seed` has 32. */
  sign(seed: Uint8Array, message: Uint8Array): Uint8Array;
  /** The public key of a seed, 32 bytes. */
  publicKey(seed: Uint8Array): Uint8Array;
}

/** The parts of a mutable item. */
export interface Signed {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
  /** Version: a higher one replaces a lower one. */
  readonly seq: bigint;
  /** Empty for none. */
  readonly salt: Uint8Array;
}

/** A valid item; `signed` is null for an immutable one. */
export interface DhtItem {
  /** The bencoded value. */
  readonly value: Uint8Array;
  /** Key, salt, version and signature of a mutable item; null for an immutable one. */
  readonly signed: Signed | null;
}

/** Why an item is refused, as the code and text of an error message. */
export interface Refusal {
  readonly code: number;
  readonly message: string;
}

/** The target of an immutable item. */
export function immutableTarget(sha1: Sha1, value: Uint8Array): Uint8Array {
  return sha1(value);
}

/** The target of a mutable item. `salt` may be empty. */
export function mutableTarget(sha1: Sha1, key: Uint8Array, salt: Uint8Array): Uint8Array {
  return sha1(concatBytes(key, salt));
}

export function itemTarget(sha1: Sha1, item: DhtItem): Uint8Array {
  const { value, signed } = item;
  return signed === null
    ? immutableTarget(sha1, value)
    : mutableTarget(sha1, signed.key, signed.salt);
}

/** The bytes that are signed. */
export function signingBuffer(value: Uint8Array, seq: bigint, salt: Uint8Array): Uint8Array {
  const salted = salt.length === 0
    ? new Uint8Array(0)
    : concatBytes(fromLatin1(`4:salt${salt.length}:`), salt);
  return concatBytes(salted, fromLatin1(`3:seqi${seq}e1:v`), value);
}

/** A new mutable item. Throws a RangeError for a value, salt or number that no node would store. */
export function signItem(
  signer: Signer,
  seed: Uint8Array,
  content: { value: Uint8Array; seq: bigint; salt?: Uint8Array },
): DhtItem & { readonly signed: Signed } {
  const { value, seq, salt = new Uint8Array(0) } = content;
  const refusal = checkValue(value) ?? checkSalt(salt);
  if (refusal !== null) throw new RangeError(`Cannot sign the item: ${refusal.message}`);
  if (seq < 0n || seq > MAX_SEQ) throw new RangeError("A sequence number is 0 to 2^63 - 1");
  const signature = signer.sign(seed, signingBuffer(value, seq, salt));
  return { value, signed: { key: signer.publicKey(seed), signature, seq, salt } };
}

/** Null if the item may be stored: sizes, strict bencoding and, if mutable, the signature. */
export function checkItem(
  check: SignatureCheck,
  value: Uint8Array,
  signed: Signed | MutablePart | null,
): Refusal | null {
  const refusal = checkValue(value);
  if (refusal !== null || signed === null) return refusal;
  const salted = checkSalt(signed.salt);
  if (salted !== null) return salted;
  const message = signingBuffer(value, signed.seq, signed.salt);
  if (check.verify(signed.key, message, signed.signature)) return null;
  return { code: KrpcErrorCode.badSignature, message: "invalid signature" };
}

/**
 * The item in an answer to `get`, or null if there is none or it does not belong to `target`.
 * `salt`: that of the requested item; answers do not repeat it.
 */
export function itemOfResponse(
  sha1: Sha1,
  check: SignatureCheck,
  response: KrpcResponse,
  target: Uint8Array,
  salt: Uint8Array,
): DhtItem | null {
  const { value, key, signature, seq } = response;
  if (value === null) return null;
  const whole = key !== null && signature !== null && seq !== null;
  const signed = whole ? { key, signature, seq, salt } : null;
  const item = { value, signed };
  // The hash first: it costs a hundredth of the signature.
  if (!equalBytes(itemTarget(sha1, item), target)) return null;
  return checkItem(check, value, signed) === null ? item : null;
}

function checkValue(value: Uint8Array): Refusal | null {
  if (value.length > MAX_VALUE_BYTES) {
    return { code: KrpcErrorCode.valueTooBig, message: "value is over 1000 bytes" };
  }
  try {
    decode(value);
    return null;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return { code: KrpcErrorCode.protocol, message: "value is not canonical bencoding" };
  }
}

function checkSalt(salt: Uint8Array): Refusal | null {
  if (salt.length <= MAX_SALT_BYTES) return null;
  return { code: KrpcErrorCode.saltTooBig, message: "salt is over 64 bytes" };
}
