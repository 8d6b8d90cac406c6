/**
 * The peers of one torrent: all known ones, which to dial next, and which are connected. Two tiers
 * and a cache: the list of all known peers and the cache of those ready to be dialled, best first
 * (both in the PeerBook), and the active connections (here). The pool only decides: its caller asks
 * for the `next` peer, dials it, and reports the result. From `connectToPeers` to `stop` there
 * is a next one as long as a place is free and a peer may be dialled. All times are the
 * clock's milliseconds; every step is O(log n). Invariants: CONNECTING and CONNECTED peers are
 * exactly those in the two sets; banned peers are never dialled; connections never exceed the
 * limit; each connection and each attempt holds a slot of the client's.
 */
import { assert } from "../util/assert.ts";
import { canonicalIp, formatIp, parseIp } from "../util/ip_address.ts";
import { ConnectionSlots, type SlotUser } from "./connection_slots.ts";
import { absorb, olderConnection } from "./duplicates.ts";
import type { KeptBan } from "./kept_peers.ts";
import { OwnEndpoint } from "./own_endpoint.ts";
import { isListenPort, isRefused, PeerBook } from "./peer_book.ts";
import type { BanScope } from "./peer_list.ts";
import { lowestRanked } from "./peer_rank.ts";
import { NOTHING, PEER_SOURCE, PEER_STATE, type PoolPeer } from "./pool_peer.ts";
import { areTwins, pair, twinAmong, unpair } from "./twins.ts";
import { type PeerPoolConfig, POOL_DEFAULTS, type PoolStats } from "./pool_types.ts";

/** A connection that ends within this time was refused, if the peer may have had a reason. */
const BRIEF_MS = 2000;

export class PeerPool implements SlotUser {
  readonly #config: PeerPoolConfig;
  readonly #slots: ConnectionSlots;
  readonly own: OwnEndpoint;
  /** Null until there is a peer: most torrents of a large client have none. */
  #made: PeerBook | null = null;
  #finished = false;
  readonly #connected = new Set<PoolPeer>();
  readonly #onBanned: (peer: PoolPeer, reason: string) => void;
  #maxActive: number;
  #running = false;

  /** `slots` are shared with the pools of other torrents; by default there is no limit overall. */
  constructor(
    config: Partial<PeerPoolConfig>,
    slots: ConnectionSlots = new ConnectionSlots(),
    onBanned: (peer: PoolPeer, reason: string) => void = () => {},
  ) {
    this.#config = { ...POOL_DEFAULTS, ...config };
    assert(this.#config.maxPeerlistSize > 0, "the peer list has room for a peer");
    this.#onBanned = onBanned;
    this.#slots = slots;
    const changed = () => this.#made?.ownEndpointChanged();
    this.own = new OwnEndpoint(this.#config.crc32c, this.#config.peerId, changed);
    this.#maxActive = this.#config.maxActiveConnections;
  }

  /**
   * Adds the peers of one tracker answer or message, or `source` (PEER_SOURCE) to known ones;
   * returns the number of new ones. Refused are addresses that cannot be dialled, our own, banned
   * ones, and those worth less than all others of a full list.
   */
  addPeers(
    peers: Iterable<{ address: string; port: number }>,
    source: number,
    now: number,
  ): number {
    const before = this.#made?.learned ?? 0;
    const fresh = new Set<PoolPeer>();
    for (const { address, port } of peers) {
      const peer = this.#book.learn(address, port, source);
      if (peer !== null && peer.order >= before) fresh.add(peer);
    }
    // Later peers of a long list may have pushed out earlier ones.
    for (const peer of fresh) if (!this.#book.knows(peer)) fresh.delete(peer);
    this.#settle(now);
    return fresh.size;
  }

  /** From now on there are peers to dial. */
  connectToPeers(now: number): void {
    this.#running = true;
    this.#slots.join(this);
    this.#settle(now);
  }

  /**
   * The peer to dial now, which counts as being dialled from now on: set its `end`, and report the
   * result by `connected` or `connectionClosed`. Null if there is none, or no place.
   */
  next(now: number): PoolPeer | null {
    if (this.#made === null) return null;
    this.#made.promote(now);
    const peer = this.#running ? this.#pick(this.#made, now) : undefined;
    if (peer === undefined) return null;
    this.#slots.take();
    peer.state = PEER_STATE.CONNECTING;
    peer.incoming = false;
    peer.dials.tries++;
    this.#slots.pace.begun(peer, now);
    this.#made.attempts.start(peer, now);
    this.#made.refresh(peer);
    return peer;
  }

  /** The handshake of a connection that we dialled is complete. */
  connected(peer: PoolPeer, now: number, peerId: Uint8Array | null = null): void {
    if (peer.state !== PEER_STATE.CONNECTING) return;
    this.#book.attempts.end(peer);
    this.#enter(peer, now, peerId);
    this.#keepOneTwin(peer, now);
    this.#settle(now);
  }

  /**
   * A peer dialled us and named the torrent. Returns the peer, connected; null if it is refused:
   * banned, connected already, or no slot is free. An attempt of ours in progress yields, and so
   * does an earlier connection of the same peer (address and peer id).
   */
  incoming(
    address: string,
    port: number,
    now: number,
    peerId: Uint8Array | null = null,
  ): PoolPeer | null {
    const bytes = parseIp(address);
    if (bytes === null) return null;
    const canonical = formatIp(bytes);
    if (this.#book.list.refuses(canonical, bytes)) return null;
    const older = olderConnection(this.#connected, canonical, peerId);
    if (older !== undefined) this.#hangUp(older, now);
    let peer = this.#book.list.find(canonical, port);
    if (peer !== undefined && !this.#welcomesAgain(peer, peerId)) return null;
    if (peer?.state === PEER_STATE.CONNECTING) this.#hangUp(peer, now);
    if (!this.#makeRoom(now)) return null;
    if (peer === undefined) {
      peer = this.#book.add(canonical, bytes, port, 0);
      peer.connectable = false;
    }
    peer.sources |= PEER_SOURCE.INCOMING;
    peer.incoming = true;
    this.#enter(peer, now, peerId);
    this.#book.shrink();
    this.#settle(now);
    return peer;
  }

  /** Whether a listed peer may come in on a connection of its own. */
  #welcomesAgain(peer: PoolPeer, peerId: Uint8Array | null): boolean {
    if (peer.state === PEER_STATE.BANNED || peer.state === PEER_STATE.CONNECTED) return false;
    if (peer.state !== PEER_STATE.CONNECTING) return true;
    return !this.own.keepsOutgoing(peer.port, peerId);
  }

  #makeRoom(now: number): boolean {
    if (this.#connected.size >= this.#maxActive) return false;
    const [longest] = this.#attempts;
    if (this.#slots.isFull && longest !== undefined) this.#hangUp(longest, now);
    return this.#slots.makeRoom(this, now);
  }

  /**
   * A connection ended, or an attempt failed. No effect on a peer that is not active. `error`: it
   * failed, which counts against the peer. `broke` (default `error`): neither side ended it in
   * order, though the peer may have been useful. `breach`: see `breachOf`.
   */
  connectionClosed(
    peer: PoolPeer,
    now: number,
    how: { error: boolean; broke?: boolean; breach?: string | null },
  ): void {
    if (!peer.active) return;
    const brief = peer.state === PEER_STATE.CONNECTING || now - peer.lastConnected < BRIEF_MS;
    if (peer.dials.quickTries > 0 && brief) peer.dials.quickTries--;
    else if (how.error) peer.dials.failCount++;
    if (!brief) peer.dials.quickTries = 0;
    peer.dials.leftInOrder = !(how.broke ?? how.error);
    this.#leave(peer, now);
    const ban = how.breach ? this.#book.breaches.note(peer, how.breach, now) : null;
    if (ban !== null) this.#ban(peer, ban.reason, ban.scope);
    this.#settle(now);
  }

  /**
   * An incoming peer announced its listening port (BEP 10, key "p"). That may show that it is
   * known, or connected already: then one of the two connections ends, the same one on both sides.
   * Returns false if it is this one.
   */
  listensOn(peer: PoolPeer, port: number, now: number): boolean {
    if (peer.state !== PEER_STATE.CONNECTED) return false;
    if (peer.connectable || !isListenPort(port)) return true;
    const other = this.#book.list.find(peer.address, port);
    if (other === undefined || other === peer) {
      this.#book.list.move(peer, port);
    } else if (isRefused(other)) {
      this.#hangUp(peer, now);
    } else if (this.#prefers(other)) {
      other.sources |= peer.sources;
      this.#hangUp(peer, now);
    } else {
      if (other.active) this.#hangUp(other, now);
      this.#book.forget(other);
      absorb(peer, other);
      this.#book.list.move(peer, port);
    }
    peer.connectable = peer.active;
    this.#book.refresh(peer);
    if (peer.active) this.#keepOneTwin(peer, now);
    this.#settle(now);
    return peer.active;
  }

  /**
   * Whether the connection under a peer's listening port stays when a second one came in. A peer
   * that dialled us before does not dial again unless its first connection is dead, which we may
   * not know yet: then the new one stays.
   */
  #prefers(other: PoolPeer): boolean {
    if (other.state !== PEER_STATE.CONNECTED || other.incoming) return false;
    return this.own.keepsOutgoing(other.port, other.peerId);
  }

  /**
   * Dials no peer until `connectToPeers` is called again, and ends all connections; with `keeps` only
   * those whose slots other torrents need. The peers of ended connections are dialled soon after that:
   * until a peer notices that we left, it may take us for a second connection of the same peer
   * (Transmission checks twice a second) and refuse, so a few refusals do not count.
   */
  stop(now: number, keeps = false): void {
    this.#running = false;
    const ending = keeps ? [] : [...this.#connected];
    this.#endAttempts(now);
    for (const peer of ending) {
      this.#hangUp(peer, now);
      this.#book.dialSoon(peer);
    }
    if (keeps) this.#slots.rest(this);
    else this.#slots.leave(this);
    this.#settle(now);
  }

  /** Forgets all peers that are not from one of these sources (PEER_SOURCE bits). */
  keepOnly(sources: number, now: number): void {
    for (const peer of [...this.#made?.list.values() ?? []]) {
      if (peer.state === PEER_STATE.BANNED) continue;
      if ((peer.sources & sources) === 0) {
        if (peer.active) this.#hangUp(peer, now);
        this.#book.forget(peer);
      }
    }
    this.#settle(now);
  }

  /** A limit below the present number ends attempts first, then the lowest ranked connections. */
  setMaxActive(count: number, now: number): void {
    this.#maxActive = count;
    if (this.#connected.size >= count) this.#endAttempts(now);
    while (this.#connected.size > Math.max(0, count)) this.giveUpOne(now);
    this.#settle(now);
  }

  #endAttempts(now: number): void {
    for (const peer of this.#attempts) this.#hangUp(peer, now);
  }

  /** Ends the attempt that waits longest, or the lowest ranked connection; there must be one. */
  giveUpOne(now: number): void {
    const [attempt] = this.#attempts;
    this.#hangUp(attempt ?? lowestRanked(this.#connected), now);
  }

  /**
   * Never dials the peer again and ends its connection. `scope` "address" (the default) also
   * refuses all others at its address; "endpoint" is for problems that may not be its fault.
   */
  ban(peer: PoolPeer, now: number, reason: string, scope: BanScope = "address"): void {
    const listed = this.#book.list.find(peer.address, peer.port) ?? peer;
    if (listed.state === PEER_STATE.BANNED) return;
    if (listed.active) this.#hangUp(listed, now);
    this.#ban(listed, reason, scope);
    this.#settle(now);
  }

  /** Restores the bans of an earlier run. */
  recallBans(bans: Iterable<KeptBan>, now: number): void {
    for (const { address, port, reason } of bans) {
      const bytes = parseIp(address);
      if (bytes === null) continue;
      const canonical = formatIp(bytes);
      const peer = this.#book.list.find(canonical, port) ??
        this.#book.add(canonical, bytes, port, PEER_SOURCE.RESUME);
      this.ban(peer, now, reason, port === 0 ? "address" : "endpoint");
    }
  }

  /** Whether we are complete: then seeds are neither preferred nor dialled. */
  setFinished(finished: boolean): void {
    this.#finished = finished;
    this.#made?.setFinished(finished);
  }

  stats(): PoolStats {
    return {
      total: this.#made?.list.size ?? 0,
      candidates: this.#made?.cache.size ?? 0,
      connecting: this.#connecting,
      connected: this.#connected.size,
      dead: this.#made?.dead ?? 0,
      banned: this.#made?.list.banned ?? 0,
    };
  }

  /** Every slot has an established connection. */
  get isFull(): boolean {
    return this.#connected.size >= this.#maxActive ||
      (this.#slots.isFull && this.#connecting === 0 && !this.#slots.hasResting);
  }

  /** Whether this newcomer, if it is accepted, replaces its own older connection. */
  replacesItself(address: string, peerId: Uint8Array): boolean {
    const canonical = canonicalIp(address);
    return canonical !== null &&
      olderConnection(this.#connected, canonical, peerId) !== undefined;
  }

  /** Connections and attempts. */
  get active(): number {
    return this.#connecting + this.#connected.size;
  }

  /** The peer book; null until there is a peer. */
  get known(): PeerBook | null {
    return this.#made;
  }

  get #book(): PeerBook {
    return this.#made ??= new PeerBook(this.#config, this.own, this.#finished);
  }

  #enter(peer: PoolPeer, now: number, peerId: Uint8Array | null): void {
    if (peer.state !== PEER_STATE.CONNECTING) this.#slots.take();
    this.#connected.add(peer);
    peer.state = PEER_STATE.CONNECTED;
    peer.peerId = peerId;
    peer.everConnected = true;
    peer.lastConnected = now;
    this.#book.refresh(peer);
    if (peer.twin !== null) this.#meetTwin(peer, peer.twin, now);
    if (this.#connected.size >= this.#maxActive) this.#endAttempts(now);
  }

  /** It is connected, so its other address must not be dialled, if that is still its own. */
  #meetTwin(peer: PoolPeer, twin: PoolPeer, now: number): void {
    if (!areTwins(peer, twin)) return unpair(this.#book, peer);
    if (twin.state === PEER_STATE.CONNECTING) this.#hangUp(twin, now);
    this.#book.refresh(twin);
  }

  /**
   * Ends one of two connections to a peer with an IPv4 and an IPv6 address. If the same side
   * dialled both, it ends the later one; otherwise both sides find the same one superfluous.
   */
  #keepOneTwin(peer: PoolPeer, now: number): void {
    const other = twinAmong(this.#connected, peer);
    if (other === undefined || (peer.incoming && other.incoming)) return;
    pair(this.#book, peer, other);
    this.#hangUp(this.#superfluous(peer, other), now);
  }

  #superfluous(peer: PoolPeer, other: PoolPeer): PoolPeer {
    if (peer.incoming === other.incoming) return peer;
    const [dialled, came] = peer.incoming ? [other, peer] : [peer, other];
    return this.own.keepsOutgoing(dialled.port, dialled.peerId) ? came : dialled;
  }

  #hangUp(peer: PoolPeer, now: number): void {
    peer.dials.quickTries = 0;
    peer.dials.leftInOrder = peer.state === PEER_STATE.CONNECTED;
    peer.hangUp();
    this.#leave(peer, now);
  }

  /**
   * Removes a peer from the active ones. A peer that only dialled us cannot be dialled and is
   * forgotten.
   */
  #leave(peer: PoolPeer, now: number): void {
    const wasConnecting = this.#book.attempts.end(peer);
    const wasConnected = this.#connected.delete(peer);
    if (wasConnecting || wasConnected) this.#slots.giveBack();
    peer.state = PEER_STATE.DISCONNECTED;
    peer.end = NOTHING;
    peer.lastConnected = now;
    const { twin } = peer;
    if (peer.connectable) this.#book.refresh(peer);
    else this.#book.forget(peer);
    if (twin !== null) this.#book.refresh(twin);
  }

  #ban(peer: PoolPeer, reason: string, scope: BanScope): void {
    this.#book.ban(peer, reason, scope);
    this.#onBanned(peer, reason);
  }

  /** Ends every step. */
  #settle(now: number): void {
    this.#made?.promote(now);
  }

  #pick(book: PeerBook, now: number): PoolPeer | undefined {
    if (!this.#hasRoom(now)) return undefined;
    const tooMany = this.#connecting >= this.#config.maxHalfOpen || this.#slots.isFull;
    const best = book.nextCandidate(now, this.#alone && !tooMany, this.#slots.pace);
    if (best === undefined || (tooMany && !this.#giveUpFor(best, now))) return undefined;
    return this.#slots.mayBegin(now) ? best : undefined;
  }

  #hasRoom(now: number): boolean {
    const room = Math.min(this.#config.maxPending, this.#maxActive - this.#connected.size);
    return room > 0 && this.#book.attempts.pending(now, this.#alone) < room;
  }

  /**
   * Ends an attempt, or another torrent's connection, in favour of `best`; false if none may end.
   */
  #giveUpFor(best: PoolPeer, now: number): boolean {
    const overdue = best.dials.slow ? null : this.#book.attempts.overdue(now);
    if (overdue !== null) {
      overdue.dials.slow = true;
      this.#hangUp(overdue, now);
      return true;
    }
    // Connections of other torrents end only for one without any: a dialled peer may be dead.
    return (this.active === 0 || this.#slots.hasResting) && this.#slots.makeRoom(this, now);
  }

  get #connecting(): number {
    return this.#made?.attempts.size ?? 0;
  }

  get #attempts(): PoolPeer[] {
    return this.#made?.attempts.peers ?? [];
  }

  get #alone(): boolean {
    return this.#connected.size === 0;
  }
}
