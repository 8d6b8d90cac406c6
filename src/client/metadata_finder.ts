/**
 * Looks for what a magnet names: asks its trackers and the peers that they, the link and others
 * bring, until one of the peers' metadata matches the info-hash.
 */
import type { Clock, SocketInfo } from "../platform/types.ts";
import type { PeerAddress } from "../protocol/compact_address.ts";
import type { Handshake } from "../protocol/handshake.ts";
import type { Magnet } from "../protocol/magnet.ts";
import type { Metainfo } from "../protocol/metainfo.ts";
import type { AnnounceOutcome, TrackerManager } from "../tracker/tracker_manager.ts";
import type { ConnectionSlots } from "../torrent/connection_slots.ts";
import { type FindingHand, type FindingPorts, FindingSwarm } from "../torrent/metadata_swarm.ts";
import { PeerPool } from "../torrent/peer_pool.ts";
import { PEER_SOURCE } from "../torrent/pool_peer.ts";
import type { PeerPoolConfig } from "../torrent/pool_types.ts";
import type { Identity } from "../torrent/swarm.ts";
import type { TorrentHappening } from "../torrent/types.ts";
import { toHex } from "../util/bytes.ts";
import type { Finder } from "./torrent_life.ts";

export interface MetadataFinderPorts extends FindingPorts {
  clock: Clock;
  slots: ConnectionSlots;
  pool: Partial<PeerPoolConfig>;
  trackers(finder: MetadataFinder): TrackerManager;
  /** Hears of the pool that was made. */
  begun(pool: PeerPool): void;
  /** Throws a TorrentFileError. */
  parse(infoBytes: Uint8Array): Metainfo;
  outside: {
    dhtNode(address: string, port: number): void;
    ownAddress(address: string, from: string): void;
  };
  tell(happening: TorrentHappening): void;
}

const STOP_TIMEOUT_MS = 2500;
/** Sources that a private torrent may have peers of (BEP 27). */
const OPEN_TO_PRIVATE = PEER_SOURCE.TRACKER | PEER_SOURCE.MANUAL;

export class MetadataFinder implements Finder {
  readonly magnet: Magnet;
  readonly identity: Identity;
  readonly swarm: FindingSwarm;
  readonly pool: PeerPool;
  /** Of the run under way, or the next: one that was stopped cannot be started again. */
  trackers: TrackerManager;
  /** Rejects with a TorrentFileError when what was found is no torrent that we can take. */
  readonly found: Promise<Metainfo>;
  readonly #ports: MetadataFinderPorts;
  readonly #find = Promise.withResolvers<Metainfo>();
  #running = false;
  #private = false;

  constructor(magnet: Magnet, identity: Identity, ports: MetadataFinderPorts) {
    this.magnet = magnet;
    this.identity = identity;
    this.#ports = ports;
    this.found = this.#find.promise;
    this.found.catch(() => {});
    this.swarm = new FindingSwarm(ports, identity, {
      found: (infoBytes) => this.#found(infoBytes),
      broke: (error) => this.#find.reject(error),
      ...ports.outside,
    });
    const config = { ...ports.pool, peerId: identity.peerId };
    this.pool = new PeerPool(config, this.swarm, ports.slots);
    this.swarm.use(this.pool);
    this.trackers = ports.trackers(this);
    ports.begun(this.pool);
  }

  get name(): string {
    return this.magnet.name ?? toHex(this.magnet.infoHash);
  }

  get running(): boolean {
    return this.#running;
  }

  get peers() {
    const { connected, connecting, total: known, banned } = this.pool.stats();
    return { connected, connecting, known, banned };
  }

  /** Also after `stop`, with the peers that it knows. */
  start(): void {
    this.#running = true;
    this.swarm.open();
    this.trackers.start();
    this.pool.setOwnEndpoint(null, this.identity.listenPort());
    this.pool.connectToPeers(this.#ports.clock.now());
  }

  tick(now: number): void {
    if (this.#running) this.swarm.tick(now);
  }

  addPeers(peers: PeerAddress[], source: number): void {
    this.pool.addPeers(peers, source, this.#ports.clock.now());
  }

  accept(hand: FindingHand, theirs: Handshake, info: SocketInfo): void {
    this.swarm.accept(hand, theirs, info);
  }

  /** A tracker answered, or failed to. */
  announced(result: AnnounceOutcome): void {
    this.#ports.tell({ type: "tracker", ...result });
  }

  warn(message: string): void {
    this.#ports.tell({ type: "warning", message });
  }

  *knownPeers(): Generator<[source: number, peers: PeerAddress[]]> {
    const bySources = new Map<number, PeerAddress[]>();
    const first = this.swarm.goodPeers.flatMap(({ address, port }) => {
      return this.pool.findPeer(address, port) ?? [];
    });
    for (const { address, port, sources } of new Set([...first, ...this.pool.candidates()])) {
      const allowed = this.#private ? sources & OPEN_TO_PRIVATE : sources;
      if (allowed === 0) continue;
      const peers = bySources.get(allowed) ?? [];
      bySources.set(allowed, peers);
      peers.push({ address, port });
    }
    yield* bySources;
  }

  get leftPeers(): readonly PeerAddress[] {
    return this.swarm.leftPeers;
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.swarm.close();
    const { trackers } = this;
    this.trackers = this.#ports.trackers(this);
    await trackers.stop(STOP_TIMEOUT_MS).catch(() => {});
  }

  #found(infoBytes: Uint8Array): void {
    this.#running = false;
    try {
      const meta = this.#ports.parse(infoBytes);
      this.#private = meta.private;
      this.#find.resolve(meta);
    } catch (error) {
      this.#find.reject(error);
    }
  }
}
