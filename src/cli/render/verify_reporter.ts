/** What `shoal verify` says: a bar and what is wrong, JSON lines, or nothing. */
import type { FileProblem, VerifyResult } from "../../client/verify_files.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import { toHex } from "../../util/bytes.ts";
import type { CliContext } from "../command.ts";
import type { ReportMode } from "./choose_reporter.ts";
import { formatCount, formatDuration, formatSize } from "./format.ts";
import { showBar } from "./progress_bar.ts";
import { safeJson, safeText } from "./text.ts";

export interface VerifyReporter {
  /** The checked fraction. */
  progress(fraction: number): void;
  verified(result: VerifyResult, seconds: number): void;
  /** Takes the bar away. */
  close(): void;
}

const PROGRESS_EVERY_MS = 1000;

const PROBLEM_WORDS: Record<FileProblem["kind"], string> = {
  missing: "missing",
  short: "too short",
  damaged: "damaged or incomplete",
  link: "behind a symbolic link",
};

export function verifyReporter(
  context: CliContext,
  mode: ReportMode,
  meta: Metainfo,
): VerifyReporter {
  if (mode === "json") return jsonReporter(context, meta);
  if (mode === "quiet") return { progress() {}, verified() {}, close() {} };
  const bar = showBar(context, meta.name);
  return {
    progress: (fraction) => bar.at(fraction * meta.size, meta.size),
    verified: (result, seconds) => context.output.write(resultText(meta, result, seconds)),
    close: bar.close,
  };
}

function jsonReporter({ platform: { clock }, output }: CliContext, meta: Metainfo): VerifyReporter {
  const print = (value: unknown) => output.line(safeJson(value));
  const infoHash = toHex(meta.infoHash);
  let nextAt = clock.now() + PROGRESS_EVERY_MS;
  return {
    progress(checked) {
      if (clock.now() < nextAt) return;
      nextAt = clock.now() + PROGRESS_EVERY_MS;
      print({ type: "progress", infoHash, checked });
    },
    verified({ dir, bad, problems, checked, unknown }, seconds) {
      const counts = { checked, bad: bad.length, unknown: unknown.length };
      print({ type: "verified", infoHash, dir, ...counts, problems, seconds });
    },
    close() {},
  };
}

function resultText(meta: Metainfo, result: VerifyResult, seconds: number): string {
  const { bad, problems, dir, checked, unknown } = result;
  const pieces = formatCount(checked, "piece"), name = safeText(meta.name);
  const untold = unknown.length === 0
    ? ""
    : `${
      formatCount(unknown.length, "piece")
    } cannot be checked: the rest of each is in files that are not on the disk\n`;
  if (bad.length === 0 && problems.length === 0) {
    const size = formatSize(result.checkedBytes);
    if (checked === 0 && untold !== "") return `${name}: nothing could be checked\n${untold}`;
    const right = checked === 1 ? "the one piece is right" : `all ${pieces} are right`;
    return `${name}: ${right} (${size} in ${formatDuration(seconds)})\n${untold}`;
  }
  const lines = problems.map(({ kind, path }) => `${PROBLEM_WORDS[kind]}: ${safeText(path)}`);
  const verb = bad.length === 1 ? "is" : "are";
  lines.push(`${name}: ${bad.length} of ${pieces} ${verb} missing or bad`);
  if (problems.some(({ kind }) => kind === "link")) {
    lines.push("--follow-links reads through symbolic links");
  }
  if (problems.every(({ kind }) => kind === "missing") && bad.length === meta.layout.pieceCount) {
    lines.push(
      `None of the files is in ${safeText(dir)}; DIR is the folder that contains "${name}"`,
    );
  }
  return `${lines.join("\n")}\n${untold}`;
}
