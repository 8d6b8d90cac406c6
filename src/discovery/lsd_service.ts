/**
 * Finds peers on the local network (BEP 14): announces our torrents and receives those of others.
 * Private torrents never take part. Invariant: one torrent is announced at most every five minutes,
 * and all of them together about once a minute, however many there are.
 */
import type { MulticastNet, MulticastSocket, Random } from "../platform/types.ts";
import { NetError } from "../util/errors.ts";
import { toHex } from "../util/bytes.ts";
import { isUsablePeer } from "../util/compact_address.ts";
import { decodeLsd, encodeLsd, LSD_GROUPS, type LsdAnnounce, MAX_LSD_HASHES } from "./lsd.ts";

const ANNOUNCE_EVERY_MS = 5 * 60_000;
/** Announces per minute on average, and the size of a burst, as at the start. */
const SEND_EVERY_MS = 60_000;
const BURST = 5;
/** The most announces read from one neighbour per minute, and the most neighbours. */
const MAX_HEARD = 30;
const MAX_NEIGHBOURS = 256;

export interface LsdPorts {
  multicast: MulticastNet;
  random: Random;
  now(): number;
  /** Our TCP port; while it is 0 nothing is announced. */
  listenPort(): number;
}

export interface LsdEvents {
  /** A neighbour has one of our torrents. */
  peer(infoHash: Uint8Array, address: string, port: number): void;
}

interface Announced {
  readonly infoHash: Uint8Array;
  /** When it was last announced. */
  at: number;
}

export class Lsd {
  /** Announces that were ignored because one neighbour sends too many. */
  ignored = 0;
  readonly #ports: LsdPorts;
  readonly #events: LsdEvents;
  readonly #cookie: string;
  /** By info-hash in hexadecimal. */
  readonly #torrents = new Map<string, Announced>();
  readonly #sockets: { family: 4 | 6; socket: MulticastSocket }[] = [];
  readonly #heard = new Map<string, number>();
  #minuteEndsAt = -Infinity;
  #tokens = BURST;
  #filledAt: number;
  #closed = false;

  constructor(ports: LsdPorts, events: LsdEvents) {
    this.#ports = ports;
    this.#events = events;
    this.#cookie = toHex(ports.random.fill(new Uint8Array(8)));
    this.#filledAt = ports.now();
  }

  /** Joins the groups. Rejects with a NetError if neither can be joined: then LSD stays off. */
  async open(): Promise<void> {
    const failures: unknown[] = [];
    for (const { family, address, port } of LSD_GROUPS) {
      try {
        const socket = await this.#ports.multicast.join({ address, port }, (bytes, from) => {
          this.#hear(bytes, from);
        });
        if (this.#closed) socket.close();
        else this.#sockets.push({ family, socket });
      } catch (error) {
        if (!(error instanceof NetError)) throw error;
        failures.push(error);
      }
    }
    if (failures.length === LSD_GROUPS.length) throw failures[0];
  }

  /** The families whose group we are in. */
  get families(): (4 | 6)[] {
    return this.#sockets.map(({ family }) => family);
  }

  /** False for a private torrent, which is neither announced nor received here (BEP 27). */
  add(torrent: { readonly infoHash: Uint8Array; readonly private: boolean }): boolean {
    if (torrent.private) return false;
    const key = toHex(torrent.infoHash);
    if (!this.#torrents.has(key)) {
      this.#torrents.set(key, { infoHash: torrent.infoHash, at: -Infinity });
    }
    return true;
  }

  remove(infoHash: Uint8Array): void {
    this.#torrents.delete(toHex(infoHash));
  }

  /** Every second or so: sends the announces that are due. */
  tick(now: number): void {
    this.#tokens = Math.min(BURST, this.#tokens + (now - this.#filledAt) / SEND_EVERY_MS);
    this.#filledAt = now;
    const port = this.#ports.listenPort();
    if (port === 0 || this.#sockets.length === 0 || this.#tokens < 1) return;
    const due = [...this.#torrents.values()].filter(({ at }) => now - at >= ANNOUNCE_EVERY_MS);
    if (due.length === 0) return;
    // The longest waiting ones first; the rest follows in the next announce.
    const batch = due.sort((a, b) => a.at - b.at).slice(0, MAX_LSD_HASHES);
    for (const torrent of batch) torrent.at = now;
    this.#tokens--;
    this.#send({ port, infoHashes: batch.map((each) => each.infoHash), cookie: this.#cookie });
  }

  close(): void {
    this.#closed = true;
    for (const { socket } of this.#sockets.splice(0)) socket.close();
  }

  #send(announce: LsdAnnounce): void {
    for (const { family, socket } of this.#sockets) socket.send(encodeLsd(announce, family));
  }

  #hear(bytes: Uint8Array, address: string): void {
    if (this.#closed || !this.#mayBeHeard(address)) return;
    const announce = decodeLsd(bytes);
    if (announce === null || announce.cookie === this.#cookie) return;
    const { port } = announce;
    if (!isUsablePeer({ address, port })) return;
    for (const infoHash of announce.infoHashes) {
      if (this.#torrents.has(toHex(infoHash))) this.#events.peer(infoHash, address, port);
    }
  }

  #mayBeHeard(address: string): boolean {
    const now = this.#ports.now();
    if (now >= this.#minuteEndsAt) {
      this.#heard.clear();
      this.#minuteEndsAt = now + 60_000;
    }
    const count = this.#heard.get(address) ?? 0;
    const tooMany = count >= MAX_HEARD || (count === 0 && this.#heard.size >= MAX_NEIGHBOURS);
    if (tooMany) this.ignored++;
    else this.#heard.set(address, count + 1);
    return !tooMany;
  }
}
