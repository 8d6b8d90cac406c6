/**
 * All known peers of one torrent (PeerList), their rank, and which of them may be dialled
 * (CandidateCache). The PeerPool above decides about connections. Invariant: a peer is in the cache
 * exactly if it is known, idle and may be dialled; it is CANDIDATE exactly if it is ready there.
 */
import { formatIp, isDialable, parseIp } from "../util/ip_address.ts";
import type { AddressPace } from "./address_pace.ts";
import { Attempts } from "./attempts.ts";
import { Breaches } from "./breaches.ts";
import { CandidateCache, QUICK_TRIES } from "./candidate_cache.ts";
import type { OwnEndpoint } from "./own_endpoint.ts";
import { type BanScope, PeerList } from "./peer_list.ts";
import { peerRank } from "./peer_rank.ts";
import { unpair } from "./twins.ts";
import { NEVER, PEER_SOURCE, PEER_STATE, PoolPeer } from "./pool_peer.ts";
import type { PeerPoolConfig } from "./pool_types.ts";

export const OURSELVES = "ourselves";

export class PeerBook {
  readonly list: PeerList;
  readonly cache: CandidateCache;
  readonly config: PeerPoolConfig;
  readonly #own: OwnEndpoint;
  readonly breaches = new Breaches();
  readonly attempts = new Attempts();
  /** Addresses that failed too often; dialled again only while no peer is connected. */
  readonly #dead = new Set<PoolPeer>();
  #learned = 0;
  #finished: boolean;

  /** `finished`: as for `setFinished`. */
  constructor(config: PeerPoolConfig, own: OwnEndpoint, finished: boolean) {
    this.config = config;
    this.#finished = finished;
    this.list = new PeerList(config.maxPeerlistSize);
    this.cache = new CandidateCache(config);
    this.#own = own;
  }

  /** The number of peers ever added; `order` of the next one. */
  get learned(): number {
    return this.#learned;
  }

  /** Known addresses that failed too often. */
  get dead(): number {
    return this.#dead.size;
  }

  /** Whether a peer that is still referenced is in the list. */
  knows(peer: PoolPeer): boolean {
    return this.list.find(peer.address, peer.port) === peer;
  }

  /** Adds a peer, or a source to a known one; null if it is refused. */
  learn(address: string, port: number, source: number): PoolPeer | null {
    const bytes = parseIp(address);
    if (bytes === null || !isDialable(bytes) || !isListenPort(port)) return null;
    if (this.#own.isOurs(bytes, port)) return null;
    const canonical = formatIp(bytes);
    const known = this.list.find(canonical, port);
    if (known !== undefined) return this.#learnAgain(known, source);
    if (this.list.refuses(canonical, bytes)) return null;
    const peer = this.add(canonical, bytes, port, source);
    this.shrink();
    return this.knows(peer) ? peer : null;
  }

  #learnAgain(peer: PoolPeer, source: number): PoolPeer | null {
    if (peer.state === PEER_STATE.BANNED) return null;
    peer.sources |= source;
    // The tracker has just heard from it, so it is probably online.
    if (source === PEER_SOURCE.TRACKER && peer.dials.failCount > 0) peer.dials.failCount--;
    this.refresh(peer);
    return peer;
  }

  /** Adds a new peer at a free endpoint. */
  add(address: string, bytes: Uint8Array, port: number, source: number): PoolPeer {
    const peer = new PoolPeer(address, bytes, port, source, this.#learned++);
    peer.spread = this.#own.spread(peer);
    this.list.add(peer);
    this.refresh(peer);
    return peer;
  }

  /** Forgets idle peers of low rank while there are too many. */
  shrink(): void {
    for (const peer of this.list.shrink()) this.#strike(peer);
  }

  forget(peer: PoolPeer): void {
    this.#strike(peer);
    this.list.remove(peer);
  }

  #strike(peer: PoolPeer): void {
    this.cache.remove(peer);
    this.#dead.delete(peer);
    unpair(this, peer);
  }

  /** Updates rank and places after any change of a peer. */
  refresh(peer: PoolPeer): void {
    peer.rank = peerRank(peer, this.#finished);
    if (!this.knows(peer)) return;
    this.list.update(peer);
    if (peer.idle && this.#isDead(peer)) this.#dead.add(peer);
    else this.#dead.delete(peer);
    if (!peer.idle) {
      this.cache.remove(peer);
    } else if (!this.#mayDial(peer)) {
      this.#becomeIdle(peer);
    } else if (this.cache.has(peer)) {
      this.cache.update(peer);
    } else {
      this.cache.add(peer);
    }
  }

  #becomeIdle(peer: PoolPeer): void {
    this.cache.remove(peer);
    peer.state = peer.lastConnected === NEVER ? PEER_STATE.DISCOVERED : PEER_STATE.DISCONNECTED;
  }

  #mayDial(peer: PoolPeer): boolean {
    if (peer.twin?.state === PEER_STATE.CONNECTED) return false;
    return peer.connectable && !(this.#finished && peer.seed);
  }

  #isDead(peer: PoolPeer): boolean {
    return peer.connectable && peer.dials.failCount >= this.config.maxFailcount;
  }

  /** The peer is not to blame for the lost connection: it is dialled again at once. */
  dialSoon(peer: PoolPeer): void {
    if (peer.active || !peer.connectable) return;
    peer.dials.quickTries = QUICK_TRIES;
    this.refresh(peer);
  }

  /** Makes peers whose back-off has ended candidates. */
  promote(now: number): void {
    for (let peer = this.cache.promote(now); peer; peer = this.cache.promote(now)) {
      peer.state = PEER_STATE.CANDIDATE;
    }
  }

  /**
   * The best candidate whose address may be dialled. `alone`: IPv4 and IPv6 take turns, as one of
   * them may not work; if there is no candidate, also a peer that failed a short time ago.
   */
  nextCandidate(now: number, alone: boolean, pace: AddressPace): PoolPeer | undefined {
    for (;;) {
      const best = this.#bestCandidate(now, alone);
      const freeAt = best === undefined ? now : pace.freeAt(best, now);
      if (freeAt <= now) return best;
      this.#putOff(best!, freeAt);
    }
  }

  #bestCandidate(now: number, alone: boolean): PoolPeer | undefined {
    const { latest } = this.attempts;
    const best = alone && latest !== null ? this.cache.bestUnlike(latest) : this.cache.best();
    if (best !== undefined || !alone || this.#finished) return best;
    const again = this.cache.promoteShortly(now);
    if (again !== undefined) again.state = PEER_STATE.CANDIDATE;
    return again;
  }

  /** A candidate must wait until then. */
  #putOff(peer: PoolPeer, until: number): void {
    peer.notBefore = until;
    this.#becomeIdle(peer);
    this.cache.add(peer);
  }

  /** Bans an inactive peer; a forgotten one is remembered for it. */
  ban(peer: PoolPeer, reason: string, scope: BanScope): void {
    this.#strike(peer);
    peer.state = PEER_STATE.BANNED;
    peer.banReason = reason;
    if (!this.knows(peer)) this.list.add(peer);
    this.list.ban(peer, scope);
    this.shrink();
  }

  /**
   * Gives every dead address one more try, if it turns out that our own network had failed. Returns
   * their number.
   */
  forgiveFailures(): number {
    const peers = [...this.#dead];
    for (const peer of peers) {
      peer.dials.failCount = this.config.maxFailcount - 1;
      this.refresh(peer);
    }
    return peers.length;
  }

  setFinished(finished: boolean): void {
    if (this.#finished === finished) return;
    this.#finished = finished;
    for (const peer of this.list.values()) this.refresh(peer);
  }

  /** Our external address changed. */
  ownEndpointChanged(): void {
    for (const peer of this.list.values()) {
      peer.spread = this.#own.spread(peer);
      this.refresh(peer);
    }
  }
}

/** Broken clients announce ports 0 and 1. */
export function isListenPort(port: number): boolean {
  return Number.isInteger(port) && port > 1 && port < 65536;
}

/**
 * Whether a peer that claims to listen there is refused: the known one was banned for its conduct.
 * An address that was ours may belong to another peer now.
 */
export function isRefused({ banReason }: PoolPeer): boolean {
  return banReason !== null && banReason !== OURSELVES;
}
