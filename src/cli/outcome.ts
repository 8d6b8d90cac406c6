/** The outcome of one source: its exit code and the message for a person. */
import type { TorrentSnapshot } from "../client/types.ts";
import {
  describeError,
  EXIT_DONE,
  EXIT_INTERRUPTED,
  EXIT_NO_PEERS,
  exitCodeFor,
} from "./errors.ts";

export interface Outcome {
  /** Path or URL as given. */
  source: string;
  exitCode: number;
  /** The error's stable code ("cannot-load", "disk-full", "no-peers", ...); null when done. */
  code: string | null;
  /** The error, for a person; null when done. */
  message: string | null;
  /** Absolute path of its file or top folder; null if it never became a torrent. */
  path: string | null;
  /** From the start until everything was complete and verified; null if that did not happen. */
  seconds: number | null;
  /** Its last snapshot; null if it never became a torrent. */
  torrent: TorrentSnapshot | null;
  /** It was only to be uploaded, never to be downloaded. */
  seedOnly: boolean;
  /** Completion was reported before; since then it was seeding. */
  wasComplete: boolean;
  /** Only the metadata of a magnet link was requested. */
  metadataOnly: boolean;
  /** Its seed goal was reached, but only with the uploads of earlier runs. */
  goalByEarlierRuns: boolean;
  /** The thrown error, for debugging; not for printing. */
  error: unknown;
}

/** Why a torrent's part of a run ended. */
export type Ending =
  | { kind: "done"; seconds: number; goalByEarlierRuns: boolean }
  /** An earlier source is the same torrent. */
  | { kind: "duplicate" }
  | { kind: "no-peers"; message: string }
  /** Nothing could bring a peer. */
  | { kind: "nowhere"; message: string }
  | { kind: "interrupted" }
  | { kind: "failed"; error: unknown };

export function outcomeOf(
  source: string,
  ending: Ending,
  about: Pick<Outcome, "torrent" | "path" | "seedOnly" | "metadataOnly" | "wasComplete">,
): Outcome {
  const isDone = ending.kind === "done", seconds = isDone ? ending.seconds : null;
  const goalByEarlierRuns = isDone && ending.goalByEarlierRuns;
  const error = ending.kind === "failed" ? ending.error : null;
  return { source, ...verdictOn(ending), ...about, seconds, goalByEarlierRuns, error };
}

function verdictOn(ending: Ending): Pick<Outcome, "exitCode" | "code" | "message"> {
  switch (ending.kind) {
    case "done":
      return { exitCode: EXIT_DONE, code: null, message: null };
    case "duplicate":
      return { exitCode: EXIT_DONE, code: "duplicate", message: null };
    case "no-peers":
      return { exitCode: EXIT_NO_PEERS, code: "no-peers", message: ending.message };
    case "nowhere":
      return { exitCode: EXIT_NO_PEERS, code: "nowhere-to-look", message: ending.message };
    case "interrupted":
      return { exitCode: EXIT_INTERRUPTED, code: "interrupted", message: "interrupted" };
    case "failed":
      return {
        exitCode: exitCodeFor(ending.error),
        code: codeOf(ending.error),
        message: describeError(ending.error),
      };
  }
}

function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return typeof code === "string" ? code : "unexpected";
}
