/** A run of the client from its first word to its last: what `download` and `seed` have in common. */
import type { CliContext } from "./command.ts";
import { type DownloadRequest, runDownload } from "./download_run.ts";
import { debugTrace } from "./errors.ts";
import { worstOf } from "./exit_codes.ts";
import { watchInterrupt } from "./interrupt.ts";
import { chooseReporter, type ReportMode } from "./render/choose_reporter.ts";

/** Resolves to the exit code, once every outcome is told. */
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
