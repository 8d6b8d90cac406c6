/** Says nothing but errors. */
import type { Outcome } from "../outcome.ts";
import type { Output } from "../output.ts";
import type { Reporter } from "./reporter.ts";
import { EXIT_DONE, EXIT_INTERRUPTED } from "../exit_codes.ts";
import { errorText } from "./summary.ts";

export class QuietReporter implements Reporter {
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
