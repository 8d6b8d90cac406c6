/**
 * The connected peers of one torrent: passes their blocks to the pieces and settles, once a turn,
 * those that changed. A peer is closed in `settle` or between turns, never in the middle of a chunk.
 * Without pieces, as for a magnet link without its metadata, connections are still made; `attach`
 * gives them the pieces.
 */
import type { Connection } from "../transport/connection.ts";
import type { Handshake } from "../wire/handshake.ts";
import type { ExtensionHandshake } from "../wire/extension.ts";
import { NetError, ProtocolError } from "../util/errors.ts";
import { assert } from "../util/assert.ts";
import { firstSource, type PoolPeer } from "../peers/pool_peer.ts";
import { type BlockReader, PeerLink } from "./peer/link.ts";
import type { PeerSession } from "./peer/session.ts";
import { Connector } from "./connector.ts";
import { expendable, idle, leastMissed } from "./eviction.ts";
import { SessionMaker } from "./session_maker.ts";
import type {
  Identity,
  Member,
  SwarmContent,
  SwarmEvents,
  SwarmOptions,
  SwarmPorts,
} from "./swarm_types.ts";
import { Uploading } from "./uploading.ts";
import { shareWindows } from "./window_shares.ts";

/** An unchoked, interested peer that requests nothing for this time does not need a seed. */
const IDLE_TAKER_MS = 60_000;

/** A full pool that downloads less than 1 KiB/s ends a connection for another one this often. */
const TURNOVER_MS = 10_000, STARVING_RATE = 1024;
/** After a sleep, a live connection receives something within this time, or it is renewed. */
const RENEWAL_MS = 6000;
/**
 * The most bytes of HAVEs for one peer when the torrent becomes known; beyond it, it is dialled
 * again.
 */
const MAX_HAVE_BYTES = 256 * 1024, HAVE_BYTES = 9;

const NO_READER: BlockReader = { readNow: () => false, prepare: () => false, copy() {} };

export class Swarm {
  readonly #ports: SwarmPorts;
  /** Null while the torrent is unknown or not at work. */
  #content: SwarmContent | null = null;
  readonly #events: SwarmEvents;
  #madeConnector: Connector | null = null;
  #madeSessions: SessionMaker | null = null;
  readonly #identity: Identity;
  readonly #uploading: Uploading;
  readonly #members = new Map<PoolPeer, Member>();
  readonly #bySession = new Map<PeerSession, Member>();
  readonly #dirty = new Set<Member>();
  readonly #hungry = new Set<Member>();
  /** Some peers may have been told that we want nothing more. */
  #saidDone = false;
  /** The final check has ended: until then, no complete peer is disconnected. */
  #isSeed = false;
  #version = 0;
  /** When a full pool may end a connection for another. */
  #turnsOverAt = 0;
  /** When silent connections end after a sleep. */
  #renewalAt = Infinity;
  #settling = false;

  constructor(
    ports: SwarmPorts,
    identity: Identity,
    options: SwarmOptions,
    events: SwarmEvents,
  ) {
    this.#ports = ports;
    this.#identity = identity;
    this.#events = events;
    this.#uploading = new Uploading({
      random: ports.random,
      limits: ports.limits,
      content: () => this.#content,
      sessions: this.#bySession,
      changed: (session) => this.#changed(session),
    }, options);
  }

  /** Made for the first connection: most torrents of a large client have none. */
  get #connector(): Connector {
    return this.#madeConnector ??= new Connector({
      ...this.#ports,
      handshake: () => this.handshake,
      makeRoom: (address, port) => this.#makeRoom(address, port),
      joined: (peer, connection) => this.#join(peer, connection),
      settle: () => this.settle(),
      unreached: (peer, error) => this.#events.unreached(peer, error),
    }, this.#identity);
  }

  /** Made for the first connection, too. */
  get #sessions(): SessionMaker {
    return this.#madeSessions ??= new SessionMaker({
      ...this.#ports,
      identity: this.#identity,
      content: () => this.#content,
    }, {
      changed: (session) => this.#changed(session),
      interestChanged: () => this.#uploading.slotsChanged(),
      choked: (session, dropped) => this.#uploading.spread?.choked(session.taker, dropped),
      strayed: (session, piece) =>
        this.#complete && this.#uploading.spread?.strayed(session.taker, piece),
      extensionHandshake: (session, theirs) => this.#onExtensionHandshake(session, theirs),
      dhtPort: (session, port) => this.#ports.extensions.hasDhtAt(session, port),
    });
  }

  /** The pieces are available: connected peers take part from now on. Between turns only. */
  attach(content: SwarmContent): void {
    this.#content = content;
    this.#version = 0;
    this.#saidDone = this.#isSeed = false;
    this.#madeSessions?.forgetWork();
    this.#uploading.attach(content);
    for (const member of [...this.#members.values()]) this.#bringIn(member, content);
    this.#shareWindows();
    this.settle();
  }

  /**
   * The pieces become unavailable. Connected peers stay: nothing is requested or served until the
   * next `attach`. Between turns only.
   */
  detach(): void {
    const content = this.#content, now = this.#ports.clock.now();
    this.#content = null;
    if (content === null) return;
    for (const { session, link } of this.#members.values()) {
      session.detach(now);
      content.pieces.peerLeft(session.source);
      session.source.wanted = session.source.pickable = 0;
      link.reader = NO_READER;
    }
    this.settle();
  }

  #bringIn(member: Member, { layout, pieces, reader }: SwarmContent): void {
    const { session, link, info } = member;
    member.tookAt = member.movedAt = this.#ports.clock.now();
    const isLong = pieces.have.count * HAVE_BYTES > MAX_HAVE_BYTES;
    if (isLong && session.isEarly) return link.close(null);
    try {
      session.attach(layout, pieces);
      link.reader = reader;
      pieces.peerJoined(session.source);
      session.recall(this.#uploading.hides);
      if (pieces.complete) session.extension.introduce(this.#extensionHandshake(info));
    } catch (error) {
      if (error instanceof ProtocolError) link.close(error);
      else this.#events.broke(error);
    }
  }

  /** Ends these useless connections in good order. */
  drop(sessions: Iterable<PeerSession>): void {
    for (const session of sessions) this.#bySession.get(session)?.link.close(null);
  }

  /** The member with this session while it is connected. */
  peerOf(session: PeerSession): PoolPeer | undefined {
    return this.#bySession.get(session)?.peer;
  }

  get #complete(): boolean {
    return this.#content?.pieces.complete ?? false;
  }

  get members(): IterableIterator<Member> {
    return this.#members.values();
  }

  get size(): number {
    return this.#members.size;
  }

  /** Dials while the pool has a peer to dial: after new peers, losses and back-offs. */
  dialMore(): void {
    if (this.#ports.pool.known !== null) this.#connector.dialMore();
  }

  #hangUp(member: Member): void {
    this.#remove(member, null);
    member.link.close(null);
  }

  // --- For the client ---

  /** An incoming connection for this torrent. Closes it if it is not welcome. */
  accept(connection: Connection): void {
    this.#connector.accept(connection);
  }

  /** We have a new piece: all peers are told with the next write. */
  announcePiece(piece: number): void {
    if (this.#content === null) return;
    for (const member of this.#members.values()) {
      member.session.taker.announce(piece);
      this.#dirty.add(member);
    }
  }

  /** We lost a piece: it is no longer uploaded. */
  withdrawPiece(piece: number): void {
    if (this.#content === null) return;
    for (const member of this.#members.values()) member.session.withdraw(piece);
  }

  /** All members are settled again in this turn: something about the whole torrent changed. */
  wakeAll(): void {
    for (const member of this.#members.values()) this.#dirty.add(member);
  }

  /** Call it a few times a second: rates, time-outs, choking, totals for the pool. */
  tick(now: number): void {
    this.dialMore();
    if (this.#members.size > 0) this.#tickMembers(now);
    if (this.#content !== null) this.#uploading.tick(now);
    this.#ports.extensions.tick(now);
    if (now >= this.#turnsOverAt) this.#turnOver(now);
    this.settle();
  }

  /** The machine slept: connections that receive nothing any more are renewed. */
  renew(now: number): void {
    this.#renewalAt = now + RENEWAL_MS;
    for (const { link } of [...this.#members.values()]) link.probe();
  }

  /** A peer that we cannot dial has to notice by itself, as we do. */
  #closeSilent(): void {
    const since = this.#renewalAt - RENEWAL_MS;
    this.#renewalAt = Infinity;
    for (const { peer, link } of [...this.#members.values()]) {
      if (link.heardAt > since) continue;
      link.close(
        new NetError("timeout", "The connection did not outlive the sleep of this machine"),
      );
      this.#ports.pool.known?.dialSoon(peer);
    }
  }

  #tickMembers(now: number): void {
    if (now >= this.#renewalAt) this.#closeSilent();
    this.#shareWindows();
    for (const member of [...this.#members.values()]) {
      member.link.tick(now);
      this.#connector.report(member);
      const { session } = member;
      const waits = session.taker.choking || !session.taker.peerInterested ||
        session.taker.upload.length > 0;
      if (waits) member.tookAt = now;
    }
    if (this.#isSeed && this.#complete) this.#dropIdle(now);
  }

  /** Updates all peers that changed, in the order of their changes. */
  settle(): void {
    if (this.#settling) return;
    this.#settling = true;
    const now = this.#ports.clock.now();
    const pieces = this.#content?.pieces ?? null;
    if (!this.#complete) this.#isSeed = false;
    if (this.#saidDone && !this.#complete) this.#wantsAgain();
    this.#saidDone = this.#complete;
    this.#uploading.settle(now);
    for (const member of this.#dirty) this.#settleOne(member, now);
    if (pieces !== null && pieces.states.version !== this.#version) {
      this.#version = pieces.states.version;
      for (const member of this.#hungry) {
        if (member.session.source.isHungry) this.#settleOne(member, now);
      }
    }
    this.#settling = false;
    this.#events.settled();
  }

  /**
   * We are complete: peers are told that we want nothing more (BEP 21), and those that have all
   * they want are disconnected.
   */
  becameSeed(): void {
    this.#isSeed = true;
    if (!this.#uploading.hides) this.reintroduce();
    this.#dropUseless();
  }

  /** Every peer is told our status again. */
  reintroduce(): void {
    for (const { session, info } of this.#members.values()) {
      session.extension.introduce(this.#extensionHandshake(info));
    }
  }

  /** More files are wanted, or a check found bad pieces: the earlier announcement is withdrawn. */
  #wantsAgain(): void {
    for (const { session, info } of this.#members.values()) {
      if (!session.extension.toldUploadOnly) continue;
      session.extension.introduce({ ...this.#extensionHandshake(info), uploadOnly: false });
    }
  }

  /** Closes the connections on which both sides have everything that they want. */
  #dropUseless(): void {
    if (!this.#complete) return;
    for (const { session, link } of [...this.#members.values()]) {
      if (session.taker.isDone && !session.taker.needsUs) link.close(null);
    }
  }

  /** As a seed, disconnects peers that are interested and unchoked but request nothing. */
  #dropIdle(now: number): void {
    this.#dropUseless();
    for (const { link, tookAt } of [...this.#members.values()]) {
      if (now - tookAt > IDLE_TAKER_MS) link.close(null);
    }
  }

  /** For tests: throws an InvariantError if sessions and connections contradict each other. */
  checkInvariants(): void {
    const { connected } = this.#ports.pool.stats();
    assert(this.#members.size === connected, "every connected peer is a member");
    assert(this.#members.size === this.#bySession.size, "every member has one session");
    for (const { session } of this.#members.values()) {
      assert(session.isInOrder, "nothing is asked or queued while choked but what is allowed");
    }
  }

  /** All slots are taken: a useless connection makes room for a newcomer. */
  #makeRoom(address: string, port: number): void {
    if (this.#content === null || !this.#ports.pool.isFull) return;
    const spread = this.#ports.pool.own.spreadOf(address, port);
    expendable(this.#members.values(), { address, spread }, this.#ports.clock.now())?.link.close(
      null,
    );
  }

  /**
   * All slots are taken, and others could be dialled: a connection that neither side uses makes
   * room, and without downloads one that sent nothing for long.
   */
  #turnOver(now: number): void {
    this.#turnsOverAt = now + TURNOVER_MS;
    if (
      this.#content === null || !this.#ports.pool.isFull ||
      this.#ports.pool.stats().candidates === 0
    ) return;
    const members = [...this.#members.values()].filter(({ session }) => !session.source.interested);
    (idle(members, now) ?? this.#leastMissed(now))?.link.close(null);
  }

  #leastMissed(now: number): Member | null {
    const rate = [...this.#bySession.keys()].reduce((sum, { source }) => sum + source.down.rate, 0);
    if (this.#complete) return null;
    return leastMissed(this.#members.values(), now, rate < STARVING_RATE);
  }

  /** Peers that are unchoked at once, besides the random one. */
  set uploadSlots(slots: number) {
    this.#uploading.slots = slots;
  }

  /** Turning it on affects later peers; connected ones know all our pieces. */
  setSuperSeed(on: boolean): void {
    this.#uploading.setSuperSeed(on);
    this.settle();
  }

  #settleOne(member: Member, now: number): void {
    this.#dirty.delete(member);
    member.session.settle(now);
    this.#uploading.feed(member.session.taker, now);
    if (member.session.source.isIdle) this.#hungry.add(member);
    else this.#hungry.delete(member);
    member.link.flush();
  }

  #shareWindows(): void {
    const pieces = this.#content?.pieces;
    if (pieces === undefined) return;
    shareWindows(this.#bySession, this.#ports.limits, pieces.budgetBlocks, this.#ports.clock.now());
  }

  #join(peer: PoolPeer, connection: Connection): void {
    const { theirs, info, incoming } = connection;
    const now = this.#ports.clock.now();
    const session = this.#sessions.make(peer, connection, now);
    const limits = this.#ports.limits.join(now);
    const reader = this.#content?.reader ?? NO_READER;
    const { clock, buffers } = this.#ports, shared = { clock, buffers, reader, ...limits };
    const link = new PeerLink(connection.socket, session, shared, {
      received: () => this.settle(),
      ended: (_link, error) => this.#ended(member, error),
      broke: (error) => this.#events.broke(error),
    });
    const reported = { down: 0, up: 0 }, since = { tookAt: now, movedAt: now };
    const source = firstSource(peer.sources, incoming), line = { info, incoming, source };
    const member: Member = { peer, session, link, ...line, limits, reported, ...since };
    this.#members.set(peer, member);
    this.#bySession.set(session, member);
    this.#content?.pieces.peerJoined(session.source);
    this.#shareWindows();
    session.out.append(connection.opening);
    session.open(this.#extensionHandshake(info), this.#uploading.hides);
    const listensOn = incoming ? null : peer.port;
    this.#ports.extensions.joined(session, info.remoteAddress, listensOn, theirs.dht);
    this.#dirty.add(member);
    peer.end = () => this.#hangUp(member);
    connection.handOver(link);
    this.#events.connected(member);
  }

  #changed(session: PeerSession): void {
    const member = this.#bySession.get(session);
    if (member !== undefined) this.#dirty.add(member);
  }

  #ended(member: Member, error: Error | null): void {
    if (!this.#members.has(member.peer)) return;
    this.#remove(member, error);
    this.#connector.closed(member, error);
  }

  #remove(member: Member, error: Error | null): void {
    const { peer, session } = member;
    this.#connector.report(member);
    this.#members.delete(peer);
    this.#ports.limits.leave(member.limits);
    this.#bySession.delete(session);
    this.#dirty.delete(member);
    this.#hungry.delete(member);
    this.#uploading.forget(session.taker);
    this.#ports.extensions.left(session);
    session.close();
    this.#content?.pieces.peerLeft(session.source);
    this.#sessions.ended(session, member.info.remoteAddress, this.#ports.clock.now());
    this.#events.disconnected(member, error);
  }

  #onExtensionHandshake(session: PeerSession, theirs: ExtensionHandshake): void {
    const member = this.#bySession.get(session);
    this.#ports.extensions.introduced(session, theirs);
    if (member === undefined || !member.incoming || theirs.port === undefined) return;
    this.#ports.pool.listensOn(member.peer, theirs.port, this.#ports.clock.now());
  }

  /** The first message to each peer. */
  get handshake(): Handshake {
    return this.#sessions.handshake;
  }

  #extensionHandshake(info: Member["info"]): ExtensionHandshake {
    return this.#sessions.extensionHandshake(info, this.#complete && !this.#uploading.hides);
  }
}
