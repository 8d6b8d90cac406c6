/**
 * One torrent of a client over all its engines: an engine runs from start to stop or failure, the
 * life and its peers go on. It looks for the metadata first where only a magnet is known, waits
 * while the disk is in trouble and tries again, can be paused, and ends once. Invariant: at most one
 * engine is at work.
 */
import type { Clock, Timer } from "../platform/types.ts";
import type { PeerAddress } from "../util/compact_address.ts";
import type { Magnet } from "../metainfo/magnet.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { ResumeData } from "../state/resume_data.ts";
import { describeError, FileError, type FileErrorCode } from "../util/errors.ts";
import type { TorrentPeers } from "../torrent/peers.ts";
import type { Swarm } from "../swarm/swarm.ts";
import type { Torrent as Engine } from "../torrent/torrent.ts";
import type { TorrentHappening, TorrentState } from "../torrent/types.ts";
import { inUse, type PathOwner } from "../torrent/take_over.ts";
import { fileChoiceOptions } from "../torrent/file_priorities.ts";
import { type RunTotals, runTotals } from "../torrent/run_totals.ts";
import type { AddOptions, QuotaSpent, TorrentPatch } from "./types.ts";

/** Troubles that may pass without us: a full disk, one that was pulled out, too many open files. */
const PASSING: ReadonlySet<FileErrorCode> = new Set([
  "disk-full",
  "io",
  "read-only",
  "too-many-open",
  "not-found",
  "changed",
]);
const FIRST_RETRY_MS = 5000;
const MAX_RETRY_MS = 60_000;
/** How often it is looked whether another shoal that has the torrent is gone. */
const IN_USE_RETRY_MS = 2000;
/** After so long without trouble the next one counts as the first. */
const CALM_MS = 120_000;

/** How long a torrent that stops waits for its trackers. */
const STOP_TIMEOUT_MS = 2500;

export interface LifePorts {
  clock: Clock;
  makeEngine(
    meta: Metainfo,
    options: AddOptions,
    start: { record: ResumeData | null; mustExist: boolean; peers: TorrentPeers },
    tell: (happening: TorrentHappening) => void,
  ): Engine;
  /** What peers gave. Throws a TorrentFileError when it is no torrent that we can take. */
  parse(infoBytes: Uint8Array): Metainfo;
  /** Null where no state is kept. */
  loadRecord: ((meta: Metainfo) => Promise<ResumeData | null>) | null;
  /** The metainfo as an earlier run found it, if it is kept. */
  loadMeta: (() => Promise<Metainfo | null>) | null;
  keepMeta(meta: Metainfo): void;
  /** These options for a restart, and whether it is paused. Resolves when that is done; never rejects. */
  keepWish(options: AddOptions, paused: boolean): Promise<void>;
  /**
   * Claims the torrent among the clients that share a state folder: resolves to null, or to who has
   * it. Null where no state is kept.
   */
  claim: (() => Promise<PathOwner | null>) | null;
  /** Whether it may begin again after its end; `revived`: it does. */
  revive(): boolean;
  revived(): void;
  /** Of the whole client. */
  quotaSpent(): QuotaSpent | null;
  tell(happening: TorrentHappening): void;
}

type Phase = "opening" | "finding" | "running" | "waiting" | "paused" | "over";

export class TorrentLife {
  readonly infoHash: string;
  readonly options: AddOptions;
  readonly peers: TorrentPeers;
  readonly #ports: LifePorts;
  #finish = Promise.withResolvers<void>();
  #end = Promise.withResolvers<void>();
  /** Made for who asks before the metadata is known. */
  #know: PromiseWithResolvers<void> | null = null;
  #phase: Phase = "opening";
  #meta: Metainfo | null;
  /** The one at work, or the last one. */
  #engine: Engine | null = null;
  #earlier: RunTotals | null = null;
  /** What its name is while nothing else is known. */
  readonly #magnetName: string | null;
  /** The search is on for what peers find; it ends once. */
  #searching = false;
  /** How often it was resumed after its end: what was under way before is of no account. */
  #revivals = 0;
  /** It had reached its goal when it was resumed, so it seeds on. */
  #seedsOn = false;
  /** What an earlier run left; until an engine of this one has its own. */
  #restored: ResumeData | null = null;
  #error: Error | null = null;
  #retry: Timer | null = null;
  #retryMs = FIRST_RETRY_MS;
  #begunAt = 0;
  #pauses = false;
  /** The state folder has the options already. */
  #isKept = false;
  /** It is ours among the clients that share the state folder. */
  #claimed = false;
  /** How often that was asked: the last one counts. */
  #claims = 0;
  /** What was told last of a wait. */
  #lastWait = "";
  /** While `pause` waits for the end of what was at work. */
  #pausing: Promise<void> | null = null;

  constructor(
    infoHash: string,
    source: Metainfo | Magnet,
    options: AddOptions,
    peers: TorrentPeers,
    ports: LifePorts,
  ) {
    this.infoHash = infoHash;
    this.options = { ...options };
    this.#ports = ports;
    this.peers = peers;
    this.#meta = "layout" in source ? source : null;
    this.#magnetName = "layout" in source ? null : source.name;
    if (this.#meta !== null) peers.know(this.#meta);
    this.finished.catch(() => {}); // only who looks at it is to hear of it
  }

  /** All that is wanted is here and verified; rejects with what ended it before. */
  get finished(): Promise<void> {
    return this.#finish.promise;
  }

  /** Nothing more will happen, unless it is resumed. Never rejects. */
  get ended(): Promise<void> {
    return this.#end.promise;
  }

  get name(): string {
    return this.#meta?.name ?? this.#magnetName ?? this.infoHash;
  }

  get meta(): Metainfo | null {
    return this.#meta;
  }

  get engine(): Engine | null {
    return this.#engine;
  }

  /** What the engines before the last one moved; null where there was none. */
  get earlier(): RunTotals | null {
    return this.#earlier;
  }

  /** The metadata is known; rejects with what ended it before. */
  get ready(): Promise<void> {
    if (this.#meta !== null) return Promise.resolve();
    if (this.#know === null) {
      this.#know = Promise.withResolvers();
      this.#know.promise.catch(() => {});
      if (this.over) this.#know.reject(this.error ?? new Error("The torrent was stopped"));
    }
    return this.#know.promise;
  }

  /** What an earlier run left, until an engine of this one has its own. */
  get restored(): ResumeData | null {
    return this.#restored;
  }

  get over(): boolean {
    return this.#phase === "over";
  }

  get state(): TorrentState {
    switch (this.#phase) {
      case "opening":
        if (this.#pauses) return "paused";
        return this.#meta === null ? "finding" : "checking";
      case "running":
        return this.#mayPass(this.#engine!) ? "waiting" : this.#engine!.state;
      case "over":
        if (this.#engine === null && this.#meta !== null && !this.#error) return "done";
        return this.#engine?.state ?? (this.#error === null ? "stopped" : "failed");
      default:
        return this.#phase;
    }
  }

  /** What it waits for, or what ended it. */
  get error(): Error | null {
    return this.#phase === "waiting" ? this.#error : this.#engine?.error ?? this.#error;
  }

  get quotaSpent(): QuotaSpent | null {
    return this.#ports.quotaSpent();
  }

  // --- For what finds peers ---

  get private(): boolean {
    return this.#meta?.private ?? false;
  }

  get complete(): boolean {
    return this.#engine?.pieces.complete ?? false;
  }

  get alone(): boolean {
    const { connected, connecting, candidates } = this.peers.pool.stats();
    return connected + connecting + candidates === 0;
  }

  // --- For the router of incoming connections ---

  get running(): boolean {
    return this.peers.online;
  }

  get swarm(): Swarm {
    return this.peers.swarm;
  }

  /**
   * `restored`: its record, where that was read already. `paused`: until `resume`. `isKept`: a restart
   * knows all this already.
   */
  start(restored: ResumeData | null = null, paused = false, isKept = false): void {
    this.#pauses = paused;
    this.#restored = restored;
    this.#isKept = isKept;
    if (paused && !isKept) void this.#keepWish();
    if (this.#ports.claim === null || this.#pauses) this.#proceed(restored);
    else void this.#claim(this.#ports.claim, () => this.#proceed(restored));
  }

  #proceed(restored: ResumeData | null): void {
    if (restored !== null) this.#goOn(restored);
    else if (this.#meta !== null) this.#open();
    else if (this.#ports.loadMeta === null) this.#find();
    else this.#recall(this.#ports.loadMeta);
  }

  /** `proceed` where it is ours at once; after a wait all is looked up again, as another left it. */
  async #claim(claim: () => Promise<PathOwner | null>, proceed: () => void): Promise<void> {
    const attempt = ++this.#claims;
    const owner = await claim();
    if (this.over || this.#pauses || attempt !== this.#claims) return;
    if (owner === null) {
      this.#claimed = true;
      if (!this.#isKept) void this.#keepWish();
      return proceed();
    }
    const error = inUse(null, owner), before = this.#error?.message;
    this.#error = error;
    if (this.#phase !== "waiting") this.#setPhase("waiting");
    if (before !== error.message) this.#tellWaiting(error, IN_USE_RETRY_MS);
    this.#retry = this.#ports.clock.after(IN_USE_RETRY_MS, () => {
      if (this.#phase !== "waiting") return;
      void this.#claim(claim, () => {
        this.#error = null;
        this.#restored = null;
        this.#phase = "opening";
        this.#proceed(null);
      });
    });
  }

  #tellWaiting({ code, message, path }: FileError, retryMs: number): void {
    const retryInSeconds = retryMs / 1000;
    this.#ports.tell({ type: "waiting", code, message, path, retryInSeconds });
  }

  tick(now: number): void {
    if (this.#phase === "running") this.#engine!.tick(now);
    else this.peers.tick(now);
  }

  addPeers(peers: PeerAddress[], source: number): void {
    if (!this.over) this.peers.addPeers(peers, source);
  }

  warn(message: string): void {
    this.#ports.tell({ type: "warning", message });
  }

  /** Ends connections and announcing until `resume`; what is there is kept. */
  pause(): Promise<void> {
    if (!this.over && !this.#pauses) {
      this.#pauses = true;
      void this.#keepWish();
      this.#retry?.cancel();
      this.#pausing ??= this.#endWork();
    }
    return this.#pausing ?? Promise.resolve();
  }

  async #endWork(): Promise<void> {
    if (this.#phase === "running") await this.#engine!.stop();
    else await this.peers.stop(STOP_TIMEOUT_MS);
    this.#pausing = null;
    if (this.over) return;
    this.#setPhase("paused");
    if (!this.#pauses) this.#goOnAgain();
  }

  /** After its end it begins again. Also while `pause` is not through yet. */
  resume(): void {
    if (this.over || this.#isEnding) return void this.ended.then(() => this.#startAgain());
    if (!this.#pauses) return;
    this.#pauses = false;
    void this.#keepWish();
    if (this.#phase !== "paused") return;
    this.#goOnAgain();
  }

  /** Its engine reached an end for good, and is not through yet. */
  get #isEnding(): boolean {
    if (this.#phase !== "running" || this.#pauses || this.#mayPass(this.#engine!)) return false;
    const { state } = this.#engine!;
    return state === "done" || state === "failed" || state === "stopped";
  }

  #startAgain(): void {
    if (!this.over || this.options.metadataOnly || !this.#ports.revive()) return;
    this.#seedsOn = this.state === "done";
    this.#finish = Promise.withResolvers<void>();
    this.#end = Promise.withResolvers<void>();
    this.finished.catch(() => {});
    this.#error = null;
    this.#retryMs = FIRST_RETRY_MS;
    this.#pauses = this.#claimed = false;
    this.#phase = "opening";
    this.#revivals++;
    this.#know = null;
    this.#ports.revived();
    void this.#keepWish();
    this.#goOnAgain();
  }

  #goOnAgain(): void {
    const { claim } = this.#ports;
    if (claim !== null && !this.#claimed) return void this.#claim(claim, () => this.#goOnAgain());
    if (this.#meta === null) this.#find();
    else if (this.#engine === null) this.#open();
    else this.#begin(this.#engine.lastRecord);
  }

  /**
   * Changes options, keeps them and applies them, whatever the state. Those that are not known to be
   * right throw a RangeError before anything is changed. Rejects with a FileError.
   */
  async update(patch: TorrentPatch): Promise<void> {
    const { limits, peerLimits, files: asked, ...others } = patch, meta = this.#meta;
    const files = meta !== null && typeof asked === "function" ? asked(meta) : asked;
    const choice = meta && files ? fileChoiceOptions(meta, files) : null;
    Object.assign(this.options, others, files === undefined ? {} : { files });
    if (limits) this.options.limits = { ...this.options.limits, ...limits };
    if (peerLimits) this.options.peerLimits = { ...this.options.peerLimits, ...peerLimits };
    const kept = this.#keepWish();
    this.#apply(patch);
    if (choice !== null && this.#phase === "running") await this.#engine!.setFiles(choice);
    await kept;
  }

  #apply(patch: TorrentPatch): void {
    this.peers.apply(patch);
    if (patch.seedGoal === undefined) return;
    this.#seedsOn = false;
    if (this.#phase === "running") this.#engine!.setSeedGoal(patch.seedGoal);
  }

  /** What a restart is to know of it; not while another client has it. Resolves when that is kept. */
  #keepWish(): Promise<void> {
    this.#isKept = this.#claimed || this.#pauses || this.#ports.claim === null;
    return this.#isKept ? this.#ports.keepWish(this.options, this.#pauses) : Promise.resolve();
  }

  /** Only when the metadata is known and it is running. Rejects with a FileError. */
  async move(dir: string, absoluteDir: string): Promise<void> {
    await this.#engine!.arrangement.move(absoluteDir);
    this.options.dir = dir;
    delete this.options.incompleteDir;
    await this.#keepWish();
  }

  /** Only when the metadata is known and it is running. Rejects with a FileError. */
  async rename(file: number, path: readonly string[]): Promise<void> {
    const { rename } = this.options, before = typeof rename === "function" ? [] : rename ?? [];
    await this.#engine!.arrangement.rename(file, path);
    this.options.rename = new Map(before).set(file, path.join("/"));
    await this.#keepWish();
  }

  /** Ends it for good; trackers are told, which takes up to about three seconds. */
  async stop(): Promise<void> {
    const wasOver = this.over, engine = this.#phase === "running" ? this.#engine : null;
    if (!wasOver) this.#leave(new Error("The torrent was stopped before it was complete"));
    if (engine !== null) await engine.stop();
    else if (!wasOver) {
      await this.peers.stop(STOP_TIMEOUT_MS);
      this.#ports.tell({ type: "stopped" });
    }
    this.#end.resolve();
    await this.ended;
  }

  /** What was found once is not asked for again. */
  async #recall(loadMeta: () => Promise<Metainfo | null>): Promise<void> {
    const revivals = this.#revivals;
    const meta = await loadMeta().catch((error) => {
      this.warn(`${(error as Error).message}: the metadata is downloaded again`);
      return null;
    });
    if (this.over || this.#phase === "finding" || revivals !== this.#revivals) return;
    const waits = this.#phase === "paused";
    if (meta === null) return waits ? undefined : this.#find();
    this.#learn(meta);
    if (waits) return;
    if (this.options.metadataOnly) this.#leaveWithMetadata();
    else this.#open();
  }

  #find(): void {
    if (this.#pauses) return this.#setPhase("paused");
    this.#setPhase("finding");
    this.peers.start();
    if (this.#searching) return;
    this.#searching = true;
    this.peers.found.then((infoBytes) => this.#found(infoBytes)).catch((error) => {
      this.#searching = false;
      if (!this.over) this.#fail(error);
    });
  }

  /** The peers stay connected. */
  #found(infoBytes: Uint8Array): void {
    if (this.over) return;
    const meta = this.#ports.parse(infoBytes);
    this.#ports.keepMeta(meta);
    this.#learn(meta);
    if (this.#phase !== "finding" || this.#pauses) return;
    this.#phase = "opening";
    if (this.options.metadataOnly) this.#leaveWithMetadata();
    else this.#open();
  }

  #learn(meta: Metainfo): void {
    this.#meta = meta;
    this.#know?.resolve();
    this.peers.know(meta);
  }

  /** That was all that was asked for. */
  #leaveWithMetadata(): void {
    this.#finish.resolve();
    this.#leave(new Error("Only the metadata was requested"));
    void this.peers.stop(STOP_TIMEOUT_MS);
    this.#ports.tell({ type: "stopped" });
    this.#end.resolve();
  }

  /** With a record of an earlier run, where there is one. */
  #open(): void {
    const { loadRecord } = this.#ports;
    if (loadRecord === null) return this.#goOn(null);
    const revivals = this.#revivals;
    loadRecord(this.#meta!).catch((error) => {
      this.warn(`${(error as Error).message}: all files are checked`);
      return null;
    }).then((record) => {
      if (!this.over && revivals === this.#revivals) this.#goOn(record);
    });
  }

  #goOn(record: ResumeData | null): void {
    if (this.#pauses) this.#setPhase("paused");
    else this.#begin(record);
  }

  #begin(record: ResumeData | null, mustExist = false): void {
    const { clock, makeEngine } = this.#ports;
    const again = this.#engine !== null;
    let engine: Engine;
    try {
      const start = { record, mustExist, peers: this.peers };
      engine = makeEngine(this.#meta!, this.#runOptions, start, (happening) => {
        if (!again || happening.type !== "added") this.#tell(engine, happening);
      });
    } catch (error) {
      return this.#fail(error as Error);
    }
    if (this.#engine !== null) this.#earlier = runTotals(this.#engine, this.#earlier);
    this.#engine = engine;
    // Of a thousand torrents that is much to hold.
    this.#restored = null;
    this.#error = null;
    this.#phase = "running";
    this.#begunAt = clock.now();
    engine.finished.then(() => this.#finish.resolve(), () => {});
    engine.ended.then(() => this.#engineEnded(engine));
    engine.start();
  }

  /** A goal that was reached before would end it at once. */
  get #runOptions(): AddOptions {
    const { seedGoal } = this.options;
    if (!this.#seedsOn || seedGoal === undefined || seedGoal.kind === "none") return this.options;
    return { ...this.options, seedGoal: { kind: "forever" } };
  }

  /** A failure that may pass is told as waiting, and its end is no end. */
  #tell(engine: Engine, happening: TorrentHappening): void {
    const waits = this.#mayPass(engine) || this.#pauses;
    if (waits && (happening.type === "stopped" || happening.type === "failed")) return;
    const isEnd = happening.type === "state" &&
      (happening.state === "failed" || happening.state === "stopped");
    if (!waits || !isEnd) this.#ports.tell(happening);
  }

  #mayPass({ state, error }: Engine): boolean {
    if (this.over || state !== "failed" || !(error instanceof FileError)) return false;
    if (error.code === "in-use") return true;
    return this.options.waitForDisk !== false && PASSING.has(error.code);
  }

  #engineEnded(engine: Engine): void {
    if (this.over || this.#pausing !== null) return;
    if (this.#pauses) return this.#setPhase("paused");
    if (this.#mayPass(engine)) return this.#wait(engine);
    this.#leave(engine.error ?? new Error("The torrent was stopped before it was complete"));
    this.#end.resolve();
  }

  #wait(engine: Engine): void {
    const { clock } = this.#ports, error = engine.error as FileError;
    if (clock.now() - this.#begunAt > CALM_MS) this.#retryMs = FIRST_RETRY_MS;
    const isInUse = error.code === "in-use", wait = isInUse ? IN_USE_RETRY_MS : this.#retryMs;
    if (!isInUse) this.#retryMs = Math.min(MAX_RETRY_MS, 2 * wait);
    const before = this.#lastWait;
    this.#lastWait = error.message;
    this.#error = error;
    this.#setPhase("waiting");
    if (!isInUse || before !== error.message) this.#tellWaiting(error, wait);
    this.#retry = clock.after(wait, () => {
      if (this.#phase === "waiting") this.#begin(engine.lastRecord, true);
    });
  }

  #fail(error: Error): void {
    this.#error = error;
    this.#ports.tell({ type: "failed", ...describeError(error) });
    this.#leave(error);
    void this.peers.stop(STOP_TIMEOUT_MS);
    this.#end.resolve();
  }

  /** Over: what did not finish never will. */
  #leave(why: Error): void {
    this.#phase = "over";
    this.#retry?.cancel();
    this.#finish.reject(why);
    this.#know?.reject(why);
  }

  #setPhase(phase: "finding" | "waiting" | "paused"): void {
    this.#phase = phase;
    this.#ports.tell({ type: "state", state: phase });
  }
}
