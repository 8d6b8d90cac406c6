/**
 * One run of `shoal download` or `shoal seed`: loads what was asked for, follows every torrent to
 * its end, and says how each one ended. Invariant: every source has exactly one ending when the run
 * is over.
 */
import type { AddOptions, ClientOptions, TorrentEvent, TorrentSnapshot } from "../client/types.ts";
import type { ClientPort, TorrentPort } from "./client_port.ts";
import type { CliContext } from "./command.ts";
import { BrokenTorrentError } from "./errors.ts";
import { type GiveUpAfter, GiveUpWatch } from "./give_up.ts";
import { owesEarlierRuns } from "./goal_share.ts";
import type { Interrupt } from "./interrupt.ts";
import { loadSource, namingSource } from "./load_torrent.ts";
import { type Ending, type Outcome, outcomeOf } from "./outcome.ts";
import { formatDuration } from "./render/format.ts";
import { heldBackPhrase } from "./render/phrases.ts";
import { type Reporter, TICK_MS } from "./render/reporter.ts";
import { openState, type StateChoice } from "./state_folder.ts";
import { repeat, within } from "./timing.ts";

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
  /** Set once: why it is over. */
  ending: Ending | null;
  /** The state at its ending. */
  last: TorrentSnapshot | null;
  watch: GiveUpWatch;
}

/** Resolves to one outcome per source, in the order of the sources. */
export async function runDownload(
  context: CliContext,
  request: DownloadRequest,
  reporter: Reporter,
  interrupt: Interrupt,
): Promise<Outcome[]> {
  const jobs = request.sources.map((source) => newJob(source, request.giveUpAfter));
  for (const job of jobs) await load(context, job, interrupt);
  if (jobs.some((job) => job.bytes !== null) && !interrupt.requested) {
    const { stateDir, warning } = openState(context.platform, request.state);
    if (warning !== null) reporter.say(warning);
    const options = { ...request.client, ...(stateDir !== null && { stateDir }) };
    const client = await context.openClient(context.platform, options);
    await runClient(context, client, jobs, request, reporter, interrupt);
  }
  const { files } = context.platform;
  return jobs.map((job) => {
    const torrent = job.last, { dir, seedOnly = false, metadataOnly = false } = request.add;
    const path = torrent === null || metadataOnly ? null : files.absolute(`${dir}/${torrent.name}`);
    return outcomeOf(job.source, job.ending ?? { kind: "interrupted" }, {
      torrent,
      path,
      seedOnly,
      metadataOnly,
    });
  });
}

function newJob(source: string, giveUpAfter: GiveUpAfter): Job {
  const watch = new GiveUpWatch(giveUpAfter);
  return { source, bytes: null, torrent: null, ending: null, last: null, watch };
}

async function load({ platform }: CliContext, job: Job, interrupt: Interrupt): Promise<void> {
  if (interrupt.requested) return;
  try {
    const loading = loadSource(platform, job.source, interrupt.signal);
    job.bytes = await Promise.race([loading, interrupt.asked.then(() => null)]);
  } catch (error) {
    // An aborted fetch fails too, but what ended it is the interruption.
    if (!interrupt.requested) job.ending = { kind: "failed", error };
  }
}

async function runClient(
  { platform: { clock } }: CliContext,
  client: ClientPort,
  jobs: readonly Job[],
  { add, whenDone, giveUpFlag }: DownloadRequest,
  reporter: Reporter,
  interrupt: Interrupt,
): Promise<void> {
  const pumping = pump(client.events(), reporter);
  const startedAt = clock.now();
  const following = jobs.map((job) => {
    return follow(job, client, add, () => clock.now() - startedAt, whenDone);
  });
  const tick = () => showProgress(jobs, reporter, clock.now(), giveUpFlag);
  const ticking = repeat(clock, TICK_MS, tick);
  await Promise.race([Promise.all(following), interrupt.asked]);
  for (const job of jobs) endUnfinished(job);
  tick();
  ticking.cancel();
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
  job: Job,
  client: ClientPort,
  options: AddOptions,
  elapsedMs: () => number,
  whenDone: DownloadRequest["whenDone"],
): Promise<void> {
  if (job.bytes === null) return;
  try {
    const torrent = job.torrent = client.add(job.bytes, options);
    job.bytes = null;
    await torrent.finished;
    const seconds = elapsedMs() / 1000;
    whenDone?.(torrent);
    await torrent.ended;
    const last = torrent.snapshot(), error = failureOf(last);
    if (error !== null) return endJob(job, { kind: "failed", error });
    const goalByEarlierRuns = owesEarlierRuns(
      options.seedGoal,
      last,
      elapsedMs() / 1000 - seconds,
    );
    endJob(job, { kind: "done", seconds, goalByEarlierRuns });
  } catch (error) {
    endJob(job, { kind: "failed", error: namingSource(job.source, error) });
  }
}

/** `finished` is kept for good, so what went wrong while it gave shows in its last state alone. */
function failureOf({ state, error }: TorrentSnapshot): Error | null {
  if (state !== "failed") return null;
  const { code, message } = error ?? { code: "internal", message: "no reason is known" };
  return code === "internal" ? new Error(message) : new BrokenTorrentError(code, message);
}

function endJob(job: Job, ending: Ending): void {
  if (job.ending !== null) return;
  job.ending = ending;
  job.last = job.torrent?.snapshot() ?? null;
}

function endUnfinished(job: Job): void {
  if (job.torrent !== null) endJob(job, { kind: "interrupted" });
}

function showProgress(
  jobs: readonly Job[],
  reporter: Reporter,
  now: number,
  giveUpFlag: string | undefined,
): void {
  const snapshots: TorrentSnapshot[] = [];
  for (const job of jobs) {
    if (job.torrent === null) continue;
    const snapshot = job.last ?? job.torrent.snapshot();
    snapshots.push(snapshot);
    if (job.ending === null && job.watch.hopeless(snapshot, now)) {
      const message = hopelessText(snapshot, job.watch.limitSeconds, giveUpFlag);
      endJob(job, { kind: "no-peers", message });
      void job.torrent.stop();
    }
  }
  reporter.tick(snapshots, now);
}

function hopelessText(torrent: TorrentSnapshot, seconds: number, flag: string | undefined): string {
  const why = heldBackPhrase(torrent) ?? "no peers";
  const hint = flag === undefined ? "" : `, ${flag} changes how long to wait`;
  return `no peer could be reached for ${formatDuration(seconds)} (${why}); ` +
    `what is here is kept${hint}`;
}
