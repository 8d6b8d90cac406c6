/**
 * The answering side of the DHT with small stores: whoever asks whatever, nothing is stored without
 * a token, everything stays within its bounds, and what is handed out is what was put there.
 */
import { FloodGuard } from "../../../src/dht/flood_guard.ts";
import { ItemStore } from "../../../src/dht/item_store.ts";
import { PeerStore } from "../../../src/dht/peer_store.ts";
import { QueryServer } from "../../../src/dht/query_server.ts";
import { TokenSecrets } from "../../../src/dht/token_secrets.ts";
import { createEd25519 } from "../../../src/platform/shared/ed25519.ts";
import { isUsablePeer, type PeerAddress } from "../../../src/util/compact_address.ts";
import { immutableTarget, itemTarget, signItem } from "../../../src/dht/dht_item.ts";
import {
  decodeKrpc,
  encodeQuery,
  KrpcFormatError,
  type KrpcQuery,
  type NodeEntry,
} from "../../../src/dht/krpc.ts";
import { fromLatin1, toHex } from "../../../src/util/bytes.ts";
import { HandRandom } from "../../../tests/harness/random.ts";
import { EventReader } from "../event_reader.ts";
import { about, check, type FuzzTarget, machine, sha1 } from "../target.ts";

const LIMITS = { torrents: 4, peers: 5, items: 3 };
const KEEP_MS = 45 * 60_000;
const ed25519 = createEd25519();
const CLIENT = fromLatin1("SH01"), OWN = sha1(fromLatin1("own"));
const HASHES = Array.from({ length: 7 }, (_, n) => sha1(fromLatin1(`torrent ${n}`)));
const ASKERS: PeerAddress[] = [
  ...Array.from({ length: 8 }, (_, n) => ({ address: `198.51.${n >> 1}.${n}`, port: 4000 + n })),
  { address: "2001:db8::1", port: 5 },
  { address: "2001:db8::2", port: 6 },
  { address: "192.0.2.9", port: 0 },
  { address: "0.0.0.0", port: 99 },
];
const VALUES = Array.from({ length: 5 }, (_, n) => fromLatin1(`6:item ${n}`));
const SIGNED = [1n, 2n, 3n].map((seq) => ({
  value: VALUES[0]!,
  signed: signItem(ed25519, new Uint8Array(32).fill(1), { value: VALUES[0]!, seq })
    .signed,
}));
const METHODS = ["find_node", "get_peers", "get", "sample_infohashes", "unknown"] as const;
const KNOWN: Record<4 | 6, NodeEntry[]> = {
  4: HASHES.map((id, n) => ({ id, address: `203.0.113.${n}`, port: 1 + n })),
  6: HASHES.map((id, n) => ({ id, address: `2001:db8::${n}`, port: 1 + n })),
};

class ServerLife {
  now = 0;
  answers = 0;
  refusals = 0;
  readonly #random = new HandRandom("fuzz");
  readonly #peers = new PeerStore(this.#random, sha1, {
    maxTorrents: LIMITS.torrents,
    maxPeers: LIMITS.peers,
    keepMs: KEEP_MS,
  });
  readonly #items = new ItemStore({ maxItems: LIMITS.items });
  readonly #tokens = new TokenSecrets(this.#random, sha1, 0);
  readonly #guard = new FloodGuard(this.#random, 0, { buckets: 16, burst: 20 });
  readonly #server = new QueryServer({
    nodes: {
      id: () => OWN,
      closest: (_target, family, count) => KNOWN[family].slice(0, count),
      heardFrom: (node) => check(isUsablePeer(node), "only who can be asked is remembered"),
    },
    peers: this.#peers,
    items: this.#items,
    tokens: this.#tokens,
    guard: this.#guard,
    sha1,
    signatures: ed25519,
    client: CLIENT,
  });
  /** When an address last announced a torrent with a good token, by both. */
  readonly #announced = new Map<string, number>();
  /** Tokens that a node kept. */
  readonly #held: Uint8Array[] = [fromLatin1("12345678"), fromLatin1("x"), fromLatin1("")];

  step(events: EventReader): void {
    const kind = events.below(10), from = events.pick(ASKERS), hash = events.pick(HASHES);
    if (kind < 2) this.now += events.stepMs();
    else if (kind < 4) this.#announce(events, from, hash);
    else if (kind < 6) this.#put(events, from);
    else if (kind === 6) this.#raw(events.take(events.below(120)), from);
    else if (kind === 7) this.#peers.expire(this.now), this.#items.expire(this.now);
    else this.#ask(events, from, hash);
    this.#checkStores(hash);
  }

  #query(fields: object): Uint8Array {
    const head = { kind: "query", t: fromLatin1("tx"), id: HASHES[0]!, readOnly: false };
    return encodeQuery({ ...head, client: null, ...fields } as unknown as KrpcQuery);
  }

  #ask(events: EventReader, target: PeerAddress, hash: Uint8Array): void {
    const method = events.pick(METHODS), bits = events.byte();
    const want = ([null, [4], [6], [4, 6]] as const)[bits & 3];
    const noSeed = (bits & 4) > 0, scrape = (bits & 8) > 0, seq = (bits & 16) > 0 ? 2n : null;
    const item = events.pick([...VALUES.map(immutableOf), ...SIGNED.map(targetOf)]);
    const about = method === "get" ? item : hash;
    this.#raw(
      this.#query({ method, name: "vote", target: about, want, noSeed, scrape, seq }),
      target,
    );
  }

  #announce(events: EventReader, from: PeerAddress, infoHash: Uint8Array): void {
    const token = this.#token(events, from, infoHash);
    const good = isUsablePeer(from) &&
      this.#tokens.isValid(token, from.address, infoHash, this.now);
    const port = events.pick([7, 0, 1, 6881, 65535]);
    const bits = events.byte(), impliedPort = (bits & 1) > 0, seed = (bits & 2) > 0;
    const query = { method: "announce_peer", infoHash, token, port, impliedPort, seed };
    this.#raw(this.#query(query), from);
    if (good) this.#announced.set(`${toHex(infoHash)} ${from.address}`, this.now);
  }

  #put(events: EventReader, from: PeerAddress): void {
    const signed = events.flag() ? events.pick(SIGNED) : null;
    const value = signed?.value ?? events.pick(VALUES);
    const target = signed === null ? immutableOf(value) : targetOf(signed);
    const token = this.#token(events, from, target);
    const cas = events.pick([null, 1n, 2n, -1n]);
    const mutable = signed === null ? null : { ...signed.signed, cas };
    if (mutable !== null && events.below(8) === 1) mutable.signature = new Uint8Array(64);
    this.#raw(this.#query({ method: "put", token, value, mutable }), from);
  }

  /** A valid one, or a kept one: of another time, address or target. */
  #token(events: EventReader, { address }: PeerAddress, target: Uint8Array): Uint8Array {
    if (events.below(4) === 0) return events.pick(this.#held);
    const token = this.#tokens.token(address, target, this.now);
    if (this.#held.length < 20) this.#held.push(token);
    return token;
  }

  #raw(bytes: Uint8Array, from: PeerAddress): void {
    const answer = this.#answerTo(bytes, from);
    if (answer === null) return void this.refusals++;
    check(isUsablePeer(from), "nobody is answered at an address that cannot be one");
    check(answer.length <= 1400, "answers fit into a datagram");
    const message = decodeKrpc(answer);
    check(message.kind !== "query", "an answer is no query");
    this.answers++;
  }

  #answerTo(bytes: Uint8Array, from: PeerAddress): Uint8Array | null {
    if (this.#guard.isBlocked(from.address, this.now)) return null;
    try {
      const message = decodeKrpc(bytes);
      if (message.kind !== "query") return null;
      return this.#server.answer(message, from, bytes.length, this.now);
    } catch (error) {
      if (!(error instanceof KrpcFormatError)) throw error;
      return this.#server.refuse(error, from, bytes.length, this.now);
    }
  }

  #checkStores(hash: Uint8Array): void {
    check(this.#peers.torrentCount <= LIMITS.torrents, "torrents are bounded");
    check(this.#peers.peerCount <= LIMITS.torrents * LIMITS.peers, "peers are bounded");
    check(this.#items.size <= LIMITS.items, "items are bounded");
    for (const family of [4, 6] as const) {
      const choice = { family, noSeed: false, limit: 9 };
      for (const { address, port } of this.#peers.peersOf(hash, choice, this.now)) {
        const at = this.#announced.get(`${toHex(hash)} ${address}`);
        check(
          at !== undefined && this.now - at < KEEP_MS,
          "a peer is there by a good token, lately",
        );
        check(isUsablePeer({ address, port }), "a peer that is told of can be dialled");
      }
    }
    for (const value of VALUES) {
      const item = this.#items.get(immutableOf(value), this.now);
      check(item === null || toHex(item.value) === toHex(value), "an item is what was put");
    }
  }

  get word(): string {
    const { torrentCount, peerCount } = this.#peers;
    const stored = `${torrentCount}/${about(peerCount)}/${this.#items.size}`;
    return `${about(this.answers)}/${about(this.refusals)} ${stored} ${
      about(this.#guard.heldBack)
    }`;
  }
}

function immutableOf(value: Uint8Array): Uint8Array {
  return immutableTarget(sha1, value);
}

function targetOf(item: typeof SIGNED[number]): Uint8Array {
  return itemTarget(sha1, item);
}

export function dhtServerTargets(): FuzzTarget[] {
  return [
    machine("dht-server", (bytes) => {
      const events = new EventReader(bytes), life = new ServerLife();
      while (events.more) life.step(events);
      return life.word;
    }),
  ];
}
