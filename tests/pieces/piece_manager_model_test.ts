import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { PieceWalk, Tally } from "../harness/piece_walk.ts";

const WALKS = 150;
const STEPS = 250;

describe("PieceManager over random lives", () => {
  it(
    "keeps its counts, convicts the guilty and no innocent, and ends with the right content",
    { timeout: 60_000 },
    () => {
      const tally = new Tally();
      for (let seed = 0; seed < WALKS; seed++) {
        try {
          new PieceWalk(seed, tally).run(STEPS);
        } catch (error) {
          (error as Error).message += ` (seed ${seed})`;
          throw error;
        }
      }
      for (
        const what of [
          "all left",
          "all that is wanted",
          "chosen anew",
          "all snubbed",
          "two slow ones stayed",
          "beside another",
          "duplicates",
          "failures of one",
          "failures of several",
          "hashes lost",
          "late and of use",
          "left in mid-block",
          "lost on the disk",
          "spoilers found",
          "started over",
          "stored later",
          "writes failed",
        ]
      ) assert.ok(tally.of(what) >= 5, `${what} happened ${tally.of(what)} times`);
    },
  );
});
