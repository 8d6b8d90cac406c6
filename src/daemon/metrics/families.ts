/** The table of all metrics of the daemon: name, help, type, unit, and how each is read. */
import type { ClientFigures, HistogramFigures, TorrentState } from "../../client/types.ts";
import type { Family, HistogramValue, Labels, Sample } from "./metric_types.ts";

/** What the daemon knows beside its client. */
export interface ProcessFigures {
  readonly version: string;
  readonly runtime: string;
  /** Seconds since 1970. */
  readonly startedAt: number;
  readonly residentBytes: number;
  /** Seconds that the main thread waited for a processor. */
  readonly waitedSeconds: number;
  /** The most files and sockets that may be open; null where the system does not tell. */
  readonly openLimit: number | null;
  /** How late timers were, in seconds. */
  readonly loopLag: HistogramValue;
  /** Bytes that are free, by folder. */
  readonly freeSpace: ReadonlyMap<string, number>;
}

export interface MetricsSource {
  readonly client: ClientFigures;
  readonly process: ProcessFigures;
}

type Row = Family<MetricsSource>;

/** Every state, so that a series does not come and go. */
const STATES: Readonly<Record<TorrentState, 0>> = {
  finding: 0,
  checking: 0,
  queued: 0,
  downloading: 0,
  verifying: 0,
  moving: 0,
  seeding: 0,
  waiting: 0,
  paused: 0,
  done: 0,
  stopped: 0,
  failed: 0,
};

const one = (value: number): Sample[] => [{ value }];

function by(
  label: string,
  values: Iterable<readonly [string, number]>,
  more: Labels = {},
): Sample[] {
  return [...values].map(([name, value]) => ({ labels: { ...more, [label]: name }, value }));
}

function inSeconds({ upToMs, counts, sumMs }: HistogramFigures): HistogramValue {
  return { bounds: upToMs.map((ms) => ms / 1000), counts, sum: sumMs / 1000 };
}

const traffic: readonly Row[] = [
  {
    name: "shoal_payload_bytes_total",
    help: "Payload bytes, by direction and by how the peer was found.",
    type: "counter",
    unit: "By",
    read: ({ client }) =>
      client.traffic.flatMap(({ source, downloaded, uploaded }) => [
        ...by("direction", [["down", downloaded], ["up", uploaded]], { source }),
      ]),
  },
  {
    name: "shoal_payload_rate_bytes_per_second",
    help: "Present payload rate, by direction and by how the peer was found.",
    type: "gauge",
    unit: "By/s",
    read: ({ client }) =>
      client.traffic.flatMap(({ source, downRate, upRate }) => [
        ...by("direction", [["down", downRate], ["up", upRate]], { source }),
      ]),
  },
  {
    name: "shoal_wasted_bytes_total",
    help: "Useless downloaded bytes: of failed pieces, duplicate blocks, unasked blocks.",
    type: "counter",
    unit: "By",
    read: ({ client }) => by("cause", Object.entries(client.wasted)),
  },
  {
    name: "shoal_block_latency_seconds",
    help: "Time from the request of a block to its arrival.",
    type: "histogram",
    unit: "s",
    read: ({ client }) => [{ value: inSeconds(client.blockLatency) }],
  },
  {
    name: "shoal_pieces_total",
    help: "Pieces started, completed (verified), failed (wrong hash) and retried (started again).",
    type: "counter",
    unit: "1",
    read: ({ client }) => by("event", Object.entries(client.pieces)),
  },
];

const torrents: readonly Row[] = [
  {
    name: "shoal_torrents",
    help: "Torrents by state.",
    type: "gauge",
    unit: "1",
    read: ({ client }) => by("state", Object.entries({ ...STATES, ...client.torrents })),
  },
  {
    name: "shoal_torrents_completed_total",
    help: "How often a torrent became complete.",
    type: "counter",
    unit: "1",
    read: ({ client }) => one(client.completed),
  },
  {
    name: "shoal_torrent_failures_total",
    help: "How often a torrent waited for its disk or failed, by the code of the error.",
    type: "counter",
    unit: "1",
    read: ({ client }) => by("code", client.failures),
  },
  {
    name: "shoal_torrent_warnings_total",
    help: "Warnings of torrents.",
    type: "counter",
    unit: "1",
    read: ({ client }) => one(client.warnings),
  },
];

const peers: readonly Row[] = [
  {
    name: "shoal_connections",
    help: "Connections now: established ones by who dialled, and those that are being made.",
    type: "gauge",
    unit: "1",
    read: ({ client: { connections } }) => [
      ...by("direction", [
        ["incoming", connections.incoming],
        ["outgoing", connections.outgoing],
      ], { state: "connected", transport: "tcp" }),
      ...by("direction", [
        ["incoming", connections.pending],
        ["outgoing", connections.connecting],
      ], { state: "connecting", transport: "tcp" }),
    ],
  },
  {
    name: "shoal_connections_opened_total",
    help: "Established connections, by who dialled.",
    type: "counter",
    unit: "1",
    read: ({ client }) => by("direction", Object.entries(client.opened)),
  },
  {
    name: "shoal_connections_closed_total",
    help: "Connections that ended.",
    type: "counter",
    unit: "1",
    read: ({ client }) => one(client.closed),
  },
  {
    name: "shoal_connected_peers",
    help:
      "Connected peers that we unchoke, that are interested, that unchoke us, that are snubbed.",
    type: "gauge",
    unit: "1",
    read: ({ client }) => by("stance", Object.entries(client.stances)),
  },
  {
    name: "shoal_known_peers",
    help: "Peer addresses in the lists of all torrents.",
    type: "gauge",
    unit: "1",
    read: ({ client }) => one(client.peers.known),
  },
  {
    name: "shoal_banned_peers",
    help: "Peers that are banned now.",
    type: "gauge",
    unit: "1",
    read: ({ client }) => one(client.peers.banned),
  },
  {
    name: "shoal_bans_total",
    help: "Bans of peers.",
    type: "counter",
    unit: "1",
    read: ({ client }) => one(client.bans),
  },
  {
    name: "shoal_announces_total",
    help: "Announces to trackers, by the scheme of the URL and by outcome.",
    type: "counter",
    unit: "1",
    read: ({ client }) =>
      Object.entries(client.announces).flatMap(([scheme, outcomes]) =>
        by("outcome", Object.entries(outcomes), { scheme })
      ),
  },
];

/** No samples while the DHT is off. */
const dht: readonly Row[] = [
  {
    name: "shoal_dht_nodes",
    help: "Good nodes in the routing tables of the DHT.",
    type: "gauge",
    unit: "1",
    read: ({ client: { dht } }) => dht === null ? [] : one(dht.nodes),
  },
  {
    name: "shoal_dht_queries_total",
    help: "Queries of the DHT, by direction.",
    type: "counter",
    unit: "1",
    read: ({ client: { dht } }) =>
      dht === null ? [] : by("direction", [["out", dht.queriesSent], ["in", dht.queriesReceived]]),
  },
  {
    name: "shoal_dht_bytes_total",
    help: "Bytes of the DHT's datagrams, by direction.",
    type: "counter",
    unit: "By",
    read: ({ client: { dht } }) =>
      dht === null ? [] : by("direction", [["out", dht.bytesSent], ["in", dht.bytesReceived]]),
  },
  {
    name: "shoal_dht_dropped_total",
    help: "Datagrams of the DHT that were dropped, by cause.",
    type: "counter",
    unit: "1",
    read: ({ client: { dht } }) =>
      dht === null ? [] : by("cause", [
        ["malformed", dht.malformed],
        ["unsolicited", dht.unsolicited],
        ["refused", dht.refused],
        ["held-back", dht.heldBack],
      ]),
  },
  {
    name: "shoal_dht_stored",
    help: "What other nodes store here: torrents, peers, items.",
    type: "gauge",
    unit: "1",
    read: ({ client: { dht } }) => dht === null ? [] : by("kind", Object.entries(dht.stored)),
  },
];

const disk: readonly Row[] = [
  {
    name: "shoal_disk_bytes_total",
    help: "Bytes read from and written to the files of torrents, without checks.",
    type: "counter",
    unit: "By",
    read: ({ client: { disk } }) =>
      by("operation", [["read", disk.readBytes], ["write", disk.writtenBytes]]),
  },
  {
    name: "shoal_disk_latency_seconds",
    help: "Time of one read, write or sync of a file.",
    type: "histogram",
    unit: "s",
    read: ({ client: { disk } }) => [
      { labels: { operation: "read" }, value: inSeconds(disk.reads) },
      { labels: { operation: "write" }, value: inSeconds(disk.writes) },
      { labels: { operation: "sync" }, value: inSeconds(disk.syncs) },
    ],
  },
  {
    name: "shoal_disk_errors_total",
    help: "Failed reads, writes and syncs, by the code of the error.",
    type: "counter",
    unit: "1",
    read: ({ client: { disk } }) => by("code", disk.errors),
  },
  {
    name: "shoal_disk_free_bytes",
    help: "Free space of the disk that holds a folder.",
    type: "gauge",
    unit: "By",
    read: ({ process }) => by("folder", process.freeSpace),
  },
];

const process: readonly Row[] = [
  {
    name: "shoal_event_loop_lag_seconds",
    help: "How late timers were on the main thread.",
    type: "histogram",
    unit: "s",
    read: ({ process }) => [{ value: process.loopLag }],
  },
  {
    name: "shoal_processor_wait_seconds_total",
    help: "Time for which the main thread was ready to run and waited for a processor.",
    type: "counter",
    unit: "s",
    read: ({ process }) => one(process.waitedSeconds),
  },
  {
    name: "shoal_build_info",
    help: "The version of shoal and the runtime on which it runs; always 1.",
    type: "gauge",
    unit: "1",
    read: ({ process: { version, runtime } }) => [{ labels: { version, runtime }, value: 1 }],
  },
  {
    name: "process_resident_memory_bytes",
    help: "Resident memory of the process.",
    type: "gauge",
    unit: "By",
    read: ({ process }) => one(process.residentBytes),
  },
  {
    name: "process_start_time_seconds",
    help: "Start of the process, in seconds since 1970.",
    type: "gauge",
    unit: "s",
    read: ({ process }) => one(process.startedAt),
  },
  {
    name: "process_max_fds",
    help: "The most files and sockets that the process may have open.",
    type: "gauge",
    unit: "1",
    read: ({ process }) => process.openLimit === null ? [] : one(process.openLimit),
  },
];

export const FAMILIES: readonly Row[] = [
  ...traffic,
  ...torrents,
  ...peers,
  ...dht,
  ...disk,
  ...process,
];
