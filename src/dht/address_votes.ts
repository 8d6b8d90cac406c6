/**
 * Which address we have, by what others saw (BEP 42). One network has one vote, the last ones
 * count, and a new address needs several of them and most of all: nobody alone can move us.
 */
import { isPrivateOrLocal } from "../protocol/compact_address.ts";
import { networkOf } from "../protocol/dht_id.ts";

/** Votes that are remembered. */
const MAX_VOTES = 32;
/** An address needs so many, and more than half of all. */
const ENOUGH = 4;

export class AddressVotes {
  /** By the voter's network, oldest first. */
  readonly #votes = new Map<string, string>();
  #address: string | null = null;

  /** What most agreed on so far; null until then. */
  get address(): string | null {
    return this.#address;
  }

  /**
   * A node at `voter`, an answer of which we had asked for, saw us at `address` (canonical, of the
   * voter's family). True if the outcome changed.
   */
  vote(voter: string, address: string): boolean {
    // On a local network addresses say nothing about how the world sees us.
    if (isPrivateOrLocal(voter) || isPrivateOrLocal(address)) return false;
    const network = networkOf(voter);
    this.#votes.delete(network);
    this.#votes.set(network, address);
    if (this.#votes.size > MAX_VOTES) this.#votes.delete(this.#votes.keys().next().value!);
    if (address === this.#address || !this.#wins(address)) return false;
    this.#address = address;
    return true;
  }

  #wins(address: string): boolean {
    let count = 0;
    for (const vote of this.#votes.values()) if (vote === address) count++;
    return count >= ENOUGH && 2 * count > this.#votes.size;
  }
}
