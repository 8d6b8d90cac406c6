/**
 * The daemon's password. Its hash is slow on purpose, so one is computed at a time, few wait, and
 * what was right once is recognised by a quick hash under a key of this process.
 */
import type { Hasher, Passwords, Random } from "../../platform/types.ts";
import { concatBytes, fromHex, toHex } from "../../util/bytes.ts";

export interface PasswordPorts {
  readonly random: Random;
  readonly hasher: Pick<Hasher, "digest">;
  readonly passwords: Passwords;
}

/** 32 MiB and a tenth of a second for each guess. */
const COST = 15;
const MOST_WAITING = 8;
const MOST_LENGTH = 1000;

/** "scrypt$15$SALT$HASH", both in hexadecimal: what the setting "password" holds. */
export async function hashPassword(ports: PasswordPorts, password: string): Promise<string> {
  const salt = ports.random.fill(new Uint8Array(16));
  const key = await ports.passwords.scrypt(bytesOf(password), salt, COST);
  return `scrypt$${COST}$${toHex(salt)}$${toHex(key)}`;
}

/** "busy": too many others wait for an answer. */
export type Verdict = "right" | "wrong" | "busy";

export class PasswordCheck {
  readonly #ports: PasswordPorts;
  readonly #key: Uint8Array;
  /** The quick hash of name, password and kept hash that were right last. */
  #right: Uint8Array | null = null;
  #waiting = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(ports: PasswordPorts) {
    this.#ports = ports;
    this.#key = ports.random.fill(new Uint8Array(64));
  }

  /** Whether this password is known to be right, without the slow hash. */
  isKnown(password: string, kept: string): boolean {
    return this.#right !== null && equalInTime(this.#right, this.#quick(password, kept));
  }

  /** `kept`: as `hashPassword` makes it. */
  async check(password: string, kept: string): Promise<Verdict> {
    if (this.isKnown(password, kept)) return "right";
    if (this.#waiting >= MOST_WAITING) return "busy";
    this.#waiting++;
    const work = this.#last.then(() => this.#isRight(password, kept));
    this.#last = work.catch(() => {}).finally(() => this.#waiting--);
    if (!await work) return "wrong";
    this.#right = this.#quick(password, kept);
    return "right";
  }

  async #isRight(password: string, kept: string): Promise<boolean> {
    const [, cost, salt, hash] = /^scrypt\$(\d{1,2})\$([0-9a-f]+)\$([0-9a-f]{64})$/.exec(kept) ??
      [];
    if (salt === undefined || password.length > MOST_LENGTH) return false;
    const { passwords } = this.#ports;
    const key = await passwords.scrypt(bytesOf(password), fromHex(salt), Number(cost));
    return equalInTime(key, fromHex(hash!));
  }

  /** HMAC-SHA-256 (RFC 2104). */
  #quick(password: string, kept: string): Uint8Array {
    const hash = (pad: number, bytes: Uint8Array) => {
      const key = this.#key.map((byte) => byte ^ pad);
      return this.#ports.hasher.digest("sha256", concatBytes(key, bytes));
    };
    return hash(0x5c, hash(0x36, bytesOf(`${kept}\0${password}`)));
  }
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text.slice(0, MOST_LENGTH));
}

/** Takes as long for any two hashes. */
export function equalInTime(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ (b[i] ?? 0);
  return difference === 0;
}
