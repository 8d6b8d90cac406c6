/**
 * A tracker's memory: which peers are in which torrent. It is bounded in torrents and peers (the
 * longest silent ones go first), and a peer that stays silent for two intervals is forgotten.
 */
import type { Clock, Random } from "../platform/types.ts";
import { formatEndpoint, isUsablePeer, type PeerAddress } from "../util/compact_address.ts";
import type { AnnounceEvent } from "./tracker_message.ts";
import { toHex } from "../util/bytes.ts";

export interface SwarmLimits {
  /** Seconds between announces, as told to peers. */
  intervalSeconds: number;
  maxTorrents: number;
  maxPeersPerTorrent: number;
}

export interface SwarmAnnounce {
  /** 20 bytes. */
  infoHash: Uint8Array;
  peer: PeerAddress;
  left: number;
  event: AnnounceEvent;
  numWant: number;
}

export interface SwarmCounts {
  seeders: number;
  leechers: number;
  /** The number of peers that said "completed". */
  downloaded: number;
}

/** The announcing peer is not included; a seed gets only peers that lack something. */
export interface SwarmAnswer extends SwarmCounts {
  peers: PeerAddress[];
}

interface Member {
  peer: PeerAddress;
  seeding: boolean;
  seenAt: number;
}

interface Swarm {
  /** By "address:port", the longest silent one first. */
  members: Map<string, Member>;
  downloaded: number;
}

export class SwarmStore {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #limits: SwarmLimits;
  /** By info-hash in hexadecimal digits, the longest silent one first. */
  readonly #swarms = new Map<string, Swarm>();

  constructor(ports: { clock: Clock; random: Random }, limits: SwarmLimits) {
    this.#clock = ports.clock;
    this.#random = ports.random;
    this.#limits = limits;
  }

  get torrents(): number {
    return this.#swarms.size;
  }

  get peers(): number {
    let count = 0;
    for (const swarm of this.#swarms.values()) count += swarm.members.size;
    return count;
  }

  announce(announce: SwarmAnnounce): SwarmAnswer {
    const hash = toHex(announce.infoHash);
    const swarm = this.#swarms.get(hash) ?? { members: new Map(), downloaded: 0 };
    this.#forgetSilent(swarm);
    const key = formatEndpoint(announce.peer);
    swarm.members.delete(key);
    const others = this.#pick(swarm, announce);
    if (announce.event === "completed") swarm.downloaded++;
    // A peer that does not listen may ask for peers, but is useless to others.
    if (announce.event !== "stopped" && isUsablePeer(announce.peer)) {
      const seenAt = this.#clock.now();
      swarm.members.set(key, { peer: announce.peer, seeding: announce.left === 0, seenAt });
      dropOldest(swarm.members, this.#limits.maxPeersPerTorrent);
    }
    this.#swarms.delete(hash);
    if (swarm.members.size > 0) this.#swarms.set(hash, swarm);
    dropOldest(this.#swarms, this.#limits.maxTorrents);
    return { ...counts(swarm), peers: others };
  }

  scrape(infoHash: Uint8Array): SwarmCounts {
    const swarm = this.#swarms.get(toHex(infoHash));
    if (swarm === undefined) return { seeders: 0, leechers: 0, downloaded: 0 };
    this.#forgetSilent(swarm);
    return counts(swarm);
  }

  /** A random choice of peers that can exchange data with each other. */
  #pick(swarm: Swarm, { left, event, numWant }: SwarmAnnounce): PeerAddress[] {
    if (event === "stopped") return [];
    const useful = [...swarm.members.values()].filter((member) => left > 0 || !member.seeding);
    const count = Math.min(numWant, useful.length);
    for (let i = 0; i < count; i++) {
      const other = i + this.#random.uint32() % (useful.length - i);
      [useful[i], useful[other]] = [useful[other]!, useful[i]!];
    }
    return useful.slice(0, count).map((member) => member.peer);
  }

  #forgetSilent(swarm: Swarm): void {
    const limit = this.#clock.now() - 2 * this.#limits.intervalSeconds * 1000;
    for (const [key, member] of swarm.members) {
      if (member.seenAt > limit) break;
      swarm.members.delete(key);
    }
  }
}

function counts(swarm: Swarm): SwarmCounts {
  let seeders = 0;
  for (const member of swarm.members.values()) if (member.seeding) seeders++;
  return { seeders, leechers: swarm.members.size - seeders, downloaded: swarm.downloaded };
}

function dropOldest(map: Map<string, unknown>, limit: number): void {
  for (const key of map.keys()) {
    if (map.size <= limit) return;
    map.delete(key);
  }
}
