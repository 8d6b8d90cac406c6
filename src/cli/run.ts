/**
 * One run of the client for `download`, `seed`, `show` and `demo`: loads the torrents, follows each
 * one to its end, and reports its outcome at once. Invariant: every source has exactly one outcome
 * when the run ends.
 */
import type { CliContext, ClientPort, TorrentPort } from "./command.ts";
import { BrokenTorrentError, debugTrace, UsageError, worstOf } from "./errors.ts";
import { type Interrupt, repeat, watchInterrupt, within } from "./interrupt.ts";
import { chooseReporter, type ReportMode } from "./render/choose_reporter.ts";
import type {
  AddOptions,
  ClientOptions,
  SeedGoal,
  TorrentEvent,
  TorrentSnapshot,
} from "../client/types.ts";
import { loadSource, namingSource, readable } from "./load_torrent.ts";
import { type Ending, type Outcome, outcomeOf } from "./outcome.ts";
import {
  lowSpaceWarning,
  noPeersMessage,
  nowhereMessage,
  stillAloneMessage,
} from "./render/phrases.ts";
import { type Reporter, TICK_MS } from "./render/reporter.ts";
import { openState, type StateChoice } from "./state_folder.ts";
import { NetError, TorrentFileError } from "../util/errors.ts";
import type { Files } from "../platform/types.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { lastPart } from "../storage/source_files.ts";

/** Resolves to the exit code, once every outcome is reported. */
export async function runReported(
  context: CliContext,
  mode: ReportMode,
  request: DownloadRequest,
): Promise<number> {
  const { platform, output } = context;
  const reporter = chooseReporter(mode, platform.process, output);
  const interrupt = watchInterrupt(platform, () => {
    reporter.close();
    return output.flush();
  });
  try {
    const outcomes = await runDownload(context, request, reporter, interrupt);
    reporter.close();
    for (const outcome of outcomes) {
      if (outcome.code === "interrupted") reporter.outcome(outcome);
      const trace = debugTrace(platform.process, outcome.error);
      if (trace !== null) output.errorLine(trace);
    }
    return worstOf(outcomes.map((outcome) => outcome.exitCode));
  } finally {
    reporter.close();
    interrupt.release();
  }
}

/** After Ctrl-C the whole run has 3 s; this leaves time for the last output. */
const CLOSE_LIMIT_MS = 2700;
const DRAIN_LIMIT_MS = 200;

export interface DownloadRequest {
  sources: readonly string[];
  client: ClientOptions;
  /** Default: true. Else another port does where a daemon, say, has this one. */
  portIsWish?: boolean;
  state: StateChoice;
  add: AddOptions;
  /** Seconds without peers after which the run ends. Default: it waits until the user stops it. */
  giveUpAfter?: number | null;
  /** The command's flag that changes it, if any. */
  giveUpFlag?: string;
  /** A torrent has everything that was requested. */
  whenDone?(torrent: TorrentPort): void;
}

/** One source: first its bytes, then a torrent, at last an outcome. */
interface Job {
  source: string;
  /** Of a .torrent; or a magnet link. */
  bytes: Uint8Array | string | null;
  torrent: TorrentPort | null;
  /** Completion was reported; since then it only seeds. */
  isComplete: boolean;
  /** Set once: its outcome. */
  outcome: Outcome | null;
  patience: Patience;
}

/** What the parts of a run share. */
interface Run {
  readonly context: CliContext;
  readonly request: DownloadRequest;
  readonly reporter: Reporter;
  readonly interrupt: Interrupt;
  readonly space: SpaceWatch;
}

/**
 * Resolves to one outcome per source, in the order of the sources. Each is reported by then, except
 * interrupted ones.
 */
export async function runDownload(
  context: CliContext,
  request: DownloadRequest,
  reporter: Reporter,
  interrupt: Interrupt,
): Promise<Outcome[]> {
  const { dir, incompleteDir = dir } = request.add;
  const space = new SpaceWatch(context.platform.files, incompleteDir);
  const run: Run = { context, request, reporter, interrupt, space };
  const jobs = request.sources.map((source) => newJob(source, request));
  for (const job of jobs) await load(run, job);
  if (jobs.some((job) => job.bytes !== null) && !interrupt.requested) {
    const { stateDir, warning } = openState(context.platform, request.state);
    if (warning !== null) reporter.say(warning);
    const options = { ...request.client, ...(stateDir !== null && { stateDir }) };
    const client = await openClient(run, options);
    await runClient(run, client, jobs);
  }
  return jobs.map((job) => job.outcome ?? describe(run, job, { kind: "interrupted" }));
}

/** With any free port where the configured one is taken. */
async function openClient(
  { context: { platform, openClient }, request: { portIsWish = true }, reporter }: Run,
  options: ClientOptions,
): Promise<ClientPort> {
  try {
    return await openClient(platform, options);
  } catch (error) {
    const isTaken = error instanceof NetError && error.code === "address-in-use";
    if (!isTaken || portIsWish || options.port === undefined) throw error;
    reporter.say(
      `Port ${options.port} of the configuration is in use: another one serves this run`,
    );
    return await openClient(platform, { ...options, port: 0 });
  }
}

function newJob(source: string, { giveUpAfter, client, add }: DownloadRequest): Job {
  const looksElsewhere = client.lsd !== false || (add.peers ?? []).length > 0;
  const patience = new Patience(giveUpAfter ?? Infinity, looksElsewhere);
  return { source, bytes: null, torrent: null, isComplete: false, outcome: null, patience };
}

async function load(run: Run, job: Job): Promise<void> {
  const { context: { platform }, interrupt } = run;
  if (interrupt.requested) return;
  try {
    const loading = loadSource(platform, job.source, interrupt.signal);
    job.bytes = await Promise.race([loading, interrupt.asked.then(() => null)]);
  } catch (error) {
    // An aborted download fails too, but the interruption is the cause.
    if (!interrupt.requested) endJob(run, job, { kind: "failed", error });
  }
}

async function runClient(run: Run, client: ClientPort, jobs: readonly Job[]): Promise<void> {
  const { context: { platform: { clock } }, reporter, interrupt } = run;
  const pumping = pump(client.events(), reporter);
  const startedAt = clock.now();
  const following = jobs.map((job) => follow(run, job, client, () => clock.now() - startedAt));
  const tick = () => showProgress(run, jobs);
  const ticking = repeat(clock, TICK_MS, tick);
  await Promise.race([Promise.all(following), interrupt.asked]);
  tick();
  ticking.cancel();
  for (const job of jobs) endUnfinished(run, job);
  if (interrupt.requested) {
    reporter.say("Stopping and telling the tracker; Ctrl-C again ends at once");
  }
  await within(clock, CLOSE_LIMIT_MS, client.close());
  await within(clock, DRAIN_LIMIT_MS, pumping);
}

async function pump(events: AsyncIterable<TorrentEvent>, reporter: Reporter): Promise<void> {
  for await (const event of events) reporter.event(event);
}

/** Adds the torrent of one job and waits for its end. Never rejects. */
async function follow(
  run: Run,
  job: Job,
  client: ClientPort,
  elapsedMs: () => number,
): Promise<void> {
  const { context: { platform }, request: { add, whenDone }, reporter } = run;
  if (job.bytes === null) return;
  try {
    const source = typeof job.bytes === "string" ? job.bytes : readable(platform, job.bytes);
    if (!add.seedOnly) demandOtherFolder(platform.files, source, add.dir);
    const torrent = job.torrent = client.add(source, add);
    job.bytes = null;
    await torrent.finished;
    const seconds = elapsedMs() / 1000;
    whenDone?.(torrent);
    if (keepsSeeding(add) && job.outcome === null) {
      reporter.complete(describe(run, job, { kind: "done", seconds, goalByEarlierRuns: false }));
      job.isComplete = true;
    }
    await torrent.ended;
    const last = torrent.snapshot(), error = failureOf(last);
    if (error !== null) return endJob(run, job, { kind: "failed", error });
    const seedingSeconds = elapsedMs() / 1000 - seconds;
    const goalByEarlierRuns = owesEarlierRuns(add.seedGoal, last, seedingSeconds);
    endJob(run, job, { kind: "done", seconds, goalByEarlierRuns });
  } catch (error) {
    endJob(run, job, endingBy(namingSource(job.source, error)));
  }
}

/** Whether a download continues as a seed after its completion. */
function keepsSeeding({ seedGoal, seedOnly, metadataOnly }: AddOptions): boolean {
  return seedGoal !== undefined && seedGoal.kind !== "none" && !seedOnly && !metadataOnly;
}

function endingBy(error: unknown): Ending {
  const isTwice = error instanceof TorrentFileError && error.code === "duplicate";
  return isTwice ? { kind: "duplicate" } : { kind: "failed", error };
}

/** `finished` stays resolved, so a later error only shows in the last state. */
function failureOf({ state, error }: TorrentSnapshot): Error | null {
  if (state !== "failed") return null;
  const { code, message } = error ?? { code: "internal", message: "unknown reason" };
  return code === "internal" ? new Error(message) : new BrokenTorrentError(code, message);
}

/** An interruption is reported when the client is closed. */
function endJob(run: Run, job: Job, ending: Ending): void {
  if (job.outcome !== null) return;
  job.outcome = describe(run, job, ending);
  if (ending.kind !== "interrupted") run.reporter.outcome(job.outcome);
}

function endUnfinished(run: Run, job: Job): void {
  if (job.torrent !== null) endJob(run, job, { kind: "interrupted" });
}

function describe({ context, request }: Run, job: Job, ending: Ending): Outcome {
  const { dir, seedOnly = false, metadataOnly = false } = request.add;
  const torrent = job.torrent?.snapshot() ?? null, { files } = context.platform;
  const path = torrent === null || metadataOnly
    ? null
    : files.absolute(`${dir}/${torrent.savedAs ?? torrent.name}`);
  const about = { torrent, path, seedOnly, metadataOnly, wasComplete: job.isComplete };
  return outcomeOf(job.source, ending, about);
}

function showProgress(run: Run, jobs: readonly Job[]): void {
  const now = run.context.platform.clock.now();
  const snapshots: TorrentSnapshot[] = [];
  for (const job of jobs) {
    if (job.torrent === null || job.outcome !== null) continue;
    const snapshot = job.torrent.snapshot();
    const ending = job.patience.look(snapshot, now, (seconds) => {
      run.reporter.say(stillAloneMessage(snapshot, seconds, run.request.giveUpFlag));
    });
    if (ending === null) {
      snapshots.push(snapshot);
      continue;
    }
    endJob(run, job, ending);
    void job.torrent.stop();
  }
  if (!run.request.add.seedOnly) run.space.look(snapshots, (text) => run.reporter.say(text));
  run.reporter.tick(snapshots, now);
}

/** A wait without peers is reported after a minute, and then every ten. */
const FIRST_NOTE_MS = 60_000, NOTE_EVERY_MS = 600_000;
/** The grace time for a running attempt: to connect and to exchange handshakes. */
const ATTEMPT_MS = 30_000;
/** The time for name look-ups and local discovery before the run gives up. */
const NOWHERE_MS = 5000;

/** Measures how long one torrent has no peers. */
class Patience {
  readonly #limitMs: number;
  readonly #looksElsewhere: boolean;
  #aloneSince: number | null = null;
  #nextNoteAt = 0;

  /** `looksElsewhere`: peers may come from sources that a snapshot does not show. */
  constructor(limitSeconds: number, looksElsewhere: boolean) {
    this.#limitMs = limitSeconds * 1000;
    this.#looksElsewhere = looksElsewhere;
  }

  /** The outcome now, or null; calls `note` with the seconds when a report is due. */
  look(torrent: TorrentSnapshot, now: number, note: (seconds: number) => void): Ending | null {
    const looks = torrent.state === "downloading" || torrent.state === "finding";
    if (!looks || torrent.peers.connected > 0) {
      this.#aloneSince = null;
      return null;
    }
    if (this.#aloneSince === null) this.#nextNoteAt = now + FIRST_NOTE_MS;
    const aloneMs = now - (this.#aloneSince ??= now), seconds = Math.round(aloneMs / 1000);
    const limitMs = this.#limitMs + (torrent.peers.connecting > 0 ? ATTEMPT_MS : 0);
    if (aloneMs >= limitMs) return { kind: "no-peers", message: noPeersMessage(torrent, seconds) };
    if (aloneMs >= NOWHERE_MS && this.#isNowhere(torrent)) {
      return { kind: "nowhere", message: nowhereMessage(torrent) };
    }
    if (now >= this.#nextNoteAt) {
      this.#nextNoteAt = now + NOTE_EVERY_MS;
      note(seconds);
    }
    return null;
  }

  /** No tracker that is ever asked, no DHT, no local discovery, no address. */
  #isNowhere({ trackers, dht, peers }: TorrentSnapshot): boolean {
    return !this.#looksElsewhere && dht === null && peers.known + peers.connecting === 0 &&
      trackers.every(({ state }) => state === "disabled");
  }
}

/** A run that seeded for the whole time may seem to be shorter by this much. */
const TOLERANCE_SECONDS = 0.5;

/**
 * Seed goals count over all runs. For a torrent that reached its goal: true if this run, which seeded
 * for `seconds`, did less than that, so that earlier runs did the rest.
 */
function owesEarlierRuns(
  goal: SeedGoal | undefined,
  { uploaded, wanted }: Pick<TorrentSnapshot, "uploaded" | "wanted">,
  seconds: number,
): boolean {
  // A magnet link of which only the metadata was requested.
  if (wanted === 0) return false;
  switch (goal?.kind) {
    case "ratio":
      return uploaded < goal.ratio * wanted;
    case "time":
      return seconds < goal.seconds - TOLERANCE_SECONDS;
    default:
      return false;
  }
}

const NOT_KNOWN_YET: ReadonlySet<string> = new Set(["finding", "checking", "waiting"]);

/**
 * Several downloads may each fit on the disk, but not together. The client refuses a download that
 * cannot fit; this class adds them up once, and only warns.
 */
class SpaceWatch {
  readonly #files: Files;
  readonly #dir: string;
  #isDone = false;

  constructor(files: Files, dir: string) {
    this.#files = files;
    this.#dir = dir;
  }

  /** Calls `warn` later, if there is too little space. */
  look(torrents: readonly TorrentSnapshot[], warn: (text: string) => void): void {
    if (this.#isDone || torrents.length < 2) return;
    if (torrents.some(({ state }) => NOT_KNOWN_YET.has(state))) return;
    this.#isDone = true;
    const missing = torrents.reduce((sum, { left }) => sum + left, 0);
    this.#files.freeSpace(this.#dir).then((free) => {
      if (free >= missing) return;
      warn(lowSpaceWarning(missing, free, this.#files.absolute(this.#dir)));
    }).catch(() => {}); // a disk that does not report its space
  }
}

/**
 * Throws a UsageError if `dir` is the torrent's own top folder and contains its files: all would be
 * downloaded again, into a folder in that folder.
 */
function demandOtherFolder(
  files: Files,
  source: Metainfo | Uint8Array | string,
  dir: string,
): void {
  if (typeof source === "string" || source instanceof Uint8Array) return;
  const { name } = source, folder = files.absolute(dir);
  if (lastPart(folder) !== name || files.stat(`${folder}/${name}`) !== null) return;
  const hasOne = source.files.some(({ path, pad }) =>
    !pad && path.length > 1 && files.stat([folder, ...path.slice(1)].join("/")) !== null
  );
  if (!hasOne) return;
  throw new UsageError(
    `${folder} is the torrent's own folder: name the one above it, -o ${
      files.absolute(`${dir}/..`)
    }`,
  );
}
