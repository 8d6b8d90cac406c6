/**
 * A node of the DHT as a state machine: datagrams and the time come in by calls, datagrams go out
 * through `send`. It has one place in the DHT of each address family and one store for the data of
 * other nodes. No datagram and no exception of a handler ends it: exceptions are counted in its
 * stats.
 */
import { isUsablePeer, type PeerAddress } from "../util/compact_address.ts";
import type { DhtItem, Sha1 } from "./dht_item.ts";
import { decodeKrpc, KrpcFormatError, type KrpcMessage, type NodeEntry } from "./krpc.ts";
import { toHex } from "../util/bytes.ts";
import { FloodGuard } from "./flood_guard.ts";
import { findItem, sampleInfohashes, storeItem } from "./item_search.ts";
import { ItemStore } from "./item_store.ts";
import type {
  AnnounceOptions,
  DhtNodeOptions,
  DhtNodeParts,
  DhtState,
  DhtStats,
  ItemHandlers,
  Operation,
  OverlayStats,
  PeersHandlers,
  PingResult,
  SampleHandlers,
  ScrapeResult,
} from "./node_types.ts";
import { Overlay } from "./overlay.ts";
import { countSwarm, findPeers } from "./peer_search.ts";
import { PeerStore } from "./peer_store.ts";
import { Querier } from "./querier.ts";
import { QueryServer } from "./query_server.ts";
import { TokenSecrets } from "./token_secrets.ts";
import { Upkeep } from "./upkeep.ts";

const EXPIRE_EVERY_MS = 5 * 60_000;
/** With fewer nodes of a family than this, we ask for its nodes in every answer. */
const FEW_NODES = 32;
/** The number of our own peers that a search begins with. */
const LOCAL_PEERS = 100;
const NO_ID = new Uint8Array(20);

interface Side {
  readonly overlay: Overlay;
  readonly upkeep: Upkeep;
}

export class DhtNode {
  readonly #parts: DhtNodeParts;
  readonly #sha1: Sha1;
  readonly #sides = new Map<4 | 6, Side>();
  readonly #querier: Querier;
  readonly #server: QueryServer;
  readonly #guard: FloodGuard;
  readonly #peers: PeerStore;
  readonly #items: ItemStore;
  #expireAt: number;
  #received = 0;
  #sent = 0;
  #bytesReceived = 0;
  #bytesSent = 0;
  #queriesReceived = 0;
  #malformed = 0;
  #unsolicited = 0;
  #exceptions = 0;
  #lastException: unknown = null;

  constructor(parts: DhtNodeParts, options: DhtNodeOptions, now: number) {
    this.#parts = parts;
    this.#sha1 = (bytes) => parts.hasher.digest("sha1", bytes);
    const { random } = parts, { client, readOnly = false, limits = {}, state } = options;
    this.#guard = new FloodGuard(random, now, limits.flood);
    this.#peers = new PeerStore(random, this.#sha1, limits.peers);
    this.#items = new ItemStore(limits.items);
    this.#querier = new Querier({
      random,
      client,
      readOnly,
      send: (bytes, to) => this.#send(bytes, to),
      limits: limits.transactions ?? {},
    });
    this.#server = this.#makeServer(options, now);
    for (const family of options.families ?? [4, 6] as const) {
      this.#sides.set(family, this.#makeSide(family, state?.ids[family] ?? null));
    }
    for (const node of state?.nodes ?? []) this.addNode(node);
    this.#expireAt = now + EXPIRE_EVERY_MS;
  }

  /** Whether ticks matter now: then call ten a second, otherwise one. */
  get busy(): boolean {
    return this.#querier.pending > 0 ||
      this.#overlays.some((overlay) => overlay.searches.running + overlay.searches.waiting > 0);
  }

  /** Whether any node has answered us. */
  get hasNodes(): boolean {
    return this.#overlays.some((overlay) => overlay.table.size > 0);
  }

  /** Our id in a family, 20 bytes; null for a family we are not in. */
  id(family: 4 | 6): Uint8Array | null {
    return this.#sides.get(family)?.overlay.id ?? null;
  }

  /** One datagram. `bytes` are borrowed, `from` is canonical. Never throws. */
  receive(bytes: Uint8Array, from: PeerAddress, now: number): void {
    this.#received++;
    this.#bytesReceived += bytes.length;
    this.#safely(() => this.#receive(bytes, from, now));
  }

  tick(now: number): void {
    this.#safely(() => this.#querier.expire(now));
    for (const { overlay, upkeep } of this.#sides.values()) {
      this.#safely(() => overlay.tick(now));
      this.#safely(() => upkeep.tick(now));
    }
    if (now < this.#expireAt) return;
    this.#expireAt = now + EXPIRE_EVERY_MS;
    this.#peers.expire(now);
    this.#items.expire(now);
  }

  /** An end point that may be a node: from a PORT message, a torrent file or an earlier run. */
  addNode(at: PeerAddress): void {
    if (isUsablePeer(at)) this.#sideOf(at)?.overlay.contacts.add(at);
  }

  /** A bootstrap node, for now and whenever no other is left. */
  addBootstrap(at: PeerAddress): void {
    if (isUsablePeer(at)) this.#sideOf(at)?.upkeep.addRouter(at);
  }

  /** Searches for the peers of a torrent. `infoHash`: 20 bytes. */
  getPeers(infoHash: Uint8Array, handlers: PeersHandlers, now: number): Operation {
    return this.#findPeers(infoHash, null, handlers, now);
  }

  /** The same, and announces us as a peer. Repeat it every 15 minutes or so. */
  announce(
    infoHash: Uint8Array,
    options: AnnounceOptions,
    handlers: PeersHandlers,
    now: number,
  ): Operation {
    return this.#findPeers(infoHash, options, handlers, now);
  }

  /** The size of a torrent's swarm (BEP 33). */
  scrape(infoHash: Uint8Array, onDone: (result: ScrapeResult) => void, now: number): Operation {
    return countSwarm(this.#overlays, infoHash, this.#guarded(onDone), now);
  }

  /** Searches for the item at `target`; `salt` of a mutable one, else empty. */
  getItem(
    target: Uint8Array,
    salt: Uint8Array,
    handlers: ItemHandlers,
    now: number,
  ): Operation {
    const wanted = { target, salt, local: this.#items.get(target, now) };
    const checks = { sha1: this.#sha1, signatures: this.#parts.ed25519 };
    return findItem(this.#overlays, wanted, checks, {
      onItem: this.#guarded((item: DhtItem) => handlers.onItem(item)),
      onDone: this.#guarded(() => handlers.onDone()),
    }, now);
  }

  /** Stores an item; a mutable one only over the sequence number `cas`, unless that is null. */
  putItem(
    item: DhtItem,
    cas: bigint | null,
    onDone: (stored: number) => void,
    now: number,
  ): Operation {
    return storeItem(this.#overlays, item, cas, this.#sha1, this.#guarded(onDone), now);
  }

  /** BEP 51. `target`: where in the key space to ask; null for anywhere. */
  sampleInfohashes(target: Uint8Array | null, handlers: SampleHandlers, now: number): Operation {
    return sampleInfohashes(this.#overlays, target, this.#parts.random, {
      onSamples: this.#guarded((samples, from) => handlers.onSamples(samples, from)),
      onDone: this.#guarded(() => handlers.onDone()),
    }, now);
  }

  /** `onDone` gets null if no answer came. */
  ping(at: PeerAddress, onDone: (result: PingResult | null) => void, now: number): void {
    const done = this.#guarded(onDone);
    const asked = this.#sideOf(at)?.overlay.ask({ id: null, ...at }, { method: "ping" }, {
      answered: ({ id, client }, later) => done({ id, client, rttMs: later - now }),
      failed: () => done(null),
    }, now);
    if (asked !== true) done(null);
  }

  /** The state for the next run. */
  state(): DhtState {
    const nodes = this.#overlays.flatMap((overlay) => overlay.table.nodes())
      .map(({ address, port }) => ({ address, port }));
    return { ids: { 4: this.id(4), 6: this.id(6) }, nodes };
  }

  /** Good nodes, of all families. */
  get nodes(): number {
    return this.#overlays.reduce((sum, { table }) => sum + table.size, 0);
  }

  stats(): DhtStats {
    return {
      overlays: this.#overlays.map(statsOf),
      received: this.#received,
      sent: this.#sent,
      bytesReceived: this.#bytesReceived,
      bytesSent: this.#bytesSent,
      queriesSent: this.#querier.sent,
      queriesReceived: this.#queriesReceived,
      pending: this.#querier.pending,
      malformed: this.#malformed,
      unsolicited: this.#unsolicited,
      refused: this.#guard.refused,
      heldBack: this.#guard.heldBack,
      exceptions: this.#exceptions,
      lastException: this.#lastException,
      stored: {
        torrents: this.#peers.torrentCount,
        peers: this.#peers.peerCount,
        items: this.#items.size,
      },
    };
  }

  get #overlays(): Overlay[] {
    return [...this.#sides.values()].map((side) => side.overlay);
  }

  #sideOf(at: PeerAddress): Side | undefined {
    return this.#sides.get(at.address.includes(":") ? 6 : 4);
  }

  #findPeers(
    infoHash: Uint8Array,
    announce: AnnounceOptions | null,
    handlers: PeersHandlers,
    now: number,
  ): Operation {
    const choice = { noSeed: false, limit: LOCAL_PEERS };
    const local = this.#overlays.flatMap(({ family }) =>
      this.#peers.peersOf(infoHash, { ...choice, family }, now)
    );
    return findPeers(this.#overlays, infoHash, announce, local, {
      onPeers: this.#guarded((peers: PeerAddress[]) => handlers.onPeers(peers)),
      onDone: this.#guarded((result) => handlers.onDone(result)),
    }, now);
  }

  #receive(bytes: Uint8Array, from: PeerAddress, now: number): void {
    if (this.#guard.isBlocked(from.address, now)) return;
    let message: KrpcMessage;
    try {
      message = decodeKrpc(bytes);
    } catch (error) {
      if (!(error instanceof KrpcFormatError)) throw error;
      this.#malformed++;
      return this.#reply(this.#server.refuse(error, from, bytes.length, now), from);
    }
    if (message.kind === "query") {
      this.#queriesReceived++;
      this.#reply(this.#server.answer(message, from, bytes.length, now), from);
    } else if (!this.#querier.settle(message, from, now)) {
      this.#unsolicited++;
    }
  }

  #reply(bytes: Uint8Array | null, to: PeerAddress): void {
    if (bytes !== null) this.#send(bytes, to);
  }

  #send(bytes: Uint8Array, to: PeerAddress): void {
    this.#sent++;
    this.#bytesSent += bytes.length;
    this.#parts.send(bytes, to);
  }

  #makeSide(family: 4 | 6, id: Uint8Array | null): Side {
    const { random, crc32c, onAddress } = this.#parts;
    const other = family === 4 ? 6 : 4;
    const overlay: Overlay = new Overlay({
      family,
      random,
      crc32c,
      querier: this.#querier,
      id,
      wantsOther: () => this.#wantsNodes(other),
      otherIsUp: () => (this.#sides.get(other)?.overlay.table.size ?? 0) > 0,
      tellOther: (nodes) => this.#tellOf(nodes, other),
      addressChanged: (address) => {
        this.#sides.get(family)?.upkeep.startOver();
        if (onAddress !== undefined) this.#safely(() => onAddress.call(this.#parts, address));
      },
    });
    return { overlay, upkeep: new Upkeep(overlay, random) };
  }

  #wantsNodes(family: 4 | 6): boolean {
    const side = this.#sides.get(family);
    return side !== undefined && side.overlay.table.size < FEW_NODES;
  }

  #tellOf(nodes: readonly NodeEntry[], family: 4 | 6): void {
    if (!this.#wantsNodes(family)) return;
    const { contacts } = this.#sides.get(family)!.overlay;
    for (const node of nodes) if (contacts.size < FEW_NODES) contacts.add(node);
  }

  #makeServer({ client, readOnly = false, samples = true }: DhtNodeOptions, now: number) {
    const { random, ed25519 } = this.#parts;
    return new QueryServer({
      nodes: {
        id: (family) => this.id(family) ?? NO_ID,
        closest: (target, family, count) =>
          this.#sides.get(family)?.overlay.table.closest(target, count) ?? [],
        heardFrom: (node, at) => this.#sideOf(node)?.overlay.table.heardFrom(node, at),
      },
      peers: this.#peers,
      items: this.#items,
      tokens: new TokenSecrets(random, this.#sha1, now),
      guard: this.#guard,
      sha1: this.#sha1,
      signatures: ed25519,
      client,
    }, { readOnly, samples });
  }

  /** A handler whose exceptions do not end its caller. */
  #guarded<Args extends unknown[]>(handler: (...args: Args) => void): (...args: Args) => void {
    return (...args) => this.#safely(() => handler(...args));
  }

  #safely(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#exceptions++;
      this.#lastException = error;
    }
  }
}

function statsOf(overlay: Overlay): OverlayStats {
  const { table, family, address, searches, contacts, liars } = overlay;
  const depth = table.depth();
  return {
    family,
    id: toHex(overlay.id),
    address,
    nodes: table.size,
    spares: table.spareCount,
    buckets: table.sizes(),
    networkSize: depth === null ? null : Math.round(2 ** depth),
    searches,
    contacts: contacts.size,
    liars,
  };
}
