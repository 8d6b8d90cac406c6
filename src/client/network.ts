/**
 * The network of all torrents of a client: the port for incoming connections, over TCP and UDP, the
 * announces over UDP, the DHT and local discovery.
 */
import type { Platform } from "../platform/types.ts";
import { withNodesOf } from "../discovery/dht_state.ts";
import { type DhtSettings, Discovery } from "../discovery/discovery.ts";
import type { TorrentInside } from "../torrent/torrent_ports.ts";
import { UdpAnnouncer } from "../tracker/udp_announcer.ts";
import { Inbound } from "../transport/inbound.ts";
import { UdpPort } from "../transport/udp_port.ts";
import type { OpenShare } from "./open_share.ts";
import type { StateDir } from "./state_dir.ts";

export interface NetworkPorts {
  /** By info-hash. */
  readonly running: ReadonlyMap<string, TorrentInside>;
  /** The place for the nodes of the DHT; null: they are not saved. */
  readonly state: StateDir | null;
  warn(message: string): void;
}

export class Network {
  readonly udp: UdpAnnouncer;
  readonly discovery: Discovery;
  readonly #platform: Platform;
  readonly #ports: NetworkPorts;
  /** The only one to listen on; undefined: all. */
  readonly #address: string | undefined;
  readonly #queue: number;
  readonly #inbound: Inbound;
  readonly #udpPort: UdpPort;

  constructor(
    platform: Platform,
    address: string | undefined,
    { newcomers, queue }: OpenShare,
    ports: NetworkPorts,
  ) {
    const { clock, random, datagrams } = platform;
    this.#platform = platform;
    this.#ports = ports;
    this.#address = address;
    this.#queue = queue;
    this.#inbound = new Inbound(clock, ports.running, newcomers);
    this.#udpPort = new UdpPort(datagrams, () => this.#at(this.port));
    this.udp = new UdpAnnouncer({ clock, random, datagrams: this.#udpPort.lane("tracker") });
    this.discovery = new Discovery(platform, {
      krpc: this.#udpPort.lane("krpc"),
      listenPort: () => this.port,
      torrents: () => ports.running.values(),
      addressChanged: (address) => this.#onOwnAddress(address),
      warn: ports.warn,
    });
  }

  /** Where peers can dial us; 0 when not listening. */
  get port(): number {
    return this.#inbound.port;
  }

  /** Incoming connections without a complete handshake. */
  get pending(): number {
    return this.#inbound.pending;
  }

  /** Rejects with a NetError, and then keeps listening on the old port. */
  async listen(port: number): Promise<void> {
    await this.#inbound.listen(this.#platform.net, this.#at(port));
  }

  /** As `listen`, while torrents run. */
  async move(port: number): Promise<void> {
    await this.listen(port);
    await this.#udpPort.move();
    for (const address of [null, ...this.discovery.ownAddresses]) this.#onOwnAddress(address);
  }

  /** Ends the DHT node and starts another one. Rejects with a NetError if there is no UDP port. */
  async setDht(dht: DhtSettings | boolean): Promise<void> {
    await this.#keepDht();
    this.discovery.closeDht();
    if (dht === false) return;
    const settings = dht === true ? {} : dht;
    await this.discovery.openDht(settings, await this.#ports.state?.loadDht() ?? null);
  }

  async setLsd(lsd: boolean): Promise<void> {
    if (lsd) await this.discovery.openLsd();
    else this.discovery.closeLsd();
  }

  async close(): Promise<void> {
    await this.#inbound.close();
    await this.#keepDht();
    this.discovery.close();
    this.udp.close();
    this.#udpPort.close();
  }

  #at(port: number): { port: number; queue: number; address?: string } {
    const queue = this.#queue, address = this.#address;
    return { port, queue, ...(address === undefined ? {} : { address }) };
  }

  async #keepDht(): Promise<void> {
    const { dhtState } = this.discovery, { state } = this.#ports;
    if (dhtState === null || dhtState.nodes.length === 0 || state === null) return;
    // A short run meets few nodes: those that it had no time for are kept for the next one.
    const before = await state.loadDht();
    await state.keepDht(withNodesOf(before, dhtState))
      .catch(() => {}); // the next run can begin without
  }

  #onOwnAddress(address: string | null): void {
    for (const { peers } of this.#ports.running.values()) peers.pool.own.set(address, this.port);
  }
}
