/** A query server with everything behind it real but the routing table. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { FloodGuard, type FloodLimits } from "../../src/dht/flood_guard.ts";
import { ItemStore } from "../../src/dht/item_store.ts";
import { PeerStore } from "../../src/dht/peer_store.ts";
import { QueryServer, type QueryServerOptions } from "../../src/dht/query_server.ts";
import { TokenSecrets } from "../../src/dht/token_secrets.ts";
import { createEd25519 } from "../../src/platform/shared/ed25519.ts";
import type { PeerAddress } from "../../src/util/compact_address.ts";
import { compareDistance } from "../../src/dht/dht_id.ts";
import {
  decodeKrpc,
  encodeQuery,
  type KrpcError,
  KrpcFormatError,
  type KrpcQuery,
  type KrpcResponse,
  type NodeEntry,
} from "../../src/dht/krpc.ts";
import { fromLatin1 } from "../../src/util/bytes.ts";
import { HandRandom } from "../harness/random.ts";

export const sha1 = (bytes: Uint8Array) =>
  new Uint8Array(createHash("sha1").update(bytes).digest());
export const ed25519 = createEd25519();
export const CLIENT = fromLatin1("SH01");
export const OWN_ID = { 4: sha1(fromLatin1("own 4")), 6: sha1(fromLatin1("own 6")) } as const;
export const ASKER: PeerAddress = { address: "192.0.2.77", port: 4077 };
export const ASKER6: PeerAddress = { address: "2001:db8::77", port: 4077 };
export const HEAD = {
  kind: "query",
  t: fromLatin1("tx"),
  id: sha1(fromLatin1("asker")),
  readOnly: false,
  client: null,
} as const;

/** A query without the fields that are always the same. */
type Without<Query> = Query extends KrpcQuery ? Omit<Query, keyof typeof HEAD> : never;
export type Question = Without<KrpcQuery> & Partial<Pick<KrpcQuery, "t" | "readOnly">>;

export class Answering {
  readonly heard: NodeEntry[] = [];
  readonly known: Record<4 | 6, NodeEntry[]> = { 4: [], 6: [] };
  readonly peers: PeerStore;
  readonly items = new ItemStore();
  readonly guard: FloodGuard;
  readonly server: QueryServer;
  now = 0;

  constructor(options: QueryServerOptions = {}, limits: Partial<FloodLimits> = {}) {
    const random = new HandRandom("answering");
    this.peers = new PeerStore(random, sha1);
    // Tests ask more in no time than the guard would stand; it has tests of its own.
    const lenient = { perSecond: 1e6, burst: 1e6, surplusPerSecond: 1e9 };
    this.guard = new FloodGuard(random, 0, { ...lenient, ...limits });
    this.server = new QueryServer({
      nodes: {
        id: (family) => OWN_ID[family],
        closest: (target, family, count) =>
          this.known[family]
            .toSorted((a, b) => compareDistance(target, a.id, b.id)).slice(0, count),
        heardFrom: (node) => void this.heard.push(node),
      },
      peers: this.peers,
      items: this.items,
      tokens: new TokenSecrets(random, sha1, 0),
      guard: this.guard,
      sha1,
      signatures: ed25519,
      client: CLIENT,
    }, options);
  }

  /** Fills the table with so many nodes of each family. */
  knowNodes(count: number): this {
    for (let n = 0; n < count; n++) {
      const id = sha1(fromLatin1(`node ${n}`));
      this.known[4].push({ id, address: `198.51.100.${n}`, port: 1000 + n });
      this.known[6].push({ id, address: `2001:db8:${n.toString(16)}::1`, port: 1000 + n });
    }
    return this;
  }

  /** A datagram on its whole way: null for silence. */
  datagram(bytes: Uint8Array, from: PeerAddress = ASKER): Uint8Array | null {
    try {
      const message = decodeKrpc(bytes);
      if (message.kind !== "query") return null;
      return this.server.answer(message, from, bytes.length, this.now);
    } catch (error) {
      if (!(error instanceof KrpcFormatError)) throw error;
      return this.server.refuse(error, from, bytes.length, this.now);
    }
  }

  ask(question: Question, from: PeerAddress = ASKER): KrpcResponse | KrpcError | null {
    const bytes = this.datagram(encodeQuery({ ...HEAD, ...question } as KrpcQuery), from);
    if (bytes === null) return null;
    assert.ok(bytes.length <= 1400, `an answer of ${bytes.length} bytes`);
    const answer = decodeKrpc(bytes);
    assert.ok(answer.kind !== "query");
    assert.deepEqual(answer.t, question.t ?? HEAD.t);
    assert.deepEqual(answer.ownEndpoint, from);
    assert.deepEqual(answer.client, CLIENT);
    return answer;
  }

  /** The answer, which must be none of error or silence. */
  response(question: Question, from: PeerAddress = ASKER): KrpcResponse {
    const answer = this.ask(question, from);
    if (answer?.kind === "response") return answer;
    assert.fail(answer === null ? "silence" : `error ${answer.code}: ${answer.message}`);
  }

  /** The code of the error that must be the answer. */
  errorCode(question: Question, from: PeerAddress = ASKER): number {
    const answer = this.ask(question, from);
    assert.ok(answer?.kind === "error", answer?.kind ?? "silence");
    return answer.code;
  }

  /** A write token for the target, got the way everybody gets one. */
  token(target: Uint8Array, from: PeerAddress = ASKER): Uint8Array {
    return this.response({ method: "get", target, want: null, seq: null }, from).token!;
  }
}
