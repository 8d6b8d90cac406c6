/**
 * One run of `shoal download` or `shoal seed`: loads what was asked for, follows every torrent to
 * its end, and says how each one ended as soon as it has. Invariant: every source has exactly one
 * ending when the run is over.
 */
import type { AddOptions, ClientOptions, TorrentEvent, TorrentSnapshot } from "../client/types.ts";
import type { ClientPort, TorrentPort } from "./client_port.ts";
import type { CliContext } from "./command.ts";
import { BrokenTorrentError } from "./errors.ts";
import { type GiveUpAfter, GiveUpWatch } from "./give_up.ts";
import { owesEarlierRuns } from "./goal_share.ts";
import type { Interrupt } from "./interrupt.ts";
import { loadSource, namingSource } from "./load_torrent.ts";
import { demandOtherFolder, readable } from "./own_folder.ts";
import { type Ending, type Outcome, outcomeOf } from "./outcome.ts";
import { formatDuration } from "./render/format.ts";
import { heldBackPhrase } from "./render/phrases.ts";
import { type Reporter, TICK_MS } from "./render/reporter.ts";
import { SpaceWatch } from "./space_watch.ts";
import { openState, type StateChoice } from "./state_folder.ts";
import { repeat, within } from "./timing.ts";
import { TorrentFileError } from "../util/errors.ts";

/** After Ctrl-C the whole run has 3 s; this leaves time to print and to end. */
const CLOSE_LIMIT_MS = 2700;
const DRAIN_LIMIT_MS = 200;

export interface DownloadRequest {
  sources: readonly string[];
  client: ClientOptions;
  state: StateChoice;
  add: AddOptions;
  giveUpAfter: GiveUpAfter;
  /** The command's flag that changes it, if there is one. */
  giveUpFlag?: string;
  /** A torrent has all that was asked for. */
  whenDone?(torrent: TorrentPort): void;
}

/** One source on its way: first bytes, then a torrent, at last an ending. */
interface Job {
  source: string;
  /** Of a .torrent; or a magnet link. */
  bytes: Uint8Array | string | null;
  torrent: TorrentPort | null;
  /** It was told that everything is there; since then it only seeds. */
  isComplete: boolean;
  /** Set once: how it ended. */
  outcome: Outcome | null;
  watch: GiveUpWatch;
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
 * Resolves to one outcome per source, in the order of the sources. Each was told by then, but for
 * those that were interrupted.
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
  const jobs = request.sources.map((source) => newJob(source, request.giveUpAfter));
  for (const job of jobs) await load(run, job);
  if (jobs.some((job) => job.bytes !== null) && !interrupt.requested) {
    const { stateDir, warning } = openState(context.platform, request.state);
    if (warning !== null) reporter.say(warning);
    const options = { ...request.client, ...(stateDir !== null && { stateDir }) };
    const client = await context.openClient(context.platform, options);
    await runClient(run, client, jobs);
  }
  return jobs.map((job) => job.outcome ?? describe(run, job, { kind: "interrupted" }));
}

function newJob(source: string, giveUpAfter: GiveUpAfter): Job {
  const watch = new GiveUpWatch(giveUpAfter);
  return { source, bytes: null, torrent: null, isComplete: false, outcome: null, watch };
}

async function load(run: Run, job: Job): Promise<void> {
  const { context: { platform }, interrupt } = run;
  if (interrupt.requested) return;
  try {
    const loading = loadSource(platform, job.source, interrupt.signal);
    job.bytes = await Promise.race([loading, interrupt.asked.then(() => null)]);
  } catch (error) {
    // An aborted fetch fails too, but what ended it is the interruption.
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

/** Whether it is a download that goes on as a seed, so that its end is not when it was complete. */
function keepsSeeding({ seedGoal, seedOnly, metadataOnly }: AddOptions): boolean {
  return seedGoal !== undefined && seedGoal.kind !== "none" && !seedOnly && !metadataOnly;
}

function endingBy(error: unknown): Ending {
  const isTwice = error instanceof TorrentFileError && error.code === "duplicate";
  return isTwice ? { kind: "duplicate" } : { kind: "failed", error };
}

/** `finished` is kept for good, so what went wrong while it gave shows in its last state alone. */
function failureOf({ state, error }: TorrentSnapshot): Error | null {
  if (state !== "failed") return null;
  const { code, message } = error ?? { code: "internal", message: "unknown reason" };
  return code === "internal" ? new Error(message) : new BrokenTorrentError(code, message);
}

/** An interruption is told when the client is closed. */
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
    if (!job.watch.hopeless(snapshot, now)) {
      snapshots.push(snapshot);
      continue;
    }
    const message = hopelessText(snapshot, job.watch.limitSeconds, run.request.giveUpFlag);
    endJob(run, job, { kind: "no-peers", message });
    void job.torrent.stop();
  }
  if (!run.request.add.seedOnly) run.space.look(snapshots, (text) => run.reporter.say(text));
  run.reporter.tick(snapshots, now);
}

function hopelessText(torrent: TorrentSnapshot, seconds: number, flag: string | undefined): string {
  const why = heldBackPhrase(torrent) ?? "no peers";
  const hint = flag === undefined ? "" : `; ${flag} never keeps trying`;
  return `no peer was reached in ${formatDuration(seconds)} (${why}); ` +
    `run the same command again to resume${hint}`;
}
