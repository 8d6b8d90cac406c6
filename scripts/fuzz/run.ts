/**
 * Feeds a target with damaged inputs. Inputs that bring out something new (another word, another
 * error) join the corpus, so that damage builds on damage. Everything follows from the seed.
 */
import { mutate } from "../../tests/protocol/mutate.ts";
import { ShoalError } from "../../src/util/errors.ts";
import { Prng } from "../../src/util/prng.ts";
import type { FuzzTarget } from "./targets.ts";

/** An input that takes longer each of three times hangs somebody's client. */
const SLOW_MS = 500;
const MAX_INPUT = 256 * 1024;
const MAX_CORPUS = 400;

export interface Finding {
  target: string;
  /** Hexadecimal. */
  input: string;
  what: string;
}

export interface FuzzResult {
  target: string;
  inputs: number;
  seconds: number;
  /** Different outcomes seen. */
  outcomes: number;
  slowestMs: number;
  findings: Finding[];
}

export class Fuzzer {
  readonly #target: FuzzTarget;
  readonly #dice: Prng;
  readonly #corpus: Uint8Array[];
  readonly #outcomes = new Set<string>();
  readonly #found = new Set<string>();
  readonly result: FuzzResult;

  constructor(target: FuzzTarget, seed: string, kept: readonly Uint8Array[] = []) {
    this.#target = target;
    this.#dice = new Prng(`${seed}/${target.name}`);
    this.#corpus = [...target.seeds, ...kept];
    const { name } = target;
    this.result = { target: name, inputs: 0, seconds: 0, outcomes: 0, slowestMs: 0, findings: [] };
  }

  /** Inputs that brought out something new, the given ones not among them. */
  get discoveries(): readonly Uint8Array[] {
    return this.#corpus.slice(this.#target.seeds.length);
  }

  run(inputs: number): void {
    const startedAt = performance.now();
    for (let i = 0; i < inputs; i++) this.#once();
    this.result.inputs += inputs;
    this.result.seconds += (performance.now() - startedAt) / 1000;
    this.result.outcomes = this.#outcomes.size;
  }

  #once(): void {
    const dice = this.#dice;
    let input = mutate(dice.pick(this.#corpus), dice);
    if (dice.chance(0.1)) input = splice(input, dice.pick(this.#corpus), dice);
    if (input.length > MAX_INPUT) input = input.subarray(0, MAX_INPUT);
    const { outcome, finding, ms } = tryInput(this.#target, input);
    if (ms > this.result.slowestMs) this.result.slowestMs = ms;
    if (finding !== null && !this.#found.has(finding)) {
      this.#found.add(finding);
      const small = shrink(this.#target, input, finding);
      this.result.findings.push({
        target: this.#target.name,
        input: Buffer.from(small).toString("hex"),
        what: finding,
      });
    }
    if (this.#outcomes.has(outcome) || this.#outcomes.size > 5000) return;
    this.#outcomes.add(outcome);
    if (this.#corpus.length < MAX_CORPUS) this.#corpus.push(input.slice());
  }
}

/** `finding`: what is wrong with how the target took it; null for nothing. */
export function tryInput(
  target: FuzzTarget,
  input: Uint8Array,
): { outcome: string; finding: string | null; ms: number } {
  let { outcome, finding, ms } = measured(target, input);
  for (let again = 0; again < 2 && ms > SLOW_MS; again++) {
    ms = Math.min(ms, measured(target, input).ms);
  }
  if (ms > SLOW_MS) finding ??= `it takes ${Math.round(ms)} ms`;
  return { outcome, finding, ms };
}

function measured(target: FuzzTarget, input: Uint8Array) {
  const startedAt = performance.now();
  let outcome: string, finding: string | null = null;
  try {
    outcome = target.run(input.slice());
  } catch (error) {
    const known = error instanceof ShoalError;
    outcome = known ? `${error.name} ${error.code}` : String(error);
    if (!known) finding = error instanceof Error ? `${error.name}: ${error.message}` : outcome;
  }
  return { outcome, finding, ms: performance.now() - startedAt };
}

/** The same finding with fewer bytes: pieces are cut out as long as it stays. */
function shrink(target: FuzzTarget, input: Uint8Array, finding: string): Uint8Array {
  let small = input;
  for (let step = small.length >> 1; step > 0; step >>= 1) {
    for (let at = 0; at + step <= small.length;) {
      const cut = new Uint8Array(small.length - step);
      cut.set(small.subarray(0, at));
      cut.set(small.subarray(at + step), at);
      if (measured(target, cut).finding === finding) small = cut;
      else at += step;
    }
  }
  return small;
}

function splice(a: Uint8Array, b: Uint8Array, dice: Prng): Uint8Array {
  const head = a.subarray(0, dice.below(a.length + 1)), tail = b.subarray(dice.below(b.length + 1));
  const both = new Uint8Array(head.length + tail.length);
  both.set(head);
  both.set(tail, head.length);
  return both;
}
