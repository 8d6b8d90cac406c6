/**
 * Items that other nodes store here (BEP 44), bounded in number and in time. They were checked
 * before (`checkItem`); this class applies the rules about sequence numbers.
 */
import { equalBytes, toLatin1 } from "../util/bytes.ts";
import { compareDistance, networkOf } from "./dht_id.ts";
import type { DhtItem, Refusal } from "./dht_item.ts";
import { KrpcErrorCode } from "./krpc.ts";

/** Limits on the items that other nodes store here. */
export interface ItemStoreLimits {
  /** Default 700. */
  maxItems: number;
  /** Default 2 hours (BEP 44). */
  keepMs: number;
}

const DEFAULTS: ItemStoreLimits = { maxItems: 700, keepMs: 2 * 3_600_000 };
/** More networks than this that put one item make no difference. */
const MAX_ANNOUNCERS = 8;

interface StoredItem {
  readonly target: Uint8Array;
  item: DhtItem;
  putAt: number;
  /** Networks it was put from: an item from many networks stays longest. */
  readonly announcers: Set<string>;
}

export class ItemStore {
  readonly #limits: ItemStoreLimits;
  readonly #items = new Map<string, StoredItem>();

  constructor(limits: Partial<ItemStoreLimits> = {}) {
    this.#limits = { ...DEFAULTS, ...limits };
  }

  get size(): number {
    return this.#items.size;
  }

  get(target: Uint8Array, now: number): DhtItem | null {
    const key = toLatin1(target), stored = this.#items.get(key);
    if (stored === undefined) return null;
    if (!this.#isOld(stored, now)) return stored.item;
    this.#items.delete(key);
    return null;
  }

  /**
   * Null if it is stored now. `cas`: only over an item with this number, if there is one. `ownId`:
   * of two items put by few networks, the one nearer to it stays if there is no room for both.
   */
  put(
    target: Uint8Array,
    item: DhtItem,
    by: { address: string; cas: bigint | null; ownId: Uint8Array },
    now: number,
  ): Refusal | null {
    const held = this.get(target, now);
    const refusal = held === null ? null : refuseOver(held, item, by.cas);
    if (refusal !== null) return refusal;
    const key = toLatin1(target);
    const stored = this.#items.get(key) ??
      { target: target.slice(), item, putAt: now, announcers: new Set<string>() };
    stored.item = item;
    stored.putAt = now;
    if (stored.announcers.size < MAX_ANNOUNCERS) stored.announcers.add(networkOf(by.address));
    this.#items.set(key, stored);
    if (this.#items.size <= this.#limits.maxItems) return null;
    return this.#makeRoom(by.ownId, now) === stored ? FULL : null;
  }

  /** Forgets items that were not put again for too long. Call it every few minutes. */
  expire(now: number): void {
    for (const [key, stored] of this.#items) if (this.#isOld(stored, now)) this.#items.delete(key);
  }

  /** Removes one item if there is one too many; returns it. */
  #makeRoom(ownId: Uint8Array, now: number): StoredItem | null {
    this.expire(now);
    if (this.#items.size <= this.#limits.maxItems) return null;
    let least: StoredItem | null = null;
    for (const stored of this.#items.values()) {
      if (least === null || isMissedLess(stored, least, ownId)) least = stored;
    }
    this.#items.delete(toLatin1(least!.target));
    return least;
  }

  #isOld(stored: StoredItem, now: number): boolean {
    return now - stored.putAt >= this.#limits.keepMs;
  }
}

const FULL: Refusal = { code: KrpcErrorCode.server, message: "no room for the item" };

function isMissedLess(a: StoredItem, b: StoredItem, ownId: Uint8Array): boolean {
  if (a.announcers.size !== b.announcers.size) return a.announcers.size < b.announcers.size;
  return compareDistance(ownId, a.target, b.target) > 0;
}

/**
 * Both have the same target, so both are immutable and equal, or both have the same key and salt.
 */
function refuseOver(held: DhtItem, next: DhtItem, cas: bigint | null): Refusal | null {
  if (held.signed === null || next.signed === null) return null;
  const current = held.signed.seq, seq = next.signed.seq;
  if (cas !== null && cas !== current) {
    return { code: KrpcErrorCode.casMismatch, message: `cas mismatch, seq is ${current}` };
  }
  const same = seq === current && equalBytes(held.value, next.value);
  if (seq > current || same) return null;
  return { code: KrpcErrorCode.seqTooOld, message: `seq is ${current} already` };
}
