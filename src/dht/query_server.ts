/**
 * The answering side of a DHT node (BEP 5, 32, 33, 42, 44, 51): turns a decoded query into the
 * bytes of the answer. Nothing is stored without a token that we gave to the sender's address, no
 * answer exceeds 1,400 bytes, and each passes the flood guard first.
 */
import { isUsablePeer, type PeerAddress } from "../util/compact_address.ts";
import {
  checkItem,
  type DhtItem,
  itemTarget,
  type Refusal,
  type Sha1,
  type SignatureCheck,
  type Signed,
} from "./dht_item.ts";
import {
  type AnnouncePeerQuery,
  encodeError,
  encodeResponse,
  type GetPeersQuery,
  type GetQuery,
  KrpcErrorCode,
  type KrpcFormatError,
  type KrpcQuery,
  type MutablePart,
  type NodeEntry,
  type PutQuery,
  type ResponseFields,
  type SampleInfohashesQuery,
} from "./krpc.ts";
import { AnswerRoom } from "./answer_room.ts";
import type { FloodGuard } from "./flood_guard.ts";
import type { ItemStore } from "./item_store.ts";
import type { PeerStore } from "./peer_store.ts";
import type { TokenSecrets } from "./token_secrets.ts";

/** The parts of the routing tables that answers need. */
export interface NodeTable {
  /** Our id in answers of a family: 20 bytes. */
  id(family: 4 | 6): Uint8Array;
  /** At most `count` good nodes of a family, nearest to `target` first. */
  closest(target: Uint8Array, family: 4 | 6, count: number): readonly NodeEntry[];
  /** A node that can be queried sent a valid query. That proves nothing about its address. */
  heardFrom(node: NodeEntry, now: number): void;
}

export interface QueryServerParts {
  nodes: NodeTable;
  peers: PeerStore;
  items: ItemStore;
  tokens: TokenSecrets;
  guard: FloodGuard;
  sha1: Sha1;
  signatures: SignatureCheck;
  /** `v` of our messages: two letters and a version, 4 bytes. */
  client: Uint8Array;
}

export interface QueryServerOptions {
  /** We are read-only (BEP 43): no query is answered. Default false. */
  readOnly?: boolean;
  /** Whether to tell which info-hashes we know (BEP 51). Default true. */
  samples?: boolean;
}

/** Nodes in an answer, for each family. */
const NODES = 8;
/** Info-hashes in one answer, and how many seconds they stay the same (BEP 51). */
const SAMPLES = 20, SAMPLE_INTERVAL = 3600;
const NODE_BYTES = { 4: 26, 6: 38 } as const;
const VALUE_BYTES = { 4: 8, 6: 21 } as const;

/** An unfinished answer; its type is that of the encoder, but fields can be added. */
type Answer = { -readonly [Field in keyof ResponseFields]: ResponseFields[Field] };

export class QueryServer {
  readonly #parts: QueryServerParts;
  readonly #readOnly: boolean;
  readonly #samples: boolean;
  #sample: readonly Uint8Array[] = [];
  #sampleUntil = -Infinity;

  constructor(parts: QueryServerParts, options: QueryServerOptions = {}) {
    this.#parts = parts;
    this.#readOnly = options.readOnly ?? false;
    this.#samples = options.samples ?? true;
  }

  /** The datagram to send back to `from`, or null for silence. `queryBytes`: size of the query. */
  answer(query: KrpcQuery, from: PeerAddress, queryBytes: number, now: number): Uint8Array | null {
    const { guard, nodes } = this.#parts;
    if (this.#readOnly || !isUsablePeer(from) || !guard.admit(from.address, now)) return null;
    if (!query.readOnly) {
      nodes.heardFrom({ id: query.id, address: from.address, port: from.port }, now);
    }
    // Before the work: a flood from forged addresses costs little once the budget is spent.
    if (isLookup(query) && !guard.hasBudget(now)) return null;
    const bytes = this.#answerTo(query, from, now);
    return guard.mayAnswer(queryBytes, bytes.length, now) ? bytes : null;
  }

  /** The same for an invalid query: an error 203, or null for silence. */
  refuse(
    error: KrpcFormatError,
    from: PeerAddress,
    queryBytes: number,
    now: number,
  ): Uint8Array | null {
    const { guard } = this.#parts;
    if (error.t === null || this.#readOnly || !isUsablePeer(from)) return null;
    if (!guard.admit(from.address, now)) return null;
    const refusal = { code: KrpcErrorCode.protocol, message: error.code };
    const bytes = this.#error(error.t, from, refusal);
    return guard.mayAnswer(queryBytes, bytes.length, now) ? bytes : null;
  }

  #answerTo(query: KrpcQuery, from: PeerAddress, now: number): Uint8Array {
    switch (query.method) {
      case "ping":
        return encodeResponse(this.#start(query, from));
      case "find_node":
        return this.#findNode(query, query.target, query.want, from);
      case "get_peers":
        return this.#getPeers(query, from, now);
      case "announce_peer":
        return this.#confirm(query, from, this.#announce(query, from, now));
      case "get":
        return this.#get(query, from, now);
      case "put":
        return this.#confirm(query, from, this.#put(query, from, now));
      case "sample_infohashes":
        return this.#sampleInfohashes(query, from, now);
      case "unknown":
        // Newer lookups work on nodes that do not know them, as long as these report other nodes.
        if (query.target !== null) return this.#findNode(query, query.target, query.want, from);
        return this.#error(query.t, from, UNKNOWN_METHOD);
    }
  }

  #findNode(
    query: KrpcQuery,
    target: Uint8Array,
    want: readonly (4 | 6)[] | null,
    from: PeerAddress,
  ): Uint8Array {
    const answer = this.#start(query, from);
    this.#addNodes(answer, new AnswerRoom(answer), target, want, from);
    return encodeResponse(answer);
  }

  #getPeers(query: GetPeersQuery, from: PeerAddress, now: number): Uint8Array {
    const { peers } = this.#parts;
    const { target, noSeed } = query;
    const answer = this.#start(query, from);
    answer.token = this.#parts.tokens.token(from.address, target, now);
    if (query.scrape) answer.scrape = peers.scrape(target, now);
    const room = new AnswerRoom(answer);
    this.#addNodes(answer, room, target, query.want, from);
    const family = familyOf(from);
    // A scrape needs the filters; if there is no room beside them, peers are left out.
    const limit = room.countOf(VALUE_BYTES[family], Infinity);
    answer.values = peers.peersOf(target, { family, noSeed, limit }, now);
    return encodeResponse(answer);
  }

  #get(query: GetQuery, from: PeerAddress, now: number): Uint8Array {
    const answer = this.#start(query, from);
    answer.token = this.#parts.tokens.token(from.address, query.target, now);
    const item = this.#parts.items.get(query.target, now);
    if (item !== null) addItem(answer, item, query.seq);
    this.#addNodes(answer, new AnswerRoom(answer), query.target, query.want, from);
    return encodeResponse(answer);
  }

  #sampleInfohashes(query: SampleInfohashesQuery, from: PeerAddress, now: number): Uint8Array {
    if (!this.#samples) return this.#error(query.t, from, UNKNOWN_METHOD);
    const { peers } = this.#parts;
    if (now >= this.#sampleUntil) {
      this.#sample = peers.sampleInfoHashes(SAMPLES);
      this.#sampleUntil = now + SAMPLE_INTERVAL * 1000;
    }
    const answer = this.#start(query, from);
    const interval = Math.max(0, Math.ceil((this.#sampleUntil - now) / 1000));
    const total = Math.max(this.#sample.length, peers.torrentCount);
    answer.samples = { infoHashes: this.#sample, total, interval };
    this.#addNodes(answer, new AnswerRoom(answer), query.target, query.want, from);
    return encodeResponse(answer);
  }

  #announce(query: AnnouncePeerQuery, from: PeerAddress, now: number): Refusal | null {
    const { tokens, peers } = this.#parts;
    const { infoHash, token, seed } = query;
    if (!tokens.isValid(token, from.address, infoHash, now)) return BAD_TOKEN;
    const peer = { address: from.address, port: query.impliedPort ? from.port : query.port };
    if (!isUsablePeer(peer)) return BAD_PORT;
    peers.announce(infoHash, peer, seed, now);
    return null;
  }

  #put(query: PutQuery, from: PeerAddress, now: number): Refusal | null {
    const { items, tokens, sha1, signatures, nodes } = this.#parts;
    const { value, mutable } = query;
    const item: DhtItem = { value, signed: mutable === null ? null : signedOf(mutable) };
    const target = itemTarget(sha1, item);
    // The token first: without one, no query can make us check signatures.
    if (!tokens.isValid(query.token, from.address, target, now)) return BAD_TOKEN;
    const refusal = checkItem(signatures, value, mutable);
    if (refusal !== null) return refusal;
    const ownId = nodes.id(familyOf(from));
    return items.put(
      target,
      item,
      { address: from.address, cas: mutable?.cas ?? null, ownId },
      now,
    );
  }

  #confirm(query: KrpcQuery, from: PeerAddress, refusal: Refusal | null): Uint8Array {
    if (refusal !== null) return this.#error(query.t, from, refusal);
    return encodeResponse(this.#start(query, from));
  }

  #addNodes(
    answer: Answer,
    room: AnswerRoom,
    target: Uint8Array,
    want: readonly (4 | 6)[] | null,
    from: PeerAddress,
  ): void {
    const { nodes } = this.#parts;
    for (const family of want ?? [familyOf(from)]) {
      const count = room.countOf(NODE_BYTES[family], NODES);
      const found = nodes.closest(target, family, count).slice(0, count);
      room.take(found.length * NODE_BYTES[family]);
      if (family === 4) answer.nodes = found;
      else answer.nodes6 = found;
    }
  }

  #start(query: KrpcQuery, from: PeerAddress): Answer {
    const { nodes, client } = this.#parts;
    return { t: query.t, id: nodes.id(familyOf(from)), client, ownEndpoint: from };
  }

  #error(t: Uint8Array, from: PeerAddress, refusal: Refusal): Uint8Array {
    const { code, message } = refusal;
    return encodeError({ t, code, message, client: this.#parts.client, ownEndpoint: from });
  }
}

const UNKNOWN_METHOD: Refusal = { code: KrpcErrorCode.unknownMethod, message: "unknown method" };
const BAD_TOKEN: Refusal = { code: KrpcErrorCode.protocol, message: "invalid token" };
const BAD_PORT: Refusal = { code: KrpcErrorCode.protocol, message: "invalid port" };

/** For an address that is known to be valid. */
function familyOf({ address }: PeerAddress): 4 | 6 {
  return address.includes(":") ? 6 : 4;
}

/** Whether the answer is larger than the query because it reports nodes. */
function isLookup({ method }: KrpcQuery): boolean {
  return method !== "ping" && method !== "announce_peer" && method !== "put";
}

/** Without the fields of this put alone. */
function signedOf({ key, signature, seq, salt }: MutablePart): Signed {
  return { key, signature, seq, salt };
}

/** `seq`: the version that the asker has; only a newer value is worth its bytes. */
function addItem(answer: Answer, item: DhtItem, seq: bigint | null): void {
  const { value, signed } = item;
  if (signed !== null) answer.seq = signed.seq;
  if (signed !== null && seq !== null && signed.seq <= seq) return;
  answer.value = value;
  if (signed === null) return;
  answer.key = signed.key;
  answer.signature = signed.signature;
}
