/** A torrent's ports to its client, and the internal members that only the client sees. */
import type { Clock } from "../platform/types.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { DownloadLedger } from "../pieces/download_ledger.ts";
import type { ResumeData } from "../state/resume_data.ts";
import type { ThrottlePair } from "../swarm/rate_limits.ts";
import type { FileError } from "../util/errors.ts";
import type { PeerAddress } from "../util/compact_address.ts";
import type { Content } from "./content.ts";
import type { ContentEvents, ContentStart } from "./content_ports.ts";
import type { AddOptions, TorrentPatch } from "./options.ts";
import type { TorrentPeers } from "./peers.ts";
import type { Torrent } from "./torrent.ts";
import type { QuotaSpent, TorrentEvent, TorrentHappening, TorrentState } from "./types.ts";

/** The source of a torrent. */
export interface TorrentSource {
  /** 40 hexadecimal digits. */
  readonly infoHash: string;
  readonly meta: Metainfo | null;
  /** Of a magnet: the link, and the name in it. */
  readonly link: string | null;
  readonly name: string | null;
  /** Seconds since 1970. */
  readonly addedAt: number;
}

export interface TorrentPorts {
  readonly clock: Clock;
  readonly peers: TorrentPeers;
  /**
   * Throws a RangeError for an invalid choice of files or names, a FileError for a name that the
   * disk refuses.
   */
  makeContent(
    meta: Metainfo,
    options: AddOptions,
    start: ContentStart,
    events: ContentEvents,
  ): Content;
  /** The info dictionary from peers. Throws a TorrentFileError if it is not a usable torrent. */
  parse(infoBytes: Uint8Array): Metainfo;
  /** The metainfo from an earlier run; null if none is kept. */
  loadMeta(): Promise<Metainfo | null>;
  keepMeta(meta: Metainfo): void;
  /** Null if no state is kept. */
  loadRecord(meta: Metainfo, options: AddOptions): Promise<ResumeData | null>;
  /** Saves the options and the state for a restart. Never rejects. */
  keepWish(options: AddOptions, standing: KeptStanding, movesTo: string | null): Promise<void>;
  /**
   * Claims the torrent among the clients that share a state folder. Resolves to null, or to a
   * FileError ("in-use") that names the client that has it.
   */
  claim(): Promise<FileError | null>;
  /** Ends the claim, as `ended` does. */
  release(): void;
  /** Throws a RangeError that names an option that is invalid or cannot be changed. */
  checkPatch(patch: TorrentPatch): void;
  /** Whether it may still be started: it was not removed, and its client is open. */
  mayStart(): boolean;
  /**
   * It starts: until `ended`, the client ticks it, routes peers to it, and stops it at its own end.
   */
  started(): void;
  /** `restarts`: it was started again meanwhile. */
  ended(restarts: boolean): void;
  /** In the queue of the client; null after its removal. */
  place(): { position: number } | null;
  /**
   * Whether it has to wait before it does its present `work`: "queue" for its turn, a FileError for
   * space on the disk. Null: it may work.
   */
  heldBy(): Hold | null;
  /** The options with those of its labels, where it has none itself. */
  withLabels(options: AddOptions): AddOptions;
  /** The limits that torrents with these labels share. */
  labelLimits(options: AddOptions): ThrottlePair[];
  /** The client forgets it; `data`: its files are deleted, too. */
  remove(data: boolean): void;
  /** Of the whole client. */
  quotaSpent(): QuotaSpent | null;
  /** Good nodes of the DHT; null without one. */
  dht(): { nodes: number } | null;
  absolute(path: string): string;
  tell(happening: TorrentHappening): void;
  /** Counts events and changes of options. */
  readonly revision: { count: number };
  /** `first` and all later events of this torrent; only `first` where it has ended. */
  listen(first: TorrentEvent, hasEnded: boolean): AsyncIterableIterator<TorrentEvent>;
}

/** Why a torrent waits although nobody stopped it. */
export type Hold = "queue" | FileError;

/**
 * What a torrent would do now: "check" what exists, "download" or "seed"; null where the user or its
 * end has stopped it.
 */
export type Work = "check" | "download" | "seed" | null;

/** The state that a restart of the client keeps. */
export interface KeptStanding {
  /** By the user. */
  readonly paused: boolean;
  /** Its seed goal was reached. */
  readonly goalReached: boolean;
  /** It ended at its seed goal, and was not started again. */
  readonly done: boolean;
}

/** How a torrent begins. */
export interface TorrentStart extends Partial<KeptStanding> {
  /** The record of an earlier run, if it was read already. */
  readonly record?: ResumeData | null | undefined;
  /** The state folder has its options already. Default false. */
  readonly isKept?: boolean | undefined;
}

/** A torrent as only its client sees it: for the clock, the router of connections, discovery. */
export interface TorrentInside {
  readonly torrent: Torrent;
  readonly infoHash: string;
  readonly name: string;
  readonly peers: TorrentPeers;
  readonly swarm: TorrentPeers["swarm"];
  /** It has or seeks connections. */
  readonly running: boolean;
  readonly state: TorrentState;
  /** Of this run of the client; null until the metadata is known. */
  readonly ledger: DownloadLedger | null;
  readonly private: boolean;
  readonly complete: boolean;
  /** No peer is connected, and none can be dialled. */
  readonly alone: boolean;
  /** It seeds without peers and has nothing to save: an occasional turn is enough. */
  readonly idle: boolean;
  /**
   * How its files were left, once it has ended; without a record that counts, nothing is known of
   * them. Null until the metadata is known.
   */
  readonly left: { meta: Metainfo; dir: string; record: ResumeData | null } | null;
  begin(start: TorrentStart): void;
  tick(now: number): void;
  addPeers(peers: PeerAddress[], source: number): void;
  warn(message: string): void;
  /** What the queue decides by. */
  readonly work: Work;
  /** It waits for its disk, or for another client: not for the queue. */
  readonly waits: boolean;
  /** Absolute: where it writes. */
  readonly dir: string;
  /** What `heldBy` says of it has changed. */
  reconsider(): void;
  /** The settings of its labels have changed. */
  labelsChanged(): void;
  /** Its rank in the queue changed. */
  keepWish(): void;
}
