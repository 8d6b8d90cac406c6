/**
 * The engine of one torrent: wires pieces and storage to the torrent's peers, and moves through the
 * states checking, downloading, verifying, seeding and done. Its parts do all the work.
 */
import type { Metainfo } from "../metainfo/metainfo.ts";
import { verifierOf } from "../metainfo/piece_verifier.ts";
import type { ResumeData } from "../state/resume_data.ts";
import { BusyMeter } from "../util/busy_meter.ts";
import { describeError } from "../util/errors.ts";
import type { TorrentStorage } from "../storage/torrent_storage.ts";
import { BlockReader } from "../storage/block_reader.ts";
import type { TrackerManager } from "../tracker/tracker_manager.ts";
import { Arrangement } from "./arrangement.ts";
import { ChangedFiles } from "./changed_files.ts";
import type { FileChoiceOptions } from "./file_choice.ts";
import { countUseful, heldBackBy } from "./held_back.ts";
import { lackOf, openExisting } from "./opening.ts";
import type { PeerPool } from "../peers/peer_pool.ts";
import type { TorrentPeers } from "./peers.ts";
import { Persistence } from "./persistence.ts";
import { PEER_SOURCE } from "../peers/pool_peer.ts";
import { PieceManager } from "../pieces/piece_manager.ts";
import { SeedWatch } from "./seed_goal.ts";
import type { RateLimits } from "../swarm/rate_limits.ts";
import type { Swarm } from "../swarm/swarm.ts";
import type { TorrentOptions, TorrentPorts } from "./torrent_ports.ts";
import { type Traffic, TrafficBook } from "./traffic.ts";
import type { HeldBackBy, SeedGoal, TorrentHappening, TorrentState } from "./types.ts";
import { Verification } from "./verification.ts";

/** How long a torrent that is stopped waits for its trackers, and for its disk. */
const STOP_TIMEOUT_MS = 2500;
const CALL_FOR_PEERS_MS = 15_000;

export class Torrent {
  readonly meta: Metainfo;
  readonly options: TorrentOptions;
  readonly storage: TorrentStorage;
  readonly pieces: PieceManager;
  readonly pool: PeerPool;
  readonly swarm: Swarm;
  readonly limits: RateLimits;
  /** Which files are wanted, and where they are. */
  readonly arrangement: Arrangement;
  /** All that is wanted is here and verified; rejects with what stopped it before. */
  readonly finished: Promise<void>;
  /** Seed goal reached, stopped or failed. */
  readonly ended: Promise<void>;

  readonly #peers: TorrentPeers;
  readonly #ports: TorrentPorts;
  readonly #reader: BlockReader;
  readonly #finish = Promise.withResolvers<void>();
  readonly #end = Promise.withResolvers<void>();
  readonly #abort = new AbortController();
  /** Resolves when it was stopped and may wait for its disk no longer. */
  readonly #hurry = Promise.withResolvers<void>();
  readonly #persistence: Persistence;
  readonly #writing = new BusyMeter();
  readonly #seeding: SeedWatch;
  readonly #traffic: TrafficBook;
  readonly #verification: Verification;
  readonly #changedFiles: ChangedFiles;
  #state: TorrentState = "checking";
  #error: Error | null = null;
  #startedAt: number;
  #attached = false;
  #nextCallAt = 0;
  #hadCompanyAt: number;
  /** Bytes that were here when the run began. */
  #foundBytes = 0;
  /** What is to be done at the end of the turn, when no peer is in the middle of a chunk. */
  #later: (() => void)[] = [];

  constructor(meta: Metainfo, options: TorrentOptions, ports: TorrentPorts) {
    this.meta = meta;
    this.options = options;
    this.#ports = ports;
    const peers = this.#peers = ports.peers;
    this.pool = peers.pool;
    this.swarm = peers.swarm;
    this.limits = peers.limits;
    this.storage = ports.storage;
    this.#reader = new BlockReader(ports.storage, ports.readCache, {
      broke: (error) => this.fail(error),
      changed: (file) => this.#changedFiles.noticed(file).catch((error) => this.fail(error)),
    });
    this.finished = this.#finish.promise;
    this.finished.catch(() => {}); // only who looks at it is to hear of it
    this.ended = this.#end.promise;
    this.#startedAt = this.#hadCompanyAt = ports.clock.now();
    const { record } = ports;
    this.#seeding = new SeedWatch(options.seedGoal);
    this.#seeding.resume(record?.totals.seedingSeconds ?? 0);
    this.#traffic = new TrafficBook(record?.totals);
    this.#verification = new Verification(meta, ports.hasher, ports.storage);
    this.pieces = new PieceManager(
      meta.layout,
      verifierOf(meta),
      ports,
      options.pieces,
      {
        store: (piece, bytes) => this.#store(piece, bytes),
        storeFailed: (error) => this.#later.push(() => this.fail(error)),
        settle: () => this.swarm.settle(),
        verified: (piece) => this.#onVerified(piece),
        failed: (piece, contributors) => this.#onPieceFailed(piece, contributors),
        helped: (contributors) => peers.blame.thank(contributors),
        guilty: (key) => this.#later.push(() => peers.blame.convict(key, this.now)),
      },
    );
    this.arrangement = new Arrangement(
      {
        meta,
        storage: ports.storage,
        pieces: this.pieces,
        signal: this.#abort.signal,
        save: () => this.#persistence.saveNow(),
        warn: this.warn,
        claims: ports.claims,
      },
      options.files,
      { targetDir: options.absoluteDir, renamed: ports.renamed },
    );
    this.#changedFiles = this.#watchFiles();
    this.#persistence = new Persistence(this, ports.clock, record, ports.keeper);
  }

  get trackers(): TrackerManager {
    return this.#peers.trackers;
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

  /** Fraction of the check under way, 0 to 1; null without one. */
  get checkedFraction(): number | null {
    return this.#verification.fraction;
  }

  /** Payload bytes of this run, and what the whole torrent lacks. */
  get totals(): Traffic & { left: number } {
    const left = this.meta.layout.totalLength - this.pieces.haveBytes;
    return { ...this.#traffic.run(this.swarm.members), left };
  }

  /** Payload bytes of all runs. */
  get totalsEver(): Traffic {
    return this.#traffic.ever(this.swarm.members);
  }

  /** Over all runs; `completedAt`: seconds since 1970, 0 for not yet. */
  get times(): { completedAt: number; activeSeconds: number; seedingSeconds: number } {
    const { completedAt, activeSeconds } = this.#persistence;
    return { completedAt, activeSeconds, seedingSeconds: this.seedingSeconds() };
  }

  /** As it was when it ended: what a next run can go on from. Null before. */
  get lastRecord(): ResumeData | null {
    return this.#persistence.last;
  }

  /** Verified bytes, at most the size: padding counts for what is missing. */
  get have(): number {
    return Math.min(this.pieces.haveBytes, this.meta.size);
  }

  /** Bytes of the wanted files that are not verified yet. */
  get left(): number {
    const { have, leftBytes } = this.pieces;
    return this.arrangement.choice.wantedLeft(leftBytes, (piece) => !have.has(piece));
  }

  get heldBackBy(): HeldBackBy {
    const { pool, trackers, pieces, limits, swarm } = this;
    return heldBackBy({
      state: this.#state,
      pool: pool.stats(),
      trackersFailing: trackers.failing,
      ...countUseful(swarm.members),
      writing: Math.max(this.#writing.share, pieces.storingShare),
      hashing: pieces.hashingShare,
      limited: limits.holdsBack,
    });
  }

  /** Whether it wants connections now. */
  get running(): boolean {
    return this.#state === "downloading" || this.#state === "verifying" ||
      this.#state === "moving" || this.#state === "seeding";
  }

  /** Starts it; all that happens from here on is told, nothing is thrown. */
  start(): void {
    const { name, size, layout } = this.meta, files = this.meta.files.filter(({ pad }) => !pad);
    const { wantedBytes: wanted, wantedFiles } = this.arrangement.choice;
    const counts = { pieces: layout.pieceCount, files: files.length, wantedFiles };
    this.#tell({ type: "added", name, size, wanted, ...counts });
    for (const message of [...this.meta.warnings, ...this.#ports.notes ?? []]) this.warn(message);
    this.#run().catch((error) => this.fail(error));
  }

  readonly warn = (message: string): void => this.#tell({ type: "warning", message });

  setSeedGoal(goal: SeedGoal): void {
    this.#seeding.goal = this.options.seedGoal = goal;
  }

  /** Over all runs. */
  seedingSeconds(): number {
    return this.#seeding.seconds(this.now);
  }

  /** Changes which files are wanted and which first. Rejects with a FileError. */
  async setFiles(options: FileChoiceOptions): Promise<void> {
    if (this.#abort.signal.aborted) return;
    await this.arrangement.choose(options);
    if (this.#abort.signal.aborted) return;
    this.#persistence.changed(this.now);
    if (this.#state === "seeding") this.#resumeDownload();
    this.swarm.wakeAll();
    this.swarm.settle();
  }

  /**
   * Reads and hashes all pieces while seeding or downloading goes on; what is wrong is not given any
   * more and fetched again, what came there otherwise is taken. Resolves to how many pieces were
   * wrong. Rejects with a FileError.
   */
  recheck(): Promise<number> {
    const { pieces, swarm, arrangement } = this, { signal } = this.#abort;
    return arrangement.still(async () => {
      const found = (piece: number) => this.#onVerified(piece);
      const { bad, had } = await this.#verification.recheck(pieces, signal, found);
      if (signal.aborted) return bad.length;
      if (bad.length > 0) {
        this.#tell({ type: "final-check", bad: bad.length, pieces: had });
        await this.#fetchAgain(bad);
      }
      swarm.settle();
      return bad.length;
    });
  }

  /** A few times a second. */
  tick(now: number): void {
    this.#persistence.tick(now);
    if (this.running) this.#writing.sample(now);
    this.#peers.tick(now);
    if (!this.running) return;
    this.#callForPeers(now);
    if (this.#state !== "seeding") return;
    if (this.#seeding.reached(this.totalsEver.uploaded, this.arrangement.choice.wantedBytes, now)) {
      this.#leave("done");
    }
  }

  /** Tells the trackers, keeps what is there. Takes at most about three seconds. */
  async stop(): Promise<void> {
    if (!this.#abort.signal.aborted) this.#leave("stopped");
    const timer = this.#ports.clock.after(STOP_TIMEOUT_MS, this.#hurry.resolve);
    await this.ended;
    timer.cancel();
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
  }

  async #run(): Promise<void> {
    const { seedOnly, trustFiles, anew, overwrite, repair } = this.options;
    const { record, mustExist, reuse, claims } = this.#ports, { targetDir } = this.arrangement;
    const { meta, storage, pieces, warn } = this, { signal } = this.#abort;
    const verification = this.#verification, { choice } = this.arrangement;
    if (record?.moving) await this.arrangement.finishMove(record.moving);
    const parts = { meta, storage, pieces, verification, choice, seedOnly, trustFiles, record };
    const wishes = { anew, overwrite, repair, claims, targetDir };
    const recordIsWrong = await this.arrangement.still(() =>
      openExisting({ ...parts, ...wishes, mustExist, reuse, warn }, signal)
    );
    if (signal.aborted) return;
    this.#foundBytes = this.pieces.haveBytes;
    await this.#persistence.opened(recordIsWrong);
    if (signal.aborted) return;
    const { wantedBytes: wanted } = this.arrangement.choice;
    this.#tell({ type: "checked", have: this.have, size: meta.size, wanted, left: this.left });
    this.#recallPeers();
    if (this.pieces.complete) {
      return trustFiles || seedOnly ? await this.#complete() : await this.#finalCheck();
    }
    if (this.options.preallocate) {
      await this.#persistence.claims.make(this.storage.newFiles());
      await this.#persistence.claims.pending;
    }
    await this.storage.demandSpace(this.left);
    await this.storage.reserve(this.#abort.signal);
    if (this.#abort.signal.aborted) return;
    this.#setState("downloading");
    this.#goOnline();
  }

  #goOnline(): void {
    if (!this.#attached) this.#attach();
    this.#peers.start();
  }

  /** All that is wanted came: what is on the disk must be it, or is downloaded again. */
  async #finalCheck(): Promise<void> {
    this.#setState("verifying");
    const bad: number[] = [];
    let pieces: number[] = [];
    await this.arrangement.still(async () => {
      if (await this.storage.finish(this.#abort.signal)) this.#persistence.changed(this.now);
      pieces = this.#verification.doubtfulPieces(this.options.finalCheck)
        .filter((piece) => this.pieces.have.has(piece) && !this.pieces.withdrawn.has(piece));
      await this.#verification.check(this.#abort.signal, (piece, ok) => {
        if (!ok) bad.push(piece);
      }, pieces);
    });
    if (this.#abort.signal.aborted) return;
    if (bad.length === 0) return await this.#complete();
    this.#tell({ type: "final-check", bad: bad.length, pieces: pieces.length });
    this.#lose(bad); // before the last record is written, if this is the end
    this.#verification.demandKept(bad);
    this.storage.prepare();
    await this.#fetchAgain(bad);
    // Nobody wants what was lost.
    if (this.#state === "verifying") await this.#complete();
  }

  /** What a check found wrong is neither served nor kept in memory. */
  #lose(bad: readonly number[]): void {
    for (const piece of bad) {
      this.#reader.forget(piece);
      this.pieces.markMissing(piece);
      this.swarm.withdrawPiece(piece);
    }
  }

  /** And comes once more. */
  async #fetchAgain(bad: readonly number[]): Promise<void> {
    this.#lose(bad);
    // The last record names these pieces: it must be gone before they are written anew.
    await this.#persistence.saveNow();
    if (!this.#abort.signal.aborted) this.#resumeDownload();
  }

  #resumeDownload(): void {
    if (this.pieces.complete) return;
    const { meta, pieces, arrangement: { choice } } = this;
    if (this.options.seedOnly) return this.fail(lackOf({ meta, pieces, choice }));
    this.#seeding.pause(this.now);
    this.pool.setFinished(false);
    this.#setState("downloading");
    this.#goOnline();
    this.swarm.wakeAll();
    this.swarm.settle();
  }

  /** Who served well in an earlier run is dialled, who was banned is not. */
  #recallPeers(): void {
    const { record } = this.#ports;
    this.#ports.record = null;
    if (record === null) return;
    this.pool.recallBans(record.bannedPeers, this.now);
    this.#peers.addPeers([...record.goodPeers], PEER_SOURCE.RESUME);
  }

  /** What is whole goes to where it is to be for good. */
  async #complete(): Promise<void> {
    if (this.storage.dir !== this.arrangement.targetDir) this.#setState("moving");
    await this.arrangement.settle();
    if (!this.#abort.signal.aborted) this.#onComplete();
  }

  #onComplete(): void {
    const { name, size } = this.meta, now = this.#ports.clock.now();
    this.pieces.releaseMemory();
    if (!this.#attached) this.#attach();
    this.pool.setFinished(true);
    this.#persistence.completed(now);
    if (this.pieces.have.full && this.#foundBytes < this.meta.layout.totalLength) {
      this.trackers.completed();
    }
    const seconds = (now - this.#startedAt) / 1000;
    const { wantedBytes: wanted } = this.arrangement.choice;
    this.#tell({ type: "done", name, dir: this.options.dir, size, wanted, seconds });
    this.#finish.resolve();
    if (this.options.seedGoal.kind === "none") return this.#leave("done");
    this.#seeding.start(this.totalsEver.uploaded, now);
    this.#setState("seeding");
    this.#goOnline();
    this.swarm.becameSeed();
    this.swarm.dropUseless();
    this.swarm.settle();
  }

  /** Nobody connected for a while, or nobody to dial: the trackers are asked as they allow. */
  #callForPeers(now: number): void {
    const hasCompany = this.swarm.size > 0;
    if (hasCompany) this.#hadCompanyAt = now;
    if (hasCompany || this.#state !== "downloading" || now < this.#nextCallAt) return;
    const { connecting, candidates } = this.pool.stats();
    if (connecting + candidates > 0 && now - this.#hadCompanyAt < CALL_FOR_PEERS_MS) return;
    this.#nextCallAt = now + CALL_FOR_PEERS_MS;
    this.trackers.announceNow();
  }

  /** Ends all activity in a final state. */
  #leave(state: "done" | "stopped" | "failed"): void {
    this.#abort.abort();
    this.#setState(state);
    const told = this.#peers.stop(STOP_TIMEOUT_MS);
    this.#reader.close();
    this.pieces.close();
    if (state === "failed") {
      const { code, message, path } = describeError(this.#error!);
      this.#tell({ type: "failed", code, message, path });
    }
    if (state !== "done") {
      this.#finish.reject(
        this.#error ?? new Error("The torrent was stopped before it was complete"),
      );
    }
    this.#close(state === "failed", told);
  }

  async #close(failed: boolean, told: Promise<void>): Promise<void> {
    await this.#persistence.close(failed, this.#hurry.promise);
    this.storage.close();
    await told;
    this.#tell({ type: "stopped" });
    this.#end.resolve();
  }

  #setState(state: TorrentState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#tell({ type: "state", state });
  }

  #tell(happening: TorrentHappening): void {
    this.#ports.tell(happening);
  }

  #watchFiles(): ChangedFiles {
    const { meta, storage, pieces, arrangement, warn } = this;
    return new ChangedFiles({
      meta,
      storage,
      pieces,
      arrangement,
      warn,
      verification: this.#verification,
      reader: this.#reader,
      signal: this.#abort.signal,
      isDownloading: () => this.#state === "downloading",
      fetchAgain: (bad) => this.#fetchAgain(bad),
      withdrawn: (piece) => this.swarm.withdrawPiece(piece),
      returned: (piece) => this.swarm.announcePiece(piece),
      settled: () => this.#persistence.changed(this.now),
    });
  }

  /** From here on the peers are of use to it. */
  #attach(): void {
    this.#attached = true;
    this.#peers.attach({
      layout: this.meta.layout,
      pieces: this.pieces,
      reader: this.#reader,
      totals: () => this.totals,
      memberLeft: (member) => this.#traffic.memberLeft(member),
      broke: (error) => this.#later.push(() => this.fail(error)),
      settled: () => this.#endTurn(),
    });
  }

  #endTurn(): void {
    while (this.#later.length > 0) this.#later.shift()!();
    if (this.#state === "downloading" && this.pieces.complete) {
      this.#finalCheck().catch((error) => this.fail(error));
    }
  }

  #store(piece: number, bytes: Uint8Array): void | Promise<void> {
    const claimed = this.#persistence.claims.ready(piece);
    return claimed === null ? this.#write(piece, bytes) : claimed.then(() => {
      return this.#write(piece, bytes);
    });
  }

  #write(piece: number, bytes: Uint8Array): void | Promise<void> {
    const { clock } = this.#ports, start = clock.now();
    const storing = this.storage.writePiece(piece, bytes);
    this.#writing.add(clock.now() - start);
    return storing;
  }

  #onVerified(piece: number): void {
    this.#persistence.changed(this.now);
    this.swarm.announcePiece(piece);
    this.#tell({ type: "piece", piece, have: this.have, size: this.meta.size });
  }

  #onPieceFailed(piece: number, contributors: number[]): void {
    this.#tell({ type: "piece-failed", piece, peers: this.#peers.blame.names(contributors) });
    const now = this.now;
    this.#later.push(() => this.#peers.blame.suspect(contributors, now));
  }
}
