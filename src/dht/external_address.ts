/**
 * Our external address, by the votes of trackers, peers ("yourip") and DHT nodes (BEP 42),
 * separately for each family. Any voter may lie: a network has one vote, an address needs several
 * of them and a majority, and an agreed address is replaced only by one with twice its votes.
 */
import { canonicalIp } from "../util/ip_address.ts";
import { addressFamily, isPrivateOrLocal } from "../util/compact_address.ts";
import { networkOf } from "./dht_id.ts";

/** Votes that are remembered per family; the oldest are dropped. */
const MAX_VOTES = 50;
/** An address needs this many votes, and more than half of all. */
const ENOUGH = 3;
/** Older votes do not count: home connections change their address every day. */
const VOTE_LIFE_MS = 60 * 60_000;
/** For a voter that is known by name; no host name is longer. */
const MAX_NAME_LENGTH = 253;

interface Vote {
  address: string;
  at: number;
}

class Ballot {
  address: string | null = null;
  /** By the voter's network or name, oldest first. */
  readonly #votes = new Map<string, Vote>();

  /** True if the outcome changed. */
  cast(voter: string, address: string, now: number): boolean {
    this.#votes.delete(voter);
    this.#votes.set(voter, { address, at: now });
    for (const [oldest, { at }] of this.#votes) {
      const stays = this.#votes.size <= MAX_VOTES && now - at < VOTE_LIFE_MS;
      if (stays) break;
      this.#votes.delete(oldest);
    }
    if (address === this.address || !this.#wins(address)) return false;
    this.address = address;
    return true;
  }

  #wins(address: string): boolean {
    const count = this.#count(address);
    const enough = count >= ENOUGH && 2 * count > this.#votes.size;
    return enough && (this.address === null || count >= 2 * this.#count(this.address));
  }

  #count(address: string): number {
    let count = 0;
    for (const vote of this.#votes.values()) if (vote.address === address) count++;
    return count;
  }
}

export class ExternalAddress {
  readonly #four = new Ballot();
  readonly #six = new Ballot();

  /** The majority's address; null until there is one. */
  get ipv4(): string | null {
    return this.#four.address;
  }

  get ipv6(): string | null {
    return this.#six.address;
  }

  /**
   * `voter` sees us at `address`. The voter is an IP address, or a tracker's host name or URL. True
   * if the outcome changed. Addresses that are not public and local voters do not count.
   */
  vote(address: string, voter: string, now: number): boolean {
    const seen = canonicalIp(address), source = voterKey(voter);
    if (seen === null || source === null || isPrivateOrLocal(seen)) return false;
    const ballot = addressFamily(seen) === 4 ? this.#four : this.#six;
    return ballot.cast(source, seen, now);
  }
}

/** The key of a vote; null for a voter that cannot know. */
function voterKey(voter: string): string | null {
  const host = voter.includes("://") ? hostOf(voter) : voter;
  const address = canonicalIp(host);
  if (address !== null) return isPrivateOrLocal(address) ? null : `ip ${networkOf(address)}`;
  const name = host.slice(0, MAX_NAME_LENGTH).toLowerCase();
  return name === "" || name === "localhost" ? null : `name ${name}`;
}

/** Without the brackets of an IPv6 address; "" when it is no URL. */
function hostOf(url: string): string {
  try {
    return new URL(url).hostname.replace(/^\[|\]$/g, "");
  } catch {
    return "";
  }
}
