/** Makes the peers of torrents; owns what the connections of all torrents share. */
import type { Platform } from "../platform/types.ts";
import { SendBuffers } from "../swarm/peer/link.ts";
import { TorrentPeers } from "../torrent/peers.ts";
import type { PeersOptions, PeersPorts } from "../torrent/peers_ports.ts";
import type { TorrentHappening } from "../torrent/types.ts";
import { type Dial, dialPeer } from "../transport/dial.ts";
import type { Crc32c } from "../util/crc32c.ts";
import { CLIENT_NAME, makePeerId } from "../wire/peer_id.ts";
import type { ClientLimits } from "./client_limits.ts";
import type { Network } from "./network.ts";
import { torrentSettings } from "./settings.ts";
import { makeTrackers } from "./torrent_trackers.ts";
import type { AddOptions } from "./types.ts";

const NO_LIMITS: PeersOptions["limits"] = { down: Infinity, up: Infinity };
/**
 * The trust at which a peer is banned that was never a piece's only sender: proof (the next attempt
 * is made with one peer alone) should have come many failed pieces before. Many liars at once push
 * the honest peers among them down to -10 and below in the first seconds.
 */
const BAN_TRUST = -40;

/** What all torrents share. */
interface PeersMakerPorts {
  limits: ClientLimits;
  network: Network;
  crc32c: Crc32c;
  anyTrackerUrl: boolean;
}

export class PeersMaker {
  readonly #platform: Platform;
  readonly #ports: PeersMakerPorts;
  readonly #buffers = new SendBuffers();
  readonly #dial: Dial;

  constructor(platform: Platform, ports: PeersMakerPorts) {
    this.#platform = platform;
    this.#ports = ports;
    this.#dial = (to, ours, events) => dialPeer(platform, to, ours, events);
  }

  /** Of a torrent that may be known only by its magnet link. */
  make(
    infoHash: Uint8Array,
    { tiers, independent }: { tiers: PeersOptions["tiers"]; independent: boolean },
    options: AddOptions,
    tell: (happening: TorrentHappening) => void,
  ): TorrentPeers {
    const platform = this.#platform, { clock, random, hasher } = platform;
    const { limits, network, crc32c, anyTrackerUrl: anyUrl } = this.#ports;
    const { udp, discovery } = network, listenPort = () => network.port;
    const { uploadSlots, superSeed, pex, maxPeers } = torrentSettings(options);
    const peerId = makePeerId(random), trackerKey = random.uint32();
    const identity = { infoHash, peerId, trackerKey, listenPort, clientName: CLIENT_NAME };
    const outside: PeersPorts["outside"] = {
      dhtNode: (address, port) => discovery.dhtNode(address, port),
      ownAddress: (address, from) => discovery.ownAddress(address, from),
    };
    const { ownAddress } = outside;
    const peers = new TorrentPeers(identity, {
      tiers,
      trackers: options.trackers,
      pool: { maxActiveConnections: maxPeers, banTrust: BAN_TRUST, crc32c },
      swarm: { uploadSlots, superSeed },
      limits: { ...NO_LIMITS, ...options.limits },
      peerLimits: { ...NO_LIMITS, ...options.peerLimits },
    }, {
      clock,
      random,
      hasher,
      dial: this.#dial,
      buffers: this.#buffers,
      throttles: limits.throttles,
      slots: limits.slots,
      trackers: (peers) =>
        makeTrackers(platform, { udp, anyUrl, ownAddress }, peers, independent, tell),
      extensions: { pex, dhtPort: () => discovery.dhtPort },
      outside,
      tell,
    });
    peers.limits.setPriority(options.priority ?? 0);
    peers.limits.shareWith(limits.labels.throttlesOf(options));
    // Those that turn out later the client tells.
    for (const address of discovery.ownAddresses) peers.pool.own.set(address, listenPort());
    return peers;
  }
}
