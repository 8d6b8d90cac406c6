/**
 * How many connections all torrents together may have, attempts included. Each pool takes a slot
 * per connection and gives it back; where none is left, the torrent with the most gives one up to a
 * torrent that has clearly fewer. Invariant: never more are taken than the limit.
 */
import { assert } from "../util/assert.ts";

/** A torrent's pool, as others see it. */
export interface SlotUser {
  /** Slots that it holds. */
  readonly active: number;
  /** Ends one connection or attempt, the one of least use; the slot is given back within the call. */
  giveUpOne(now: number): void;
}

export class ConnectionSlots {
  #limit: number;
  readonly #users = new Set<SlotUser>();
  #taken = 0;

  /** At least 1. */
  constructor(limit = Infinity) {
    assert(limit >= 1, "there is room for a connection");
    this.#limit = limit;
  }

  /** Lower than what is taken: the torrents with the most give theirs up. */
  setLimit(limit: number, now: number): void {
    assert(limit >= 1, "there is room for a connection");
    this.#limit = limit;
    while (this.#taken > limit) this.#greediest().giveUpOne(now);
  }

  get taken(): number {
    return this.#taken;
  }

  get isFull(): boolean {
    return this.#taken >= this.#limit;
  }

  join(user: SlotUser): void {
    this.#users.add(user);
  }

  leave(user: SlotUser): void {
    this.#users.delete(user);
  }

  /** Only while it is not full. */
  take(): void {
    assert(!this.isFull, "a connection slot is free");
    this.#taken++;
  }

  giveBack(): void {
    assert(this.#taken > 0, "a connection slot was taken");
    this.#taken--;
  }

  /** Whether `asker` may take a slot now; another's connection may end for it. */
  makeRoom(asker: SlotUser, now: number): boolean {
    if (!this.isFull) return true;
    if (asker.active >= Math.floor(this.#limit / this.#users.size)) return false;
    const greediest = this.#greediest();
    // One more and one fewer must leave them no less even than before.
    if (greediest.active <= asker.active + 1) return false;
    greediest.giveUpOne(now);
    return !this.isFull;
  }

  /** There must be one. */
  #greediest(): SlotUser {
    return [...this.#users].reduce((most, user) => user.active > most.active ? user : most);
  }
}
