/**
 * The messages of the DHT as values: the queries, answers and errors of BEP 5 with the fields of
 * BEP 32 (IPv6), 33 (scrape), 42 (`ip`), 43 (`ro`), 44 (get and put) and 51 (samples).
 * A decoded message owns its bytes: they are views on one copy of the datagram, never on itself.
 */
import type { PeerAddress } from "../util/compact_address.ts";
import { ProtocolError } from "../util/errors.ts";

/** No message of the DHT is longer; a longer one is refused unread. */
export const MAX_MESSAGE_BYTES = 2048;
/** The most nodes read from one answer, for each family. */
export const MAX_NODES = 32;
/** The most peers read from one answer. */
export const MAX_VALUES = 256;
/** The most info-hashes read from one answer (BEP 51). */
export const MAX_SAMPLES = 100;
export const MAX_TRANSACTION_BYTES = 64;
export const MAX_TOKEN_BYTES = 128;
/** Bytes of one bloom filter of BEP 33. */
export const BLOOM_BYTES = 256;
export const MAX_ERROR_TEXT = 200;

/** Codes of error messages (BEP 5, BEP 44). */
export const KrpcErrorCode = {
  generic: 201,
  server: 202,
  protocol: 203,
  unknownMethod: 204,
  valueTooBig: 205,
  badSignature: 206,
  saltTooBig: 207,
  casMismatch: 301,
  seqTooOld: 302,
} as const;

/** A node as reported by others: `id` is 20 bytes, `address` canonical text of either family. */
export interface NodeEntry {
  readonly id: Uint8Array;
  readonly address: string;
  readonly port: number;
}

interface QueryHead {
  readonly kind: "query";
  /** Transaction id, 1 to 64 bytes. */
  readonly t: Uint8Array;
  /** Node id of the asker: 20 bytes. */
  readonly id: Uint8Array;
  /** The sender cannot be queried (BEP 43). */
  readonly readOnly: boolean;
  /** `v`: client and version, or null. */
  readonly client: Uint8Array | null;
}

interface Targeted {
  /** 20 bytes. */
  readonly target: Uint8Array;
  /** Families of nodes to answer with (BEP 32); null: that of the datagram. */
  readonly want: readonly (4 | 6)[] | null;
}

export interface PingQuery extends QueryHead {
  readonly method: "ping";
}

export interface FindNodeQuery extends QueryHead, Targeted {
  readonly method: "find_node";
}

/** `target` is the info-hash. */
export interface GetPeersQuery extends QueryHead, Targeted {
  readonly method: "get_peers";
  /** Leave seeds out (BEP 33). */
  readonly noSeed: boolean;
  /** Answer with bloom filters (BEP 33). */
  readonly scrape: boolean;
}

export interface AnnouncePeerQuery extends QueryHead {
  readonly method: "announce_peer";
  readonly infoHash: Uint8Array;
  readonly token: Uint8Array;
  /** 0 to 65535; without meaning if `impliedPort`. */
  readonly port: number;
  /** The announced port is the source port of the datagram. */
  readonly impliedPort: boolean;
  /** BEP 33. */
  readonly seed: boolean;
}

export interface GetQuery extends QueryHead, Targeted {
  readonly method: "get";
  /** Send the value only if it is newer. */
  readonly seq: bigint | null;
}

/** The fields that make an item of BEP 44 mutable. */
export interface MutablePart {
  /** Ed25519 public key, 32 bytes. */
  readonly key: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
  /** 0 to 2^63 - 1. */
  readonly seq: bigint;
  /** Empty for none; its length is not checked yet. */
  readonly salt: Uint8Array;
  /** Store only over this sequence number. */
  readonly cas: bigint | null;
}

export interface PutQuery extends QueryHead {
  readonly method: "put";
  readonly token: Uint8Array;
  /** Bencoded as received; neither its length nor its key order is checked yet. */
  readonly value: Uint8Array;
  /** Null: an immutable item. */
  readonly mutable: MutablePart | null;
}

export interface SampleInfohashesQuery extends QueryHead, Targeted {
  readonly method: "sample_infohashes";
}

/** An unknown method; `target` if it has one, as newer kinds of lookup have. */
export interface UnknownQuery extends QueryHead {
  readonly method: "unknown";
  readonly name: string;
  readonly target: Uint8Array | null;
  readonly want: readonly (4 | 6)[] | null;
}

export type KrpcQuery =
  | PingQuery
  | FindNodeQuery
  | GetPeersQuery
  | AnnouncePeerQuery
  | GetQuery
  | PutQuery
  | SampleInfohashesQuery
  | UnknownQuery;

/** Bloom filters of BEP 33, 256 bytes each. */
export interface ScrapeFilters {
  readonly seeds: Uint8Array;
  readonly peers: Uint8Array;
}

/** BEP 51. */
export interface InfohashSamples {
  /** 20 bytes each. */
  readonly infoHashes: readonly Uint8Array[];
  /** The number of info-hashes that the node knows. */
  readonly total: number;
  /** Seconds until another query makes sense: 0 to 21600. */
  readonly interval: number;
}

/** All fields of any answer: which ones matter depends on the query. */
export interface KrpcResponse {
  readonly kind: "response";
  readonly t: Uint8Array;
  readonly id: Uint8Array;
  readonly client: Uint8Array | null;
  /** Our address as the answering node sees it (BEP 42). */
  readonly ownEndpoint: PeerAddress | null;
  /** IPv4 nodes, usable ones only, at most 32. */
  readonly nodes: readonly NodeEntry[];
  /** IPv6 nodes, usable ones only, at most 32. */
  readonly nodes6: readonly NodeEntry[];
  /** Peers of both families, usable ones only, at most 256. */
  readonly values: readonly PeerAddress[];
  readonly token: Uint8Array | null;
  readonly scrape: ScrapeFilters | null;
  readonly samples: InfohashSamples | null;
  /** The bencoded value of an item (BEP 44), not verified; and the fields of a mutable one. */
  readonly value: Uint8Array | null;
  readonly key: Uint8Array | null;
  readonly signature: Uint8Array | null;
  readonly seq: bigint | null;
}

export interface KrpcError {
  readonly kind: "error";
  readonly t: Uint8Array;
  readonly code: number;
  /** At most 200 characters, for a log. */
  readonly message: string;
  readonly client: Uint8Array | null;
  readonly ownEndpoint: PeerAddress | null;
}

export type KrpcMessage = KrpcQuery | KrpcResponse | KrpcError;

/** A datagram that is not a valid message. */
export class KrpcFormatError extends ProtocolError {
  /** `t`: of an invalid query that can be answered (error 203); null otherwise. */
  constructor(code: string, message: string, readonly t: Uint8Array | null, cause?: unknown) {
    super(code, message, cause === undefined ? undefined : { cause });
  }
}
