/**
 * Feeds a target with damaged inputs. Inputs that bring out something new (another word, another
 * error, code that never ran) join the corpus, so that damage builds on damage. What is tried
 * follows from the seed, as far as the engine reports the same coverage.
 */
import process from "node:process";
import { ShoalError } from "../../src/util/errors.ts";
import { Prng } from "../../tests/harness/prng.ts";
import type { Coverage, Seen } from "./coverage.ts";
import { damage, damageEvents } from "./mutation.ts";
import type { FuzzTarget } from "./target.ts";

/** An input that takes longer each of three times could hang a client. */
const SLOW_MS = 500;
const MAX_INPUT = 256 * 1024;
const MAX_CORPUS = 400;
const NEWEST = 20;
/** Coverage is taken for as many inputs as fit into this, or into so many times what it costs. */
const BATCH_MS = 60, BATCH_COSTS = 10;
const MAX_BATCH = 2000;
/** As many batches' time may go into telling the inputs of one apart. */
const APART_BATCHES = 3;
/** Shrinking tries no more inputs than this. */
const MAX_SHRINKS = 3000;

export interface Finding {
  target: string;
  input: Uint8Array;
  what: string;
}

export interface FuzzResult {
  target: string;
  inputs: number;
  seconds: number;
  /** Different outcomes seen. */
  outcomes: number;
  /** Inputs that brought out something new. */
  kept: number;
  slowestMs: number;
  findings: Finding[];
}

export interface Turn {
  inputs: number;
  /** Ends after so long, whatever the number. */
  ms?: number;
  coverage?: Coverage | null;
}

export class Fuzzer {
  /** Hears of each input before it is tried, and of null when that is done. */
  watch: (input: Uint8Array | null) => void = () => {};
  readonly result: FuzzResult;
  readonly #target: FuzzTarget;
  readonly #dice: Prng;
  readonly #corpus: Uint8Array[];
  readonly #given: number;
  readonly #outcomes = new Set<string>();
  readonly #found = new Set<string>();
  readonly #seen: Seen = new Map();
  #knowsCorpus = false;

  constructor(target: FuzzTarget, seed: string, kept: readonly Uint8Array[] = []) {
    this.#target = target;
    this.#dice = new Prng(`${seed}/${target.name}`);
    this.#corpus = [...target.seeds, ...kept];
    this.#given = this.#corpus.length;
    this.result = {
      target: target.name,
      inputs: 0,
      seconds: 0,
      outcomes: 0,
      kept: 0,
      slowestMs: 0,
      findings: [],
    };
  }

  /** Inputs that brought out something new, those of earlier runs among them. */
  get discoveries(): readonly Uint8Array[] {
    return this.#corpus.slice(this.#target.seeds.length);
  }

  async run({ inputs, ms = Infinity, coverage = null }: Turn): Promise<void> {
    const startedAt = performance.now(), endsAt = startedAt + ms, before = this.result.inputs;
    if (coverage !== null) await this.#learnCorpus(coverage);
    const left = () => inputs - (this.result.inputs - before);
    while (left() > 0 && performance.now() < endsAt) {
      if (coverage === null) await this.#once(this.#next());
      else await this.#batch(coverage, Math.min(left(), MAX_BATCH));
    }
    this.result.seconds += (performance.now() - startedAt) / 1000;
    this.result.outcomes = this.#outcomes.size;
    this.result.kept = this.#corpus.length - this.#given;
  }

  async #learnCorpus(coverage: Coverage): Promise<void> {
    await coverage.forget();
    if (this.#knowsCorpus) return;
    this.#knowsCorpus = true;
    for (const input of this.#corpus) await this.#again(input);
    await coverage.isNew(this.#seen, true);
  }

  async #batch(coverage: Coverage, most: number): Promise<void> {
    const batchMs = Math.max(BATCH_MS, BATCH_COSTS * coverage.takeMs);
    const batch: Uint8Array[] = [], endsAt = performance.now() + batchMs;
    while (batch.length < most && performance.now() < endsAt) {
      const input = this.#next();
      batch.push(input);
      await this.#once(input);
    }
    if (!await coverage.isNew(this.#seen, false)) return;
    await this.#tellApart(coverage, batch, performance.now() + APART_BATCHES * batchMs);
  }

  /** Which of them ran what was new: halves, and halves of halves while there is time. */
  async #tellApart(coverage: Coverage, inputs: readonly Uint8Array[], endsAt: number) {
    for (const input of inputs) await this.#again(input);
    const last = inputs.length === 1 || performance.now() > endsAt;
    if (!await coverage.isNew(this.#seen, last)) return;
    if (last) return this.#keep(this.#dice.pick(inputs));
    const middle = inputs.length >> 1;
    await this.#tellApart(coverage, inputs.slice(0, middle), endsAt);
    await this.#tellApart(coverage, inputs.slice(middle), endsAt);
  }

  async #again(input: Uint8Array): Promise<void> {
    this.watch(input);
    await measured(this.#target, input);
    this.watch(null);
  }

  #next(): Uint8Array {
    const dice = this.#dice, { events = false, maxBytes = MAX_INPUT } = this.#target;
    const first = dice.chance(0.3) ? Math.max(0, this.#corpus.length - NEWEST) : 0;
    const input = this.#corpus[first + dice.below(this.#corpus.length - first)]!;
    const change = events ? damageEvents : damage;
    return change(input, dice.pick(this.#corpus), dice).slice(0, maxBytes);
  }

  async #once(input: Uint8Array): Promise<void> {
    this.watch(input);
    const { outcome, finding, ms } = await tryInput(this.#target, input);
    this.watch(null);
    this.result.inputs++;
    if (ms > this.result.slowestMs) this.result.slowestMs = ms;
    if (finding !== null) await this.#note(input, finding);
    if (this.#outcomes.has(outcome) || this.#outcomes.size > 5000) return;
    this.#outcomes.add(outcome);
    this.#keep(input);
  }

  async #note(input: Uint8Array, finding: string): Promise<void> {
    // One with other numbers in its message is the same.
    const kind = finding.replace(/\d+/g, "#");
    if (this.#found.has(kind)) return;
    this.#found.add(kind);
    const small = await shrink(this.#target, input, kind);
    this.result.findings.push({ target: this.#target.name, input: small, what: finding });
  }

  #keep(input: Uint8Array): void {
    if (this.#corpus.length < MAX_CORPUS) this.#corpus.push(input);
    else this.#corpus[this.#given + this.#dice.below(MAX_CORPUS - this.#given)] = input;
  }
}

/** `finding`: what is wrong with how the target took it; null for nothing. */
export async function tryInput(
  target: FuzzTarget,
  input: Uint8Array,
): Promise<{ outcome: string; finding: string | null; ms: number }> {
  let { outcome, finding, ms } = await measured(target, input);
  for (let again = 0; again < 2 && ms > SLOW_MS; again++) {
    const before = process.cpuUsage();
    await measured(target, input);
    // On a busy machine others' time passes as well; this is ours alone.
    const { user, system } = process.cpuUsage(before);
    ms = Math.min(ms, (user + system) / 1000);
  }
  if (ms > SLOW_MS) finding ??= `it takes ${Math.round(ms)} ms`;
  return { outcome, finding, ms };
}

async function measured(target: FuzzTarget, input: Uint8Array) {
  const startedAt = performance.now();
  let outcome: string, finding: string | null = null;
  try {
    const running = target.run(input.slice());
    outcome = typeof running === "string" ? running : await running;
  } catch (error) {
    const known = error instanceof ShoalError;
    outcome = known ? `${error.name} ${error.code}` : String(error);
    if (!known) finding = error instanceof Error ? `${error.name}: ${error.message}` : outcome;
  }
  return { outcome, finding, ms: performance.now() - startedAt };
}

/** A finding of the same kind with fewer bytes: pieces are cut out as long as it stays. */
async function shrink(target: FuzzTarget, input: Uint8Array, kind: string): Promise<Uint8Array> {
  let small = input, tries = 0;
  for (let step = small.length >> 1; step > 0; step >>= 1) {
    for (let at = 0; at + step <= small.length && tries < MAX_SHRINKS; tries++) {
      const cut = new Uint8Array(small.length - step);
      cut.set(small.subarray(0, at));
      cut.set(small.subarray(at + step), at);
      const { finding } = await measured(target, cut);
      if (finding?.replace(/\d+/g, "#") === kind) small = cut;
      else at += step;
    }
  }
  return small;
}
