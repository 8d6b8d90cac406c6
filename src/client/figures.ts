/**
 * The figures of a whole client, for monitoring. They are added up when asked for, at a cost of a
 * few operations for each torrent and connection; what removed torrents did stays in the counts.
 */
import { DownloadLedger } from "../pieces/download_ledger.ts";
import { type SourceFigures, SourceTraffic } from "../peers/source_traffic.ts";
import type { DhtStats } from "../dht/node_types.ts";
import type { TorrentInside } from "../torrent/torrent_ports.ts";
import type { DownloadMetrics, TorrentState } from "../torrent/types.ts";
import type { Histogram } from "../util/histogram.ts";
import type { AnnounceCounts } from "./event_tally.ts";
import type { ClientParts } from "./parts.ts";

export type { AnnounceCounts, SourceFigures };

/** Counts of values up to each bound, one more for larger values, and the sum of all values. */
export interface HistogramFigures {
  /** Upper ends of the buckets, in milliseconds. */
  upToMs: readonly number[];
  /** Numbers of values. */
  counts: readonly number[];
  /** Milliseconds. */
  sumMs: number;
}

/** Counters begin with the client and never fall, also when torrents are removed. */
export interface ClientFigures {
  /** Number of torrents in each state. */
  torrents: Readonly<Partial<Record<TorrentState, number>>>;
  /** Payload bytes and rates, by how the peer was found. */
  traffic: readonly SourceFigures[];
  /** Pieces that were started, verified, failed their hash, and started again. */
  pieces: DownloadMetrics["pieces"];
  /** Bytes by cause. */
  wasted: DownloadMetrics["wasted"];
  /** From request to block. */
  blockLatency: HistogramFigures;
  /** Connections now. `pending`: incoming ones before their handshake. */
  connections: { incoming: number; outgoing: number; connecting: number; pending: number };
  /** Addresses that could be dialled, and banned ones. */
  peers: { known: number; banned: number };
  /** Connected peers that we unchoke, that are interested in us, that unchoke us, and snubbed ones. */
  stances: { unchoked: number; interested: number; unchoking: number; snubbed: number };
  /** Connections that were made. */
  opened: { incoming: number; outgoing: number };
  /** Connections that ended. */
  closed: number;
  /** Peers that were banned. */
  bans: number;
  /** Torrents that became complete. */
  completed: number;
  /** Warnings of torrents. */
  warnings: number;
  /** By the scheme of the tracker's URL. */
  announces: Readonly<Record<string, AnnounceCounts>>;
  /** How often a torrent waited for its disk or failed, by the code of the error. */
  failures: ReadonlyMap<string, number>;
  /** Null without a DHT. */
  dht: (DhtStats & { nodes: number }) | null;
  /** Reads, writes and syncs of torrents' files; the checks of existing data are not in it. */
  disk: {
    readBytes: number;
    writtenBytes: number;
    reads: HistogramFigures;
    writes: HistogramFigures;
    syncs: HistogramFigures;
    errors: ReadonlyMap<string, number>;
  };
}

type Parts = Pick<ClientParts, "feed" | "network" | "content">;

export class FiguresBook {
  /** By info-hash: all that the client has, ended ones included. */
  readonly #torrents = new Map<string, TorrentInside>();
  /** Of torrents that were removed. */
  readonly #goneTraffic = new SourceTraffic();
  readonly #goneLedger = new DownloadLedger(0);

  added(torrent: TorrentInside): void {
    this.#torrents.set(torrent.infoHash, torrent);
  }

  /** The torrent has ended. */
  removed(infoHash: string): void {
    const torrent = this.#torrents.get(infoHash);
    if (torrent === undefined) return;
    this.#torrents.delete(infoHash);
    torrent.peers.traffic.addTo(this.#goneTraffic);
    if (torrent.ledger !== null) this.#goneLedger.addAll(torrent.ledger);
  }

  figures({ feed, network, content }: Parts): ClientFigures {
    const { connections: opened, disconnections: closed, bans, done, warnings } = feed.tally;
    const { dht } = network.discovery, { disk } = content;
    return {
      ...this.#ofTorrents(network.pending),
      opened: { ...opened },
      closed,
      bans,
      completed: done,
      warnings,
      announces: feed.tally.announces,
      failures: feed.tally.failures,
      dht: dht === null ? null : { ...dht.stats(), nodes: dht.nodes },
      disk: {
        readBytes: disk.readBytes,
        writtenBytes: disk.writtenBytes,
        reads: shown(disk.reads),
        writes: shown(disk.writes),
        syncs: shown(disk.syncs),
        errors: disk.errors,
      },
    };
  }

  #ofTorrents(pending: number) {
    const traffic = new SourceTraffic(), ledger = new DownloadLedger(0);
    const torrents: Partial<Record<TorrentState, number>> = {};
    const connections = { incoming: 0, outgoing: 0, connecting: 0, pending };
    const peers = { known: 0, banned: 0 };
    const stances = { unchoked: 0, interested: 0, unchoking: 0, snubbed: 0 };
    traffic.addAll(this.#goneTraffic);
    ledger.addAll(this.#goneLedger);
    for (const torrent of this.#torrents.values()) {
      const { state, peers: { pool, swarm } } = torrent,
        { total, connecting, banned } = pool.stats();
      torrents[state] = (torrents[state] ?? 0) + 1;
      torrent.peers.traffic.addTo(traffic);
      if (torrent.ledger !== null) ledger.addAll(torrent.ledger);
      connections.connecting += connecting;
      peers.known += total;
      peers.banned += banned;
      for (const { session, incoming } of swarm.members) {
        connections[incoming ? "incoming" : "outgoing"]++;
        if (!session.taker.choking) stances.unchoked++;
        if (session.taker.peerInterested) stances.interested++;
        if (!session.source.choked) stances.unchoking++;
        if (session.source.snubbed) stances.snubbed++;
      }
    }
    const { started, completed, failed, retried, wasted, latency } = ledger;
    return {
      torrents,
      traffic: traffic.list(),
      pieces: { started, completed, failed, retried },
      wasted,
      blockLatency: shown(latency),
      connections,
      peers,
      stances,
    };
  }
}

function shown(histogram: Histogram): HistogramFigures {
  return { upToMs: histogram.bounds, counts: histogram.counts(), sumMs: histogram.sum };
}
