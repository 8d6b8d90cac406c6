/** Torrents of a list without a client: ten thousand real ones would take as long as a test may last. */
import type { TorrentStatus } from "../../../src/client/types.ts";
import type { Torrent } from "../../../src/torrent/torrent.ts";

export class FakeClient {
  readonly port = 6881;
  readonly list: Torrent[] = [];
  /** Calls of `status`. */
  asked = 0;
  #changes = 0;

  constructor(count: number) {
    for (let i = 0; i < count; i++) this.add(i, {});
  }

  add(index: number, changes: Partial<TorrentStatus>): void {
    const infoHash = index.toString(16).padStart(40, "0");
    const status = { ...STATUS, infoHash, name: `torrent ${index}`, ...changes };
    this.list[index] = {
      infoHash,
      stillness: ++this.#changes,
      status: () => {
        this.asked++;
        return status;
      },
      trackers: () => [],
    } as unknown as Torrent;
  }

  torrents = () => [...this.list];
}

const STATUS = {
  state: "seeding",
  labels: [],
  dir: "/data",
  size: 1,
  wanted: 1,
  have: 1,
  left: 0,
  totals: { downloaded: 0, uploaded: 0 },
  downRate: 0,
  upRate: 0,
  etaSeconds: null,
  checked: null,
  peers: { connected: 0, connecting: 0, known: 0, banned: 0 },
  seeds: 0,
  addedAt: 0,
  completedAt: null,
  queue: null,
  goalReached: false,
  heldBackBy: "nothing",
  error: null,
} as unknown as TorrentStatus;
