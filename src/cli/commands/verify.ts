/** `shoal verify`: whether everything of a torrent is in a folder, and right. */
import type { Metainfo } from "../../protocol/metainfo.ts";
import { type Flags } from "../args.ts";
import { defineCommand } from "../command.ts";
import { EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED } from "../exit_codes.ts";
import { watchInterrupt } from "../interrupt.ts";
import { openTorrent } from "../load_torrent.ts";
import { formatCount, formatDuration, formatSize } from "../render/format.ts";
import { showBar } from "../render/progress_bar.ts";
import { safeText } from "../render/text.ts";
import { type FileProblem, verifyFiles, type VerifyResult } from "../verify_files.ts";

const FLAGS = {} satisfies Flags;

const PROBLEM_WORDS: Record<FileProblem["kind"], string> = {
  missing: "missing",
  short: "too short",
  damaged: "damaged or incomplete",
};

export const verifyCommand = defineCommand({
  name: "verify",
  operands: "FILE DIR",
  count: [2, 2],
  summary: "Checks whether everything of a .torrent is in a folder, and right",
  details:
    "DIR is the folder that was downloaded into: the one that holds the torrent's file or\n" +
    "top folder. Ends with 0 when everything is there, with 1 when something is missing or bad.",
  examples: ["shoal verify debian.torrent ~/Downloads"],
  flags: FLAGS,
  async run(context, _values, operands) {
    const { platform, output } = context;
    const meta = await openTorrent(platform, operands[0]!);
    const bar = showBar(context, meta.name);
    const interrupt = watchInterrupt(platform, () => {
      bar.close();
      return output.flush();
    });
    const startedAt = platform.clock.now();
    let result: VerifyResult | null;
    try {
      const onProgress = (fraction: number) => bar.at(fraction * meta.size, meta.size);
      const checking = verifyFiles(platform, meta, operands[1]!, onProgress, interrupt.signal);
      // A rejection after the interruption has nobody to hear it.
      checking.catch(() => {});
      result = await Promise.race([checking, interrupt.asked.then(() => null)]);
    } finally {
      bar.close();
      interrupt.release();
    }
    if (result === null) return EXIT_INTERRUPTED;
    output.write(resultText(meta, result, (platform.clock.now() - startedAt) / 1000));
    const right = result.bad.length === 0 && result.problems.length === 0;
    return right ? EXIT_DONE : EXIT_FAILED;
  },
});

function resultText(meta: Metainfo, { bad, problems, dir }: VerifyResult, seconds: number): string {
  const pieces = formatCount(meta.layout.pieceCount, "piece");
  const name = safeText(meta.name);
  if (bad.length === 0 && problems.length === 0) {
    const size = formatSize(meta.size);
    return `${name}: all ${pieces} are right (${size} in ${formatDuration(seconds)})\n`;
  }
  const lines = problems.map(({ kind, path }) => `${PROBLEM_WORDS[kind]}: ${safeText(path)}`);
  lines.push(`${name}: ${bad.length} of ${pieces} are missing or bad`);
  if (problems.every(({ kind }) => kind === "missing") && bad.length === meta.layout.pieceCount) {
    lines.push(`Nothing of it is in ${safeText(dir)}; DIR is the folder that holds "${name}"`);
  }
  return lines.join("\n") + "\n";
}
