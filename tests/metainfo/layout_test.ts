import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { BLOCK_LENGTH, type FileSlice, Layout } from "../../src/metainfo/layout.ts";
import { InvariantError } from "../../src/util/assert.ts";

function layoutOf(pieceLength: number, ...lengths: number[]): Layout {
  return new Layout(pieceLength, lengths.map((length) => ({ length, pad: false })));
}

const brief = (slices: FileSlice[]) =>
  slices.map(({ file, offset, begin, length }) => [file, offset, begin, length]);

describe("Layout: pieces and blocks", () => {
  it("only the last piece and its last block are short", () => {
    const layout = layoutOf(2 * BLOCK_LENGTH, 5 * BLOCK_LENGTH + 7);
    assert.equal(layout.totalLength, 5 * BLOCK_LENGTH + 7);
    assert.equal(layout.pieceCount, 3);
    assert.deepEqual([0, 1, 2].map((piece) => layout.lengthOf(piece)), [
      2 * BLOCK_LENGTH,
      2 * BLOCK_LENGTH,
      BLOCK_LENGTH + 7,
    ]);
    assert.deepEqual([0, 1, 2].map((piece) => layout.blocksIn(piece)), [2, 2, 2]);
    assert.deepEqual([0, 1].map((block) => layout.blockLength(2, block)), [BLOCK_LENGTH, 7]);
    assert.equal(layout.blockLength(1, 1), BLOCK_LENGTH);
  });

  it("a last piece of full length is whole", () => {
    const layout = layoutOf(100, 150, 50);
    assert.deepEqual([layout.pieceCount, layout.lengthOf(1)], [2, 100]);
    assert.deepEqual([layout.blocksIn(1), layout.blockLength(1, 0)], [1, 100]);
  });

  it("piece lengths that are no multiple of a block", () => {
    const layout = layoutOf(BLOCK_LENGTH + 1, 2 * BLOCK_LENGTH + 2);
    assert.deepEqual([layout.pieceCount, layout.blocksIn(0)], [2, 2]);
    assert.deepEqual([layout.blockLength(0, 0), layout.blockLength(0, 1)], [BLOCK_LENGTH, 1]);
  });

  it("pieces of one byte", () => {
    const layout = layoutOf(1, 3);
    assert.deepEqual([layout.pieceCount, layout.blocksIn(2), layout.blockLength(2, 0)], [3, 1, 1]);
  });

  it("a piece length of 0 is a bug of the caller", () => {
    assert.throws(() => layoutOf(0, 1), InvariantError);
  });
});

describe("Layout: files", () => {
  it("fileStart and piecesOf, also for empty files", () => {
    const layout = layoutOf(10, 0, 5, 0, 5, 20, 0, 1);
    assert.deepEqual([0, 1, 2, 3, 4, 5, 6].map((file) => layout.fileStart(file)), [
      0,
      0,
      5,
      5,
      10,
      30,
      30,
    ]);
    assert.equal(layout.piecesOf(0), null);
    assert.deepEqual(layout.piecesOf(1), { first: 0, last: 0 });
    assert.deepEqual(layout.piecesOf(3), { first: 0, last: 0 });
    assert.deepEqual(layout.piecesOf(4), { first: 1, last: 2 });
    assert.deepEqual(layout.piecesOf(6), { first: 3, last: 3 });
  });

  it("slices crosses file borders, skips empty files and returns the place of each part", () => {
    const layout = layoutOf(10, 0, 4, 0, 3, 20);
    assert.deepEqual(brief(layout.slices(0)), [[1, 0, 0, 4], [3, 0, 4, 3], [4, 0, 7, 3]]);
    assert.deepEqual(brief(layout.slices(1)), [[4, 3, 0, 10]]);
    assert.deepEqual(brief(layout.slices(2)), [[4, 13, 0, 7]]);
    assert.deepEqual(brief(layout.slices(0, 3, 5)), [[1, 3, 3, 1], [3, 0, 4, 3], [4, 0, 7, 1]]);
    assert.deepEqual(brief(layout.slices(0, 4)), [[3, 0, 4, 3], [4, 0, 7, 3]]);
    assert.deepEqual(brief(layout.slices(0, 4, 0)), []);
    assert.deepEqual(brief(layoutOf(10, 5, 0, 0).slices(0)), [[0, 0, 0, 5]]);
  });

  it("slices marks padding (BEP 47)", () => {
    const layout = new Layout(10, [
      { length: 4, pad: false },
      { length: 6, pad: true },
      { length: 3, pad: false },
    ]);
    assert.deepEqual(layout.slices(0).map(({ pad }) => pad), [false, true]);
    assert.deepEqual(layout.slices(1).map(({ file, pad }) => [file, pad]), [[2, false]]);
  });

  it("slices outside the torrent are a bug of the caller", () => {
    const layout = layoutOf(10, 15);
    assert.throws(() => layout.slices(1, 0, 6), InvariantError);
    assert.throws(() => layout.slices(2, 0, 1), InvariantError);
    assert.throws(() => layout.slices(0, -1, 1), InvariantError);
    assert.throws(() => layout.slices(0, 0, -1), InvariantError);
  });

  it("offsets beyond 2^32 and 2^48 stay exact", () => {
    const piece = 2 ** 24, big = 2 ** 50 + 3;
    const layout = layoutOf(piece, 2 ** 33 + 1, big);
    assert.equal(layout.fileStart(1), 2 ** 33 + 1);
    assert.equal(layout.pieceCount, 2 ** 9 + 2 ** 26 + 1);
    assert.equal(layout.lengthOf(layout.pieceCount - 1), 4);
    assert.deepEqual(layout.piecesOf(1), { first: 2 ** 9, last: layout.pieceCount - 1 });
    assert.deepEqual(brief(layout.slices(2 ** 9, 0, 3)), [[0, 2 ** 33, 0, 1], [1, 0, 1, 2]]);
    assert.deepEqual(brief(layout.slices(layout.pieceCount - 1)), [[1, big - 4, 0, 4]]);
  });

  it("all pieces' slices in a row are all files' bytes in a row", { timeout: 30_000 }, () => {
    const files = fc.array(fc.nat(40), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), files, (pieceLength, lengths) => {
        const layout = layoutOf(pieceLength, ...lengths);
        const wanted = lengths.flatMap((length, file) =>
          Array.from({ length }, (_, offset) => `${file}:${offset}`)
        );
        const found: string[] = [];
        for (let piece = 0; piece < layout.pieceCount; piece++) {
          let at = 0;
          for (const slice of layout.slices(piece)) {
            assert.equal(slice.begin, at);
            at += slice.length;
            for (let i = 0; i < slice.length; i++) found.push(`${slice.file}:${slice.offset + i}`);
          }
          assert.equal(at, layout.lengthOf(piece));
        }
        assert.deepEqual(found, wanted);
      }),
      { seed: 1, numRuns: 300 },
    );
  });
});
