/** Which torrents make no progress, by the bytes that they move. */
import type { TorrentInside, Work } from "../torrent/torrent_ports.ts";

interface Progress {
  readonly work: Work;
  readonly bytes: number;
  /** When the bytes were last seen to change. */
  readonly at: number;
}

export class Stalls {
  readonly #known = new Map<string, Progress>();

  /** A torrent with a turn; its time without progress begins when it is first asked for. */
  isStalled(inside: TorrentInside, work: Work, now: number, afterMs: number): boolean {
    const { downloaded, uploaded } = inside.peers.traffic.run;
    const bytes = work === "seed" ? uploaded : downloaded,
      before = this.#known.get(inside.infoHash);
    if (before?.work === work && before.bytes === bytes) return now - before.at >= afterMs;
    this.#known.set(inside.infoHash, { work, bytes, at: now });
    return false;
  }

  forget(infoHash: string): void {
    this.#known.delete(infoHash);
  }
}
