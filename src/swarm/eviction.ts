/**
 * Picks the connection to drop when a newcomer finds no room, if any is worth dropping. A peer that
 * only waits, for an unchoke by us or by it, may lose its place to a peer of higher priority (BEP 40)
 * or, if its address has more than its share, to a peer from another address.
 */
import { toHex } from "../util/bytes.ts";
import { isBusy } from "./choker.ts";
import { parseIp } from "../util/ip_address.ts";
import type { PoolPeer } from "../peers/pool_peer.ts";

/**
 * After this time, a peer without interest on either side may lose its place to a newcomer, if it
 * never carried data.
 */
const USELESS_AFTER_MS = 2000;
/** After this time without data, a peer may lose its place to a newcomer of higher priority. */
const UNPRODUCTIVE_AFTER_MS = 60_000;
/**
 * The same for an address with many connections, and for a peer that lets its turns pass, does not
 * read, or has no interest on either side: one round of the choker without data.
 */
const IDLE_AFTER_MS = 10_000;
/** The same if its turn may have passed before it knew: others are being served. */
const BUSY_IDLE_AFTER_MS = 20_000;
/** The part of a full pool that one address may fill before other addresses have priority. */
const ADDRESS_SHARE = 1 / 4;

/** The facts about a connected peer for the decision. */
export interface Evictable {
  readonly peer: Pick<PoolPeer, "spread" | "bytes">;
  readonly incoming: boolean;
  /** When it last sent or received data; at first, when it connected. */
  readonly movedAt: number;
  readonly session: {
    readonly source: {
      readonly interested: boolean;
      readonly down: { readonly rate: number };
      readonly window: { isUnwilling(now: number): boolean };
    };
    readonly taker: {
      readonly peerInterested: boolean;
      readonly stuck: boolean;
      readonly connectedAt: number;
      readonly up: { readonly rate: number };
      wastesTurns(now: number, busy: boolean): boolean;
    };
  };
}

/** The newcomer; `spread` is as in PoolPeer. */
export interface Newcomer {
  readonly address: string;
  readonly spread: number;
}

/**
 * The connection that may end for a newcomer: one without interest on either side, unless it carried
 * data in the last ten seconds; else one that wasted its turn and carried nothing either way, ever or
 * for ten seconds (twenty while others are served), or that has not read our data for ten seconds;
 * else an idle one of the address that has more than its share, and clearly more than the newcomer's;
 * else, of those that carried nothing for a minute, the one of lowest priority, if the newcomer's is
 * higher (BEP 40). Null: every connection is worth more than an unknown peer.
 */
export function expendable<Member extends Evictable>(
  members: Iterable<Member>,
  newcomer: Newcomer,
  now: number,
): Member | null {
  const all = [...members];
  return idle(all, now) ??
    longestIdle(all.filter((member) => isUnwilling(member, now))) ??
    longestIdle(crowd(all, newcomer).filter(({ movedAt }) => now - movedAt >= IDLE_AFTER_MS)) ??
    lowerPriority(all, newcomer, now);
}

/** The connection that neither side uses, for any newcomer; null if there is none. */
export function idle<Member extends Evictable>(
  members: Iterable<Member>,
  now: number,
): Member | null {
  const all = [...members], busy = isBusy(all.map(({ session }) => session.taker));
  return all.find((member) => isUseless(member, now)) ??
    longestIdle(all.filter((member) => wasted(member, now, busy)));
}

/**
 * The connection of a full, downloading pool to close so that another peer can be dialled: one that
 * lets us request and sends no block; if we are `starving`, also the one that carried no data for the
 * longest time, at least a minute. Null: all are useful.
 */
export function leastMissed<Member extends Evictable>(
  members: Iterable<Member>,
  now: number,
  starving: boolean,
): Member | null {
  const all = [...members];
  const unwilling = longestIdle(all.filter((member) => isUnwilling(member, now)));
  if (unwilling !== null || !starving) return unwilling;
  return longestIdle(all.filter(({ movedAt }) => now - movedAt >= UNPRODUCTIVE_AFTER_MS));
}

/**
 * It keeps our requests, or rejects them, and we send it nothing either. A byte now and then must not
 * save it, as it would if only the time of its last byte counted.
 */
function isUnwilling({ session }: Evictable, now: number): boolean {
  return session.taker.up.rate < 1 && session.source.window.isUnwilling(now);
}

/** Between two pieces of a super-seed (BEP 16), it and a leech have no interest for some seconds. */
function isUseless({ session, movedAt }: Evictable, now: number): boolean {
  if (session.source.interested || session.taker.peerInterested) return false;
  const patience = movedAt === session.taker.connectedAt ? USELESS_AFTER_MS : IDLE_AFTER_MS;
  return now - movedAt > patience;
}

/** It carries no data, and wastes its turn or does not read what it requested. */
function wasted({ session, movedAt }: Evictable, now: number, busy: boolean): boolean {
  const quietMs = now - movedAt, neverMoved = movedAt === session.taker.connectedAt;
  if (session.taker.stuck && quietMs >= IDLE_AFTER_MS) return true;
  if (!session.taker.wastesTurns(now, busy)) return false;
  // On a busy line a turn may have passed before the peer knew of it.
  return busy ? quietMs >= BUSY_IDLE_AFTER_MS : neverMoved || quietMs >= IDLE_AFTER_MS;
}

function longestIdle<Member extends Evictable>(members: readonly Member[]): Member | null {
  let longest: Member | null = null;
  for (const member of members) {
    if (longest === null || member.movedAt < longest.movedAt) longest = member;
  }
  return longest;
}

/** The incoming peers of the address with the most connections; none if it is within its share. */
function crowd<Member extends Evictable>(
  members: readonly Member[],
  newcomer: Newcomer,
): readonly Member[] {
  const places = new Map<string, Member[]>();
  let most: readonly Member[] = [];
  for (const member of members) {
    if (!member.incoming) continue;
    const place = placeOf(member.peer.bytes), there = places.get(place) ?? [];
    places.set(place, there);
    there.push(member);
    if (there.length > most.length) most = there;
  }
  const bytes = parseIp(newcomer.address);
  const fellows = bytes === null ? 0 : places.get(placeOf(bytes))?.length ?? 0;
  const share = Math.max(1, Math.floor(members.length * ADDRESS_SHARE));
  // After the exchange, the distribution must not be less even than before.
  return most.length > share && most.length > fellows + 1 ? most : [];
}

/** An IPv4 address, or the 64 bits of an IPv6 one within which a host has as many as it likes. */
function placeOf(bytes: Uint8Array): string {
  return toHex(bytes.length === 16 ? bytes.subarray(0, 8) : bytes);
}

function lowerPriority<Member extends Evictable>(
  members: readonly Member[],
  newcomer: Newcomer,
  now: number,
): Member | null {
  let worst: Member | null = null;
  for (const member of members) {
    const { session, peer } = member;
    const carries = session.source.down.rate >= 1 || session.taker.up.rate >= 1;
    const young = now - session.taker.connectedAt < UNPRODUCTIVE_AFTER_MS;
    if (young || carries || peer.spread >= newcomer.spread) continue;
    if (worst === null || peer.spread < worst.peer.spread) worst = member;
  }
  return worst;
}
