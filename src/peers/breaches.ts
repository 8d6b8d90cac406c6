/**
 * Which peers broke the protocol, how often, and whom that bans. One breach may be a strange client
 * on a bad day; the second one is a habit. Invariant: besides the peers themselves, at most
 * MAX_ADDRESSES counts are kept.
 */
import { isPrivateOrLocal } from "../util/compact_address.ts";
import { ProtocolError } from "../util/errors.ts";
import type { BanScope } from "./peer_list.ts";
import type { PoolPeer } from "./pool_peer.ts";

/** A peer with a known listening port is banned at this breach. */
const MAX_BREACHES = 2;
/** This many incoming breaches from one public address within the time ban the whole address. */
const MAX_FROM_ADDRESS = 4, ADDRESS_WINDOW_MS = 10 * 60_000;
const MAX_ADDRESSES = 256;

/** Harmless protocol errors: silence, a connection to ourselves, another program's port. */
const NO_WRONG: ReadonlySet<string> = new Set([
  "silent",
  "self",
  "wrong-torrent",
  "early",
  "bad-handshake",
]);

export interface BreachBan {
  scope: BanScope;
  /** For people: its last breach. */
  reason: string;
}

/** The breach that a connection's end shows, for people; null if it shows none. */
export function breachOf(error: Error | null): string | null {
  if (!(error instanceof ProtocolError) || NO_WRONG.has(error.code)) return null;
  return error.message;
}

export class Breaches {
  /** Breaches of incoming connections, by address; the oldest count first. */
  readonly #byAddress = new Map<string, { count: number; since: number }>();

  /**
   * This breach (see `breachOf`) ended the connection of `peer`. Returns the ban that it earns, if
   * any.
   */
  note(peer: PoolPeer, breach: string, now: number): BreachBan | null {
    const reason = `broke the protocol: ${breach}`;
    peer.conduct.breaches++;
    // Where it listens is its own claim when it dialled us, so it could claim another port each time.
    if (peer.incoming && this.#passesLimit(peer.address, now)) return { scope: "address", reason };
    // Its source port does not identify later connections from there.
    if (peer.connectable && peer.conduct.breaches >= MAX_BREACHES) {
      return { scope: "endpoint", reason };
    }
    return null;
  }

  #passesLimit(address: string, now: number): boolean {
    // At home, or behind a provider's NAT, one address may be all that we see of many.
    if (isPrivateOrLocal(address)) return false;
    const known = this.#byAddress.get(address);
    if (known !== undefined && now - known.since <= ADDRESS_WINDOW_MS) {
      if (++known.count < MAX_FROM_ADDRESS) return false;
      this.#byAddress.delete(address);
      return true;
    }
    this.#byAddress.delete(address);
    this.#byAddress.set(address, { count: 1, since: now });
    if (this.#byAddress.size > MAX_ADDRESSES) {
      const [oldest] = this.#byAddress.keys();
      this.#byAddress.delete(oldest!);
    }
    return false;
  }
}
