/**
 * The connected peers of a torrent whose info dictionary is still to be found: dials for the pool,
 * lets `MetadataFetch` ask whoever has it, and learns of more peers by the way. Closed as soon as
 * it is found; then swarm.ts begins anew with the peers that were good. Invariant: every connected
 * peer of the pool is a member here. Private or not is unknown until then, so who adds peers from
 * outside its trackers takes that chance knowingly (BEP 27).
 */
import type { Clock, Socket, SocketInfo, StreamSink } from "../platform/types.ts";
import { encodeHandshake, type Handshake } from "../protocol/handshake.ts";
import type { PeerAddress } from "../protocol/compact_address.ts";
import type { ExtensionHandshake } from "../protocol/extension.ts";
import { ProtocolError } from "../util/errors.ts";
import { assert } from "../util/assert.ts";
import { equalBytes } from "../util/bytes.ts";
import { breachOf } from "./breaches.ts";
import { MetadataFetch } from "./metadata_fetch.ts";
import { MetadataSession } from "./metadata_session.ts";
import { OURSELVES } from "./peer_book.ts";
import type { PeerPool } from "./peer_pool.ts";
import { PexInbox } from "./pex.ts";
import { PEER_SOURCE, type PoolPeer } from "./pool_peer.ts";
import type { PoolDialer } from "./pool_types.ts";
import type { Identity } from "./swarm.ts";

/** A peer that gives nothing keeps its slot so long while others wait for one. */
const USELESS_MS = 30_000;
/** The same for one that says that it could: it may have to wait for its turn. */
const PROMISING_MS = 90_000;
/** Data messages that nobody asked for; a few come late. */
const MAX_UNASKED = 100;
const MAX_GOOD_PEERS = 200;
const NOTHING = new Uint8Array(0);

/** As swarm.ts has it, but for whom the connection is handed to. */
export interface FindingHand {
  readonly socket: Socket;
  handOver(sink: StreamSink): void;
  close(): void;
}

export interface FindingDialer {
  dial(
    to: { address: string; port: number },
    ours: Handshake,
    events: {
      connected(peer: FindingHand, theirs: Handshake, info: SocketInfo): void;
      failed(error: Error): void;
    },
  ): { cancel(): void };
}

export interface FindingEvents {
  /** Once: the verified info dictionary. All connections are closed by then. */
  found(infoBytes: Uint8Array): void;
  /** Somebody's DHT node (BEP 5). */
  dhtNode?(address: string, port: number): void;
  /** The address that we have in the eyes of the peer at `from`. */
  ownAddress?(address: string, from: string): void;
  /** A bug of ours showed: the torrent is to stop. */
  broke(error: unknown): void;
}

export interface FindingPorts {
  clock: Clock;
  hasher: { sha1(bytes: Uint8Array): Uint8Array };
  dialer: FindingDialer;
  /** UDP port of our DHT node; 0 or absent without one. */
  dhtPort?(): number;
  /** Peers may tell of others (BEP 11). */
  pex: boolean;
}

interface FindingMember {
  readonly peer: PoolPeer;
  readonly session: MetadataSession;
  readonly info: SocketInfo;
  readonly incoming: boolean;
  readonly inbox: PexInbox;
  /** When it joined, or gave something last. */
  usefulAt: number;
  unasked: number;
}

export class FindingSwarm implements PoolDialer {
  readonly #ports: FindingPorts;
  readonly #identity: Identity;
  readonly #events: FindingEvents;
  readonly #fetch: MetadataFetch<PoolPeer>;
  readonly #members = new Map<PoolPeer, FindingMember>();
  readonly #bySession = new Map<MetadataSession, FindingMember>();
  readonly #dialling = new Map<PoolPeer, { cancel(): void }>();
  #pool!: PeerPool;
  #infoBytes: Uint8Array | null = null;
  #good: PeerAddress[] = [];
  #left: PeerAddress[] = [];
  #closed = false;

  constructor(ports: FindingPorts, identity: Identity, events: FindingEvents) {
    this.#ports = ports;
    this.#identity = identity;
    this.#events = events;
    this.#fetch = new MetadataFetch(identity.infoHash, ports.hasher, {
      requestPiece: (peer, index) => this.#members.get(peer)?.session.request(index),
      done: (bytes) => this.#infoBytes = bytes,
      guilty: (peer) => this.#pool.ban(peer, this.#now, "sent wrong metadata"),
    });
  }

  /** The pool needs the swarm as its dialer, so it comes after the constructor. */
  use(pool: PeerPool): void {
    this.#pool = pool;
  }

  get size(): number {
    return this.#members.size;
  }

  /** How far the best try has come, in bytes; null while nobody offers the metadata. */
  get progress(): { received: number; size: number } | null {
    return this.#fetch.progress;
  }

  /** Once it is over: whom to dial first, those that gave the metadata before all others. */
  get goodPeers(): readonly PeerAddress[] {
    return this.#good;
  }

  /** Once it is over: those who were connected to the end, so may not know yet that it is. */
  get leftPeers(): readonly PeerAddress[] {
    return this.#left;
  }

  // --- For the pool: PoolDialer ---

  dial(peer: PoolPeer): void {
    const dialling = this.#ports.dialer.dial(peer, this.#handshake(), {
      connected: (hand, theirs, info) => {
        this.#dialling.delete(peer);
        if (!theirs.extensions) {
          hand.close();
          return this.#pool.connectionClosed(peer, this.#now, { error: false });
        }
        this.#join(peer, hand, theirs, info, false);
        this.#pool.connected(peer, this.#now, theirs.peerId);
        this.#settle();
      },
      failed: (error) => {
        this.#dialling.delete(peer);
        this.#pool.connectionClosed(peer, this.#now, { error: true });
        const self = error instanceof ProtocolError && error.code === "self";
        if (self) this.#pool.ban(peer, this.#now, OURSELVES, "endpoint");
      },
    });
    this.#dialling.set(peer, dialling);
  }

  hangUp(peer: PoolPeer): void {
    this.#dialling.get(peer)?.cancel();
    this.#dialling.delete(peer);
    const member = this.#members.get(peer);
    if (member === undefined) return;
    this.#remove(member);
    member.session.close(null);
  }

  // --- For the client ---

  /** Somebody dialled us for this torrent. Closes the connection if it is not welcome. */
  accept(hand: FindingHand, theirs: Handshake, info: SocketInfo): void {
    const { remoteAddress, remotePort } = info;
    const self = equalBytes(theirs.peerId, this.#identity.peerId);
    const useful = !self && !this.#closed && theirs.extensions;
    const peer = useful
      ? this.#pool.incoming(remoteAddress, remotePort, this.#now, theirs.peerId)
      : null;
    if (peer === null) return hand.close();
    this.#join(peer, hand, theirs, info, true);
    this.#settle();
  }

  /** A few times a second. */
  tick(now: number): void {
    if (this.#closed) return;
    this.#pool.tick(now);
    this.#fetch.tick(now);
    for (const { session } of [...this.#members.values()]) session.tick(now);
    this.#dropUseless(now);
    this.#settle();
  }

  /** Takes connections again after `close`; not once the metadata was found. */
  open(): void {
    this.#closed = this.#infoBytes !== null;
  }

  /** Ends all connections and attempts. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#good = this.#rankGood();
    this.#left = [...this.#members.keys()].filter(({ connectable }) => connectable).map(endOf);
    this.#pool.disconnectAll(this.#now);
  }

  /** For tests: throws an InvariantError if members and connections contradict each other. */
  checkInvariants(): void {
    const { connected } = this.#pool.stats();
    assert(this.#members.size === connected, "every connected peer is a member");
    assert(this.#members.size === this.#bySession.size, "every member has one session");
  }

  get #now(): number {
    return this.#ports.clock.now();
  }

  #join(
    peer: PoolPeer,
    hand: FindingHand,
    theirs: Handshake,
    info: SocketInfo,
    incoming: boolean,
  ): void {
    const session = new MetadataSession(hand.socket, this.#ports.clock, this.#ports.pex, {
      handshake: (session, theirs) => this.#onHandshake(session, theirs),
      data: (session, index, size, bytes) => this.#onData(session, index, size, bytes),
      rejected: (session, index) => {
        const member = this.#bySession.get(session);
        if (member !== undefined) this.#fetch.rejected(member.peer, index, this.#now);
      },
      pex: (session, payload) => this.#onPex(session, payload),
      dhtPort: (_session, port) => this.#events.dhtNode?.(info.remoteAddress, port),
      settle: () => this.#settle(),
      ended: (session, error) => this.#ended(session, error),
      broke: (error) => this.#events.broke(error),
    });
    const inbox = new PexInbox(info.remoteAddress);
    const member = { peer, session, info, incoming, inbox, usefulAt: this.#now, unasked: 0 };
    this.#members.set(peer, member);
    this.#bySession.set(session, member);
    const greeting = incoming ? encodeHandshake(this.#handshake()) : NOTHING;
    session.open(greeting, this.#extensionHandshake(info), theirs.dht ? this.#dhtPort : 0);
    hand.handOver(session);
  }

  #onHandshake(session: MetadataSession, theirs: ExtensionHandshake): void {
    const member = this.#bySession.get(session);
    if (member === undefined) return;
    const { peer, info, incoming } = member;
    if (theirs.yourAddress !== undefined) {
      this.#events.ownAddress?.(theirs.yourAddress, info.remoteAddress);
    }
    if (incoming && theirs.port !== undefined) this.#pool.listensOn(peer, theirs.port, this.#now);
    const offers = theirs.metadataSize !== undefined && session.knowsMetadata && !session.ended;
    if (offers) this.#fetch.offers(peer, theirs.metadataSize!, this.#now);
  }

  #onData(session: MetadataSession, index: number, size: number, bytes: Uint8Array): void {
    const member = this.#bySession.get(session);
    if (member === undefined || this.#fetch.data(member.peer, index, size, bytes, this.#now)) {
      return;
    }
    if (++member.unasked > MAX_UNASKED) {
      throw new ProtocolError("unasked", "The peer sends metadata that nobody asked for");
    }
  }

  #onPex(session: MetadataSession, payload: Uint8Array): void {
    const member = this.#bySession.get(session);
    if (member === undefined) return;
    const now = this.#now;
    this.#pool.addPeers(member.inbox.receive(payload, now), PEER_SOURCE.PEX, now);
  }

  #ended(session: MetadataSession, error: Error | null): void {
    const member = this.#bySession.get(session);
    if (member === undefined) return;
    this.#remove(member);
    const how = { error: error !== null, breach: breachOf(error) };
    this.#pool.connectionClosed(member.peer, this.#now, how);
  }

  #remove(member: FindingMember): void {
    this.#members.delete(member.peer);
    this.#bySession.delete(member.session);
    this.#fetch.leaves(member.peer, this.#now);
  }

  /** Those who give no metadata make room for peers that may have it. */
  #dropUseless(now: number): void {
    if (this.#pool.stats().candidates === 0 && !this.#pool.isFull) return;
    for (const { peer, session, usefulAt } of [...this.#members.values()]) {
      const patience = this.#fetch.has(peer) ? PROMISING_MS : USELESS_MS;
      if (now - usefulAt > patience) session.close(null);
    }
  }

  /** Ends every turn, so that nothing is torn down in the middle of a chunk. */
  #settle(): void {
    if (this.#infoBytes !== null && !this.#closed) {
      this.close();
      this.#events.found(this.#infoBytes);
    }
    for (const { session } of this.#members.values()) session.flush();
  }

  #rankGood(): PeerAddress[] {
    const givers = this.#fetch.givers.filter((peer) => peer.connectable && peer.banReason === null);
    const good = new Set([...givers, ...this.#pool.knownGood(MAX_GOOD_PEERS)]);
    return [...good].map(endOf);
  }

  get #dhtPort(): number {
    return this.#ports.dhtPort?.() ?? 0;
  }

  #handshake(): Handshake {
    const { infoHash, peerId } = this.#identity;
    // Without the fast extension nothing has to be said about pieces.
    return { infoHash, peerId, extensions: true, fast: false, dht: this.#dhtPort > 0 };
  }

  #extensionHandshake(info: SocketInfo): ExtensionHandshake {
    const port = this.#identity.listenPort();
    return {
      messages: new Map(),
      client: this.#identity.clientName,
      yourAddress: info.remoteAddress,
      ...(port > 0 ? { port } : {}),
    };
  }
}

function endOf({ address, port }: PoolPeer): PeerAddress {
  return { address, port };
}
