/** What a fuzz target is, and what targets share. */
import { createHash } from "node:crypto";
import { Prng } from "../../tests/harness/prng.ts";

/**
 * `run` may throw a ShoalError and nothing else; whatever it holds to be always true it checks with
 * `check`. It returns a short word on what came out, which tells new behaviour from old: a target
 * that counts says orders of magnitude (`about`), or every input would be new.
 */
export interface FuzzTarget {
  readonly name: string;
  /** Sound inputs, to begin with. */
  readonly seeds: readonly Uint8Array[];
  /** The input is a list of events, not of a real format. */
  readonly events?: boolean;
  /** Inputs are cut to so many bytes: of a list of events each costs time. */
  readonly maxBytes?: number;
  run(input: Uint8Array): string | Promise<string>;
}

export function target(
  name: string,
  seeds: readonly Uint8Array[],
  run: FuzzTarget["run"],
): FuzzTarget {
  return { name, seeds, run };
}

/** A target whose input is a list of events (EventReader). */
export function machine(
  name: string,
  run: FuzzTarget["run"],
  maxBytes = 600,
): FuzzTarget {
  const dice = new Prng(`events of ${name}`);
  const seeds = [20, 60, 150, 600].flatMap((length) =>
    Array.from({ length: 3 }, () => dice.fill(new Uint8Array(Math.min(length, maxBytes))))
  );
  return { name, seeds, events: true, maxBytes, run };
}

/** A bound or promise that must hold: broken, it is a finding. */
export function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`Broken bound: ${what}`);
}

/** How large, roughly: 0, 1, 2, 3 for 4 to 7, 4 for 8 to 15 ... */
export function about(count: number): number {
  return count <= 0 ? 0 : 1 + Math.floor(Math.log2(count));
}

export const sha1 = (bytes: Uint8Array) =>
  new Uint8Array(createHash("sha1").update(bytes).digest());
