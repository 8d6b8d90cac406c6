/**
 * The 60 torrents of ../shared/reference/torrents: outcome and facts as expected.json has them, and
 * files, trackers and seeds as another client read them (files_oracle.json, an older version of it,
 * so expected.json wins where the two differ). Each deliberate difference is listed with its reason.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { type Metainfo, parseTorrent } from "../../src/metainfo/metainfo.ts";
import { toHex } from "../../src/util/bytes.ts";
import { TorrentFileError } from "../../src/util/errors.ts";
import { readReference, readReferenceJson, skip } from "./reference.ts";

interface Expected {
  file: string;
  kind?: "malformed" | "policy-limit";
  expect: "ok" | "error";
  name: string;
  infohash_v1: string;
  infohash_v2?: string;
  num_files: number;
  num_pieces: number;
  piece_length: number;
  total_size: number;
  // deno-lint-ignore no-explicit-any
  assert?: any;
}

interface OracleFile {
  path: string;
  size: number;
  offset: number;
  pad?: boolean;
  symlink?: string;
}

/** Loads there, refused here. */
const REFUSED_HERE: Record<string, string> = {
  "v2_multiple_files.torrent": "v2-only: refused by name until v2 is built",
  "v2_no_piece_layers.torrent": "v2-only: refused by name until v2 is built",
  "v2_symlinks.torrent": "v2-only: refused by name until v2 is built",
};

/** Refused there, loads here. */
const LOADED_HERE: Record<string, string> = {
  "duplicate_files2.torrent":
    "118 files of one name: renaming costs us the same per file, so there is no limit to it",
};

/** Paths in which expected.json (a newer version) differs from the oracle. */
const NEWER_PATHS: Record<string, string[]> = {
  "backslash_path.torrent": ["temp/_/_/bar"],
  "parent_path.torrent": ["temp/_/_/bar"],
  "symlink_filtered_path.torrent": ["temp/a/_/bar", "temp/a/_/foo"],
};

/** The code that a refusal must carry, by the other client's name of the error. */
const CODES: Record<string, string[]> = {
  torrent_invalid_length: ["bad-length", "empty"],
  torrent_missing_name: ["missing-name"],
  torrent_invalid_name: ["bad-path"],
  torrent_missing_pieces: ["bad-pieces"],
  torrent_invalid_hashes: ["bad-pieces"],
  torrent_missing_piece_length: ["bad-piece-length"],
  too_many_pieces_in_torrent: ["too-many-pieces"],
  torrent_is_no_dict: ["not-a-torrent"],
  invalid_bencoding: ["bad-bencode"],
  // The padding is too long by itself, so the pieces do not fit either and that shows first.
  torrent_inconsistent_files: ["v2-mismatch", "bad-pieces"],
  torrent_file_parse_failed: ["v2-mismatch"],
};

const all = (): Expected[] => readReferenceJson("torrents/expected.json");

function parse(file: string): Metainfo {
  const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());
  return parseTorrent(readReference(`torrents/${file}`), sha1);
}

function refusal(file: string): TorrentFileError | null {
  try {
    parse(file);
    return null;
  } catch (error) {
    assert.ok(error instanceof TorrentFileError, `${file}: ${error}`);
    return error;
  }
}

function loadable(): Expected[] {
  return all().filter(({ file, expect }) => expect === "ok" && !(file in REFUSED_HERE));
}

// What others make of a name is what our safe one is compared with: they have no other.
const paths = (meta: Metainfo) => meta.files.map((file) => file.safePath.join("/"));
const safeName = (meta: Metainfo) => meta.files.find(({ pad }) => !pad)!.safePath[0];

describe("parseTorrent against expected.json", { skip }, () => {
  it("loads and refuses the same torrents, but for the listed ones", { skip }, () => {
    assert.equal(all().length, 60);
    for (const { file, expect } of all()) {
      const loads = refusal(file) === null;
      const wanted = file in LOADED_HERE || (expect === "ok" && !(file in REFUSED_HERE));
      assert.equal(loads, wanted, file);
    }
  });

  it("says why it refuses", { skip }, () => {
    let checked = 0;
    for (const { file, expect, error } of all() as (Expected & { error: string })[]) {
      if (expect === "ok" || file in LOADED_HERE) continue;
      const code = refusal(file)!.code;
      if (code === "v2-only") continue;
      assert.ok(CODES[error]?.includes(code), `${file}: ${error} -> ${code}`);
      checked++;
    }
    assert.ok(checked >= 15, `${checked} refusals`);
  });

  it("refuses every v2-only torrent by name", { skip }, () => {
    const only = all().filter(({ file }) => refusal(file)?.code === "v2-only");
    assert.ok(only.length >= 10, `${only.length} v2-only torrents`);
    assert.ok(only.every(({ file }) => file.startsWith("v2_")));
    for (const file of Object.keys(REFUSED_HERE)) {
      assert.match(refusal(file)!.message, /BitTorrent v2 only/);
    }
  });

  it("finds the same name, info-hash, pieces and sizes", { skip }, () => {
    assert.ok(loadable().length >= 30);
    for (const expected of loadable()) {
      const meta = parse(expected.file);
      const found = {
        name: safeName(meta),
        infohash_v1: toHex(meta.infoHash),
        num_files: meta.files.length,
        num_pieces: meta.layout.pieceCount,
        piece_length: meta.pieceLength,
        total_size: meta.layout.totalLength,
        hybrid: meta.hybrid,
      };
      const { name, infohash_v1, num_files, num_pieces, piece_length, total_size } = expected;
      const hybrid = expected.infohash_v2 !== undefined;
      assert.deepEqual(
        found,
        { name, infohash_v1, num_files, num_pieces, piece_length, total_size, hybrid },
        expected.file,
      );
      assert.equal(meta.pieceHashes.length, 20 * meta.layout.pieceCount);
    }
  });

  it("has no own path that leads out of the folder", { skip }, () => {
    for (const { file } of loadable()) {
      for (const { path } of parse(file).files) {
        for (const element of path) {
          assert.doesNotMatch(element, /[\0/]|^\.{0,2}$/, `${file}: ${JSON.stringify(path)}`);
        }
      }
    }
  });

  it("keeps what its tests assert: paths, pads, URLs, dates", { skip }, () => {
    let checked = 0;
    for (const { file, assert: facts } of loadable()) {
      if (!facts) continue;
      const meta = parse(file);
      for (const [i, path] of Object.entries(facts.paths ?? {})) {
        assert.equal(paths(meta)[Number(i)], path, file);
      }
      for (const [i, pad] of Object.entries(facts.pad ?? {})) {
        assert.equal(meta.files[Number(i)]!.pad, pad, file);
      }
      if (facts.url_seeds) assert.deepEqual(meta.webSeeds, facts.url_seeds, file);
      if (facts.trackers0) assert.equal(meta.announce[0]?.[0], facts.trackers0, file);
      if (facts.creation_date) assert.equal(meta.creationDate, facts.creation_date, file);
      if (facts.piece_length) assert.equal(meta.pieceLength, facts.piece_length, file);
      if (facts.min_num_files) assert.ok(meta.files.length >= facts.min_num_files, file);
      // Symlinks are never made, so their targets are not worked out: no file, and a warning.
      for (const i of Object.keys(facts.symlinks ?? {})) {
        assert.partialDeepStrictEqual(meta.files[Number(i)], { length: 0, pad: true }, file);
        assert.ok(meta.warnings.some((warning) => warning.includes("symbolic link")), file);
      }
      checked++;
    }
    assert.ok(checked >= 18, `${checked} torrents with facts`);
  });
});

describe("parseTorrent against files_oracle.json", { skip }, () => {
  // deno-lint-ignore no-explicit-any
  const oracle = (): Record<string, any> =>
    readReferenceJson("torrents/files_oracle.json").torrents;
  const known = () => [...loadable().map(({ file }) => file), ...Object.keys(LOADED_HERE)];

  it("finds the same files at the same places", { skip }, () => {
    for (const file of known()) {
      const meta = parse(file), wanted: OracleFile[] = oracle()[file].files;
      assert.equal(meta.files.length, wanted.length, file);
      wanted.forEach((entry, i) => {
        const path = NEWER_PATHS[file]?.[i] ?? entry.path;
        // The oracle gives padding the customary name; ours keeps the one it has, as none is made.
        if (!entry.pad || meta.files[i]!.safePath.includes(".pad")) {
          assert.equal(paths(meta)[i], path, file);
        }
        assert.equal(meta.files[i]!.length, entry.size, file);
        assert.equal(meta.files[i]!.pad, Boolean(entry.pad || entry.symlink), `${file} ${path}`);
        assert.equal(meta.layout.fileStart(i), entry.offset, file);
      });
    }
  });

  it("finds the same trackers, web seeds, comment, creator, date and privacy", { skip }, () => {
    for (const file of known()) {
      const meta = parse(file), wanted = oracle()[file];
      assert.deepEqual(meta.announce.flat(), wanted.trackers, file);
      const tiers = meta.announce.flatMap((tier, i) => tier.map(() => i));
      assert.deepEqual(tiers, wanted.tracker_tiers, file);
      assert.deepEqual(meta.webSeeds, wanted.url_seeds, file);
      assert.equal(meta.comment ?? "", wanted.comment, file);
      assert.equal(meta.createdBy ?? "", wanted.creator, file);
      assert.equal(meta.creationDate ?? 0, wanted.creation_date, file);
      assert.equal(meta.private, wanted.private, file);
    }
  });
});
