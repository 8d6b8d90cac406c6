/** Collects the state of a torrent for its resume record. */
import type { Metainfo } from "../metainfo/metainfo.ts";
import { PEER_SOURCE } from "../peers/pool_peer.ts";
import { bansOf, goodPeersOf } from "../peers/kept_peers.ts";
import {
  MAX_BANNED_PEERS,
  MAX_GOOD_PEERS,
  type PartialPiece,
  type ResumeData,
} from "../state/resume_data.ts";
import type { TorrentStorage } from "../storage/torrent_storage.ts";
import { Bitfield } from "../util/bitfield.ts";
import type { Arrangement } from "./arrangement.ts";
import type { TorrentPeers } from "./peers.ts";

/** The parts that are read. */
export interface RecordedParts {
  readonly meta: Metainfo;
  readonly pieces: {
    readonly have: Bitfield;
    readonly states: { readonly withdrawn: ReadonlySet<number> };
  };
  readonly peers: Pick<TorrentPeers, "pool" | "identity" | "traffic" | "addPeers">;
  readonly storage: TorrentStorage;
  readonly arrangement: Arrangement;
}

export interface RecordedFacts {
  partial: PartialPiece[];
  /** Over all runs. */
  seedingSeconds: number;
  activeSeconds: number;
  /** Seconds since 1970. */
  completedAt: number;
  savedAtMs: number;
}

export function resumeRecord(torrent: RecordedParts, facts: RecordedFacts): ResumeData {
  const { meta, storage } = torrent, { pool: { known }, traffic } = torrent.peers;
  const good = known === null ? [] : goodPeersOf(known, MAX_GOOD_PEERS);
  const banned = known === null ? [] : bansOf(known);
  const { peerId, trackerKey } = torrent.peers.identity;
  const { renamed, moving } = torrent.arrangement;
  const { seedingSeconds, activeSeconds, partial, ...rest } = facts;
  const have = new Bitfield(meta.layout.pieceCount);
  have.replace(torrent.pieces.have);
  // Their file has changed: the next start notices that itself and decides.
  for (const piece of torrent.pieces.states.withdrawn) have.set(piece);
  return {
    infoHash: meta.infoHash,
    name: meta.name,
    dir: storage.folder.dir,
    disk: storage.folder.disk.id,
    renamed,
    moving,
    have,
    partial,
    totals: { ...traffic.ever, seedingSeconds, activeSeconds },
    identity: { peerId, trackerKey },
    goodPeers: good.map(({ address, port }) => ({ address, port })),
    bannedPeers: banned.slice(0, MAX_BANNED_PEERS),
    owned: storage.files.owned(),
    stamps: storage.seen.stamps(),
    partsStamp: storage.seen.partsStamp(),
    ...rest,
  };
}

/** The peers of an earlier run: good ones are dialled, banned ones are not. */
export function recallPeers(
  { goodPeers, bannedPeers }: ResumeData,
  peers: RecordedParts["peers"],
  now: number,
): void {
  peers.pool.recallBans(bannedPeers, now);
  peers.addPeers([...goodPeers], PEER_SOURCE.RESUME);
}
