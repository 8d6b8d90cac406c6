/**
 * The work on the files of one torrent, from the first look at the disk to closing them: checks
 * existing data, downloads, verifies, moves, seeds. It begins when the metadata is known, and again
 * after a pause or disk trouble; the peers and the rest of the torrent outlive it. After closing,
 * it does nothing and reports nothing.
 */
import type { Metainfo } from "../metainfo/metainfo.ts";
import { verifierOf } from "../metainfo/piece_verifier.ts";
import { BlockReader } from "../storage/block_reader.ts";
import type { TorrentStorage } from "../storage/torrent_storage.ts";
import { PieceManager } from "../pieces/piece_manager.ts";
import { Arrangement } from "./arrangement.ts";
import { ChangedFiles } from "./changed_files.ts";
import type { ContentOptions, ContentPorts } from "./content_ports.ts";
import { lackOf, openExisting } from "./opening.ts";
import type { TorrentPeers } from "./peers.ts";
import { Persistence } from "./persistence.ts";
import { PieceWriter } from "./piece_writer.ts";
import { SeedWatch } from "./seed_goal.ts";
import type { ContentPhase, SeedGoal, TorrentHappening, TorrentStatus } from "./types.ts";
import { Verification } from "./verification.ts";

/** The figures of a status about the files. */
export type ContentFigures = Pick<
  TorrentStatus,
  "wanted" | "have" | "left" | "piecesHave" | "completedAt" | "activeSeconds" | "seedingSeconds"
>;

export class Content {
  readonly meta: Metainfo;
  readonly storage: TorrentStorage;
  readonly pieces: PieceManager;
  readonly reader: BlockReader;
  /** The wanted files and the places of all files. */
  readonly arrangement: Arrangement;

  readonly #options: ContentOptions;
  readonly #peers: TorrentPeers;
  readonly #writer: PieceWriter;
  readonly #persistence: Persistence;
  readonly #verification: Verification;
  readonly #ports: ContentPorts;
  readonly #abort = new AbortController();
  /** Resolves when closing may no longer wait for the disk. */
  #hurry: PromiseWithResolvers<void> | null = null;
  readonly #seeding: SeedWatch;
  readonly #changedFiles: ChangedFiles;
  readonly #startedAt: number;
  #phase: ContentPhase = "checking";
  /** Detaches it from the peers; null while it is not attached. */
  #detach: (() => void) | null = null;
  /** Bytes that were on the disk when the work began. */
  #foundBytes = 0;
  /** Work for the end of the turn, when no peer is in the middle of a chunk. */
  readonly #later: (() => void)[] = [];

  constructor(meta: Metainfo, options: ContentOptions, ports: ContentPorts) {
    const { clock, storage, peers, record } = ports;
    this.meta = meta;
    this.#options = options;
    this.#ports = ports;
    this.#peers = peers;
    this.storage = storage;
    this.reader = new BlockReader(storage.data, ports.readCache, {
      broke: (error) => this.#later.push(() => this.#fail(error)),
      changed: (file) => this.#changedFiles.noticed(file).catch((error) => this.#fail(error)),
    });
    this.#startedAt = clock.now();
    this.#seeding = new SeedWatch(options.seedGoal, record?.totals.seedingSeconds ?? 0);
    this.#verification = new Verification(meta, ports.hasher, storage);
    this.#writer = new PieceWriter(
      storage.data,
      clock,
      (piece) => this.#persistence.claims.ready(piece),
    );
    this.pieces = this.#makePieces();
    this.arrangement = new Arrangement(
      {
        meta,
        storage,
        pieces: this.pieces,
        signal: this.#abort.signal,
        save: () => this.#persistence.saveNow(),
        warn: this.#warn,
        claims: ports.claims,
      },
      options.files,
      { targetDir: options.absoluteDir, renamed: ports.renamed },
    );
    this.#changedFiles = this.#watchFiles();
    const recorded = { meta, storage, pieces: this.pieces, peers, arrangement: this.arrangement };
    this.#persistence = new Persistence(
      { ...recorded, warn: this.#warn, seedingSeconds: () => this.#seeding.seconds(this.#now) },
      clock,
      record,
      ports.keeper,
    );
  }

  get phase(): ContentPhase {
    return this.#phase;
  }

  /** Everything wanted is complete and saved. */
  get isIdle(): boolean {
    return this.#phase === "seeding" && !this.#persistence.dirty;
  }

  get closed(): boolean {
    return this.#abort.signal.aborted;
  }

  /** By the clock of the peers' times. */
  get #now(): number {
    return this.#ports.clock.now();
  }

  /** Verified bytes, at most the size: padding must not hide missing bytes. */
  get #have(): number {
    return Math.min(this.pieces.states.haveBytes, this.meta.size);
  }

  /** Bytes of the wanted files that are not verified yet. */
  get #left(): number {
    const { have, leftBytes } = this.pieces.states;
    return this.arrangement.choice.wantedLeft(leftBytes, (piece) => !have.has(piece));
  }

  get figures(): ContentFigures {
    const { completedAt, activeSeconds } = this.#persistence, { pieces, arrangement } = this;
    return {
      wanted: arrangement.choice.wantedBytes,
      have: this.#have,
      left: this.#left,
      piecesHave: pieces.have.count,
      completedAt: completedAt || null,
      activeSeconds,
      seedingSeconds: this.#seeding.seconds(this.#now),
    };
  }

  /** Progress of the check in progress, 0 to 1; null without one. */
  get checked(): number | null {
    return this.#verification.fraction;
  }

  /** Parts of the recent time, or of the piece memory, that wait for the disk and for hashes. */
  get load(): { writing: number; hashing: number } {
    const { storingShare, hashingShare } = this.pieces;
    return { writing: Math.max(this.#writer.share, storingShare), hashing: hashingShare };
  }

  /** After the end: the record from which the next content can continue. */
  get lastRecord(): Persistence["last"] {
    return this.#persistence.last;
  }

  /** The torrent's size and counts, for people. */
  describe(): TorrentHappening {
    const { name, size, layout } = this.meta, files = this.meta.files.filter(({ pad }) => !pad);
    const { wantedBytes: wanted, wantedFiles } = this.arrangement.choice;
    const counts = { pieces: layout.pieceCount, files: files.length, wantedFiles };
    return { type: "added", name, size, wanted, ...counts };
  }

  /** Begins; from now on errors are reported and never thrown. */
  start(): void {
    for (const message of [...this.meta.warnings, ...this.#ports.notes ?? []]) this.#warn(message);
    this.#run().catch((error) => this.#fail(error));
  }

  readonly #warn = (message: string): void => this.#ports.tell({ type: "warning", message });

  setSeedGoal(goal: SeedGoal): void {
    this.#seeding.goal = this.#options.seedGoal = goal;
  }

  /** Changes which files are wanted, and their order. Rejects with a FileError. */
  async setFiles(files: ContentOptions["files"]): Promise<void> {
    if (this.closed) return;
    await this.arrangement.choose(files);
    if (this.closed) return;
    this.#persistence.changed(this.#now);
    if (this.#phase === "seeding") this.#resumeDownload();
    this.#peers.swarm.wakeAll();
    this.#peers.swarm.settle();
  }

  /**
   * Reads and hashes all pieces while seeding or downloading continues: bad pieces are withdrawn
   * and downloaded again, and newly found good ones are kept. Resolves to the number of bad pieces.
   * Rejects with a FileError.
   */
  recheck(): Promise<number> {
    const { pieces, arrangement } = this, { swarm } = this.#peers, { signal } = this.#abort;
    return arrangement.still(async () => {
      const found = (piece: number) => this.#onVerified(piece);
      const { bad, had } = await this.#verification.recheck(pieces, signal, found);
      if (signal.aborted) return bad.length;
      if (bad.length > 0) {
        this.#ports.tell({ type: "final-check", bad: bad.length, pieces: had });
        await this.#fetchAgain(bad);
      }
      swarm.settle();
      return bad.length + pieces.states.withdrawn.size;
    });
  }

  /** A few times a second. */
  tick(now: number): void {
    if (this.closed) return;
    this.#persistence.tick(now);
    this.#writer.tick(now);
    if (this.#phase !== "seeding") return;
    const { uploaded } = this.#peers.traffic.ever, { choice } = this.arrangement;
    if (this.#seeding.reached(uploaded, choice.wantedBytes, now)) this.#ports.goalReached();
  }

  #fail(error: unknown): void {
    if (!this.closed) this.#ports.failed(error);
  }

  /**
   * Ends the work and saves progress. `failed`: the disk may have lost unsynced data, for example
   * because it was pulled out.
   */
  async close(failed: boolean): Promise<void> {
    this.#abort.abort();
    this.#detach?.();
    this.reader.close();
    this.pieces.close();
    await this.#persistence.close(failed, (this.#hurry = Promise.withResolvers()).promise);
    this.storage.close();
  }

  /** Gives up a disk that does not finish writing. */
  hurry(): void {
    this.#hurry?.resolve();
  }

  #makePieces(): PieceManager {
    const { meta } = this,
      options = this.#options,
      { blame, swarm } = this.#peers,
      ports = this.#ports;
    return new PieceManager(meta.layout, verifierOf(meta), ports, options.pieces, {
      store: (piece, bytes) => this.#writer.store(piece, bytes),
      storeFailed: (error) => this.#later.push(() => this.#fail(error)),
      settle: () => swarm.settle(),
      verified: (piece) => this.#onVerified(piece),
      failed: (piece, contributors) => this.#onPieceFailed(piece, contributors),
      helped: (contributors) => blame.thank(contributors),
      guilty: (key) => this.#later.push(() => blame.convict(key, this.#now)),
    }, ports.ledger);
  }

  async #run(): Promise<void> {
    const { seedOnly, trustFiles, anew, overwrite, repair } = this.#options;
    const { record, mustExist, reuse, claims } = this.#ports, { targetDir } = this.arrangement;
    const { meta, storage, pieces } = this, { signal } = this.#abort;
    const verification = this.#verification, warn = this.#warn;
    const { choice } = this.arrangement;
    if (record?.moving) await this.arrangement.finishMove(record.moving);
    const parts = { meta, storage, pieces, verification, choice, seedOnly, trustFiles, record };
    const wishes = { anew, overwrite, repair, claims, targetDir };
    const recordIsWrong = await this.arrangement.still(() =>
      openExisting({ ...parts, ...wishes, mustExist, reuse, warn }, signal)
    );
    if (signal.aborted) return;
    this.#foundBytes = this.pieces.states.haveBytes;
    await this.#persistence.opened(recordIsWrong);
    if (signal.aborted) return;
    const { wantedBytes: wanted } = this.arrangement.choice, have = this.#have, left = this.#left;
    this.#ports.tell({ type: "checked", have, size: meta.size, wanted, left });
    this.#ports.record = null;
    if (!this.#ports.goesOnline()) return;
    if (this.pieces.complete) {
      return trustFiles || seedOnly ? await this.#complete() : await this.#finalCheck();
    }
    if (this.#options.preallocate) {
      await this.#persistence.claims.make(this.storage.files.newFiles());
      await this.#persistence.claims.pending;
    }
    await this.storage.files.demandSpace(this.#left);
    await this.storage.files.reserve(signal);
    if (signal.aborted) return;
    this.#setPhase("downloading");
    this.#goOnline();
  }

  #goOnline(): void {
    if (this.#detach === null) this.#attach();
    this.#peers.start();
  }

  /** All wanted pieces have arrived: those that the disk does not hold are downloaded again. */
  async #finalCheck(): Promise<void> {
    this.#setPhase("verifying");
    const { signal } = this.#abort, { pieces } = this, { finalCheck } = this.#options;
    const { bad, checked } = await this.arrangement.still(async () => {
      if (await this.storage.files.finish(signal)) this.#persistence.changed(this.#now);
      return await this.#verification.finalCheck(pieces, finalCheck, signal);
    });
    if (signal.aborted) return;
    if (bad.length === 0) return await this.#complete();
    this.#ports.tell({ type: "final-check", bad: bad.length, pieces: checked });
    this.#lose(bad); // before the last record is written, if this is the end
    this.#verification.demandKept(bad);
    this.storage.files.prepare();
    await this.#fetchAgain(bad);
    // The lost pieces are not wanted.
    if (this.#phase === "verifying") await this.#complete();
  }

  /** Bad pieces are neither served nor kept in memory. */
  #lose(bad: readonly number[]): void {
    for (const piece of bad) {
      this.reader.forget(piece);
      this.pieces.states.markMissing(piece);
      this.#peers.swarm.withdrawPiece(piece);
    }
  }

  async #fetchAgain(bad: readonly number[]): Promise<void> {
    this.#lose(bad);
    // The last record names these pieces: it must be replaced before they are written again.
    await this.#persistence.saveNow();
    if (!this.closed) this.#resumeDownload();
  }

  #resumeDownload(): void {
    const { meta, pieces, arrangement: { choice } } = this, peers = this.#peers;
    if (pieces.complete) return;
    if (this.#options.seedOnly) return this.#fail(lackOf({ meta, pieces, choice }));
    this.#seeding.pause(this.#now);
    peers.pool.setFinished(false);
    this.#setPhase("downloading");
    this.#goOnline();
    peers.swarm.wakeAll();
    peers.swarm.settle();
  }

  /** Complete files move to their final folder. */
  async #complete(): Promise<void> {
    if (this.storage.folder.dir !== this.arrangement.targetDir) this.#setPhase("moving");
    await this.arrangement.settle();
    if (!this.closed) this.#onComplete();
  }

  #onComplete(): void {
    const { pieces } = this, peers = this.#peers, now = this.#now;
    const { name, size, layout } = this.meta;
    pieces.releaseMemory();
    if (this.#detach === null) this.#attach();
    peers.pool.setFinished(true);
    this.#persistence.completed(now);
    if (pieces.have.full && this.#foundBytes < layout.totalLength) {
      peers.trackers.manager.completed();
    }
    const seconds = (now - this.#startedAt) / 1000;
    const { wantedBytes: wanted } = this.arrangement.choice;
    this.#ports.tell({ type: "done", name, dir: this.#options.dir, size, wanted, seconds });
    this.#ports.completed();
    if (this.#options.seedGoal.kind === "none") this.#ports.goalReached();
    if (this.closed) return;
    this.#seeding.start(peers.traffic.ever.uploaded, now);
    this.#setPhase("seeding");
    this.#goOnline();
    peers.swarm.becameSeed();
    peers.swarm.settle();
  }

  #setPhase(phase: ContentPhase): void {
    if (this.#phase === phase) return;
    this.#phase = phase;
    this.#ports.phaseChanged();
  }

  #watchFiles(): ChangedFiles {
    const { meta, storage, pieces, arrangement } = this, { swarm } = this.#peers;
    return new ChangedFiles({
      meta,
      storage,
      pieces,
      arrangement,
      warn: this.#warn,
      verification: this.#verification,
      reader: this.reader,
      signal: this.#abort.signal,
      isDownloading: () => this.#phase === "downloading",
      fetchAgain: (bad) => this.#fetchAgain(bad),
      withdrawn: (piece) => swarm.withdrawPiece(piece),
      returned: (piece) => swarm.announcePiece(piece),
      settled: () => this.#persistence.changed(this.#now),
    });
  }

  /** Attaches it to the peers. */
  #attach(): void {
    const { pieces, meta: { layout } } = this, reader = this.reader;
    this.#detach = this.#peers.attach({
      layout,
      pieces,
      reader,
      broke: (error) => this.#later.push(() => this.#fail(error)),
      settled: () => this.#endTurn(),
    });
  }

  #endTurn(): void {
    while (this.#later.length > 0) this.#later.shift()!();
    if (this.#phase === "downloading" && this.pieces.complete && !this.closed) {
      this.#finalCheck().catch((error) => this.#fail(error));
    }
  }

  #onVerified(piece: number): void {
    this.#persistence.changed(this.#now);
    this.#peers.swarm.announcePiece(piece);
    this.#ports.tell({ type: "piece", piece, have: this.#have, size: this.meta.size });
  }

  #onPieceFailed(piece: number, contributors: number[]): void {
    const { blame } = this.#peers, now = this.#now;
    this.#ports.tell({ type: "piece-failed", piece, peers: blame.names(contributors) });
    this.#later.push(() => blame.suspect(contributors, now));
  }
}
