/** A TrackerManager among fakes, with a record of everything that it asks and reports. */
import type { PeerAddress } from "../../src/util/compact_address.ts";
import { Prng } from "../harness/prng.ts";
import {
  type AnnounceOutcome,
  type TrackedTorrent,
  TrackerManager,
} from "../../src/tracker/tracker_manager.ts";
import type { UdpAnnouncer } from "../../src/tracker/udp_announcer.ts";
import {
  FakeClock,
  FakeDatagrams,
  FakeHttp,
  type HttpHandler,
  namesOf,
  never,
  settle,
  text,
} from "./tracker_fakes.ts";
import { INFO_HASH, PEER_ID } from "./tracker_requests.ts";

/** What the fake look-up knows; tests may add to it. */
export const NAMES: Record<string, string[]> = {
  "a.test": ["8.8.8.1"],
  "b.test": ["8.8.8.2"],
  "dual.test": ["8.8.8.3", "2001:db8::3"],
  "many.test": ["8.8.8.4", "8.8.8.5"],
  "lan.test": ["192.168.1.1"],
  "both.test": ["8.8.8.6", "::1"],
  "peer.test": ["5.5.5.5", "127.0.0.1"],
};

/** An answer with `count` peers, 1.1.1.1 and up. */
export function answer(count: number, extra = ""): { body: Uint8Array } {
  const peers = Array.from({ length: count }, (_, i) => {
    const address = `1.1.1.${i + 1}`;
    return `d2:ip${address.length}:${address}4:porti6881ee`;
  });
  return {
    body: text(`d8:completei7e10:incompletei8e8:intervali900e5:peersl${peers.join("")}e${extra}e`),
  };
}

export class ManagerWorld {
  readonly clock = new FakeClock();
  readonly datagrams = new FakeDatagrams();
  readonly http: FakeHttp;
  readonly random = new Prng(5);
  readonly peers: string[] = [];
  readonly outcomes: AnnounceOutcome[] = [];
  readonly external: string[] = [];
  readonly manager: TrackerManager;
  lookups: string[] = [];
  wants = 50;
  needs = true;
  left = 1000;
  port = 6881;

  constructor(
    tiers: string[][],
    handler: HttpHandler = () => answer(3),
    more: { torrent?: Partial<TrackedTorrent>; udp?: UdpAnnouncer; anyUrl?: boolean } = {},
  ) {
    this.http = new FakeHttp(handler);
    const find = namesOf(NAMES);
    const ports = {
      clock: this.clock,
      datagrams: this.datagrams,
      http: this.http,
      random: this.random,
      lookup: (host: string) => {
        this.lookups.push(host);
        return host === "stuck.test" ? never<string[]>() : find(host);
      },
      ...(more.udp === undefined ? {} : { udp: more.udp }),
      anyUrl: more.anyUrl ?? false,
    };
    const torrent: TrackedTorrent = {
      infoHash: INFO_HASH,
      peerId: PEER_ID,
      listenPort: () => this.port,
      totals: () => ({ uploaded: 1, downloaded: 2, left: this.left }),
      key: 0x1234abcd,
      numWant: () => this.wants,
      needsPeers: () => this.needs,
      isPartialSeed: () => false,
      ...more.torrent,
    };
    this.manager = new TrackerManager(ports, torrent, tiers, {
      onPeers: (peers: PeerAddress[]) => this.peers.push(...peers.map(({ address }) => address)),
      onAnnounce: (outcome) => this.outcomes.push(outcome),
      onExternalAddress: (address) => this.external.push(address),
    });
  }

  async start(): Promise<this> {
    this.manager.start();
    await settle();
    return this;
  }

  /** What HTTP trackers were asked: the host's first letter (or address) and the event. */
  asked(): string[] {
    return this.http.requests.map(({ url, address }) => {
      const { hostname, searchParams } = new URL(url);
      const where = hostname === "dual.test" ? address : hostname[0];
      return `${where} ${searchParams.get("event") ?? "-"}`;
    });
  }
}
