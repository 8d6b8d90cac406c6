/** Makes the trackers of a torrent, and restores our identity for them after a restart. */
import type { Platform } from "../platform/types.ts";
import { PEER_SOURCE } from "../peers/pool_peer.ts";
import type { KeptIdentity, ResumeData } from "../state/resume_data.ts";
import type { TorrentPeers } from "../torrent/peers.ts";
import type { TorrentHappening } from "../torrent/types.ts";
import { TrackerManager } from "../tracker/tracker_manager.ts";
import type { UdpAnnouncer } from "../tracker/udp_announcer.ts";
import { isOwnPeerId } from "../wire/peer_id.ts";

/** Peers requested in one announce. */
const NUM_WANT = 100;
/**
 * Trackers forget a peer after one or two intervals without an announce, usually of half an hour.
 */
const TRACKER_MEMORY_MS = 60 * 60_000;

/** The shared parts of all torrents' trackers. */
export interface TrackersPorts {
  udp: UdpAnnouncer;
  anyUrl: boolean;
  ownAddress(address: string, url: string): void;
}

/** `independentTiers`: the tiers are independent of each other. */
export function makeTrackers(
  { clock, random, http, datagrams, net }: Platform,
  { udp, anyUrl, ownAddress }: TrackersPorts,
  peers: TorrentPeers,
  independentTiers: boolean,
  tell: (happening: TorrentHappening) => void,
): TrackerManager {
  const { identity } = peers, { infoHash, peerId, listenPort } = identity;
  const lookup = (host: string) => net.lookup(host);
  return new TrackerManager(
    { clock, random, http, datagrams, lookup, udp, anyUrl },
    {
      infoHash,
      peerId,
      get key() {
        return identity.trackerKey;
      },
      listenPort,
      private: peers.trackers.private,
      independentTiers,
      totals: () => ({ ...peers.traffic.sinceStart, left: peers.progress.left }),
      // A seed behind a NAT has to dial the leeches itself. A full download may still swap peers.
      numWant: () => peers.progress.complete && peers.pool.isFull ? 0 : NUM_WANT,
      needsPeers: () => !peers.progress.complete,
      isPartialSeed: () => peers.progress.complete && peers.progress.left > 0,
    },
    peers.trackers.tiers,
    {
      onPeers: (found) => peers.addPeers(found, PEER_SOURCE.TRACKER),
      onAnnounce: (result) => tell({ type: "tracker", ...result }),
      onExternalAddress: ownAddress,
    },
  );
}

/** The identity that trackers may still know. */
export function identityKnown(
  { identity, savedAtMs }: ResumeData,
  nowMs: number,
): KeptIdentity | null {
  const isRecent = Math.abs(nowMs - savedAtMs) < TRACKER_MEMORY_MS;
  return identity !== null && isRecent && isOwnPeerId(identity.peerId) ? identity : null;
}
