/**
 * One torrent (the Orchestrator): wires pool, swarm, pieces, storage and trackers together and
 * walks through the states checking, downloading, verifying, seeding or done. All work is theirs.
 */
import type { Clock, Hasher, Random } from "../platform/types.ts";
import { type Metainfo, pieceHash } from "../protocol/metainfo.ts";
import type { PeerAddress } from "../protocol/compact_address.ts";
import { nameOfPeerId } from "../protocol/peer_id.ts";
import { BusyMeter } from "../util/busy_meter.ts";
import { FileError, ShoalError } from "../util/errors.ts";
import type { SendBuffers } from "../peer/link.ts";
import type { TorrentStorage } from "../storage/torrent_storage.ts";
import { BlockReader } from "../storage/block_reader.ts";
import type { ReadCache } from "../storage/read_cache.ts";
import type { AnnounceOutcome, TrackerManager } from "../tracker/tracker_manager.ts";
import { Blame } from "./blame.ts";
import type { ConnectionSlots } from "./connection_slots.ts";
import { heldBackBy } from "./held_back.ts";
import { PeerPool } from "./peer_pool.ts";
import { PEER_SOURCE } from "./pool_peer.ts";
import type { PeerPoolConfig } from "./pool_types.ts";
import { PieceManager, type PieceOptions } from "./piece_manager.ts";
import { demandFiles, demandPieces } from "./seed_only.ts";
import { SeedWatch } from "./seed_goal.ts";
import { RateLimits, type Rates, type ThrottlePair } from "./rate_limits.ts";
import { type Identity, Swarm, type SwarmDialer, type SwarmOptions } from "./swarm.ts";
import { type Traffic, TrafficBook } from "./traffic.ts";
import type { FinalCheck, HeldBackBy, SeedGoal, TorrentHappening, TorrentState } from "./types.ts";
import { Verification } from "./verification.ts";

export interface TorrentOptions {
  dir: string;
  pieces: PieceOptions;
  pool: Partial<PeerPoolConfig>;
  swarm: SwarmOptions;
  seedGoal: SeedGoal;
  finalCheck: FinalCheck;
  trustFiles: boolean;
  seedOnly: boolean;
  /** Of the torrent as a whole, and of each peer. */
  limits: Rates;
  peerLimits: Rates;
}

export interface TorrentPorts {
  clock: Clock;
  random: Random;
  hasher: Hasher;
  storage: TorrentStorage;
  dialer: SwarmDialer;
  buffers: SendBuffers;
  /** Memory for uploads of all torrents. */
  readCache: ReadCache;
  /** The limits of the whole client, which the client serves. */
  throttles: ThrottlePair;
  /** Connections of the whole client. */
  slots: ConnectionSlots;
  /** Makes the tracker manager, which reports to the torrent that it is for. */
  trackers(torrent: Torrent): TrackerManager;
  tell(happening: TorrentHappening): void;
}

const STOP_TIMEOUT_MS = 2500;
const CALL_FOR_PEERS_MS = 15_000;

export class Torrent {
  readonly meta: Metainfo;
  readonly options: TorrentOptions;
  readonly identity: Identity;
  readonly storage: TorrentStorage;
  readonly pieces: PieceManager;
  readonly pool: PeerPool;
  readonly swarm: Swarm;
  readonly trackers: TrackerManager;
  readonly limits: RateLimits;
  /** Everything is here and verified; rejects with what stopped it before. */
  readonly finished: Promise<void>;
  /** Seed goal reached, stopped or failed. */
  readonly ended: Promise<void>;

  readonly #ports: TorrentPorts;
  readonly #reader: BlockReader;
  readonly #finish = Promise.withResolvers<void>();
  readonly #end = Promise.withResolvers<void>();
  readonly #abort = new AbortController();
  readonly #writing = new BusyMeter();
  readonly #seeding: SeedWatch;
  readonly #traffic: TrafficBook;
  readonly #verification: Verification;
  readonly #blame: Blame;
  #state: TorrentState = "checking";
  #error: Error | null = null;
  #startedAt: number;
  #nextCallAt = 0;
  /** Bytes that were here when the run began. */
  #foundBytes = 0;
  /** What is to be done at the end of the turn, when no peer is in the middle of a chunk. */
  #later: (() => void)[] = [];

  constructor(meta: Metainfo, identity: Identity, options: TorrentOptions, ports: TorrentPorts) {
    this.meta = meta;
    this.identity = identity;
    this.options = options;
    this.#ports = ports;
    this.storage = ports.storage;
    this.#reader = new BlockReader(ports.storage, ports.readCache, (error) => this.fail(error));
    this.finished = this.#finish.promise;
    this.finished.catch(() => {}); // only who looks at it is to hear of it
    this.ended = this.#end.promise;
    this.#startedAt = ports.clock.now();
    this.#seeding = new SeedWatch(options.seedGoal, meta.size);
    this.#traffic = new TrafficBook();
    this.#verification = new Verification(meta, ports.hasher, ports.storage);
    this.pieces = new PieceManager(
      meta.layout,
      (piece) => pieceHash(meta, piece),
      ports,
      options.pieces,
      {
        store: (piece, bytes) => this.#store(piece, bytes),
        storeFailed: (error) => this.#later.push(() => this.fail(error)),
        hashed: () => this.swarm.settle(),
        verified: (piece) => this.#onVerified(piece),
        failed: (piece, contributors) => this.#onPieceFailed(piece, contributors),
        helped: (contributors) => this.#blame.thank(contributors),
        guilty: (key) => this.#later.push(() => this.#blame.convict(key, this.now)),
      },
    );
    this.limits = new RateLimits(ports.throttles);
    this.limits.setTorrent(options.limits, this.#startedAt);
    this.limits.setPerPeer(options.peerLimits, this.#startedAt);
    this.swarm = this.#makeSwarm();
    this.pool = new PeerPool({ ...options.pool, peerId: identity.peerId }, this.swarm, ports.slots);
    this.pool.setCallbacks({
      onBanned: ({ address, port }, reason) =>
        this.#tell({ type: "peer-banned", address, port, reason }),
    });
    this.swarm.use(this.pool);
    this.#blame = new Blame(this.pool, (key) => this.swarm.peerOfKey(key));
    this.trackers = ports.trackers(this);
  }

  get state(): TorrentState {
    return this.#state;
  }

  /** By the clock that its peers' times are of. */
  get now(): number {
    return this.#ports.clock.now();
  }

  get error(): Error | null {
    return this.#error;
  }

  /** Fraction of the check under way, 0 to 1. */
  get checkedFraction(): number {
    return this.#verification.fraction;
  }

  /** Payload bytes of this run, and what is still to come. */
  get totals(): Traffic & { left: number } {
    const left = this.meta.layout.totalLength - this.pieces.haveBytes;
    return { ...this.#traffic.run(this.swarm.members), left };
  }

  /** Verified bytes, at most the size: padding counts for what is missing. */
  get have(): number {
    return Math.min(this.pieces.haveBytes, this.meta.size);
  }

  get heldBackBy(): HeldBackBy {
    let useful = 0, unchoking = 0;
    for (const { session } of this.swarm.members) {
      if (session.wanted === 0) continue;
      useful++;
      if (!session.peerChoking) unchoking++;
    }
    return heldBackBy({
      state: this.#state,
      pool: this.pool.stats(),
      trackersFailing: this.trackers.failing,
      useful,
      unchoking,
      writing: this.#writing.share,
      hashing: this.pieces.hashingShare,
      limited: this.limits.holdsBack,
    });
  }

  /** Whether it wants connections now. */
  get running(): boolean {
    return this.#state === "downloading" || this.#state === "verifying" ||
      this.#state === "seeding";
  }

  /** Starts it; all that happens from here on is told, nothing is thrown. */
  start(): void {
    const { name, size, files } = this.meta;
    const pieces = this.meta.layout.pieceCount;
    this.#tell({ type: "added", name, size, pieces, files: files.filter((f) => !f.pad).length });
    for (const message of this.meta.warnings) this.#tell({ type: "warning", message });
    this.#run().catch((error) => this.fail(error));
  }

  addPeers(peers: PeerAddress[], source: number = PEER_SOURCE.TRACKER): void {
    if (this.#abort.signal.aborted) return;
    this.pool.addPeers(peers, source, this.#ports.clock.now());
  }

  /** A tracker answered, or failed to. */
  announced(result: AnnounceOutcome): void {
    this.#tell({ type: "tracker", ...result });
  }

  warn(message: string): void {
    this.#tell({ type: "warning", message });
  }

  setLimits(limits: Partial<Rates>): void {
    this.limits.setTorrent({ ...this.limits.torrent, ...limits }, this.#ports.clock.now());
  }

  setPeerLimits(limits: Partial<Rates>): void {
    this.limits.setPerPeer({ ...this.limits.perPeer, ...limits }, this.#ports.clock.now());
  }

  /** A few times a second. */
  tick(now: number): void {
    if (!this.running) return;
    this.#writing.sample(now);
    this.swarm.tick(now);
    this.#callForPeers(now);
    if (this.#state !== "seeding") return;
    if (this.#seeding.reached(this.totals.uploaded, now)) this.#leave("done");
  }

  /** Tells the trackers, keeps what is there. Takes at most about three seconds. */
  async stop(): Promise<void> {
    if (!this.#abort.signal.aborted) this.#leave("stopped");
    await this.ended;
  }

  /** Stops it for good with an error that a person can act on. */
  fail(error: unknown): void {
    if (this.#abort.signal.aborted) return;
    this.#error = error instanceof Error ? error : new Error(String(error));
    this.#leave("failed");
  }

  /** For tests, after every event: throws an InvariantError if the books do not add up. */
  checkInvariants(): void {
    this.pieces.checkInvariants();
    this.swarm.checkInvariants();
  }

  async #run(): Promise<void> {
    const { seedOnly, trustFiles } = this.options;
    if (seedOnly) demandFiles(this.meta, (file) => this.storage.statFile(file));
    else this.storage.prepare();
    await this.#checkExisting();
    if (this.#abort.signal.aborted) return;
    this.#foundBytes = this.pieces.haveBytes;
    this.#tell({ type: "checked", have: this.have, size: this.meta.size });
    if (seedOnly) demandPieces(this.meta, (piece) => this.pieces.have.has(piece));
    if (this.pieces.complete) {
      return trustFiles || seedOnly ? this.#onComplete() : await this.#finalCheck();
    }
    await this.storage.reserve(this.#abort.signal);
    if (this.#abort.signal.aborted) return;
    this.#setState("downloading");
    this.#goOnline();
  }

  #goOnline(): void {
    this.pool.setOwnEndpoint(null, this.identity.listenPort());
    this.trackers.start();
    this.pool.connectToPeers(this.#ports.clock.now());
  }

  async #checkExisting(): Promise<void> {
    if (this.options.trustFiles) {
      for (let piece = 0; piece < this.meta.layout.pieceCount; piece++) this.pieces.markHave(piece);
      return;
    }
    await this.#verification.check(this.#abort.signal, (piece, ok) => {
      if (ok) this.pieces.markHave(piece);
    });
  }

  /** Everything came: what is on the disk must be it, or is downloaded again. */
  async #finalCheck(): Promise<void> {
    this.#setState("verifying");
    this.storage.finish();
    const pieces = this.#verification.doubtfulPieces(this.options.finalCheck);
    const bad: number[] = [];
    await this.#verification.check(this.#abort.signal, (piece, ok) => {
      if (!ok) bad.push(piece);
    }, pieces);
    if (this.#abort.signal.aborted) return;
    if (bad.length === 0) return this.#onComplete();
    this.#tell({ type: "final-check", bad: bad.length, pieces: pieces.length });
    this.storage.prepare();
    for (const piece of bad) this.#lose(piece);
    this.#setState("downloading");
    this.#goOnline();
    this.swarm.wakeAll();
    this.swarm.settle();
  }

  #onComplete(): void {
    const { name, size } = this.meta, now = this.#ports.clock.now();
    this.pieces.releaseMemory();
    this.pool.setFinished(true);
    if (this.#foundBytes < this.meta.layout.totalLength) this.trackers.completed();
    const seconds = (now - this.#startedAt) / 1000;
    this.#tell({ type: "done", name, dir: this.options.dir, size, seconds });
    this.#finish.resolve();
    if (this.options.seedGoal.kind === "none") return this.#leave("done");
    this.#seeding.start(this.totals.uploaded, now);
    this.#setState("seeding");
    this.#goOnline();
    this.swarm.becameSeed();
    this.swarm.dropUseless();
    this.swarm.settle();
  }

  /** Nobody connected and nobody to dial: the trackers are asked as soon as they allow. */
  #callForPeers(now: number): void {
    const { connected, connecting, candidates } = this.pool.stats();
    if (this.#state !== "downloading" || connected + connecting + candidates > 0) return;
    if (now < this.#nextCallAt) return;
    this.#nextCallAt = now + CALL_FOR_PEERS_MS;
    this.trackers.announceNow();
  }

  /** Ends all activity in a final state. */
  #leave(state: "done" | "stopped" | "failed"): void {
    this.#abort.abort();
    this.#setState(state);
    this.pool.disconnectAll(this.#ports.clock.now());
    this.#reader.close();
    this.storage.close();
    this.pieces.close();
    if (state === "failed") {
      const { code, message, path } = describe(this.#error!);
      this.#tell({ type: "failed", code, message, path });
    }
    if (state !== "done") {
      this.#finish.reject(this.#error ?? new Error("The torrent was stopped before its end"));
    }
    this.trackers.stop(STOP_TIMEOUT_MS).catch(() => {}).then(() => {
      this.#tell({ type: "stopped" });
      this.#end.resolve();
    });
  }

  #setState(state: TorrentState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#tell({ type: "state", state });
  }

  #tell(happening: TorrentHappening): void {
    this.#ports.tell(happening);
  }

  #makeSwarm(): Swarm {
    const { clock, random, hasher, dialer, buffers } = this.#ports;
    const ports = { dialer, buffers, reader: this.#reader, limits: this.limits };
    const { meta, pieces, identity, options } = this;
    return new Swarm(
      { clock, random, hasher },
      meta.layout,
      pieces,
      ports,
      identity,
      options.swarm,
      {
        connected: ({ peer, session, incoming }) => {
          const { address, port } = peer;
          this.#tell({
            type: "peer-connected",
            address,
            port,
            client: nameOfPeerId(session.info.peerId),
            incoming,
          });
        },
        disconnected: (member, error) => {
          this.#traffic.memberLeft(member);
          const { address, port } = member.peer;
          this.#tell({
            type: "peer-disconnected",
            address,
            port,
            reason: error?.message ?? "closed",
          });
        },
        broke: (error) => this.#later.push(() => this.fail(error)),
        settled: () => this.#endTurn(),
      },
    );
  }

  #endTurn(): void {
    while (this.#later.length > 0) this.#later.shift()!();
    if (this.#state === "downloading" && this.pieces.complete) {
      this.#finalCheck().catch((error) => this.fail(error));
    }
  }

  #store(piece: number, bytes: Uint8Array): void {
    const { clock } = this.#ports, start = clock.now();
    this.storage.writePiece(piece, bytes);
    this.#writing.add(clock.now() - start);
  }

  /** What the check found wrong is neither served nor kept in memory. */
  #lose(piece: number): void {
    this.#reader.forget(piece);
    this.pieces.markMissing(piece);
    this.swarm.withdrawPiece(piece);
  }

  #onVerified(piece: number): void {
    this.swarm.announcePiece(piece);
    this.#tell({ type: "piece", piece, have: this.have, size: this.meta.size });
  }

  #onPieceFailed(piece: number, contributors: number[]): void {
    this.#tell({ type: "piece-failed", piece, peers: this.#blame.names(contributors) });
    const now = this.now;
    this.#later.push(() => this.#blame.suspect(contributors, now));
  }
}

function describe(error: Error): { code: string; message: string; path: string | null } {
  return {
    code: error instanceof ShoalError ? error.code : "internal",
    message: error.message,
    path: error instanceof FileError ? error.path : null,
  };
}
