/**
 * The connections that all torrents together may have, attempts included. Each pool takes a slot
 * per connection and returns it; if none is free, the torrent with the most slots gives one up to a
 * torrent that has clearly fewer. It also limits the attempts per second, so that nobody can use us
 * to flood others. Invariant: the slots in use never exceed the limit.
 */
import { assert } from "../util/assert.ts";
import { AddressPace } from "./address_pace.ts";

/** A torrent's pool, as others see it. */
export interface SlotUser {
  /** The number of slots that it holds. */
  readonly active: number;
  /** Ends its least useful connection or attempt; the slot is returned within the call. */
  giveUpOne(now: number): void;
}

export class ConnectionSlots {
  #limit: number;
  readonly #users = new Set<SlotUser>();
  /** Paused torrents: their connections end before those of others. */
  readonly #resting = new Set<SlotUser>();
  #taken = 0;
  readonly pace = new AddressPace();
  readonly #attemptsPerSecond: number;
  /** When the latest attempts began, oldest first; at most one second's worth. */
  readonly #begun: number[] = [];

  /** `limit` is at least 1. */
  constructor(limit = Infinity, attemptsPerSecond = Infinity) {
    assert(limit >= 1, "there is room for a connection");
    this.#limit = limit;
    this.#attemptsPerSecond = attemptsPerSecond;
  }

  /** Whether another attempt may begin now; if so, it is counted. */
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
    while (this.#taken > limit && this.#endResting(now));
    while (this.#taken > limit) this.#greediest().giveUpOne(now);
  }

  get taken(): number {
    return this.#taken;
  }

  get isFull(): boolean {
    return this.#taken >= this.#limit;
  }

  /** Whether a connection may end for any torrent that needs its slot. */
  get hasResting(): boolean {
    for (const { active } of this.#resting) if (active > 0) return true;
    return false;
  }

  join(user: SlotUser): void {
    this.#resting.delete(user);
    this.#users.add(user);
  }

  /** It keeps its slots until another torrent needs them. */
  rest(user: SlotUser): void {
    this.#users.delete(user);
    this.#resting.add(user);
  }

  leave(user: SlotUser): void {
    this.#users.delete(user);
    this.#resting.delete(user);
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

  /** Whether `asker` may take a slot now; a connection of another torrent may end for it. */
  makeRoom(asker: SlotUser, now: number): boolean {
    if (!this.isFull || this.#endResting(now)) return true;
    if (asker.active >= Math.floor(this.#limit / this.#users.size)) return false;
    const greediest = this.#greediest();
    // After the exchange, the distribution must not be less even than before.
    if (greediest.active <= asker.active + 1) return false;
    greediest.giveUpOne(now);
    return !this.isFull;
  }

  #endResting(now: number): boolean {
    for (const user of this.#resting) {
      if (user.active === 0) continue;
      user.giveUpOne(now);
      return true;
    }
    return false;
  }

  /** There must be one. */
  #greediest(): SlotUser {
    return [...this.#users].reduce((most, user) => user.active > most.active ? user : most);
  }
}
