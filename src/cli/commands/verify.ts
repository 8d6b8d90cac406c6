/** `shoal verify`: whether everything of a torrent is in a folder, and right. */
import { type Flags, toggle } from "../args.ts";
import { defineCommand } from "../command.ts";
import { EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED, EXIT_UNKNOWN } from "../exit_codes.ts";
import { fileList } from "../file_list_flag.ts";
import { indicesOf } from "../file_spec.ts";
import { watchInterrupt } from "../interrupt.ts";
import { openTorrent } from "../load_torrent.ts";
import { RENAME_FLAG, renameBy } from "../rename_flag.ts";
import { REPORT_FLAGS, reportMode } from "../swarm_flags.ts";
import { verifyReporter } from "../render/verify_reporter.ts";
import { verifyFiles, type VerifyResult } from "../../client/verify_files.ts";

const FLAGS = {
  files: fileList("Check only these files: 1-3,8 (numbers of shoal show), *.mkv, >100M"),
  "follow-links": toggle("Read through symbolic links in place of files and folders"),
  ...RENAME_FLAG,
  ...REPORT_FLAGS,
} satisfies Flags;

export const verifyCommand = defineCommand({
  name: "verify",
  operands: "FILE DIR",
  count: [2, 2],
  summary: "Checks the files of a .torrent in a folder",
  details:
    "DIR is the folder that was downloaded into: the one that holds the torrent's file or\n" +
    "top folder. Ends with 0 if all files are complete and right, with 1 if data is missing or bad,\n" +
    "and with 6 if some pieces of the chosen files cannot be checked, because they extend into files\n" +
    "that are not on the disk.",
  examples: ["shoal verify debian.torrent ~/Downloads"],
  flags: FLAGS,
  async run(context, values, operands) {
    const { platform, output } = context;
    const meta = await openTorrent(platform, operands[0]!);
    const files = values.files === null ? undefined : new Set(indicesOf(meta, values.files));
    const rename = renameBy(values.rename, platform.process);
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
        ...(files === undefined ? {} : { files }),
        ...(rename === undefined ? {} : { rename }),
        ...(values["follow-links"] ? { followLinks: true } : {}),
      });
      // A rejection after the interruption has nobody to hear it.
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

function exitCodeOf({ bad, problems, unknown }: VerifyResult): number {
  if (bad.length > 0 || problems.length > 0) return EXIT_FAILED;
  return unknown.length > 0 ? EXIT_UNKNOWN : EXIT_DONE;
}
