/**
 * The connected peers of one torrent: dials the peers that the pool chooses, passes their blocks to
 * the pieces, and settles, once a turn, those that changed. A peer is closed in `settle` or between
 * turns, never in the middle of a chunk. Without pieces, as for a magnet link without its metadata,
 * connections are still made; `attach` gives them the pieces.
 */
import type { Clock, Hasher, Random, SocketInfo } from "../platform/types.ts";
import type { Connection } from "../transport/connection.ts";
import type { Dial } from "../transport/dial.ts";
import type { Layout } from "../metainfo/layout.ts";
import { allowedFastSet } from "../wire/allowed_fast.ts";
import type { Handshake } from "../wire/handshake.ts";
import type { ExtensionHandshake } from "../wire/extension.ts";
import { NetError, ProtocolError } from "../util/errors.ts";
import { assert } from "../util/assert.ts";
import { type BlockReader, type LinkShared, PeerLink } from "./peer/link.ts";
import { PeerSession, type SessionInfo } from "./peer/session.ts";
import { NO_BOOK, NO_LAYOUT } from "./peer/early_pieces.ts";
import { breachOf } from "../peers/breaches.ts";
import { noteSeed, noteTransfer } from "../peers/conduct.ts";
import { Choker } from "./choker.ts";
import type { TorrentExtensions } from "./extensions.ts";
import { OwnId } from "./own_id.ts";
import { expendable, idle, leastMissed } from "./eviction.ts";
import { OURSELVES } from "../peers/peer_book.ts";
import type { PeerPool } from "../peers/peer_pool.ts";
import { firstSource, type PoolPeer } from "../peers/pool_peer.ts";
import type { PieceManager } from "../pieces/piece_manager.ts";
import { SpentWork } from "./spent_work.ts";
import { Spread } from "./spread.ts";
import { SuperSeed } from "./super_seed.ts";
import type { LinkLimits, RateLimits } from "./rate_limits.ts";

/** An unchoked, interested peer that requests nothing for this time does not need a seed. */
const IDLE_TAKER_MS = 60_000;

/** A full pool that downloads less than 1 KiB/s ends a connection for another one this often. */
const TURNOVER_MS = 10_000, STARVING_RATE = 1024;
/** After a sleep, a live connection receives something within this time, or it is renewed. */
const RENEWAL_MS = 6000;
/** A super-seed walks this many pieces per millisecond of rest before the next time. */
const SHOWN_PIECES_A_MS = 20_000;

/** How long a new peer counts as one that will upload: many may unchoke us at once. */
const HOPEFUL_MS = 10_000;

/**
 * The most bytes of HAVEs for one peer when the torrent becomes known; beyond it, it is dialled
 * again.
 */
const MAX_HAVE_BYTES = 256 * 1024, HAVE_BYTES = 9;

const NO_READER: BlockReader = { readNow: () => false, prepare: () => false, copy() {} };

/** The purpose of the connections. */
export interface SwarmContent {
  readonly layout: Layout;
  readonly pieces: PieceManager;
  readonly reader: BlockReader;
}

export interface SwarmEvents {
  connected(member: Member): void;
  disconnected(member: Member, error: Error | null): void;
  /** A connection could not be made. */
  unreached(peer: PoolPeer, error: Error): void;
  /** An internal error (a FileError, a bug): the torrent must stop. */
  broke(error: unknown): void;
  /** The end of a turn with changes. */
  settled(): void;
}

export interface Identity {
  infoHash: Uint8Array;
  peerId: Uint8Array;
  /** Lets a tracker know us again when our address changes (BEP 7): 32 bits. */
  trackerKey: number;
  /** 0 if we do not listen. */
  listenPort(): number;
  clientName: string;
}

export interface SwarmOptions {
  /** Peers unchoked at once, besides the random one. */
  uploadSlots: number;
  /** Announces its pieces one by one once it is complete (BEP 16). */
  superSeed: boolean;
}

/** One connected peer: its entry in the pool, its protocol state and its socket. */
export interface Member {
  readonly peer: PoolPeer;
  readonly session: PeerSession;
  readonly link: PeerLink;
  readonly info: SocketInfo;
  readonly incoming: boolean;
  /** One bit of PEER_SOURCE: how it was found, as known when it connected. */
  readonly source: number;
  readonly limits: LinkLimits;
  /** Totals of this connection as reported to the pool. */
  reported: { down: number; up: number };
  /** When it last downloaded something, or had no reason to. */
  tookAt: number;
  /** When it last sent or received data; at first, when it connected. */
  movedAt: number;
}

export class Swarm {
  readonly #clock: Clock;
  readonly #hasher: Hasher;
  readonly #random: Random;
  /** Null while the torrent is unknown or not at work. */
  #content: SwarmContent | null = null;
  readonly #dial: Dial;
  readonly #pool: PeerPool;
  readonly #identity: Identity;
  readonly #ownId: OwnId;
  readonly #shared: Pick<LinkShared, "clock" | "buffers">;
  readonly #limits: RateLimits;
  readonly #events: SwarmEvents;
  readonly #extensions: TorrentExtensions;
  readonly #choker: Choker<PeerSession>;
  #superSeeds: boolean;
  #superSeed: SuperSeed<PeerSession> | null = null;
  #spread: Spread<PeerSession> | null = null;
  readonly #members = new Map<PoolPeer, Member>();
  readonly #bySession = new Map<PeerSession, Member>();
  readonly #freeSlots: number[] = [];
  #spentWork: SpentWork | null = null;
  readonly #dirty = new Set<Member>();
  readonly #hungry = new Set<Member>();
  #slots = 0;
  #slotsChanged = false;
  /** Some peers may have been told that we want nothing more. */
  #saidDone = false;
  /** The final check has ended: until then, no complete peer is disconnected. */
  #isSeed = false;
  #version = 0;
  /** When a full pool may end a connection for another, and a super-seed look what to show. */
  #turnsOverAt = 0;
  /** When silent connections end after a sleep. */
  #renewalAt = Infinity;
  #showsAt = 0;
  #settling = false;

  constructor(
    platform: { clock: Clock; random: Random; hasher: Hasher },
    ports: Pick<LinkShared, "buffers"> & {
      dial: Dial;
      pool: PeerPool;
      limits: RateLimits;
      extensions: TorrentExtensions;
    },
    identity: Identity,
    options: SwarmOptions,
    events: SwarmEvents,
  ) {
    this.#clock = platform.clock;
    this.#hasher = platform.hasher;
    this.#random = platform.random;
    this.#dial = ports.dial;
    this.#pool = ports.pool;
    this.#identity = identity;
    this.#ownId = new OwnId(platform.random, identity);
    this.#limits = ports.limits;
    this.#extensions = ports.extensions;
    this.#shared = { clock: platform.clock, buffers: ports.buffers };
    this.#events = events;
    this.#superSeeds = options.superSeed;
    this.#choker = new Choker(platform.random, options.uploadSlots);
  }

  /** The pieces are available: connected peers take part from now on. Between turns only. */
  attach(content: SwarmContent): void {
    const { pieceCount } = content.layout;
    this.#content = content;
    this.#version = 0;
    this.#saidDone = this.#isSeed = false;
    this.#slotsChanged = true;
    this.#spentWork = null;
    this.#superSeed = this.#superSeeds ? new SuperSeed(pieceCount) : null;
    this.#spread = null;
    for (const member of [...this.#members.values()]) this.#bringIn(member, content);
    this.#shareWindows();
    this.settle();
  }

  /**
   * The pieces become unavailable. Connected peers stay: nothing is requested or served until the
   * next `attach`. Between turns only.
   */
  detach(): void {
    const content = this.#content, now = this.#clock.now();
    this.#content = null;
    if (content === null) return;
    for (const { session, link } of this.#members.values()) {
      session.detach(now);
      content.pieces.peerLeft(session);
      session.wanted = session.pickable = 0;
      link.reader = NO_READER;
    }
    this.settle();
  }

  #bringIn(member: Member, { layout, pieces, reader }: SwarmContent): void {
    const { session, link, info } = member;
    member.tookAt = member.movedAt = this.#clock.now();
    const isLong = pieces.have.count * HAVE_BYTES > MAX_HAVE_BYTES;
    if (isLong && session.isEarly) return link.close(null);
    try {
      session.attach(layout, pieces);
      link.reader = reader;
      pieces.peerJoined(session);
      session.recall(this.#hides);
      if (pieces.complete) session.reintroduce(this.#extensionHandshake(info));
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
    const now = this.#clock.now();
    for (let peer = this.#pool.next(now); peer !== null; peer = this.#pool.next(now)) {
      this.#begin(peer);
    }
  }

  #begin(peer: PoolPeer): void {
    const dialling = this.#dial(peer, this.handshake, {
      answered: () => this.#pool.known?.attempts.answered(peer, this.#clock.now()),
      connected: (connection) => {
        this.#join(peer, connection);
        this.#pool.connected(peer, this.#clock.now(), connection.theirs.peerId);
        this.settle();
      },
      failed: (error, info) => {
        const now = this.#clock.now(), isOurs = this.#pool.own.isOurs(peer.bytes, peer.port);
        this.#events.unreached(peer, error);
        this.#pool.connectionClosed(peer, now, { error: true });
        const isSelf = this.#ownId.reachedSelf(error, info, isOurs, now);
        if (isSelf) this.#pool.ban(peer, now, OURSELVES, "endpoint");
        this.dialMore();
      },
    });
    peer.end = () => dialling.cancel();
  }

  #hangUp(member: Member): void {
    this.#remove(member, null);
    member.link.close(null);
  }

  // --- For the client ---

  /** An incoming connection for this torrent. Closes it if it is not welcome. */
  accept(connection: Connection): void {
    const { theirs: { peerId }, info } = connection, { remoteAddress, remotePort } = info;
    if (this.#ownId.refuses(connection)) return;
    const now = this.#clock.now();
    const replaces = this.#pool.replacesItself(remoteAddress, peerId);
    if (!replaces && this.#content !== null) this.#makeRoom(info, now);
    const peer = this.#pool.incoming(remoteAddress, remotePort, now, peerId);
    if (peer === null) return connection.close();
    this.#join(peer, connection);
    this.settle();
  }

  /** We have a new piece: all peers are told with the next write. */
  announcePiece(piece: number): void {
    if (this.#content === null) return;
    for (const member of this.#members.values()) {
      member.session.announce(piece);
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
    if (this.#content !== null) {
      this.#choker.carried = this.#limits.carriedUp(this.#wanting);
      this.#choker.tick(this.#bySession.keys(), this.#complete, now);
    }
    this.#extensions.tick(now);
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
      this.#pool.known?.dialSoon(peer);
    }
  }

  /** Members that are interested in our pieces. */
  get #wanting(): number {
    let count = 0;
    for (const session of this.#bySession.keys()) if (session.peerInterested) count++;
    return count;
  }

  #tickMembers(now: number): void {
    if (now >= this.#renewalAt) this.#closeSilent();
    this.#shareWindows();
    for (const member of [...this.#members.values()]) {
      member.link.tick(now);
      this.#report(member);
      const { session } = member;
      const waits = session.choking || !session.peerInterested || session.upload.length > 0;
      if (waits) member.tookAt = now;
    }
    if (this.#isSeed && this.#complete) this.#dropIdle(now);
  }

  /** Updates all peers that changed, in the order of their changes. */
  settle(): void {
    if (this.#settling) return;
    this.#settling = true;
    const now = this.#clock.now();
    const pieces = this.#content?.pieces ?? null;
    if (!this.#complete) this.#isSeed = false;
    if (this.#saidDone && !this.#complete) this.#wantsAgain();
    this.#saidDone = this.#complete;
    if (this.#slotsChanged && pieces !== null) {
      this.#choker.useFreeSlots(this.#bySession.keys(), pieces.complete, now);
    }
    this.#slotsChanged = false;
    if (this.#hides && now >= this.#showsAt) this.#showPieces(now);
    for (const member of this.#dirty) this.#settleOne(member, now);
    if (pieces !== null && pieces.version !== this.#version) {
      this.#version = pieces.version;
      for (const member of this.#hungry) if (member.session.isHungry) this.#settleOne(member, now);
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
    if (!this.#hides) this.reintroduce();
    this.#dropUseless();
  }

  /** Every peer is told our status again. */
  reintroduce(): void {
    for (const { session, info } of this.#members.values()) {
      session.reintroduce(this.#extensionHandshake(info));
    }
  }

  /** More files are wanted, or a check found bad pieces: the earlier announcement is withdrawn. */
  #wantsAgain(): void {
    for (const { session, info } of this.#members.values()) {
      if (!session.toldUploadOnly) continue;
      session.reintroduce({ ...this.#extensionHandshake(info), uploadOnly: false });
    }
  }

  /** Closes the connections on which both sides have everything that they want. */
  #dropUseless(): void {
    if (!this.#complete) return;
    for (const { session, link } of [...this.#members.values()]) {
      if (session.isDone && !session.needsUs) link.close(null);
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
    const { connected } = this.#pool.stats();
    assert(this.#members.size === connected, "every connected peer is a member");
    assert(this.#members.size === this.#bySession.size, "every member has one session");
    for (const { session } of this.#members.values()) {
      assert(session.isInOrder, "nothing is asked or queued while choked but what is allowed");
    }
  }

  /** All slots are taken: a useless connection makes room for a newcomer. */
  #makeRoom({ remoteAddress, remotePort }: SocketInfo, now: number): void {
    if (!this.#pool.isFull) return;
    const spread = this.#pool.own.spreadOf(remoteAddress, remotePort);
    const newcomer = { address: remoteAddress, spread };
    expendable(this.#members.values(), newcomer, now)?.link.close(null);
  }

  /**
   * All slots are taken, and others could be dialled: a connection that neither side uses makes
   * room, and without downloads one that sent nothing for long.
   */
  #turnOver(now: number): void {
    this.#turnsOverAt = now + TURNOVER_MS;
    if (this.#content === null || !this.#pool.isFull || this.#pool.stats().candidates === 0) return;
    const members = [...this.#members.values()].filter(({ session }) => !session.interested);
    (idle(members, now) ?? this.#leastMissed(now))?.link.close(null);
  }

  #leastMissed(now: number): Member | null {
    const rate = [...this.#bySession.keys()].reduce((sum, { down }) => sum + down.rate, 0);
    if (this.#complete || rate >= STARVING_RATE) return null;
    return leastMissed(this.#members.values(), now);
  }

  /** Peers that are unchoked at once, besides the random one. */
  set uploadSlots(slots: number) {
    this.#choker.slots = slots;
  }

  /** Turning it on affects later peers; connected ones know all our pieces. */
  setSuperSeed(on: boolean): void {
    this.#superSeeds = on;
    if (on) {
      if (this.#content === null) return;
      this.#superSeed ??= new SuperSeed(this.#content.layout.pieceCount);
      return;
    }
    if (this.#hides) {
      const told = [...this.#bySession.keys()].filter((session) => session.toldPieces);
      this.#superSeed!.end(told);
      for (const session of told) this.#changed(session);
      this.settle();
    }
    this.#superSeed = null;
  }

  /** Whether our pieces are announced one by one. */
  get #hides(): boolean {
    return this.#superSeed?.over === false && this.#complete;
  }

  #settleOne(member: Member, now: number): void {
    this.#dirty.delete(member);
    member.session.settle(now);
    if (this.#complete && !this.#hides) this.#feed(member.session, now);
    if (member.session.isIdle) this.#hungry.add(member);
    else this.#hungry.delete(member);
    member.link.flush();
  }

  /** Suggests pieces that nobody has; a peer that got some gives way to one that waits. */
  #feed(session: PeerSession, now: number): void {
    const { layout, pieces } = this.#content!;
    this.#spread ??= new Spread(layout, this.#random, (piece) => pieces.availabilityOf(piece));
    if (!this.#spread.feed(session, now)) return;
    this.#choker.passOn(session, this.#bySession.keys(), now);
  }

  /** It walks all pieces, so in a torrent of many not in every turn. */
  #showPieces(now: number): void {
    const { layout, pieces } = this.#content!;
    this.#showsAt = now + layout.pieceCount / SHOWN_PIECES_A_MS;
    const told = [...this.#bySession.keys()].filter((session) => session.toldPieces);
    this.#superSeed!.update(told, (piece) => pieces.availabilityOf(piece), now);
    for (const session of told) if (session.out.length > 0) this.#changed(session);
  }

  /**
   * The memory for open pieces and the rate limits are shared evenly, or the first peers would take
   * everything. A limit too low for all of them serves the first ones, preferring those whose block
   * is in flight: one block more than the limit can carry delays all of them.
   */
  #shareWindows(): void {
    if (this.#content === null) return;
    const { budgetBlocks } = this.#content.pieces;
    const now = this.#clock.now();
    let active = 0, giving = 0, hopeful = 0, busy = 0, requested = 0;
    for (const session of this.#bySession.keys()) {
      requested += session.outstanding;
      if (!session.peerChoking) active++;
      if (session.window.busy) busy++;
      if (gives(session)) giving++;
      else if (now - session.connectedAt < HOPEFUL_MS) hopeful++;
    }
    const limit = Math.max(2, Math.floor(budgetBlocks / Math.max(1, active)));
    const { rate, carried } = this.#limits.shareDown(giving + hopeful),
      { allowance } = this.#limits;
    this.#limits.settlePromises(requested);
    let first = 0, next = busy, later = busy + giving;
    for (const session of this.#bySession.keys()) {
      const { window } = session;
      const rank = window.busy ? first++ : gives(session) ? next++ : later++;
      window.limit = limit;
      window.setShare(rate, rank >= carried && !session.snubbed, allowance);
    }
  }

  #workOf(address: string, now: number): number {
    this.#spentWork ??= new SpentWork(this.#content?.layout.pieceCount ?? 0);
    return this.#spentWork.allows(address, now);
  }

  #join(peer: PoolPeer, connection: Connection): void {
    const { theirs, info, incoming } = connection;
    const now = this.#clock.now();
    const session = this.#makeSession({
      slot: this.#freeSlots.pop() ?? this.#slots++,
      key: peer.order + 1,
      peerId: theirs.peerId,
      connectedAt: now,
      fast: theirs.fast,
      extensions: theirs.extensions,
      work: this.#workOf(info.remoteAddress, now),
      allowedFast: (count) => this.#allowedFast(peer.bytes, count),
    });
    const limits = this.#limits.join(now);
    const reader = this.#content?.reader ?? NO_READER;
    const link = new PeerLink(connection.socket, session, { ...this.#shared, reader, ...limits }, {
      received: () => this.settle(),
      ended: (_link, error) => this.#ended(member, error),
      broke: (error) => this.#events.broke(error),
    });
    const reported = { down: 0, up: 0 }, since = { tookAt: now, movedAt: now };
    const source = firstSource(peer.sources, incoming), line = { info, incoming, source };
    const member: Member = { peer, session, link, ...line, limits, reported, ...since };
    this.#members.set(peer, member);
    this.#bySession.set(session, member);
    this.#content?.pieces.peerJoined(session);
    this.#shareWindows();
    session.out.append(connection.opening);
    session.open(this.#extensionHandshake(info), this.#hides);
    const listensOn = incoming ? null : peer.port;
    this.#extensions.joined(session, info.remoteAddress, listensOn, theirs.dht);
    this.#dirty.add(member);
    peer.end = () => this.#hangUp(member);
    connection.handOver(link);
    this.#events.connected(member);
  }

  #allowedFast(address: Uint8Array, count: number): number[] {
    if (this.#content === null) return [];
    const { infoHash } = this.#identity, { pieces, layout: { pieceCount } } = this.#content;
    const set = allowedFastSet(
      (part) => this.#hasher.digest("sha1", part),
      infoHash,
      address,
      pieceCount,
      count,
    );
    // What nobody else has is for those whose turn it is, each of them another piece.
    return pieces.complete ? set.filter((piece) => pieces.availabilityOf(piece) > 0) : set;
  }

  #makeSession(info: SessionInfo): PeerSession {
    return new PeerSession(
      this.#content?.layout ?? NO_LAYOUT,
      this.#content?.pieces ?? NO_BOOK,
      {
        changed: (session) => this.#changed(session),
        interestChanged: () => this.#slotsChanged = true,
        choked: (session, dropped) => this.#spread?.choked(session, dropped),
        strayed: (session, piece) => this.#complete && this.#spread?.strayed(session, piece),
        extensionHandshake: (session, theirs) => this.#onExtensionHandshake(session, theirs),
        dhtPort: (session, port) => this.#extensions.hasDhtAt(session, port),
      },
      info,
      this.#extensions,
    );
  }

  #changed(session: PeerSession): void {
    const member = this.#bySession.get(session);
    if (member !== undefined) this.#dirty.add(member);
  }

  #ended(member: Member, error: Error | null): void {
    if (!this.#members.has(member.peer)) return;
    this.#remove(member, error);
    const { down, up } = member.session;
    const useless = error !== null && down.total + up.total === 0;
    this.#pool.connectionClosed(member.peer, this.#clock.now(), {
      error: useless || error instanceof ProtocolError,
      broke: error !== null,
      breach: breachOf(error),
    });
    this.dialMore();
  }

  #remove(member: Member, error: Error | null): void {
    const { peer, session } = member;
    this.#report(member);
    this.#members.delete(peer);
    this.#limits.leave(member.limits);
    this.#bySession.delete(session);
    this.#dirty.delete(member);
    this.#hungry.delete(member);
    this.#choker.forget(session);
    this.#spread?.forget(session);
    this.#extensions.left(session);
    this.#spentWork?.left(member.info.remoteAddress, session.workLeft, this.#clock.now());
    this.#slotsChanged = true;
    session.close();
    this.#content?.pieces.peerLeft(session);
    this.#freeSlots.push(session.slot);
    this.#events.disconnected(member, error);
  }

  #report(member: Member): void {
    const { session, reported, peer } = member;
    const down = session.down.total - reported.down, up = session.up.total - reported.up;
    if (up > 0) member.tookAt = this.#clock.now();
    if (up + down > 0) member.movedAt = this.#clock.now();
    reported.down = session.down.total;
    reported.up = session.up.total;
    const { known } = this.#pool;
    if (known === null) return;
    noteTransfer(known, peer, down, up);
    noteSeed(known, peer, session.have.full);
  }

  #onExtensionHandshake(session: PeerSession, theirs: ExtensionHandshake): void {
    const member = this.#bySession.get(session);
    this.#extensions.introduced(session, theirs);
    if (member === undefined || !member.incoming || theirs.port === undefined) return;
    this.#pool.listensOn(member.peer, theirs.port, this.#clock.now());
  }

  /** The first messages to each peer. */
  get handshake(): Handshake {
    const { infoHash, peerId } = this.#identity;
    return { infoHash, peerId, extensions: true, fast: true, dht: this.#extensions.dhtPort > 0 };
  }

  #extensionHandshake(info: SocketInfo): ExtensionHandshake {
    const port = this.#identity.listenPort();
    return {
      messages: new Map(),
      ...this.#extensions.offered,
      client: this.#identity.clientName,
      yourAddress: info.remoteAddress,
      ...(port > 0 ? { port } : {}),
      ...(this.#complete && !this.#hides ? { uploadOnly: true } : {}),
    };
  }
}

/** Whether it unchokes us, has missing pieces, and answers. */
function gives({ peerChoking, wanted, snubbed }: PeerSession): boolean {
  return !peerChoking && wanted > 0 && !snubbed;
}
