/**
 * What we know of the peers of one torrent: all of them (PeerList), their rank, and which of them
 * may be dialled (CandidateCache). The PeerPool on top decides about connections.
 *
 * Invariant: a peer stands in the cache exactly if it is known, idle and may be dialled; it is
 * CANDIDATE exactly if it stands there as ready.
 */
import type { PeerAddress } from "../util/compact_address.ts";
import { formatIp, isDialable, parseIp } from "../util/ip_address.ts";
import { Attempts } from "./attempts.ts";
import { Breaches } from "./breaches.ts";
import { CandidateCache } from "./candidate_cache.ts";
import type { OwnEndpoint } from "./own_endpoint.ts";
import { type BanScope, PeerList } from "./peer_list.ts";
import { peerRank } from "./peer_rank.ts";
import { NEVER, PEER_SOURCE, PEER_STATE, PoolPeer } from "./pool_peer.ts";
import type { PeerPoolConfig } from "./pool_types.ts";

/** A peer that had a hand in so many good pieces has no more trust to win. */
const MAX_TRUST = 8;

export const OURSELVES = "ourselves";

export class PeerBook {
  readonly list: PeerList;
  readonly cache: CandidateCache;
  readonly own: OwnEndpoint;
  readonly breaches = new Breaches();
  readonly attempts = new Attempts();
  readonly #config: PeerPoolConfig;
  /** Addresses that failed too often; dialled again only while nobody is connected. */
  readonly #dead = new Set<PoolPeer>();
  #learned = 0;
  #finished: boolean;

  /** `finished`: as for `setFinished`. */
  constructor(config: PeerPoolConfig, own: OwnEndpoint, finished: boolean) {
    this.#config = config;
    this.#finished = finished;
    this.list = new PeerList(config.maxPeerlistSize);
    this.cache = new CandidateCache(config);
    this.own = own;
  }

  /** How many peers were ever added; `order` of the next one. */
  get learned(): number {
    return this.#learned;
  }

  /** Known addresses that failed too often. */
  get dead(): number {
    return this.#dead.size;
  }

  /** Whether a peer that somebody still holds is in the list. */
  knows(peer: PoolPeer): boolean {
    return this.list.find(peer.address, peer.port) === peer;
  }

  /** Adds a peer or a source to a known one; null when it is not taken. */
  learn(address: string, port: number, source: number): PoolPeer | null {
    const bytes = parseIp(address);
    if (bytes === null || !isDialable(bytes) || !isListenPort(port)) return null;
    if (this.own.isOurs(bytes, port)) return null;
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
    // The tracker has just heard from it, so it is probably there.
    if (source === PEER_SOURCE.TRACKER && peer.failCount > 0) peer.failCount--;
    this.refresh(peer);
    return peer;
  }

  /** Files a new peer under an endpoint where nobody is yet. */
  add(address: string, bytes: Uint8Array, port: number, source: number): PoolPeer {
    const peer = new PoolPeer(address, bytes, port, source, this.#learned++);
    peer.spread = this.own.spread(peer);
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
  }

  /** Brings rank and places up to date after any fact about a peer changed. */
  refresh(peer: PoolPeer): void {
    peer.rank = peerRank(peer, this.#finished);
    if (!this.knows(peer)) return;
    this.list.update(peer);
    if (peer.idle && this.#isDead(peer)) this.#dead.add(peer);
    else this.#dead.delete(peer);
    if (!peer.idle) {
      this.cache.remove(peer);
    } else if (!this.#mayDial(peer)) {
      this.cache.remove(peer);
      peer.state = peer.lastConnected === NEVER ? PEER_STATE.DISCOVERED : PEER_STATE.DISCONNECTED;
    } else if (this.cache.has(peer)) {
      this.cache.update(peer);
    } else {
      this.cache.add(peer);
    }
  }

  #mayDial(peer: PoolPeer): boolean {
    return peer.connectable && !(this.#finished && peer.seed);
  }

  #isDead(peer: PoolPeer): boolean {
    return peer.connectable && peer.failCount >= this.#config.maxFailcount;
  }

  /** Makes those candidates whose back-off is over. */
  promote(now: number): void {
    for (let peer = this.cache.promote(now); peer; peer = this.cache.promote(now)) {
      peer.state = PEER_STATE.CANDIDATE;
    }
  }

  /** The best candidate. `alone`: if there is none, also one that failed a short time ago. */
  nextCandidate(now: number, alone: boolean): PoolPeer | undefined {
    const best = this.cache.best();
    if (best !== undefined || !alone || this.#finished) return best;
    const again = this.cache.promoteShortly(now);
    if (again !== undefined) again.state = PEER_STATE.CANDIDATE;
    return again;
  }

  /** When the next peer may be dialled again; `alone` as above. */
  nextReadyAt(alone: boolean): number {
    return this.cache.nextReadyAt(alone && !this.#finished);
  }

  /** Puts a peer that is not active under a ban; one that was forgotten is remembered for it. */
  ban(peer: PoolPeer, reason: string, scope: BanScope): void {
    this.#strike(peer);
    peer.state = PEER_STATE.BANNED;
    peer.banReason = reason;
    if (!this.knows(peer)) this.list.add(peer);
    this.list.ban(peer, scope);
    this.shrink();
  }

  /**
   * Whether a peer that says it listens there is refused: the one we know there is banned for what
   * it did. An address that was ours may be another's now.
   */
  refuses({ banReason }: PoolPeer): boolean {
    return banReason !== null && banReason !== OURSELVES;
  }

  /** Leaves each dead address one more try. Returns how many. */
  forgiveFailures(): number {
    const peers = [...this.#dead];
    for (const peer of peers) {
      peer.failCount = this.#config.maxFailcount - 1;
      this.refresh(peer);
    }
    return peers.length;
  }

  noteTransfer(peer: PoolPeer, downloaded: number, uploaded: number): void {
    if (downloaded <= 0 && uploaded <= 0) return;
    const changesRank = peer.failCount > 0 || peer.slow ||
      (peer.prevAmountDownload === 0 && downloaded > 0);
    peer.prevAmountDownload += downloaded;
    peer.prevAmountUpload += uploaded;
    peer.failCount = peer.tries = 0;
    peer.slow = false;
    if (changesRank) this.refresh(peer);
  }

  /** Returns whether the peer lost so much trust that it should be banned. */
  noteHashFailure(peer: PoolPeer): boolean {
    peer.hashFails++;
    peer.trust = Math.max(this.#config.banTrust, peer.trust - 2);
    peer.onParole = true;
    this.refresh(peer);
    return peer.trust <= this.#config.banTrust;
  }

  noteGoodPiece(peer: PoolPeer): void {
    peer.trust = Math.min(MAX_TRUST, peer.trust + 1);
    peer.onParole = false;
  }

  setFinished(finished: boolean): void {
    if (this.#finished === finished) return;
    this.#finished = finished;
    for (const peer of this.list.values()) this.refresh(peer);
  }

  /** Others see us elsewhere than before. */
  ownEndpointChanged(): void {
    for (const peer of this.list.values()) {
      peer.spread = this.own.spread(peer);
      this.refresh(peer);
    }
  }

  /** As PeerPool.bans. */
  bans(): (PeerAddress & { reason: string })[] {
    const { addressBans, endpointBans } = this.list;
    return [
      ...addressBans.map(({ address, banReason }) => ({ address, port: 0, reason: banReason! })),
      ...endpointBans.map(({ address, port, banReason }) => {
        return { address, port, reason: banReason! };
      }),
    ];
  }

  /**
   * Peers that were connected once and can be dialled, best first; at the end those of an earlier
   * run that were not reached in this one yet, or a short run would forget them all.
   */
  knownGood(limit: number): PoolPeer[] {
    const good = [...this.list.values()].filter((peer) =>
      (peer.everConnected || (peer.sources & PEER_SOURCE.RESUME) !== 0) &&
      peer.connectable && peer.state !== PEER_STATE.BANNED && !this.#isDead(peer)
    );
    const reached = (peer: PoolPeer) => Number(peer.everConnected);
    return good.sort((a, b) =>
      reached(b) - reached(a) || b.rank - a.rank || b.lastConnected - a.lastConnected
    ).slice(0, limit);
  }
}

/** Ports 0 and 1 are what broken clients announce. */
export function isListenPort(port: number): boolean {
  return Number.isInteger(port) && port > 1 && port < 65536;
}
