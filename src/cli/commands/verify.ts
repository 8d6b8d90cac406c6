/** `shoal verify`: checks whether a folder has all data of a torrent. */
import { type CliContext, defineCommand } from "../command.ts";
import { EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_UNKNOWN, UsageError } from "../errors.ts";
import { indicesOf } from "../file_flags.ts";
import { watchInterrupt } from "../interrupt.ts";
import { openTorrent } from "../load_torrent.ts";
import { REPORT_FLAGS, type ReportMode, reportMode } from "../render/choose_reporter.ts";
import { type FileProblem, verifyFiles, type VerifyResult } from "../../client/verify_files.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import { toHex } from "../../util/bytes.ts";
import { formatCount, formatDuration, formatNumber, formatSize } from "../render/format.ts";
import { showBar } from "../render/progress_bar.ts";
import { safeJson, safeText } from "../render/text.ts";
import type { Platform } from "../../platform/types.ts";
import { VERIFY_REMOTE_FLAGS, verifyRemote } from "../remote/verify_remote.ts";
import { fileWishes, torrentFlags, torrentOptions } from "../option_flags.ts";

const FLAGS = {
  ...torrentFlags("verify"),
  ...REPORT_FLAGS,
  ...VERIFY_REMOTE_FLAGS,
};

export const verifyCommand = defineCommand({
  name: "verify",
  operands: "FILE DIR | [TORRENT...]",
  count: [0, 1000],
  summary: "Checks the files of a .torrent in a folder, or those of torrents of the daemon",
  details:
    "TORRENT is one of the daemon's, as for shoal info: all its data is read and hashed again, and\n" +
    "wrong pieces are downloaded again; --wait waits for the result.\n" +
    "DIR is the folder that contains the torrent's file or top folder. The exit code is 0 if all files\n" +
    "are complete and correct, 1 if data is missing or damaged or a file is too long, and 6 if some\n" +
    "pieces of the chosen files cannot be checked because they extend into files that are not on the\n" +
    "disk.",
  examples: ["shoal verify debian.torrent ~/Downloads", "shoal verify 9ecd4676 --wait"],
  flags: FLAGS,
  async run(context, values, operands) {
    const { platform, output } = context;
    if (!isOfFile(platform, operands)) return await verifyRemote(context, values, operands);
    const meta = await openTorrent(platform, operands[0]!);
    const { rename, followLinks } = torrentOptions(values, platform.process);
    const { only } = fileWishes(values);
    const report = verifyReporter(context, reportMode(values), meta);
    const interrupt = watchInterrupt(platform, () => {
      report.close();
      return output.flush();
    });
    const startedAt = platform.clock.now();
    let result: VerifyResult | null;
    try {
      const checking = verifyFiles(platform, meta, operands[1]!, {
        onProgress: report.progress,
        signal: interrupt.signal,
        ...(only === null ? {} : { files: new Set(indicesOf(meta, only)) }),
        ...(rename === undefined ? {} : { rename }),
        ...(followLinks === undefined ? {} : { followLinks }),
      });
      // After an interruption the result does not matter.
      checking.catch(() => {});
      result = await Promise.race([checking, interrupt.asked.then(() => null)]);
    } finally {
      report.close();
      interrupt.release();
    }
    if (result === null) return EXIT_INTERRUPTED;
    report.verified(result, (platform.clock.now() - startedAt) / 1000);
    return exitCodeOf(result);
  },
});

/** FILE DIR, and not the names of two torrents. */
function isOfFile({ files }: Platform, [file, dir, ...more]: readonly string[]): boolean {
  if (file === undefined || more.length > 0) return false;
  if (!/\.torrent$|^[a-z]+:\/\//i.test(file) && files.stat(file)?.kind !== "file") return false;
  if (dir === undefined) throw new UsageError("Missing DIR. Usage: shoal verify FILE DIR");
  return true;
}

function exitCodeOf({ bad, problems, unknown }: VerifyResult): number {
  if (bad.length > 0 || problems.length > 0) return EXIT_FAILED;
  return unknown.length > 0 ? EXIT_UNKNOWN : EXIT_DONE;
}

// --- The output: a bar and the problems, JSON lines, or nothing. ---

interface VerifyReporter {
  /** The checked fraction. */
  progress(fraction: number): void;
  verified(result: VerifyResult, seconds: number): void;
  /** Removes the bar. */
  close(): void;
}

const PROGRESS_EVERY_MS = 1000;

const PROBLEM_WORDS: Record<FileProblem["kind"], string> = {
  missing: "missing",
  short: "too short",
  long: "too long",
  damaged: "damaged or incomplete",
  link: "behind a symbolic link",
};

function verifyReporter(
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
  const lines = problems.map(({ kind, path }) => `${PROBLEM_WORDS[kind]}: ${safeText(path)}\n`);
  if (bad.length === 0 && problems.every(({ kind }) => kind === "long")) {
    const size = formatSize(result.checkedBytes), found = lines.join("");
    if (checked === 0 && untold !== "") {
      return `${found}${name}: nothing could be checked\n${untold}`;
    }
    const right = checked === 1 ? "the one piece is right" : `all ${pieces} are right`;
    return `${found}${name}: ${right} (${size} in ${formatDuration(seconds)})\n${untold}`;
  }
  const verb = bad.length === 1 ? "is" : "are";
  lines.push(
    checked === 0
      ? `${name}: nothing could be checked\n`
      : `${name}: ${formatNumber(bad.length)} of ${pieces} ${verb} missing or bad\n`,
  );
  if (problems.some(({ kind }) => kind === "link")) {
    lines.push("--follow-links reads through symbolic links\n");
  }
  if (problems.every(({ kind }) => kind === "missing") && bad.length === meta.layout.pieceCount) {
    lines.push(
      `None of the files is in ${safeText(dir)}; DIR is the folder that contains "${name}"\n`,
    );
  }
  return lines.join("") + untold;
}
