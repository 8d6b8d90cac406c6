/** Slows guessing down: wrong passwords from one address are answered later and later. */
import { formatIp, parseIp } from "../../util/ip_address.ts";

/** Wrong ones that cost nothing: people mistype. */
const FREE = 5;
const FIRST_WAIT_MS = 1000, MOST_WAIT_MS = 5 * 60_000;
/** After so much silence an address begins again. */
const FORGET_MS = 15 * 60_000;
const MOST_ADDRESSES = 4096;

interface Record {
  wrong: number;
  lastAt: number;
  until: number;
}

export class BackOff {
  /** By address, the least recent first. */
  readonly #records = new Map<string, Record>();

  /** Milliseconds until this address may try again; 0 for now. */
  waitMs(address: string, now: number): number {
    return Math.max(0, (this.#records.get(networkOf(address))?.until ?? 0) - now);
  }

  wrong(address: string, now: number): void {
    const key = networkOf(address), before = this.#records.get(key);
    const isFresh = before === undefined || now - before.lastAt > FORGET_MS;
    const wrong = isFresh ? 1 : before.wrong + 1;
    const wait = Math.min(FIRST_WAIT_MS * 2 ** (wrong - FREE - 1), MOST_WAIT_MS);
    this.#records.delete(key);
    this.#records.set(key, { wrong, lastAt: now, until: wrong > FREE ? now + wait : now });
    if (this.#records.size > MOST_ADDRESSES) {
      const [oldest] = this.#records.keys();
      this.#records.delete(oldest!);
    }
  }

  right(address: string): void {
    this.#records.delete(networkOf(address));
  }

  /** Addresses that it remembers. */
  get size(): number {
    return this.#records.size;
  }
}

/** One machine has all addresses of an IPv6 /64. */
function networkOf(address: string): string {
  const bytes = parseIp(address);
  if (bytes?.length !== 16) return address;
  return formatIp(bytes.map((byte, index) => index < 8 ? byte : 0));
}
