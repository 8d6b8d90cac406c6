/** A DHT node's options, operations and statistics. */
import type { Ed25519, Hasher, Random } from "../platform/types.ts";
import type { PeerAddress } from "../util/compact_address.ts";
import type { DhtItem } from "./dht_item.ts";
import type { InfohashSamples } from "./krpc.ts";
import type { Crc32c } from "../util/crc32c.ts";
import type { FloodLimits } from "./flood_guard.ts";
import type { ItemStoreLimits } from "./item_store.ts";
import type { PeerStoreLimits } from "./peer_store.ts";
import type { TransactionLimits } from "./transactions.ts";

/** The saved state. Plain data; ids are 20 bytes. */
export interface DhtState {
  /** Our ids, by family; null for none. */
  ids: { 4: Uint8Array | null; 6: Uint8Array | null };
  /** End points of nodes that answered. */
  nodes: PeerAddress[];
}

export interface DhtNodeParts {
  random: Random;
  hasher: Pick<Hasher, "digest">;
  ed25519: Ed25519;
  crc32c: Crc32c;
  /** `bytes` may be kept. Best effort, must not call back into the node. */
  send(bytes: Uint8Array, to: PeerAddress): void;
  /** Votes of distinct networks agree on our address (BEP 42). */
  onAddress?(address: string): void;
}

/** How a DHT node is set up. */
export interface DhtNodeOptions {
  /** Default: both. */
  families?: readonly (4 | 6)[];
  /** `v` of our messages, 4 bytes. */
  client: Uint8Array;
  /** Sends queries, but never answers (BEP 43). Default false. */
  readOnly?: boolean;
  /** Whether to tell others which info-hashes we know (BEP 51). Default true. */
  samples?: boolean;
  /** Ids and nodes of an earlier run. */
  state?: DhtState;
  /** Limits on queries and on stored data. */
  limits?: {
    flood?: Partial<FloodLimits>;
    peers?: Partial<PeerStoreLimits>;
    items?: Partial<ItemStoreLimits>;
    transactions?: Partial<TransactionLimits>;
  };
}

/** A running operation that can be ended early; its `onDone` is then called as well. */
export interface Operation {
  cancel(now: number): void;
}

export interface PeersHandlers {
  /** New peers as they are found, without duplicates. */
  onPeers(peers: PeerAddress[]): void;
  /** Called once, last. */
  onDone(result: PeersResult): void;
}

/** The result of a search for peers. */
export interface PeersResult {
  /** Different peers found. */
  peers: number;
  /** Queries sent. */
  queries: number;
  /** Nodes that confirmed our announce. */
  stored: number;
}

/** Our announce. */
export interface AnnounceOptions {
  /** Our port for peers. */
  port: number;
  /** Nodes should use the source port of our datagrams instead. */
  impliedPort?: boolean;
  /** BEP 33. */
  seed?: boolean;
}

/** Estimates of BEP 33. */
export interface ScrapeResult {
  /** Estimated number of seeds. */
  seeds: number;
  /** Estimated number of downloads. */
  peers: number;
  /** Nodes that sent filters: with 0, the other numbers are meaningless. */
  answers: number;
}

export interface ItemHandlers {
  /** A valid item; of a mutable one each that is newer than the last. */
  onItem(item: DhtItem): void;
  onDone(): void;
}

/** The results of a walk for samples (BEP 51). */
export interface SampleHandlers {
  /** A node sent samples of its info-hashes. */
  onSamples(samples: InfohashSamples, from: PeerAddress): void;
  /** The walk has ended. */
  onDone(): void;
}

/** The answer to a ping. */
export interface PingResult {
  /** The node's id, 20 bytes. */
  id: Uint8Array;
  /** Round trip, in milliseconds. */
  rttMs: number;
  /** `v` of the answer. */
  client: Uint8Array | null;
}

/** The nodes of one address family. */
export interface OverlayStats {
  /** Address family. */
  family: 4 | 6;
  /** Hexadecimal. */
  id: string;
  /** As a majority sees us; null if unknown. */
  address: string | null;
  /** Nodes in the routing table. */
  nodes: number;
  /** Nodes that wait for a place in it. */
  spares: number;
  /** Nodes by bucket, the farthest first. */
  buckets: number[];
  /** Estimated number of all nodes; null if unknown. */
  networkSize: number | null;
  /** Running searches, and those in the queue. */
  searches: { running: number; waiting: number };
  /** Reported nodes that were not asked yet. */
  contacts: number;
  /** Answers under a false id. */
  liars: number;
}

/** The state and counters of a DHT node. */
export interface DhtStats {
  /** The overlay of each address family. */
  overlays: OverlayStats[];
  /** Datagrams. */
  received: number;
  /** Datagrams that were sent. */
  sent: number;
  /** Bytes that were received. */
  bytesReceived: number;
  /** Bytes that were sent. */
  bytesSent: number;
  /** Queries that were sent. */
  queriesSent: number;
  /** Queries that were received. */
  queriesReceived: number;
  /** Queries in flight. */
  pending: number;
  /** Datagrams that were not valid messages. */
  malformed: number;
  /** Answers without a query. */
  unsolicited: number;
  /** Datagrams refused for the rate of their address. */
  refused: number;
  /** Answers held back for the budget. */
  heldBack: number;
  /** Exceptions, ours and of handlers. They never end the node. */
  exceptions: number;
  /** The last exception, null without one. */
  lastException: unknown;
  /** Data stored by other nodes. */
  stored: { torrents: number; peers: number; items: number };
}
