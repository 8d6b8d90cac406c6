/**
 * Our address as the world sees it, by the votes of trackers, peers ("yourip") and DHT nodes (BEP
 * 42), in each family apart. Any of them may lie: a network has one vote, an address needs several of them
 * and most of all, and one that was agreed on gives way only to one with twice its votes.
 */
import { canonicalIp } from "../util/ip_address.ts";
import { addressFamily, isPrivateOrLocal } from "../util/compact_address.ts";
import { networkOf } from "./dht_id.ts";

/** Votes that are remembered per family; the oldest make way. */
const MAX_VOTES = 50;
/** An address needs so many, and more than half of all. */
const ENOUGH = 3;
/** Then a vote says nothing any more: lines at home change their address every day. */
const VOTE_LIFE_MS = 60 * 60_000;
/** Of a voter that is known by name; no host name is longer. */
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

  /** What most agree on; null until then. */
  get ipv4(): string | null {
    return this.#four.address;
  }

  get ipv6(): string | null {
    return this.#six.address;
  }

  /**
   * `voter` sees us at `address`. It is an IP address, or a tracker's host name or URL. True if the
   * outcome changed. What is no public address does not count, nor what a local voter says.
   */
  vote(address: string, voter: string, now: number): boolean {
    const seen = canonicalIp(address), source = voterKey(voter);
    if (seen === null || source === null || isPrivateOrLocal(seen)) return false;
    const ballot = addressFamily(seen) === 4 ? this.#four : this.#six;
    return ballot.cast(source, seen, now);
  }
}

/** What has one vote; null for somebody who cannot know. */
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
