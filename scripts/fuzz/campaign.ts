/** A whole run of the fuzzer: turns for all targets, progress, and the verdict at the end. */
import { relative } from "node:path";
import process from "node:process";
import { projectRoot } from "../lib/runtimes.ts";
import type { Coverage } from "./coverage.ts";
import { FINDINGS, foundInputs, keepFinding, keepInputs, keptInputs } from "./kept.ts";
import { Fuzzer, type FuzzResult } from "./run.ts";
import type { FuzzTarget } from "./target.ts";

/** Every target gets as much time, in turns. */
const TURN_MS = 250;
const PROGRESS_MS = 10_000;
/** The part of a run in which coverage is on: it halves the speed, and V8 has it but once. */
const COVERED_PART = 0.3;
/** Beyond what all targets need together, garbage included. */
const MAX_RESIDENT = 1.5e9;

export interface CampaignOptions {
  targets: readonly FuzzTarget[];
  seed: string;
  /** Ends after the one or the other; Infinity for no such end. */
  minutes: number;
  inputs: number;
  coverage: Coverage | null;
  /** What brings out something new goes to the corpus. */
  keep?: boolean;
  /** Where inputs go that find something. */
  findings?: string;
  /** Hears of each input before it is tried, and of null when that is done. */
  watch?(target: string, input: Uint8Array | null): void;
  say(line: string): void;
}

export class Campaign {
  readonly #options: CampaignOptions;
  readonly #fuzzers: readonly Fuzzer[];
  readonly #startedAt = performance.now();
  #coverage: Coverage | null;
  #toldAt = this.#startedAt;
  #left: number;
  /** What is wrong with the process as a whole; null for nothing. */
  #illness: string | null = null;

  constructor(options: CampaignOptions) {
    this.#options = options;
    this.#coverage = options.coverage;
    this.#left = options.inputs;
    this.#fuzzers = options.targets.map((target) => {
      const { name } = target;
      const fuzzer = new Fuzzer(target, options.seed, [...keptInputs(name), ...foundInputs(name)]);
      if (options.watch) fuzzer.watch = (input) => options.watch!(name, input);
      return fuzzer;
    });
  }

  get results(): FuzzResult[] {
    return this.#fuzzers.map(({ result }) => result);
  }

  async run(): Promise<void> {
    while (this.#goesOn) for (const fuzzer of this.#fuzzers) await this.#turn(fuzzer);
    await this.#endCoverage();
    if (this.#options.keep) {
      for (const fuzzer of this.#fuzzers) keepInputs(fuzzer.result.target, fuzzer.discoveries);
    }
  }

  get #endsAt(): number {
    return this.#startedAt + this.#options.minutes * 60_000;
  }

  get #goesOn(): boolean {
    return this.#left > 0 && performance.now() < this.#endsAt && this.#illness === null;
  }

  async #turn(fuzzer: Fuzzer): Promise<void> {
    if (!this.#goesOn) return;
    const { minutes, inputs } = this.#options,
      now = performance.now(),
      before = fuzzer.result.inputs;
    const part = Math.max((now - this.#startedAt) / (minutes * 60_000), 1 - this.#left / inputs);
    if (part > COVERED_PART) await this.#endCoverage();
    const ms = Math.min(TURN_MS, this.#endsAt - now);
    await fuzzer.run({ inputs: this.#left, ms, coverage: this.#coverage });
    this.#left -= fuzzer.result.inputs - before;
    this.#tellProgress();
    const { rss } = process.memoryUsage();
    if (rss > MAX_RESIDENT) {
      this.#illness = `${megabytes(rss)} are resident at ${fuzzer.result.target}`;
    }
  }

  async #endCoverage(): Promise<void> {
    await this.#coverage?.stop();
    this.#coverage = null;
  }

  #sum(of: (result: FuzzResult) => number): number {
    return this.results.reduce((total, result) => total + of(result), 0);
  }

  #tellProgress(): void {
    const now = performance.now();
    if (now - this.#toldAt < PROGRESS_MS) return;
    this.#toldAt = now;
    this.#options.say(
      `${Math.round((now - this.#startedAt) / 1000)} s: ` +
        `${count(this.#sum(({ inputs }) => inputs))} inputs, ` +
        `${count(this.#sum(({ kept }) => kept))} brought out something new, ` +
        `${this.#sum(({ findings }) => findings.length)} findings, ` +
        megabytes(process.memoryUsage().rss),
    );
  }

  /** Says what was found, and returns the exit code: 1 when that is anything. */
  verdict(): number {
    const { say, findings: dir = FINDINGS } = this.#options;
    const findings = this.results.flatMap((result) => result.findings);
    for (const finding of findings) {
      const file = relative(projectRoot, keepFinding(finding, dir));
      say(`\nFOUND: ${finding.target}: ${finding.what}`);
      say(`  its input is in ${file}; to repeat it:`);
      say(`  npm run fuzz -- --target ${finding.target} --file ${file}`);
    }
    if (this.#illness !== null) say(`\nFOUND: ${this.#illness}`);
    const tried = this.#sum(({ inputs }) => inputs);
    if (tried === 0) say("\nFOUND: nothing was tried, so nothing can be said");
    const problems = findings.length + Number(this.#illness !== null) + Number(tried === 0);
    const word = problems === 0 ? "OK" : problems === 1 ? "1 PROBLEM" : `${problems} PROBLEMS`;
    say(
      `\n${word}: ${count(tried)} inputs for ` +
        `${this.#fuzzers.length} targets, ${megabytes(process.memoryUsage().rss)} resident`,
    );
    return problems === 0 ? 0 : 1;
  }
}

export function count(n: number): string {
  return n.toLocaleString("en");
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}
