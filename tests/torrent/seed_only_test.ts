import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { FileStat } from "../../src/platform/types.ts";
import { Layout } from "../../src/metainfo/layout.ts";
import type { Metainfo } from "../../src/metainfo/metainfo.ts";
import { demandFiles, demandReturn, wrongPieces } from "../../src/torrent/seed_only.ts";
import { FileError, IncompleteError } from "../../src/util/errors.ts";

const FILES = [
  { path: ["top", "a"], length: 10, pad: false },
  { path: ["top", ".pad", "6"], length: 6, pad: true },
  { path: ["top", "b"], length: 20, pad: false },
  { path: ["top", "empty"], length: 0, pad: false },
];
const META = { name: "top", files: FILES, layout: new Layout(16, FILES) } as unknown as Metainfo;

/** Sizes by the index of the file; null where there is none. */
function sizes(...found: (number | null)[]) {
  return (file: number): FileStat | null => {
    assert.notEqual(file, 1, "nobody looks for padding");
    const size = found[file];
    return size == null ? null : { size } as FileStat;
  };
}

function incomplete(message: RegExp) {
  return (error: unknown) => error instanceof IncompleteError && message.test(error.message);
}

describe("demandFiles", () => {
  it("is content with files that are long enough", () => {
    demandFiles(META, sizes(10, null, 21, 0));
  });

  it("names the first that is missing or too short, and counts the others", () => {
    const cases: [(number | null)[], RegExp][] = [
      [[10, null, null, 0], /^top\/b is missing$/],
      [[10, null, 20, null], /^top\/empty is missing$/],
      [[9, null, 20, 0], /^top\/a is too short$/],
      [[9, null, null, 0], /^top\/b is missing, and so is 1 other$/],
      [[9, null, 19, 0], /^top\/a is too short, and so is 1 other$/],
      [[9, null, null, null], /^top\/b is missing, and so are 2 others$/],
    ];
    for (const [found, message] of cases) {
      assert.throws(() => demandFiles(META, sizes(...found)), incomplete(message));
    }
  });

  it("sees a wrong folder where nothing is", () => {
    const nothing = sizes(null, null, null, null);
    assert.throws(() => demandFiles(META, nothing), incomplete(/must contain "top"$/));
  });

  it("names the target of a symbolic link, and the flag to read it", () => {
    const linked = (file: number) => {
      if (file !== 3) throw new FileError("symlink", "/d", "a link");
      return { size: 0 };
    };
    const message = /^top\/a is behind a symbolic link .*--follow-links.*, and so is 1 other$/;
    assert.throws(() => demandFiles(META, linked), incomplete(message));
  });

  it("passes other errors through", () => {
    const error = new FileError("io", "/x", "a disk in trouble");
    const broken = () => {
      throw error;
    };
    assert.throws(() => demandFiles(META, broken), error);
  });
});

describe("demandReturn", () => {
  it("is content when everything is back", () => {
    demandReturn(META, sizes(10, null, 21, 0), "/d");
  });

  it("reports temporary causes as a FileError: folder missing, a file missing, a file too short", () => {
    const cases: [(number | null)[], string, RegExp][] = [
      [
        [null, null, null, null],
        "not-found",
        /^top\/a is missing, and so are 2 others in \/d: restore/,
      ],
      [[9, null, null, 0], "not-found", /^top\/b is missing, and so is 1 other in \/d: restore/],
      [[9, null, 20, 0], "changed", /^top\/a is too short in \/d: restore the files/],
    ];
    for (const [found, code, message] of cases) {
      assert.throws(() => demandReturn(META, sizes(...found), "/d"), (error) => {
        return error instanceof FileError && error.code === code && error.path === "/d" &&
          message.test(error.message);
      });
    }
  });
});

describe("wrongPieces", () => {
  it("is content with all of them", () => {
    assert.equal(wrongPieces(META, () => true), null);
  });

  it("counts wrong pieces and names the first one's file, never padding", () => {
    assert.equal(META.layout.pieceCount, 3);
    const first = wrongPieces(META, (piece) => piece === 0);
    assert.ok(incomplete(/^2 of 3 pieces are wrong, first in top\/b$/)(first));
    const others = wrongPieces(META, (piece) => piece > 0);
    assert.ok(incomplete(/^1 of 3 pieces is wrong, first in top\/a$/)(others));
  });
});
