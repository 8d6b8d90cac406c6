/**
 * Reported end points that may be nodes: from PORT messages, torrent files, names and an earlier
 * run. Each is pinged once, a few a second; one that answers thereby enters the table.
 */
import type { PeerAddress } from "../util/compact_address.ts";

/** More than this are waiting only during a flood; then the oldest are forgotten. */
const MAX_CONTACTS = 500;
/** Recently tried end points are not tried again at once. */
const MAX_TRIED = 1000;

export class Contacts {
  readonly #waiting = new Map<string, PeerAddress>();
  readonly #tried = new Set<string>();

  get size(): number {
    return this.#waiting.size;
  }

  /** `again`: also if it has been tried before. */
  add(contact: PeerAddress, again = false): void {
    const key = keyOf(contact);
    if (again) this.#tried.delete(key);
    if (this.#tried.has(key)) return;
    this.#waiting.set(key, { address: contact.address, port: contact.port });
    if (this.#waiting.size > MAX_CONTACTS) dropOldest(this.#waiting);
  }

  /** Up to `count` of the waiting ones; they stay in the queue. */
  first(count: number): PeerAddress[] {
    const some: PeerAddress[] = [];
    for (const contact of this.#waiting.values()) {
      if (some.length >= count) break;
      some.push(contact);
    }
    return some;
  }

  /** The next one to try; null if there is none. */
  next(): PeerAddress | null {
    for (const [key, contact] of this.#waiting) {
      this.#waiting.delete(key);
      this.#tried.add(key);
      if (this.#tried.size > MAX_TRIED) dropOldest(this.#tried);
      return contact;
    }
    return null;
  }
}

function keyOf({ address, port }: PeerAddress): string {
  return `${address} ${port}`;
}

function dropOldest(keys: Map<string, unknown> | Set<string>): void {
  for (const key of keys.keys()) {
    keys.delete(key);
    return;
  }
}
