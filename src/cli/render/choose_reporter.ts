/** Chooses one of the four displays by the flags and the kind of output. */
import type { Process } from "../../platform/types.ts";
import type { Output } from "../output.ts";
import { JsonReporter } from "./json_reporter.ts";
import { LineReporter } from "./line_reporter.ts";
import { LiveReporter } from "./live_reporter.ts";
import type { Reporter } from "./reporter.ts";
import { liveTerminal } from "./terminal.ts";
import type { Outcome } from "../outcome.ts";
import { type Flags, toggle, type ValuesOf } from "../args.ts";
import { EXIT_DONE, EXIT_INTERRUPTED, UsageError } from "../errors.ts";
import { errorText } from "./summary.ts";

export type ReportMode = "auto" | "json" | "quiet";

/** The display options of a command. */
export const REPORT_FLAGS = {
  json: toggle("Print one JSON object per line and event (see shoal help json)"),
  quiet: toggle("Print nothing but errors", "q"),
} satisfies Flags;

export function reportMode({ json, quiet }: ValuesOf<typeof REPORT_FLAGS>): ReportMode {
  if (json && quiet) throw new UsageError("--json and --quiet exclude each other");
  return json ? "json" : quiet ? "quiet" : "auto";
}

export function chooseReporter(mode: ReportMode, process: Process, output: Output): Reporter {
  if (mode === "json") return new JsonReporter(output);
  if (mode === "quiet") return new QuietReporter(output);
  const terminal = liveTerminal(process);
  return terminal === null ? new LineReporter(output) : new LiveReporter(output, terminal);
}

/** Prints only errors. */
class QuietReporter implements Reporter {
  readonly #output: Output;

  constructor(output: Output) {
    this.#output = output;
  }

  event(): void {}
  tick(): void {}
  say(): void {}
  complete(): void {}
  close(): void {}

  outcome(outcome: Outcome): void {
    if (outcome.exitCode === EXIT_DONE || outcome.exitCode === EXIT_INTERRUPTED) return;
    this.#output.errorLine(errorText(outcome));
  }
}
