/** The fields of torrent-get about the state of a torrent. */
import type { TorrentState } from "../../client/types.ts";
import type { TorrentFacts } from "./facts.ts";

/** The states of Transmission. */
const STOPPED = 0, CHECKING = 2, DOWNLOAD_WAIT = 3, DOWNLOADING = 4, SEED_WAIT = 5, SEEDING = 6;

const NUMBERS: Readonly<Partial<Record<TorrentState, number>>> = {
  finding: DOWNLOADING,
  checking: CHECKING,
  downloading: DOWNLOADING,
  verifying: CHECKING,
  moving: DOWNLOADING,
  seeding: SEEDING,
};
const WAITING: ReadonlySet<TorrentState> = new Set<TorrentState>(["queued", "waiting"]);

export function statusNumber({ status: { state, left, size } }: TorrentFacts): number {
  if (WAITING.has(state)) return left === 0 && size > 0 ? SEED_WAIT : DOWNLOAD_WAIT;
  return NUMBERS[state] ?? STOPPED;
}

const NO_ERROR = { number: 0, text: "" };
const TRACKER_ERROR = 2, LOCAL_ERROR = 3;

/** An error of trackers counts when none of them works: clients stop importing on any text. */
export function errorOf(facts: TorrentFacts): { number: number; text: string } {
  const { status: { error, state }, known: { problem } } = facts;
  if (error !== null) return { number: LOCAL_ERROR, text: error.message };
  if (problem !== null) return { number: LOCAL_ERROR, text: problem };
  if (state !== "downloading" && state !== "seeding") return NO_ERROR;
  const { trackers } = facts;
  if (!trackers.some((tracker) => tracker.state === "failing")) return NO_ERROR;
  if (trackers.some((tracker) => tracker.state === "working")) return NO_ERROR;
  const text = trackers.find((tracker) => tracker.state === "failing")!.message;
  return { number: TRACKER_ERROR, text: text ?? "The tracker does not answer" };
}

const NOT_AVAILABLE = -1, UNKNOWN = -2;
/** Clients keep it in 32 bits. */
const LONGEST = 2 ** 31 - 1;

/** Seconds until the download is complete, or until the ratio is reached. */
export function etaOf(facts: TorrentFacts): number {
  const { status } = facts;
  if (status.state === "seeding") return etaOfRatio(facts);
  if (status.state !== "downloading" && status.state !== "finding") return NOT_AVAILABLE;
  if (status.etaSeconds === null) return UNKNOWN;
  return Math.min(LONGEST, Math.ceil(status.etaSeconds));
}

function etaOfRatio({ status: { totals, wanted, upRate }, goal: { ratio } }: TorrentFacts): number {
  if (ratio === undefined) return NOT_AVAILABLE;
  const left = ratio * wanted - totals.uploaded;
  if (left <= 0) return NOT_AVAILABLE;
  return upRate < 1 ? UNKNOWN : Math.min(LONGEST, Math.ceil(left / upRate));
}

export function isStalled({ status, known, general }: TorrentFacts): boolean {
  const { state, downRate, upRate } = status;
  if (state !== "downloading" && state !== "seeding") return false;
  if (downRate + upRate > 0) return false;
  const since = Math.max(known.activeAt, known.startedAt);
  return general.wallSeconds - since > general.stalledSeconds;
}

/** What Transmission has where nobody gave a number, in kilobytes a second. */
export const DEFAULT_LIMIT = 100;

/** Kilobytes a second; where there is no limit, the number that was given last. */
export function rateLimit({ options, known }: TorrentFacts, direction: "down" | "up"): number {
  const limit = options.limits?.[direction] ?? Infinity;
  if (limit < Infinity) return Math.round(limit / 1000);
  const { downloadLimit, uploadLimit } = known.remembered;
  return (direction === "down" ? downloadLimit : uploadLimit) ?? DEFAULT_LIMIT;
}
