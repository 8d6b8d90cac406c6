/** The queue of a client: which torrents work, and which wait for their turn. */
import type { TorrentInside } from "../torrent/torrent_ports.ts";
import { QueueOrder } from "./queue_order.ts";
import type { ClientQueue, QueueTarget } from "./types.ts";

export class Queue implements ClientQueue {
  readonly #running: ReadonlyMap<string, TorrentInside>;
  readonly #order = new QueueOrder();

  constructor(running: ReadonlyMap<string, TorrentInside>) {
    this.#running = running;
  }

  /** At the end, unless an earlier run knows its rank. */
  add(infoHash: string, rank?: number): void {
    this.#order.add(infoHash, rank);
  }

  remove(infoHash: string): void {
    this.#order.remove(infoHash);
  }

  rankOf(infoHash: string): number {
    return this.#order.rankOf(infoHash);
  }

  /** Null for an unknown torrent. */
  placeOf(infoHash: string): { position: number } | null {
    const position = this.#order.positionOf(infoHash);
    return position === null ? null : { position };
  }

  /** See ClientQueue. */
  move(infoHashes: readonly string[], to: QueueTarget): void {
    const changed = this.#order.move(infoHashes.map((each) => each.toLowerCase()), to);
    for (const infoHash of changed) this.#running.get(infoHash)?.keepWish();
  }
}
