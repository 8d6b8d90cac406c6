import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { eitherSpec, fileSpec, selectionBy } from "../../src/cli/file_flags.ts";
import { UsageError } from "../../src/cli/errors.ts";
import type { Metainfo } from "../../src/metainfo/metainfo.ts";

const MIB = 1024 * 1024;
const meta = {
  files: [
    { path: ["show", "1.mkv"], length: 700 * MIB, pad: false },
    { path: [".pad", "1"], length: 100, pad: true },
    { path: ["show", "1.srt"], length: 20_000, pad: false },
    { path: ["show", "extras", "Cut.MKV"], length: 50 * MIB, pad: false },
    { path: ["read me (really).txt"], length: 100, pad: false },
    { path: ["Crosby, Stills, Nash.mp3"], length: 3 * MIB, pad: false },
  ],
} as unknown as Metainfo;

function meant(text: string): number[] {
  const select = selectionBy({ only: fileSpec(text), first: null, endsFirst: false });
  return [...select!(meta).priorities!.keys()];
}

describe("fileSpec", () => {
  it("counts the files as shoal show does, without pads", () => {
    assert.deepEqual(meant("1"), [0]);
    assert.deepEqual(meant("2-3"), [2, 3]);
    assert.deepEqual(meant("1, 4"), [0, 4]);
    assert.deepEqual(meant("3-"), [3, 4, 5]);
  });

  it("takes commas in names: escaped, or as one whole name", () => {
    assert.deepEqual(meant("Crosby, Stills, Nash.mp3"), [5]);
    assert.deepEqual(meant("Crosby\\, *,1"), [0, 5]);
    assert.throws(() => meant("Crosby,*.avi"), UsageError);
  });

  it("means all that either of two flags names", () => {
    const both = eitherSpec(eitherSpec(null, fileSpec("1")), fileSpec("*.txt"));
    const select = selectionBy({ only: both, first: null, endsFirst: false });
    assert.deepEqual([...select!(meta).priorities!.keys()], [0, 4]);
  });

  it("takes patterns of names and of paths, in either case", () => {
    assert.deepEqual(meant("*.mkv"), [0, 3]);
    assert.deepEqual(meant("show/*.mkv"), [0]);
    assert.deepEqual(meant("show/**"), [0, 2, 3]);
    assert.deepEqual(meant("?.srt"), [2]);
    assert.deepEqual(meant("read me (really).txt"), [4]);
  });

  it("takes sizes", () => {
    assert.deepEqual(meant(">100M"), [0]);
    assert.deepEqual(meant("<1k"), [4]);
    assert.deepEqual(meant("<1k,>100M"), [0, 4]);
  });

  it("refuses invalid text", () => {
    for (const text of ["", " , ", "0", "3-2", ">", "<x"]) {
      assert.throws(() => fileSpec(text), UsageError, text);
    }
    assert.throws(() => meant("9"), /matches none of the torrent's 5 files; shoal show lists them/);
    assert.throws(() => meant("*.avi"), UsageError);
  });
});

describe("selectionBy", () => {
  it("selects only the named files, and some of those first", () => {
    const only = fileSpec("1-3"), first = fileSpec("*.srt,*.txt");
    const { priorities, others } = selectionBy({ only, first, endsFirst: false })!(meta);
    assert.deepEqual([...priorities!], [[0, 4], [2, 7], [3, 4]]);
    assert.equal(others, 0);
  });

  it("keeps the other files if only an order is requested", () => {
    const first = fileSpec("4");
    const selection = selectionBy({ only: null, first, endsFirst: true })!(meta);
    assert.deepEqual([...selection.priorities!], [[4, 7]]);
    assert.equal("others" in selection, false);
    assert.equal(selection.endsFirst, true);
  });

  it("is nothing without a wish", () => {
    assert.equal(selectionBy({ only: null, first: null, endsFirst: false }), undefined);
  });
});
