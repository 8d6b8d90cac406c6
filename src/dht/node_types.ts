/** What a DHT node is made with, what it can be asked to do, and what it tells about itself. */
import type { Ed25519, Hasher, Random } from "../platform/types.ts";
import type { PeerAddress } from "../util/compact_address.ts";
import type { DhtItem } from "./dht_item.ts";
import type { InfohashSamples } from "./krpc.ts";
import type { Crc32c } from "../util/crc32c.ts";
import type { FloodLimits } from "./flood_guard.ts";
import type { ItemStoreLimits } from "./item_store.ts";
import type { PeerStoreLimits } from "./peer_store.ts";
import type { TransactionLimits } from "./transactions.ts";

/** What outlives a run. Plain data; ids are 20 bytes. */
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

export interface DhtNodeOptions {
  /** Default: both. */
  families?: readonly (4 | 6)[];
  /** `v` of our messages, 4 bytes. */
  client: Uint8Array;
  /** Asks, but never answers (BEP 43). Default false. */
  readOnly?: boolean;
  /** Whether to tell others which info-hashes we know (BEP 51). Default true. */
  samples?: boolean;
  state?: DhtState;
  limits?: {
    flood?: Partial<FloodLimits>;
    peers?: Partial<PeerStoreLimits>;
    items?: Partial<ItemStoreLimits>;
    transactions?: Partial<TransactionLimits>;
  };
}

/** Something under way that can be ended early; its `onDone` is called then as well. */
export interface Operation {
  cancel(now: number): void;
}

export interface PeersHandlers {
  /** New ones as they are found, none twice. */
  onPeers(peers: PeerAddress[]): void;
  /** Once, last of all. */
  onDone(result: PeersResult): void;
}

export interface PeersResult {
  /** Different peers found. */
  peers: number;
  /** Queries sent. */
  queries: number;
  /** Nodes that confirmed our announce. */
  stored: number;
}

export interface AnnounceOptions {
  /** Our port for peers. */
  port: number;
  /** They shall take the port of our datagrams instead. */
  impliedPort?: boolean;
  /** BEP 33. */
  seed?: boolean;
}

/** Estimates of BEP 33. */
export interface ScrapeResult {
  seeds: number;
  peers: number;
  /** Nodes that sent filters: of none, the others say nothing. */
  answers: number;
}

export interface ItemHandlers {
  /** A sound item; of a mutable one each that is newer than the last. */
  onItem(item: DhtItem): void;
  onDone(): void;
}

export interface SampleHandlers {
  onSamples(samples: InfohashSamples, from: PeerAddress): void;
  onDone(): void;
}

export interface PingResult {
  id: Uint8Array;
  rttMs: number;
  /** `v` of the answer. */
  client: Uint8Array | null;
}

export interface OverlayStats {
  family: 4 | 6;
  /** Hexadecimal. */
  id: string;
  /** As most others see us; null if not known. */
  address: string | null;
  nodes: number;
  spares: number;
  /** Nodes by bucket, the farthest first. */
  buckets: number[];
  /** About how many nodes there are at all; null if not known. */
  networkSize: number | null;
  searches: { running: number; waiting: number };
  contacts: number;
  /** Answers under a false id. */
  liars: number;
}

export interface DhtStats {
  overlays: OverlayStats[];
  /** Datagrams. */
  received: number;
  sent: number;
  bytesReceived: number;
  bytesSent: number;
  queriesSent: number;
  queriesReceived: number;
  /** Queries under way. */
  pending: number;
  /** Datagrams that were no sound message; answers nobody had asked for. */
  malformed: number;
  unsolicited: number;
  /** Datagrams refused for the rate of their address, and answers held back for the budget. */
  refused: number;
  heldBack: number;
  /** Exceptions, ours and of handlers, and the last of them. None of them ends anything. */
  exceptions: number;
  lastException: unknown;
  stored: { torrents: number; peers: number; items: number };
}
