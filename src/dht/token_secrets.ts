/**
 * Write tokens (BEP 5): proof that a node that wants to store something receives datagrams at the
 * address it claims. A token is a keyed hash of that address and of the target, so none has to be
 * stored.
 */
import type { Random } from "../platform/types.ts";
import { equalBytes } from "../util/bytes.ts";
import { addressBytes } from "../util/compact_address.ts";
import { ID_BYTES } from "./dht_id.ts";
import type { Sha1 } from "./dht_item.ts";

export const TOKEN_BYTES = 8;
/** A secret makes tokens for this time and is accepted for as long again (BEP 5). */
const SECRET_MS = 5 * 60_000;
const SECRET_BYTES = 20;

export class TokenSecrets {
  readonly #random: Pick<Random, "fill">;
  readonly #sha1: Sha1;
  #current: Uint8Array;
  #previous: Uint8Array;
  #since: number;

  constructor(random: Pick<Random, "fill">, sha1: Sha1, now: number) {
    this.#random = random;
    this.#sha1 = sha1;
    this.#current = this.#fresh();
    this.#previous = this.#fresh();
    this.#since = now;
  }

  /** 8 bytes. `target`: 20 bytes, the info-hash or the target of an item. */
  token(address: string, target: Uint8Array, now: number): Uint8Array {
    this.#rotate(now);
    return this.#hash(this.#current, address, target);
  }

  /** Whether the token was given to this address for this target, at most 10 minutes ago. */
  isValid(token: Uint8Array, address: string, target: Uint8Array, now: number): boolean {
    if (token.length !== TOKEN_BYTES) return false;
    this.#rotate(now);
    return equalBytes(token, this.#hash(this.#current, address, target)) ||
      equalBytes(token, this.#hash(this.#previous, address, target));
  }

  #rotate(now: number): void {
    const age = now - this.#since;
    if (age < SECRET_MS) return;
    // After a long silence the current one is too old as well.
    this.#previous = age < 2 * SECRET_MS ? this.#current : this.#fresh();
    this.#current = this.#fresh();
    this.#since = now;
  }

  #hash(secret: Uint8Array, address: string, target: Uint8Array): Uint8Array {
    const bytes = addressBytes(address);
    const input = new Uint8Array(SECRET_BYTES + ID_BYTES + bytes.length);
    input.set(secret, 0);
    input.set(target, SECRET_BYTES);
    input.set(bytes, SECRET_BYTES + ID_BYTES);
    return this.#sha1(input).subarray(0, TOKEN_BYTES);
  }

  #fresh(): Uint8Array {
    return this.#random.fill(new Uint8Array(SECRET_BYTES));
  }
}
