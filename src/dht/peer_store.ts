/**
 * The peers that announced each torrent to us (BEP 5). Everything is bounded: torrents, peers of a
 * torrent and the time each is kept; an address has one place per torrent, whatever ports it
 * announces. The peers of a torrent are in the order of their last announce.
 */
import type { Random } from "../platform/types.ts";
import { fromLatin1, toLatin1 } from "../util/bytes.ts";
import { BloomFilter, bloomMark } from "./bloom.ts";
import { addressBytes, type PeerAddress } from "../util/compact_address.ts";
import type { Sha1 } from "./dht_item.ts";
import type { ScrapeFilters } from "./krpc.ts";

/** Limits on the peers that other nodes announce here. */
export interface PeerStoreLimits {
  /** Default 2,000. */
  maxTorrents: number;
  /** Of one torrent. Default 500. */
  maxPeers: number;
  /** Default 45 minutes: clients announce every 15 to 30, and one datagram may be lost. */
  keepMs: number;
}

const DEFAULTS: PeerStoreLimits = { maxTorrents: 2000, maxPeers: 500, keepMs: 45 * 60_000 };

interface StoredPeer extends PeerAddress {
  readonly family: 4 | 6;
  readonly seed: boolean;
  /** See bloomMark: a scrape of hundreds of peers must not hash as many addresses. */
  readonly mark: number;
  readonly announcedAt: number;
}

/** Which of a torrent's peers a node asks for. */
export interface PeerChoice {
  family: 4 | 6;
  /** Leave seeds out. */
  noSeed: boolean;
  limit: number;
}

export class PeerStore {
  readonly #limits: PeerStoreLimits;
  readonly #random: Pick<Random, "uint32">;
  readonly #sha1: Sha1;
  /** By info-hash (latin1), then by address; oldest announce first. */
  readonly #torrents = new Map<string, Map<string, StoredPeer>>();

  constructor(random: Pick<Random, "uint32">, sha1: Sha1, limits: Partial<PeerStoreLimits> = {}) {
    this.#random = random;
    this.#sha1 = sha1;
    this.#limits = { ...DEFAULTS, ...limits };
  }

  /** Torrents that somebody announced. */
  get torrentCount(): number {
    return this.#torrents.size;
  }

  /** Of all torrents; counted at every call. */
  get peerCount(): number {
    let count = 0;
    for (const peers of this.#torrents.values()) count += peers.size;
    return count;
  }

  /** `infoHash`: 20 bytes. Over the bounds, the least important peer or torrent is dropped. */
  announce(infoHash: Uint8Array, peer: PeerAddress, seed: boolean, now: number): void {
    const key = toLatin1(infoHash);
    const peers = this.#torrents.get(key) ?? this.#addTorrent(key, now);
    peers.delete(peer.address);
    const { address, port } = peer;
    const bytes = addressBytes(address), family = bytes.length === 4 ? 4 : 6;
    const mark = bloomMark(this.#sha1(bytes));
    peers.set(address, { address, port, family, seed, mark, announcedAt: now });
    if (peers.size > this.#limits.maxPeers) peers.delete(oldest(peers)!.address);
  }

  /** A random choice, without repetition. */
  peersOf(infoHash: Uint8Array, choice: PeerChoice, now: number): PeerAddress[] {
    const matching: StoredPeer[] = [];
    if (choice.limit <= 0) return matching;
    for (const peer of this.#alive(infoHash, now)) {
      if (peer.family !== choice.family || (choice.noSeed && peer.seed)) continue;
      matching.push(peer);
    }
    const chosen = takeRandom(matching, choice.limit, this.#random);
    return chosen.map(({ address, port }) => ({ address, port }));
  }

  /** The addresses of seeds and of others as bloom filters (BEP 33); null for an unknown torrent. */
  scrape(infoHash: Uint8Array, now: number): ScrapeFilters | null {
    const seeds = new BloomFilter(), peers = new BloomFilter();
    let known = false;
    for (const peer of this.#alive(infoHash, now)) {
      known = true;
      (peer.seed ? seeds : peers).add(peer.mark);
    }
    return known ? { seeds: seeds.bytes, peers: peers.bytes } : null;
  }

  /** At most `limit` info-hashes, chosen at random (BEP 51). */
  sampleInfoHashes(limit: number): Uint8Array[] {
    return takeRandom([...this.#torrents.keys()], limit, this.#random).map(fromLatin1);
  }

  /** Forgets peers that have not announced for too long. Call it every few minutes. */
  expire(now: number): void {
    for (const [key, peers] of this.#torrents) {
      this.#expirePeers(peers, now);
      if (peers.size === 0) this.#torrents.delete(key);
    }
  }

  #alive(infoHash: Uint8Array, now: number): Iterable<StoredPeer> {
    const peers = this.#torrents.get(toLatin1(infoHash));
    if (peers === undefined) return [];
    this.#expirePeers(peers, now);
    return peers.values();
  }

  #addTorrent(key: string, now: number): Map<string, StoredPeer> {
    if (this.#torrents.size >= this.#limits.maxTorrents) this.expire(now);
    if (this.#torrents.size >= this.#limits.maxTorrents) this.#dropSmallest();
    const peers = new Map<string, StoredPeer>();
    this.#torrents.set(key, peers);
    return peers;
  }

  /** The oldest torrent of those with the fewest peers: a flood of hashes displaces itself. */
  #dropSmallest(): void {
    let smallest: string | null = null, size = Infinity;
    for (const [key, peers] of this.#torrents) {
      if (peers.size >= size) continue;
      smallest = key;
      size = peers.size;
      if (size <= 1) break;
    }
    if (smallest !== null) this.#torrents.delete(smallest);
  }

  #expirePeers(peers: Map<string, StoredPeer>, now: number): void {
    for (const peer of peers.values()) {
      if (now - peer.announcedAt < this.#limits.keepMs) return;
      peers.delete(peer.address);
    }
  }
}

function oldest(peers: Map<string, StoredPeer>): StoredPeer | undefined {
  for (const peer of peers.values()) return peer;
  return undefined;
}

/** The first `limit` of a shuffle, in place; the array is cut to them. */
function takeRandom<T>(items: T[], limit: number, random: Pick<Random, "uint32">): T[] {
  if (items.length <= limit) return items;
  for (let i = 0; i < limit; i++) {
    const j = i + random.uint32() % (items.length - i);
    const other = items[j]!;
    items[j] = items[i]!;
    items[i] = other;
  }
  items.length = Math.max(0, limit);
  return items;
}
