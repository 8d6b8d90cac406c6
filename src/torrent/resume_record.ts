/** One torrent as its resume record: gathers from the parts what is worth keeping. */
import type { Metainfo } from "../protocol/metainfo.ts";
import type { ResumeChoices } from "../protocol/resume_choices.ts";
import {
  MAX_BANNED_PEERS,
  MAX_GOOD_PEERS,
  type PartialPiece,
  type ResumeData,
} from "../protocol/resume_data.ts";
import type { TorrentStorage } from "../storage/torrent_storage.ts";
import { Bitfield } from "../util/bitfield.ts";
import type { Arrangement } from "./arrangement.ts";
import type { FileChoice } from "./file_choice.ts";
import type { PeerPool } from "./peer_pool.ts";
import type { RateLimits } from "./rate_limits.ts";
import type { Traffic } from "./traffic.ts";
import type { SeedGoal } from "./types.ts";

/** The parts that are read. */
export interface RecordedParts {
  readonly meta: Metainfo;
  readonly options: { readonly seedGoal: SeedGoal; readonly choices: ResumeChoices };
  readonly pieces: { readonly have: Bitfield; readonly withdrawn: ReadonlySet<number> };
  readonly pool: PeerPool;
  readonly storage: TorrentStorage;
  readonly limits: RateLimits;
  readonly arrangement: Arrangement;
  readonly totalsEver: Traffic;
}

export interface RecordedFacts {
  partial: PartialPiece[];
  paused: boolean;
  trackers: string[][];
  /** Over all runs. */
  seedingSeconds: number;
  activeSeconds: number;
  /** Seconds since 1970. */
  addedAt: number;
  completedAt: number;
  savedAtMs: number;
}

export function resumeRecord(torrent: RecordedParts, facts: RecordedFacts): ResumeData {
  const { meta, options, pool, storage, limits, totalsEver } = torrent;
  const { choice, renamed, moving, targetDir } = torrent.arrangement;
  const { seedingSeconds, activeSeconds, partial, ...rest } = facts;
  const have = new Bitfield(meta.layout.pieceCount);
  have.replace(torrent.pieces.have);
  // Their file is not as we left it: the next start finds that out by itself, and what to do.
  for (const piece of torrent.pieces.withdrawn) have.set(piece);
  return {
    infoHash: meta.infoHash,
    name: meta.name,
    dir: storage.dir,
    disk: storage.disk.id,
    targetDir,
    renamed,
    moving,
    have,
    partial,
    priorities: choice.isDefault ? new Uint8Array(0) : choice.priorities,
    totals: { ...totalsEver, seedingSeconds, activeSeconds },
    seedGoal: options.seedGoal,
    limits: limits.torrent,
    peerLimits: limits.perPeer,
    choices: { ...options.choices, ...orderOf(choice) },
    trackerIds: new Map(),
    goodPeers: pool.knownGood(MAX_GOOD_PEERS).map(({ address, port }) => ({ address, port })),
    bannedPeers: pool.bans().slice(0, MAX_BANNED_PEERS),
    owned: storage.owned(),
    stamps: storage.stamps(),
    partsStamp: storage.partsStamp(),
    ...rest,
  };
}

/** Which files are taken in order, as it was chosen last. */
function orderOf({ sequential, endsFirst }: FileChoice): ResumeChoices {
  return {
    ...(sequential.size > 0 ? { filesInOrder: [...sequential] } : {}),
    ...(endsFirst ? { endsFirst } : {}),
  };
}
