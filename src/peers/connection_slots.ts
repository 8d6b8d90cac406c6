/**
 * How many connections all torrents together may have, attempts included. Each pool takes a slot
 * per connection and gives it back; where none is left, the torrent with the most gives one up to a
 * torrent that has clearly fewer. It also limits how many attempts begin in a second, so that nobody
 * can use us to flood others. Invariant: never more are taken than the limit.
 */
import { assert } from "../util/assert.ts";
import { AddressPace } from "./address_pace.ts";

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
  readonly pace = new AddressPace();
  readonly #attemptsPerSecond: number;
  /** When the latest attempts began, oldest first; no more than a second may have. */
  readonly #begun: number[] = [];

  /** `limit` is at least 1. */
  constructor(limit = Infinity, attemptsPerSecond = Infinity) {
    assert(limit >= 1, "there is room for a connection");
    this.#limit = limit;
    this.#attemptsPerSecond = attemptsPerSecond;
  }

  /** Whether another attempt may begin now; if so, it counts. */
  mayBegin(now: number): boolean {
    if (this.#attemptsPerSecond === Infinity) return true;
    if (this.#begun.length >= this.#attemptsPerSecond) {
      if (now - this.#begun[0]! < 1000) return false;
      this.#begun.shift();
    }
    this.#begun.push(now);
    return true;
  }

  /** Below the number in use: the torrents with the most release theirs. */
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
