/**
 * Finds peers for all torrents of a client besides their trackers: by the DHT and on the local
 * network. It also determines our own address from the reports of others. Private torrents take
 * part in none of this (BEP 27). Owns the DHT node and the LSD.
 */
import type { DatagramNet, DatagramSocket, Platform } from "../platform/types.ts";
import { parseHostPort, type PeerAddress } from "../util/compact_address.ts";
import { Dht, type DhtPorts } from "../dht/dht.ts";
import type { DhtNodeOptions, DhtState } from "../dht/node_types.ts";
import { PEER_SOURCE } from "../peers/pool_peer.ts";
import { fromHex, toHex } from "../util/bytes.ts";
import { ExternalAddress } from "../dht/external_address.ts";
import { Lsd } from "./lsd_service.ts";
import { SearchSchedule } from "./search_schedule.ts";

/** Well-known DHT nodes to start from. */
export const DHT_BOOTSTRAP: readonly string[] = [
  "router.bittorrent.com:6881",
  "dht.transmissionbt.com:6881",
  "dht.libtorrent.org:25401",
];

/** How a client joins the DHT. */
export interface DhtSettings {
  /** Nodes to start from: "host:port". Default: DHT_BOOTSTRAP. */
  bootstrap?: readonly string[];
  /** Sends queries, but never answers any (BEP 43). Default false. */
  readOnly?: boolean;
  /** Limits on the queries of other nodes. */
  limits?: NonNullable<DhtNodeOptions["limits"]>;
}

/** "SH" and two bytes for the version. */
const CLIENT_TAG = new Uint8Array([0x53, 0x48, 0, 1]);

/** A torrent from the view of discovery. */
export interface Discoverable {
  readonly infoHash: string;
  readonly running: boolean;
  /** Known to be private; a magnet link may turn out to be. */
  readonly private: boolean;
  /** The torrent is complete. */
  readonly complete: boolean;
  /** No peer is connected, and none can be dialled. */
  readonly alone: boolean;
  addPeers(peers: PeerAddress[], source: number): void;
}

export interface DiscoveryPorts {
  /** UDP that carries the DHT. */
  krpc: DatagramNet;
  /** TCP port; 0 if we do not listen. */
  listenPort(): number;
  torrents(): Iterable<Discoverable>;
  /** Our external address changed. */
  addressChanged(address: string): void;
  warn(message: string): void;
}

export class Discovery {
  readonly #platform: Platform;
  readonly #ports: DiscoveryPorts;
  /** By the reports of trackers and peers; the DHT's nodes vote separately. */
  readonly #external = new ExternalAddress();
  /** The last result of either vote. */
  readonly #own = new Map<4 | 6, string>();
  #searches: SearchSchedule<Discoverable> | null = null;
  readonly #sockets = new Map<4 | 6, DatagramSocket>();
  /** Torrents announced on the local network. */
  readonly #local = new Set<Discoverable>();
  #dht: Dht | null = null;
  #lsd: Lsd | null = null;
  #closed = false;

  constructor(platform: Platform, ports: DiscoveryPorts) {
    this.#platform = platform;
    this.#ports = ports;
  }

  get dht(): Dht | null {
    return this.#dht;
  }

  /** UDP port of our DHT node; 0 without one. */
  get dhtPort(): number {
    return this.#dht === null ? 0 : (this.#sockets.get(4) ?? this.#sockets.get(6))?.port ?? 0;
  }

  /** Good nodes of all its families; null without a DHT. */
  get dhtSize(): { nodes: number } | null {
    return this.#dht && { nodes: this.#dht.nodes };
  }

  /** Rejects with a NetError if no UDP port can be opened. */
  async openDht(settings: DhtSettings, state: DhtState | null): Promise<void> {
    const { clock, random, hasher, ed25519, net } = this.#platform;
    const early: [Uint8Array, string, number][] = [];
    const receive = (bytes: Uint8Array, address: string, port: number) => {
      if (this.#dht !== null) this.#dht.receive(bytes, address, port);
      else if (early.length < 100) early.push([bytes.slice(), address, port]);
    };
    await this.#bind(receive);
    const ports: DhtPorts = {
      clock,
      random,
      hasher,
      ed25519,
      net,
      line: {
        send: (bytes, address, port) => {
          this.#sockets.get(address.includes(":") ? 6 : 4)?.send(bytes, address, port);
        },
      },
      onAddress: (address) => this.#settleOn(address),
    };
    const dht = this.#dht = await Dht.open(ports, {
      client: CLIENT_TAG,
      families: [...this.#sockets.keys()],
      bootstrap: (settings.bootstrap ?? DHT_BOOTSTRAP).flatMap((text) => parseHostPort(text) ?? []),
      readOnly: settings.readOnly ?? false,
      ...(state === null ? {} : { state }),
      ...(settings.limits === undefined ? {} : { limits: settings.limits }),
    });
    for (const datagram of early) dht.receive(...datagram);
    this.#searches = new SearchSchedule(
      () => clock.now(),
      (torrent) => this.#search(dht, torrent),
    );
  }

  /** Running searches end without peers. */
  closeDht(): void {
    this.#dht?.close();
    this.#dht = this.#searches = null;
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  /** Without multicast, LSD stays off, with a warning. */
  async openLsd(): Promise<void> {
    if (this.#lsd !== null) return;
    const { multicast, random, clock } = this.#platform, { listenPort } = this.#ports;
    const lsd = new Lsd({ multicast, random, now: () => clock.now(), listenPort }, {
      peer: (infoHash, address, port) => this.#onLocalPeer(infoHash, { address, port }),
    });
    try {
      await lsd.open();
      if (this.#closed) lsd.close();
      else this.#lsd = lsd;
    } catch (error) {
      this.#ports.warn(`No peers on the local network: ${(error as Error).message}`);
    }
  }

  closeLsd(): void {
    this.#lsd?.close();
    this.#lsd = null;
    this.#local.clear();
  }

  /** The state for the next run; null without a DHT. */
  get dhtState(): DhtState | null {
    return this.#dht?.state() ?? null;
  }

  /** An address that may have a DHT node. */
  dhtNode(host: string, port: number): void {
    this.#dht?.addNode({ host, port });
  }

  /** `from` (a peer's address, a tracker's URL) sees us at `address`. */
  ownAddress(address: string, from: string): void {
    const now = this.#platform.clock.now();
    if (this.#external.vote(address, from, now)) this.#settleOn(address);
  }

  /** Our addresses as others see them, at most one of each family. */
  get ownAddresses(): readonly string[] {
    return [...this.#own.values()];
  }

  #settleOn(address: string): void {
    const family = address.includes(":") ? 6 : 4;
    if (this.#own.get(family) === address) return;
    this.#own.set(family, address);
    this.#ports.addressChanged(address);
  }

  /** Call it a few times a second, with the torrents whose turn it is. */
  tick(torrents: readonly Discoverable[], now: number): void {
    const takers = torrents.filter(takesPart);
    if (this.#lsd !== null) {
      for (const torrent of torrents) if (!takesPart(torrent)) this.#leaveLsd(torrent);
      for (const torrent of takers) this.#joinLsd(torrent);
      this.#lsd.tick(now);
    }
    this.#searches?.tick(takers, now);
  }

  /** The torrent has ended. */
  forget(torrent: Discoverable): void {
    this.#leaveLsd(torrent);
  }

  #joinLsd(torrent: Discoverable): void {
    if (this.#lsd === null || this.#local.has(torrent)) return;
    this.#lsd.add({ infoHash: fromHex(torrent.infoHash), private: false });
    this.#local.add(torrent);
  }

  #leaveLsd(torrent: Discoverable): void {
    if (this.#local.delete(torrent)) this.#lsd?.remove(fromHex(torrent.infoHash));
  }

  close(): void {
    this.#closed = true;
    this.closeDht();
    this.closeLsd();
  }

  /** One family is enough; a missing IPv6 needs no warning. */
  async #bind(receive: Parameters<DatagramNet["bind"]>[1]): Promise<void> {
    const failures: unknown[] = [];
    for (const family of [4, 6] as const) {
      try {
        this.#sockets.set(family, await this.#ports.krpc.bind({ port: 0, family }, receive));
      } catch (error) {
        failures.push(error);
      }
    }
    if (this.#sockets.size === 0) throw failures[0];
  }

  /** Resolves to the number of nodes asked. */
  async #search(dht: Dht, torrent: Discoverable): Promise<number> {
    const infoHash = fromHex(torrent.infoHash);
    const onPeers = (peers: PeerAddress[]) => {
      // It may have turned out to be private meanwhile.
      if (torrent.running && !torrent.private) torrent.addPeers(peers, PEER_SOURCE.DHT);
    };
    const port = this.#ports.listenPort();
    const { queries } = port > 0
      ? await dht.announce(infoHash, { port, seed: torrent.complete }, { onPeers })
      : await dht.findPeers(infoHash, { onPeers });
    return queries;
  }

  #onLocalPeer(infoHash: Uint8Array, peer: PeerAddress): void {
    const wanted = toHex(infoHash);
    for (const torrent of this.#ports.torrents()) {
      const isIt = takesPart(torrent) && torrent.infoHash === wanted;
      if (isIt) torrent.addPeers([peer], PEER_SOURCE.LSD);
    }
  }
}

function takesPart({ running, private: isPrivate }: Discoverable): boolean {
  return running && !isPrivate;
}
