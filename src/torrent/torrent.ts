/**
 * One torrent, from adding to removing it: its settings, its source, its peers and its state. The
 * work on its files (content.ts) begins when the metadata is known, ends with every pause and every
 * failure of the disk, and begins again afterwards. Invariant: at most one content is open.
 */
import type { Timer } from "../platform/types.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { DownloadLedger } from "../pieces/download_ledger.ts";
import type { ResumeData } from "../state/resume_data.ts";
import { assert } from "../util/assert.ts";
import { describeError, type FileError, NotYetError } from "../util/errors.ts";
import type { Content } from "./content.ts";
import { fileChoiceOptions } from "./file_priorities.ts";
import { type AddOptions, settled, type TorrentPatch } from "./options.ts";
import { Readers } from "./readers.ts";
import { RetryPace } from "./retry_pace.ts";
import { recordedFigures, type ShownTorrent } from "./snapshot.ts";
import type {
  Hold,
  TorrentInside,
  TorrentPorts,
  TorrentSource,
  TorrentStart,
  Work,
} from "./torrent_ports.ts";
import { showOf, TorrentView } from "./torrent_view.ts";
import type {
  ContentPhase,
  StreamRange,
  TorrentEvent,
  TorrentFile,
  TorrentHappening,
  TorrentState,
} from "./types.ts";

/** How long an ending torrent waits for its trackers, and for its disk. */
const STOP_TIMEOUT_MS = 2500;

/** `TorrentState`, with one word for all states in which it is at work. */
type Standing = Exclude<TorrentState, "finding" | ContentPhase> | "working";

/** What is done with the files of a torrent at rest. */
interface Errand {
  work(content: Content): Promise<void>;
  resolve(): void;
  reject(error: unknown): void;
}

let make: (source: TorrentSource, options: AddOptions, ports: TorrentPorts) => TorrentInside;
let check: (torrent: Torrent) => void;

/** One torrent, from adding to removing it. `Client.add` makes it. */
export class Torrent extends TorrentView {
  /** 40 hexadecimal digits. */
  readonly infoHash: string;
  readonly #source: TorrentSource;
  readonly #ports: TorrentPorts;
  readonly #options: AddOptions;
  readonly #pace = new RetryPace();
  #finish!: PromiseWithResolvers<void>;
  #end = Promise.withResolvers<void>();
  /** Created for a caller that asks before the metadata is known. */
  #know: PromiseWithResolvers<void> | null = null;
  #standing: Standing = "working";
  /** The last state that was reported. */
  #told: TorrentState = "checking";
  /** The error that it waits for, or that ended it. */
  #error: Error | null = null;
  #meta: Metainfo | null = null;
  /** The record from which the next content continues, if it is known. */
  #record: ResumeData | null = null;
  /** From its creation until it is closed. */
  #content: Content | null = null;
  #ledger: DownloadLedger | null = null;
  /** Created when a file is first read. */
  #readers: Readers | null = null;
  /**
   * Aborted when a pause, an end or another start overtakes this one. Created on demand, as a
   * signal takes 1 KiB.
   */
  #starting = { aborted: false };
  /** The end of the previous work, for which the next start waits. */
  #closing: Promise<void> = Promise.resolve();
  #retry: Timer | null = null;
  /** A content existed: its size and files were reported. */
  #hasWorked = false;
  /** The search for the metadata is running. */
  #searching = false;
  /** It reached its seed goal; if it is started after that, it seeds until the goal is changed. */
  #goalReached = false;
  /** The content knows what exists. */
  #hasChecked = false;
  /** After the check under way it is at rest again; null: then it works. */
  #rest: "paused" | "done" | null = null;
  /** Of a check of everything that was asked for at rest. */
  #recheck: PromiseWithResolvers<number> | null = null;
  /** Work on the files of a torrent at rest, between opening and closing them. */
  #errand: Errand | null = null;
  /** The pieces before that check. */
  #hadBefore: ResumeData["have"] | null = null;
  /** Whether a record is complete, for a choice of files. */
  #judged: {
    readonly record: ResumeData;
    readonly files: AddOptions["files"] | undefined;
    readonly skipFiles: AddOptions["skipFiles"] | undefined;
    readonly isComplete: boolean;
  } | null = null;
  /** It waits for space on its disk, on the client's word. */
  #isHeldForSpace = false;
  /** The user paused it last: a stop leaves that so, for the next run of the client. */
  #pauses = false;
  /** The state folder has the options. */
  #isKept = false;
  /** Absolute: the folder to which the user is moving the files. */
  #movesTo: string | null = null;
  /** It is ours among the clients that share the state folder, until it ends. */
  #claimed = false;
  /** The claim in progress, which an end waits for. */
  #claiming: Promise<FileError | null> | null = null;
  /** No other client had it at the last check. */
  #isOurs = false;

  private constructor(source: TorrentSource, options: AddOptions, ports: TorrentPorts) {
    super();
    showOf(this, () => this.#shown(), () => this.#stillness());
    this.infoHash = source.infoHash;
    this.#source = source;
    this.#options = { ...options };
    this.#ports = ports;
    this.#expectFinish();
    if (source.meta !== null) this.#learn(source.meta);
  }

  static {
    /** A class, since a thousand torrents would hold a closure for each member. */
    class Inside implements TorrentInside {
      readonly infoHash: string;
      readonly peers: TorrentInside["peers"];

      constructor(readonly torrent: Torrent) {
        this.infoHash = torrent.infoHash;
        this.peers = torrent.#ports.peers;
      }

      get swarm() {
        return this.peers.swarm;
      }

      get name() {
        return this.torrent.#name;
      }

      get running() {
        return this.peers.online;
      }

      get state() {
        return this.torrent.#state;
      }

      get ledger() {
        return this.torrent.#ledger;
      }

      get private() {
        return this.torrent.#meta?.private ?? false;
      }

      get complete() {
        return this.peers.progress.complete;
      }

      get alone() {
        const { connected, connecting, candidates } = this.peers.pool.stats();
        return connected + connecting + candidates === 0;
      }

      get idle() {
        const content = this.torrent.#content, { peers } = this;
        return content === null ? !peers.online : peers.pool.active === 0 && content.isIdle;
      }

      get work() {
        return this.torrent.#workNow;
      }

      get waits() {
        return this.torrent.#standing === "waiting";
      }

      get dir() {
        return this.torrent.#dir;
      }

      get left() {
        const { torrent } = this, meta = torrent.#meta, record = torrent.#record;
        if (meta === null) return null;
        const isSound = torrent.#isWhereChosen(record);
        return {
          meta,
          dir: isSound ? record.dir : torrent.#chosenDir,
          record: isSound ? record : null,
        };
      }

      begin(start: TorrentStart) {
        this.torrent.#begin(start);
      }

      tick(now: number) {
        this.torrent.#content?.tick(now);
        this.torrent.#readers?.tick();
        this.peers.tick(now);
      }

      addPeers(...found: Parameters<TorrentInside["addPeers"]>) {
        if (!this.torrent.#isOver) this.peers.addPeers(...found);
      }

      warn(message: string) {
        this.torrent.#warn(message);
      }

      reconsider() {
        this.torrent.#reconsider();
      }

      labelsChanged() {
        this.torrent.#applyLabels().catch((error: Error) => this.warn(error.message));
      }

      keepWish() {
        this.torrent.update({}).catch((error: Error) => this.warn(error.message));
      }
    }
    make = (source, options, ports) => new Inside(new Torrent(source, options, ports));
    check = (torrent) => torrent.#checkInvariants();
  }

  /**
   * Resolves when all chosen files are complete and verified. Rejects with the error that ended the
   * torrent before: a FileError (disk full, permission, ...), or an Error after `stop`.
   */
  get finished(): Promise<void> {
    return this.#finish.promise;
  }

  /** Resolves when the torrent has ended: seed goal reached, stopped or failed. Never rejects. */
  get ended(): Promise<void> {
    return this.#end.promise;
  }

  /** Resolves when the metadata is known. Rejects with the error that ended the torrent before. */
  get ready(): Promise<void> {
    if (this.#meta !== null) return Promise.resolve();
    if (this.#know === null) {
      this.#know = Promise.withResolvers();
      this.#know.promise.catch(() => {}); // no unhandled rejection if no caller awaits it
      if (this.#isOver) this.#know.reject(this.#error ?? stoppedEarly());
    }
    return this.#know.promise;
  }

  /**
   * The present state, as an event, and then all events from the call on. Ends when the torrent ends;
   * for a torrent that has ended, only its state.
   */
  events(): AsyncIterableIterator<TorrentEvent> {
    const { infoHash } = this, state = this.#state;
    return this.#ports.listen({ infoHash, type: "state", state }, this.#isOver);
  }

  /**
   * Changes options, in any state: they are checked, saved for a restart and applied at once. Options
   * that are left out stay unchanged. Rejects with a RangeError that names an option that is invalid or
   * cannot be changed; then none is changed. Rejects with a FileError if the disk fails, or ("in-use") if
   * the torrent has ended and another client runs it now, and with a NotYetError for another `dir` while
   * the existing files are checked.
   *
   * @example
   * ```ts
   * await torrent.update({ uploadSlots: 8, limits: { down: 1_000_000 } });
   * ```
   */
  async update(patch: TorrentPatch): Promise<void> {
    this.#ports.checkPatch(patch);
    if (!this.#isOver) return await this.#update(patch);
    const taken = await this.#ports.claim();
    if (taken !== null) throw taken;
    this.#isOurs = true;
    try {
      await this.#update(patch);
    } finally {
      if (this.#isOver) this.#ports.release();
    }
  }

  async #update(patch: TorrentPatch): Promise<void> {
    const { limits, peerLimits, files: asked, dir, ...others } = patch, meta = this.#meta;
    const files = meta !== null && typeof asked === "function" ? asked(meta) : asked;
    if (meta && files) fileChoiceOptions(meta, { files });
    const options = this.#options, { peers } = this.#ports;
    if (dir !== undefined && meta !== null) await this.move(dir);
    else if (dir !== undefined) options.dir = dir;
    peers.apply(patch);
    if (others.trackers !== undefined) others.trackers = peers.trackers.tiers;
    Object.assign(options, others, files === undefined ? {} : { files });
    if (limits) options.limits = { ...options.limits, ...limits };
    if (peerLimits) options.peerLimits = { ...options.peerLimits, ...peerLimits };
    const kept = this.#keepWish();
    if (patch.seedGoal !== undefined) this.#goalReached = false;
    if (patch.seedGoal !== undefined) this.#applyGoal();
    if (patch.labels !== undefined) await this.#applyLabels();
    else if (files !== undefined || patch.skipFiles !== undefined) await this.#applyChoice();
    await kept;
  }

  async #applyLabels(): Promise<void> {
    const { peers, labelLimits } = this.#ports;
    peers.limits.shareWith(labelLimits(this.#options));
    this.#applyGoal();
    await this.#applyChoice();
  }

  #applyGoal(): void {
    const { seedGoal = { kind: "none" } } = this.#workOptions;
    this.#content?.setSeedGoal(seedGoal);
  }

  async #applyChoice(): Promise<void> {
    const meta = this.#meta;
    if (meta === null) return;
    await this.#content?.setFiles(fileChoiceOptions(meta, this.#ports.withLabels(this.#options)));
  }

  /**
   * Reads and hashes everything again while the torrent keeps downloading and seeding; bad pieces are
   * downloaded again. A torrent at rest is at rest again after it: done if it was and is complete, else
   * paused. Resolves to the number of pieces that are bad or gone. Rejects with a FileError, and with a
   * NotYetError if the check cannot begin or does not come to its end.
   */
  async recheck(): Promise<number> {
    const content = this.#atWork;
    if (content !== null && content.phase !== "checking") return await content.recheck();
    this.#openAtRest();
    this.#recheck = Promise.withResolvers();
    void this.#open();
    return await this.#recheck.promise;
  }

  /** Of a torrent at rest, the files are opened for it, and closed again. */
  async #withFiles(work: Errand["work"]): Promise<void> {
    const content = this.#atWork;
    if (content !== null && content.phase !== "checking") return await work(content);
    this.#openAtRest();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#errand = { work, resolve, reject };
    void this.#open();
    await promise;
  }

  /** `#open` and what follows lead back to the present state. Throws a NotYetError where they cannot. */
  #openAtRest(): void {
    const before = this.#standing;
    if (before === "working" || before === "waiting" || this.#meta === null || !this.#revive()) {
      throw new NotYetError("The torrent is not running: start it first");
    }
    this.#rest = before === "queued" ? null : before === "done" ? "done" : "paused";
  }

  /**
   * Moves the files to another folder, also on another disk; a running torrent keeps running, one at rest
   * is at rest again after it. Rejects with a FileError; the files then stay where they were.
   */
  async move(dir: string): Promise<void> {
    const target = this.#ports.absolute(dir);
    await this.#withFiles(async ({ arrangement }) => {
      // Before the record names another folder, the user's wish does.
      this.#movesTo = target;
      await this.#keepWish();
      try {
        await arrangement.move(target);
        this.#options.dir = dir;
        delete this.#options.incompleteDir;
      } finally {
        this.#movesTo = null;
        await this.#keepWish();
      }
    });
  }

  /**
   * Renames a file; `path` is relative to `dir`: "folder/name". Rejects with a RangeError for a path
   * outside `dir`, with a FileError if a file with this path exists.
   */
  async rename(file: number, path: string): Promise<void> {
    await this.#withFiles(({ arrangement }) => arrangement.rename(file, path));
    const { rename } = this.#options, before = typeof rename === "function" ? [] : rename ?? [];
    this.#options.rename = new Map(before).set(file, path);
    await this.#keepWish();
  }

  /**
   * Starts the torrent after `pause` or `stop`, a failure, or a reached seed goal; in the last case it
   * seeds until the goal is changed. Unless it was paused, `finished` and `ended` then belong to the
   * new run. No effect while it runs, and after it was removed or the client closed.
   */
  start(): void {
    if (this.#rest !== null) this.#rest = null; // a check under way continues, and then it works
    else if (this.#isAtRest && this.#revive()) void this.#open();
    else return;
    this.#pauses = false;
    void this.#keepWish();
  }

  /** From rest to work; false where it may not. */
  #revive(): boolean {
    if (this.#isOver) {
      if (this.#options.metadataOnly || !this.#ports.mayStart()) return false;
      this.#expectFinish();
      this.#end = Promise.withResolvers<void>();
      this.#know = null;
    }
    this.#pace.reset();
    this.#error = null;
    this.#isHeldForSpace = false;
    this.#setStanding("working");
    return true;
  }

  /**
   * Transfers and announces nothing until `start`, also over a restart of the client. Connections are
   * kept for two minutes, so that a `start` within them continues at once; the peers stay known, and
   * `finished` and `ended` wait. No effect on a torrent that has ended.
   */
  async pause(): Promise<void> {
    if (!this.#isOver && this.#standing !== "paused") {
      this.#pauses = true;
      this.#setStanding("paused");
      void this.#keepWish();
      this.#halt(false, true);
    }
    await this.#closed();
  }

  /**
   * Announces to all trackers now, as far as they allow it. Throws a NotYetError while the torrent
   * is not online.
   */
  reannounce(): void {
    const { peers } = this.#ports;
    if (!peers.online) throw new NotYetError("The torrent is not running: start it first");
    peers.trackers.manager.announceNow();
  }

  /**
   * Ends the torrent: tells the trackers and saves progress, within about three seconds. `start`, or a
   * restart of the client, starts it again.
   */
  async stop(): Promise<void> {
    const { ended } = this; // `start` may make another one meanwhile
    if (!this.#isOver) this.#finishWith("stopped", null);
    await this.#closed();
    await ended;
  }

  // --- States ---

  get #state(): TorrentState {
    if (this.#standing !== "working") return this.#standing;
    if (this.#meta === null) return "finding";
    return this.#atWork?.phase ?? "checking";
  }

  get #isOver(): boolean {
    const standing = this.#standing;
    return standing === "done" || standing === "stopped" || standing === "failed";
  }

  /** On the user's word, or at its end. */
  get #isAtRest(): boolean {
    return this.#isOver || this.#standing === "paused";
  }

  /** See TorrentInside. */
  get #workNow(): Work {
    if (this.#isAtRest) return null;
    const content = this.#content, isNew = content === null && this.#record === null;
    const phase = content?.phase, isBusy = phase === "verifying" || phase === "moving";
    const checks = content !== null && !this.#hasChecked || isBusy;
    if (checks || isNew && this.#meta !== null) return "check";
    return this.#isComplete ? "seed" : "download";
  }

  get #isComplete(): boolean {
    if (this.#content !== null) return this.#content.pieces.complete;
    if (this.#record === null) return this.#ports.peers.progress.complete;
    return this.#isCompleteBy(this.#record);
  }

  /** Asked of thousands of queued torrents every two seconds: it is counted once for each choice. */
  #isCompleteBy(record: ResumeData): boolean {
    const { files, skipFiles } = this.#ports.withLabels(this.#options), known = this.#judged;
    const isKnown = known?.record === record && known.files === files;
    if (isKnown && known.skipFiles === skipFiles) return known.isComplete;
    const { wanted, left } = recordedFigures(this.#shown()), isComplete = wanted > 0 && left === 0;
    this.#judged = { record, files, skipFiles, isComplete };
    return isComplete;
  }

  get #dir(): string {
    return this.#content?.storage.folder.dir ?? this.#record?.dir ?? this.#chosenDir;
  }

  get #chosenDir(): string {
    const { dir, incompleteDir = dir } = this.#options;
    return this.#ports.absolute(incompleteDir);
  }

  /** The content, unless it is being closed. */
  get #atWork(): Content | null {
    return this.#content?.closed === false ? this.#content : null;
  }

  #setStanding(standing: Standing): void {
    this.#standing = standing;
    this.#tellState();
  }

  #tellState(): void {
    const state = this.#state;
    if (state === this.#told) return;
    this.#told = state;
    this.#ports.tell({ type: "state", state });
  }

  /** Done, stopped or failed: what did not finish in this run never will. */
  #finishWith(standing: "done" | "stopped" | "failed", error: Error | null): void {
    this.#error = error;
    this.#setStanding(standing);
    if (error !== null) this.#ports.tell({ type: "failed", ...describeError(error) });
    this.#finish.reject(error ?? stoppedEarly());
    this.#readers?.fail(error ?? new NotYetError("The torrent has ended: start it again"));
    this.#know?.reject(error ?? stoppedEarly());
    const { resolve } = this.#end;
    this.#halt(standing === "failed");
    this.#closing = this.#closing.then(() => {
      this.#ports.tell({ type: "stopped" });
      this.#claimed = false;
      this.#ports.ended(!this.#isOver);
      resolve();
    });
  }

  /** The work cannot continue. */
  #failed(thrown: unknown): void {
    if (this.#standing !== "working") return;
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    const recheck = this.#recheck, errand = this.#errand;
    this.#recheck = this.#errand = null;
    recheck?.reject(error);
    errand?.reject(error);
    if ((recheck ?? errand) !== null && this.#rest !== null) return this.#restAgain(true);
    if (!this.#pace.mayPass(error, this.#options.waitForDisk !== false)) {
      return this.#finishWith("failed", error);
    }
    this.#leaveFiles(true, null); // the peers stay connected
    this.#wait(error, () => void this.#open(true));
  }

  #wait(error: FileError, tryAgain: () => void): void {
    const { clock } = this.#ports;
    const { waitMs, isNews } = this.#pace.failed(error, clock.now());
    this.#error = error;
    this.#setStanding("waiting");
    if (isNews) this.#tellWaiting(error, waitMs / 1000);
    this.#retry = clock.after(waitMs, tryAgain);
  }

  #tellWaiting({ code, message, path }: FileError, retryInSeconds: number): void {
    this.#ports.tell({ type: "waiting", code, message, path, retryInSeconds });
  }

  // --- From a start to the work on the files ---

  #begin({ record = null, isKept = false, ...kept }: TorrentStart): void {
    const { paused = false, goalReached = false, done = false } = kept;
    this.#record = record;
    this.#isKept = isKept;
    this.#goalReached = goalReached;
    if (record !== null) this.#ports.peers.traffic.recall(record.totals);
    this.#pauses = paused;
    if (done && this.#isWhereChosen(record)) return this.#beginDone();
    if (done) this.#rest = "done"; // what exists is not known: it is checked first
    if (paused && !isKept && this.#meta !== null) this.#rest = "paused";
    if (!paused || this.#rest !== null) return void this.#open();
    this.#setStanding("paused");
    if (!isKept) void this.#keepWish();
  }

  /** The record is of the folders that the user chose: else nothing in it counts. */
  #isWhereChosen(record: ResumeData | null): record is ResumeData {
    const { dir, incompleteDir = dir } = this.#options, { absolute } = this.#ports;
    return record !== null && [dir, incompleteDir].some((each) => absolute(each) === record.dir);
  }

  /** As an earlier run ended it. */
  #beginDone(): void {
    this.#setStanding("done");
    this.#finish.resolve();
    this.#end.resolve();
    this.#ports.ended(false);
  }

  /** Each step ends if the torrent was stopped meanwhile. `mustExist`: see ContentStart. */
  async #open(mustExist = false): Promise<void> {
    this.#starting.aborted = true;
    const signal = this.#starting = { aborted: false };
    try {
      await this.#closing;
      if (signal.aborted) return;
      if (!this.#ports.mayStart()) return this.#finishWith("stopped", null);
      this.#ports.started();
      if (!await this.#claim(signal)) return;
      if (this.#meta === null) await this.#loadMeta();
      if (signal.aborted) return;
      if (this.#meta === null) return this.#isHeld() ? undefined : this.#find();
      if (this.#options.metadataOnly) return this.#foundAll();
      this.#record ??= await this.#loadRecord(this.#meta);
      if (signal.aborted) return;
      if (this.#options.stopAfterMetadata) this.#stopAfterCheck();
      if (!this.#isHeld()) this.#work(this.#meta, mustExist);
    } catch (error) {
      if (!signal.aborted) this.#finishWith("failed", error as Error);
    }
  }

  /** Whether it has to wait before it works; then it does from here on. */
  #isHeld(): boolean {
    const checksOnly = (this.#recheck ?? this.#errand ?? this.#rest) !== null;
    const hold = checksOnly ? null : this.#ports.heldBy();
    if (hold !== null) this.#hold(hold);
    return hold !== null;
  }

  #hold(hold: Hold): void {
    this.#isHeldForSpace = hold !== "queue";
    this.#error = hold === "queue" ? null : hold;
    this.#setStanding(hold === "queue" ? "queued" : "waiting");
    if (hold !== "queue") this.#tellWaiting(hold, 0);
    this.#halt(false);
  }

  /** What `heldBy` says may have changed. */
  #reconsider(): void {
    if (this.#isAtRest) return;
    const forSpace = this.#isHeldForSpace && this.#standing === "waiting";
    const isHeld = this.#standing === "queued" || forSpace;
    if (!isHeld) return void this.#isHeld();
    const hold = this.#ports.heldBy();
    if (hold === (this.#error ?? "queue")) return;
    if (hold !== null) return this.#hold(hold);
    this.#isHeldForSpace = false;
    this.#error = null;
    this.#setStanding("working");
    void this.#open();
  }

  /** From here on a restart finds it paused. */
  #stopAfterCheck(): void {
    delete this.#options.stopAfterMetadata;
    this.#rest = "paused";
    this.#pauses = true;
    void this.#keepWish();
  }

  /** The check of what exists is over: whether to go on. */
  #goesOnline(): boolean {
    this.#hasChecked = true;
    this.#recheck?.resolve(countLost(this.#hadBefore, this.#content!.pieces.have));
    this.#recheck = this.#hadBefore = null;
    const content = this.#content!, errand = this.#errand;
    this.#errand = null;
    if (errand !== null) void this.#run(errand, content);
    else if (this.#rest === null) return !this.#isHeld();
    else this.#restAgain(content.pieces.complete);
    return false;
  }

  async #run({ work, resolve, reject }: Errand, content: Content): Promise<void> {
    const { complete } = content.pieces;
    try {
      await work(content);
    } catch (error) {
      return reject(error);
    } finally {
      if (!content.closed) this.#afterErrand(complete);
      await this.#closing;
    }
    resolve();
  }

  #afterErrand(isComplete: boolean): void {
    if (this.#rest !== null) return this.#restAgain(isComplete);
    this.#leaveFiles(false, null);
    void this.#open(); // back into the queue
  }

  #restAgain(isComplete: boolean): void {
    if (this.#rest === "done" && isComplete) this.#done();
    else void this.pause();
  }

  /** Resolves to whether the torrent is ours; else it is tried again. */
  async #claim(signal: { aborted: boolean }): Promise<boolean> {
    if (this.#claimed) return true;
    const error = await (this.#claiming ??= this.#askForClaim());
    if (signal.aborted) return false;
    if (error !== null) {
      this.#record = null; // the other client will leave another one
      this.#wait(error, () => void this.#open());
      return false;
    }
    this.#error = null;
    this.#standing = "working";
    return true;
  }

  /** The change also counts if the torrent was stopped meanwhile: a restart must know it. */
  async #askForClaim(): Promise<FileError | null> {
    const error = await this.#ports.claim();
    this.#claiming = null;
    this.#claimed = this.#isOurs = error === null;
    if (error === null && !this.#isKept) void this.#keepWish();
    return error;
  }

  async #loadMeta(): Promise<void> {
    const meta = await this.#ports.loadMeta().catch((error: Error) => {
      this.#warn(`${error.message}: the metadata is downloaded again`);
      return null;
    });
    if (meta !== null && this.#meta === null) this.#learn(meta);
  }

  async #loadRecord(meta: Metainfo): Promise<ResumeData | null> {
    const record = await this.#ports.loadRecord(meta, this.#options).catch((error: Error) => {
      this.#warn(`${error.message}: all files are checked`);
      return null;
    });
    if (record !== null) this.#ports.peers.traffic.recall(record.totals);
    return record;
  }

  #find(): void {
    this.#tellState();
    this.#ports.peers.start();
    if (this.#searching) return;
    this.#searching = true;
    this.#ports.peers.found.then((infoBytes) => this.#found(infoBytes)).catch((error: Error) => {
      this.#searching = false;
      if (!this.#isOver) this.#finishWith("failed", error);
    });
  }

  /** The peers stay connected. */
  #found(infoBytes: Uint8Array): void {
    const meta = this.#ports.parse(infoBytes);
    this.#ports.keepMeta(meta);
    this.#learn(meta);
    void this.#keepWish();
    if (this.#standing === "working") void this.#open();
  }

  /** Functions among the options are called once; the content throws their errors again. */
  #learn(meta: Metainfo): void {
    this.#meta = meta;
    this.#ledger = new DownloadLedger(meta.layout.pieceCount);
    try {
      Object.assign(this.#options, settled(this.#options, meta));
    } catch {
      // see above
    }
    this.#know?.resolve();
    this.#ports.peers.know(meta);
  }

  /** The user wanted only the metadata. */
  #foundAll(): void {
    this.#finish.resolve();
    this.#finishWith("done", null);
  }

  #work(meta: Metainfo, mustExist: boolean): void {
    const { clock, peers } = this.#ports, record = this.#record, ledger = this.#ledger!;
    assert(this.#content === null, "one content at a time");
    const content = this.#content = this.#ports.makeContent(
      meta,
      this.#workOptions,
      { record, mustExist, peers, ledger },
      {
        tell: (happening) => this.#tell(happening),
        phaseChanged: () => this.#tellState(),
        goesOnline: () => this.#goesOnline(),
        completed: () => this.#finish.resolve(),
        goalReached: () => this.#atGoal(),
        failed: (error) => this.#failed(error),
      },
    );
    this.#hadBefore = this.#recheck === null ? null : record?.have ?? null;
    this.#hasChecked = false;
    this.#judged = null;
    this.#record = null; // for a thousand torrents, that would be much memory
    this.#error = null;
    this.#standing = "working";
    this.#pace.begin(clock.now());
    if (this.#told !== "waiting") this.#tellState(); // a retry is no news until it succeeds
    if (!this.#hasWorked) this.#ports.tell(content.describe());
    this.#hasWorked = true;
    content.start();
    this.#readers?.attach(content);
  }

  #atGoal(): void {
    const { atGoal: then = "stop" } = this.#ports.withLabels(this.#options);
    this.#goalReached = true;
    this.#ports.tell({ type: "goal", then });
    if (then === "super-seed") return this.#superSeed();
    this.#done();
    if (then !== "stop") this.#ports.remove(then === "remove-data");
  }

  #done(): void {
    this.#pauses = false;
    this.#finishWith("done", null);
    void this.#keepWish();
  }

  #superSeed(): void {
    this.#options.superSeed = true;
    this.#ports.peers.apply({ superSeed: true });
    this.#content?.setSeedGoal({ kind: "forever" });
    void this.#keepWish();
  }

  /** A goal that was reached earlier would end it at once. */
  get #workOptions(): AddOptions {
    const options = this.#ports.withLabels(this.#options), { seedGoal, anew = false } = options;
    const seedsOn = this.#goalReached && (seedGoal?.kind ?? "none") !== "none";
    if (!seedsOn && this.#recheck === null) return options;
    const goal = seedsOn ? { seedGoal: { kind: "forever" } as const } : {};
    return { ...options, ...goal, anew: anew || this.#recheck !== null };
  }

  // --- Reading files while they come ---

  #stream(file: number, range: StreamRange): ReturnType<TorrentFile["stream"]> {
    if (this.#isOver) throw new NotYetError("The torrent is not running: start it first");
    this.#readers ??= this.#makeReaders(this.#meta!);
    return this.#readers.stream(file, range);
  }

  #makeReaders({ layout }: Metainfo): Readers {
    const { clock, peers: { swarm } } = this.#ports;
    const readers = new Readers(layout, () => clock.now(), () => {
      swarm.wakeAll();
      swarm.settle();
    });
    if (this.#atWork !== null) readers.attach(this.#atWork);
    return readers;
  }

  // --- The end of running work ---

  /** `keeps`: the connections stay for a while. */
  #halt(failed: boolean, keeps = false): void {
    this.#rest = null;
    this.#recheck?.reject(new NotYetError("The torrent was stopped before it was checked"));
    this.#errand?.reject(new NotYetError("The torrent was stopped before"));
    this.#recheck = this.#errand = this.#hadBefore = null;
    this.#leaveFiles(failed, this.#ports.peers.stop(STOP_TIMEOUT_MS, keeps));
  }

  /** `#closing` resolves when all work has ended and the trackers were `told`. */
  #leaveFiles(failed: boolean, told: Promise<void> | null): void {
    this.#starting.aborted = true;
    this.#readers?.detach();
    this.#retry?.cancel();
    this.#closing = this.#close(this.#closing, failed, told);
  }

  async #close(before: Promise<void>, failed: boolean, told: Promise<void> | null): Promise<void> {
    const content = this.#atWork, closing = content?.close(failed);
    await before;
    await closing;
    await this.#claiming;
    if (content !== null) {
      this.#record = content.lastRecord;
      this.#content = null;
    }
    await told;
  }

  /** Resolves when all work has ended; a disk that does not finish in time is given up. */
  async #closed(): Promise<void> {
    const content = this.#content;
    const timer = this.#ports.clock.after(STOP_TIMEOUT_MS, () => content?.hurry());
    await this.#closing;
    timer.cancel();
  }

  // --- What all of it needs ---

  #expectFinish(): void {
    this.#finish = Promise.withResolvers<void>();
    this.#finish.promise.catch(() => {}); // no unhandled rejection if no caller awaits it
  }

  /** For a restart; not while another client has the torrent. Resolves when it is saved. */
  #keepWish(): Promise<void> {
    this.#ports.revision.count++;
    this.#isKept = this.#isOurs || this.#pauses;
    if (!this.#isKept) return Promise.resolve();
    const standing = {
      paused: this.#pauses,
      goalReached: this.#goalReached,
      done: this.#standing === "done" && this.#goalReached,
    };
    return this.#ports.keepWish(this.#options, standing, this.#movesTo);
  }

  /** What its content reports. */
  #tell(happening: TorrentHappening): void {
    this.#ports.tell(happening);
    if (happening.type === "piece") this.#readers?.verified(happening.piece);
  }

  #warn(message: string): void {
    this.#ports.tell({ type: "warning", message });
  }

  get #name(): string {
    return this.#meta?.name ?? this.#source.name ?? this.infoHash;
  }

  #stillness(): number | null {
    const { peers: { online, pool }, revision } = this.#ports, content = this.#content;
    if (pool.active > 0) return null;
    return (content === null ? online : !content.isIdle) ? null : revision.count;
  }

  #shown(): ShownTorrent {
    const { infoHash } = this, { addedAt, link } = this.#source, name = this.#name;
    const ports = this.#ports, { peers, absolute, clock } = ports;
    return {
      stream: (file, range) => this.#stream(file, range),
      infoHash,
      name,
      link,
      addedAt,
      options: this.#options,
      choice: this.#ports.withLabels(this.#options),
      state: this.#state,
      error: this.#error,
      quotaSpent: this.#ports.quotaSpent(),
      dht: this.#ports.dht(),
      meta: this.#meta,
      content: this.#content,
      record: this.#record,
      ledger: this.#ledger,
      // Found when it is read: after a change the first place costs a look at the whole queue.
      get queue() {
        return ports.place();
      },
      goalReached: this.#goalReached,
      peers,
      now: clock.now(),
      absolute,
    };
  }

  #checkInvariants(): void {
    const standing = this.#standing, { online, swarm } = this.#ports.peers;
    const isActive = standing === "working" || standing === "waiting";
    assert(this.#atWork === null || standing === "working", "files are open only while it works");
    assert(!online || isActive, "a torrent at rest is offline");
    assert(!this.#isOver || swarm.size === 0, "a torrent that has ended has no connections");
    this.#atWork?.pieces.checkInvariants();
    swarm.checkInvariants();
  }
}

/** For the client alone. */
export function makeTorrent(
  source: TorrentSource,
  options: AddOptions,
  ports: TorrentPorts,
): TorrentInside {
  return make(source, options, ports);
}

/** For tests: throws an InvariantError if the torrent's parts contradict each other. */
export function checkInvariants(torrent: Torrent): void {
  check(torrent);
}

/** Pieces of `before` that are not in `now`. */
function countLost(before: ResumeData["have"] | null, now: ResumeData["have"]): number {
  let lost = 0;
  for (let piece = 0; piece < now.length; piece++) {
    if (before?.has(piece) && !now.has(piece)) lost++;
  }
  return lost;
}

function stoppedEarly(): Error {
  return new Error("The torrent was stopped before it was complete");
}
