/**
 * Decides which peers are unchoked (BEP 3): every ten seconds those that upload most to us, or, once
 * we seed, the ones whose turn it is; and one more at random for half a minute (the optimistic
 * unchoke), so that new peers get a chance. Free slots are used at once. Invariant: after each round,
 * and while a peer waits, at most `slots` + 1 peers are unchoked.
 */
import type { Random } from "../platform/types.ts";

export const DEFAULT_UPLOAD_SLOTS = 4;
const ROUND_MS = 10_000;
const OPTIMISTIC_MS = 30_000;
/** A seed keeps a peer that downloads unchoked for at least this long. */
const TURN_MS = 30_000;
/** The same where more peers wait than the upload limit carries. */
const LIMITED_TURN_MS = 4000;
/** Bytes a second. */
const BUSY_RATE = 1024;
/** How often a seed serves its newest peer before older ones that wait for their first turn, too. */
const AHEAD_MS = 2000;
/** New peers get this much more weight in the draw for the optimistic unchoke. */
const NEW_MS = 60_000;
const NEW_WEIGHT = 3;
/** So do peers that upload to us, over those that were unchoked and did not. */
const GIVER_WEIGHT = 5;

/** The view of a peer that the choker needs. */
export interface ChokerPeer {
  readonly choking: boolean;
  readonly peerInterested: boolean;
  readonly snubbed: boolean;
  /** It does not read what we send. */
  readonly stuck: boolean;
  /** The peer's uploads to us and downloads from us, in bytes a second and in total. */
  readonly down: { readonly rate: number; readonly total: number };
  readonly up: { readonly rate: number; readonly total: number };
  /** Its requests that wait. */
  readonly upload: { readonly length: number };
  readonly connectedAt: number;
  /** When it was last choked or unchoked; 0 for never. */
  readonly unchokedAt: number;
  /** Number of its pieces: peers with few need most. */
  readonly have: { readonly count: number };
  /** Whether it requested nothing in its last turn, or in this one though it had time to. */
  wastesTurns(now: number, busy: boolean): boolean;
  setChoking(choking: boolean, now: number): void;
}

/** Traffic in both directions until the last round, and in the two rounds before now. */
interface Tally {
  down: number;
  up: number;
  given: number;
  givenBefore: number;
  took: number;
}

export class Choker<Peer extends ChokerPeer> {
  readonly #random: Random;
  #slots: number;
  /** The most peers that the upload limits can serve. */
  #carried = Infinity;
  readonly #tallies = new Map<Peer, Tally>();
  #nextRoundAt = 0;
  #nextOptimisticAt = 0;
  /** When the newest peer was last served before older ones. */
  #aheadAt = -Infinity;
  #optimistic: Peer | null = null;
  /** Somebody interested was choked when we looked last. */
  #othersWait = false;

  /** `slots`: peers unchoked by merit or turn, besides the random one. */
  constructor(random: Random, slots = DEFAULT_UPLOAD_SLOTS) {
    this.#random = random;
    this.#slots = Math.max(0, slots);
  }

  /** From the next round on, or at once if more are free. */
  set slots(slots: number) {
    if (slots === this.#slots) return;
    this.#slots = Math.max(0, slots);
    this.#nextRoundAt = 0;
  }

  /** The number of peers that the upload limits can serve; two are served in any case. */
  set carried(peers: number) {
    this.#carried = Math.max(2, peers);
  }

  /** A peer left. */
  forget(peer: Peer): void {
    this.#tallies.delete(peer);
    if (this.#optimistic === peer) this.#optimistic = null;
  }

  /**
   * A peer became interested or left: assigns a free slot at once, or takes one back if a peer that
   * was unchoked without interest becomes interested again. One of the best uploaders need not wait
   * for the next round either: it takes the slot of a peer that uploads nothing (BEP 3). As a seed,
   * a newcomer takes the slot of a peer that requests nothing, and others that of a peer that was
   * unchoked for a round and took nothing. Every two seconds this is the newest peer, since a crowd
   * that requests nothing would otherwise delay it for all of their turns.
   */
  useFreeSlots(peers: Iterable<Peer>, seeding: boolean, now: number): void {
    const interested = [...peers].filter((peer) => peer.peerInterested);
    let free = this.#seats;
    for (const peer of interested) if (!peer.choking) free--;
    this.#othersWait = interested.length + free > this.#seats;
    if (!this.#othersWait) return;
    const order = this.#inOrder(interested, seeding, now);
    for (const peer of order.toReversed()) {
      if (free >= 0) break;
      if (peer.choking || peer === this.#optimistic) continue;
      peer.setChoking(true, now);
      free++;
    }
    const hurry = seeding && order.some(isNew);
    const ahead = hurry && now - this.#aheadAt >= AHEAD_MS ? newest(order) : null;
    (ahead === null ? order : [ahead, ...order]).forEach((peer, rank) => {
      if (!peer.choking) return;
      const merits = rank < this.#regular && this.#merit(peer) > 0;
      const deserves = hurry ? isNew(peer) : seeding || merits;
      if (free <= 0 && !(deserves && this.#freeOne(order, seeding, hurry, now))) return;
      if (free > 0) free--;
      peer.setChoking(false, now);
      if (peer === ahead) this.#aheadAt = now;
    });
  }

  /**
   * Chokes the last in order that uploads nothing, or takes nothing from a seed; false if there is
   * none. `hurry`: a peer that had time to request something and did not also qualifies.
   */
  #freeOne(order: readonly Peer[], seeding: boolean, hurry: boolean, now: number): boolean {
    const busy = isBusy(order);
    const wastes = (peer: Peer) =>
      (hurry && peer.wastesTurns(now, busy)) ||
      (peer !== this.#optimistic && !this.#usesTurn(peer, now));
    const last = order.findLast((peer) =>
      !peer.choking && (seeding ? wastes(peer) : peer !== this.#optimistic)
    );
    if (last === undefined || (!seeding && this.#merit(last) > 0)) return false;
    last.setChoking(true, now);
    if (last === this.#optimistic) this.#optimistic = null;
    return true;
  }

  /**
   * As a seed: the peer got enough for now, and the next in turn is unchoked in its place; not while
   * the others that are served have nothing for us to send until that one requests something.
   */
  passOn(peer: Peer, peers: Iterable<Peer>, now: number): void {
    if (!this.#othersWait) return;
    const all = [...peers];
    const isFed = (other: Peer) => !other.choking && !other.stuck && other.upload.length > 0;
    if (!all.some((other) => other !== peer && isFed(other))) return;
    const waiting = all.filter((other) => other.peerInterested && other.choking);
    const [next] = this.roundRobinUnchoke(waiting, now);
    this.#othersWait = waiting.length > 1;
    if (next === undefined || next.stuck) return;
    if (peer === this.#optimistic) this.#optimistic = null;
    peer.setChoking(true, now);
    next.setChoking(false, now);
  }

  /** Call it a few times a second. */
  tick(peers: Iterable<Peer>, seeding: boolean, now: number): void {
    if (now < this.#nextRoundAt) {
      if (!seeding) return;
      const all = [...peers];
      if (all.some((peer) => peer.peerInterested && isNew(peer))) {
        this.useFreeSlots(all, seeding, now);
      }
      return;
    }
    this.recalculateUnchoke([...peers], seeding, now);
  }

  /** One round: decides about every peer, and when the next round is. */
  recalculateUnchoke(all: readonly Peer[], seeding: boolean, now: number): void {
    for (const peer of all) this.#count(peer);
    const interested = all.filter((peer) => peer.peerInterested);
    const order = this.#inOrder(interested, seeding, now);
    const limited = seeding && interested.length > this.#carried;
    this.#nextRoundAt = now + (limited ? LIMITED_TURN_MS : ROUND_MS);
    const chosen = new Set(order.slice(0, this.#regular));
    // While all turns are short, no peer gets a long one by chance.
    if (limited) this.#optimistic = null;
    else this.optimisticUnchoke(order.slice(this.#regular), now);
    if (this.#optimistic !== null) chosen.add(this.#optimistic);
    for (const peer of order) if (chosen.size < this.#seats) chosen.add(peer);
    for (const peer of all) peer.setChoking(!chosen.has(peer), now);
  }

  /**
   * Every half minute, or when its holder is no longer interested, the optimistic slot goes to another
   * peer without a regular one. New peers are three times as likely to get it; peers that only
   * downloaded hardly ever do. Whether a peer is unchoked already does not matter: early on, all
   * peers may be except those that uploaded nothing, and these would win every draw.
   */
  optimisticUnchoke(others: readonly Peer[], now: number): void {
    if (this.#optimistic?.peerInterested === false) this.#optimistic = null;
    if (this.#optimistic !== null && now < this.#nextOptimisticAt) return;
    const tickets: Peer[] = [];
    for (const peer of others) {
      if (peer === this.#optimistic) continue;
      const fresh = now - peer.connectedAt < NEW_MS ? NEW_WEIGHT : 1;
      const rides = peer.up.total > 0 && peer.down.total === 0;
      for (let i = rides ? 1 : fresh * GIVER_WEIGHT; i > 0; i--) tickets.push(peer);
    }
    if (tickets.length === 0) return;
    this.#optimistic = tickets[this.#random.uint32() % tickets.length]!;
    this.#nextOptimisticAt = now + OPTIMISTIC_MS;
  }

  /**
   * The order in which a seed unchokes peers: first those in the middle of a turn that they use, then
   * the waiting ones, and last those that do not read what was sent already. The longest wait comes
   * first; of equals, the peer with the fewest pieces.
   */
  roundRobinUnchoke(interested: readonly Peer[], now: number): Peer[] {
    const limited = interested.length > this.#carried;
    const rank = (peer: Peer) => {
      if (peer.stuck) return 3;
      if (peer.choking) return 1;
      if (limited) return this.#hasHadTurn(peer, now) ? 2 : 0;
      return now - peer.unchokedAt < TURN_MS && this.#usesTurn(peer, now) ? 0 : 2;
    };
    return [...interested].sort((a, b) =>
      rank(a) - rank(b) || a.unchokedAt - b.unchokedAt || a.have.count - b.have.count
    );
  }

  /** With a low upload limit: it had its time, and got something if it requested something. */
  #hasHadTurn(peer: Peer, now: number): boolean {
    if (now - peer.unchokedAt < LIMITED_TURN_MS) return false;
    return peer.upload.length === 0 || this.#tookLately(peer);
  }

  /** Whether an unchoked peer took something lately, or had no time to. */
  #usesTurn(peer: Peer, now: number): boolean {
    if (peer.stuck) return false;
    return now - peer.unchokedAt < ROUND_MS || this.#tookLately(peer);
  }

  /** In the last round or since. */
  #tookLately(peer: Peer): boolean {
    const tally = this.#tallies.get(peer);
    return tally !== undefined && (tally.took > 0 || peer.up.total > tally.up);
  }

  #inOrder(interested: readonly Peer[], seeding: boolean, now: number): Peer[] {
    return seeding ? this.roundRobinUnchoke(interested, now) : this.#byMerit(interested);
  }

  /**
   * Best uploaders first. A snubbed peer has forfeited its place, however much it uploaded before;
   * of those that uploaded nothing lately, the one that took least without giving back comes first.
   */
  #byMerit(interested: readonly Peer[]): Peer[] {
    return this.#shuffled(interested).sort((a, b) =>
      Number(a.stuck) - Number(b.stuck) || Number(a.snubbed) - Number(b.snubbed) ||
      this.#merit(b) - this.#merit(a) ||
      balance(b) - balance(a) || b.down.rate - a.down.rate || a.unchokedAt - b.unchokedAt
    );
  }

  /** Of equals any may come first, or all peers would serve the same ones: those that came first. */
  #shuffled(peers: readonly Peer[]): Peer[] {
    const order = [...peers];
    for (let i = order.length - 1; i > 0; i--) {
      const j = this.#random.uint32() % (i + 1);
      [order[i], order[j]] = [order[j]!, order[i]!];
    }
    return order;
  }

  /** Bytes that the peer uploaded in the last two rounds and since. */
  #merit(peer: Peer): number {
    const tally = this.#tallies.get(peer);
    if (tally === undefined) return peer.down.total;
    return tally.given + tally.givenBefore + peer.down.total - tally.down;
  }

  get #seats(): number {
    return this.#regular + 1;
  }

  /** Peers unchoked by merit or turn. */
  get #regular(): number {
    return Math.min(this.#slots, this.#carried - 1);
  }

  #count(peer: Peer): void {
    const down = peer.down.total, up = peer.up.total;
    const tally = this.#tallies.get(peer);
    if (tally === undefined) {
      this.#tallies.set(peer, { down, up, given: down, givenBefore: 0, took: up });
      return;
    }
    tally.givenBefore = tally.given;
    tally.given = down - tally.down;
    tally.took = up - tally.up;
    tally.down = down;
    tally.up = up;
  }
}

/** A peer is served at more than a minimal rate. */
export function isBusy(peers: Iterable<{ readonly up: { readonly rate: number } }>): boolean {
  for (const { up } of peers) if (up.rate >= BUSY_RATE) return true;
  return false;
}

/** It waits for its first turn. */
function isNew(peer: ChokerPeer): boolean {
  return peer.choking && peer.unchokedAt === 0;
}

/** Of the peers that wait for their first turn; there must be one. */
function newest<Peer extends ChokerPeer>(peers: readonly Peer[]): Peer {
  return peers.filter(isNew).reduce((a, b) => b.connectedAt > a.connectedAt ? b : a);
}

/** The peer's uploads to us minus its downloads. */
function balance(peer: ChokerPeer): number {
  return peer.down.total - peer.up.total;
}
