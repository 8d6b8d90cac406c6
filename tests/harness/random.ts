/** The seam's Random over a seeded generator. */
import type { Random } from "../../src/platform/types.ts";
import { Prng } from "./prng.ts";

export class HandRandom implements Random {
  readonly dice: Prng;

  constructor(seed: number | string) {
    this.dice = new Prng(seed);
  }

  fill(bytes: Uint8Array): Uint8Array {
    return this.dice.fill(bytes);
  }

  uint32(): number {
    return this.dice.uint32();
  }
}
