/** One torrent's trackers on a real or simulated platform, with a record of what came back. */
import type { Platform } from "../../src/platform/types.ts";
import { formatEndpoint } from "../../src/util/compact_address.ts";
import { type AnnounceOutcome, TrackerManager } from "../../src/tracker/tracker_manager.ts";
import { INFO_HASH, PEER_ID } from "./tracker_requests.ts";

export interface MemberOptions {
  port: number;
  infoHash?: Uint8Array;
  /** Names beside those that the platform can look up. */
  names?: Record<string, string[]>;
  left?: number;
}

type Ports = Pick<Platform, "clock" | "random" | "http" | "datagrams" | "net">;

export class SwarmMember {
  readonly peers = new Set<string>();
  readonly outcomes: AnnounceOutcome[] = [];
  readonly manager: TrackerManager;
  left: number;
  #changed = () => {};

  constructor(platform: Ports, tiers: string[][], options: MemberOptions) {
    this.left = options.left ?? 1000;
    const lookup = (host: string) => {
      const known = options.names?.[host];
      return known === undefined ? platform.net.lookup(host) : Promise.resolve(known);
    };
    const torrent = {
      infoHash: options.infoHash ?? INFO_HASH,
      peerId: PEER_ID,
      listenPort: () => options.port,
      totals: () => ({ uploaded: 0, downloaded: 0, left: this.left }),
      key: platform.random.uint32(),
      numWant: () => 50,
      needsPeers: () => true,
      isPartialSeed: () => false,
    };
    const { clock, random, http, datagrams } = platform;
    this.manager = new TrackerManager({ clock, random, http, datagrams, lookup }, torrent, tiers, {
      onPeers: (peers) => {
        for (const peer of peers) this.peers.add(formatEndpoint(peer));
        this.#changed();
      },
      onAnnounce: (outcome) => {
        this.outcomes.push(outcome);
        this.#changed();
      },
    });
  }

  /** Resolves when `holds()`, looked at after every event. The test's own time limit ends it. */
  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((resolve) => this.#changed = resolve);
  }

  /** Starts, and resolves with the next outcome. */
  async firstOutcome(): Promise<AnnounceOutcome> {
    this.manager.start();
    await this.until(() => this.outcomes.length > 0);
    return this.outcomes[0]!;
  }
}
