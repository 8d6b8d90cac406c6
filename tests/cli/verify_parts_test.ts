/** `shoal verify --files` of a download of some files: what lies in the part file counts, and is read. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { runCli } from "../../src/cli/main.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import { encode } from "../../src/bencode/bencode_encode.ts";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import { HandlePool } from "../../src/storage/handle_pool.ts";
import { partFileName } from "../../src/storage/part_file.ts";
import { TorrentStorage } from "../../src/storage/torrent_storage.ts";
import { fakeWorld } from "./fakes.ts";
import { newFolder, removeFolders } from "./run_shoal.ts";
import { sha1 } from "../harness/torrent_samples.ts";

const platform = selectPlatform();
after(() => {
  platform.hasher.close();
  removeFolders();
});

const PIECE = 16384;
const LENGTHS = [2.5 * PIECE, PIECE / 4, 0, PIECE];

/** A film, its subtitle within one of the film's pieces, an empty file and another one. */
function makePartial(wanted: boolean[]) {
  const dir = newFolder(), torrent = join(dir, "film.torrent");
  const names = ["film.mkv", "film.srt", "empty.srt", "extra.bin"];
  const all = new Uint8Array(3.75 * PIECE).map((_, i) => (i * 7 + (i >> 8)) & 255);
  const pieces = [0, 1, 2, 3].map((piece) => all.slice(piece * PIECE, (piece + 1) * PIECE));
  const info = {
    files: names.map((name, i) => ({ length: LENGTHS[i]!, path: [name] })),
    name: "Film",
    "piece length": PIECE,
    pieces: new Uint8Array(Buffer.concat(pieces.map(sha1))),
  };
  writeFileSync(torrent, encode({ info }));
  const meta = parseTorrent(encode({ info }), sha1), { infoHash, layout } = meta;
  const pool = new HandlePool(platform.files);
  const storage = new TorrentStorage(platform.files, pool, dir, meta.files, layout, {
    infoHash,
    wanted,
  });
  storage.files.prepare();
  pieces.forEach((bytes, piece) => {
    const isWanted = layout.slices(piece).some(({ file }) => wanted[file]);
    if (isWanted) storage.data.writePiece(piece, bytes);
  });
  storage.close();
  pool.close();
  return {
    ...{ dir, torrent, parts: join(dir, partFileName(infoHash)) },
    file: (name: string) => join(dir, "Film", name),
  };
}

async function verify(torrent: string, dir: string, ...more: string[]) {
  const world = fakeWorld(["verify", torrent, dir, ...more]);
  await runCli(world.platform, world.openClient);
  const { code, printed, errors } = world.process;
  return { code, printed, errors };
}

const SUBTITLES = [false, true, true, false];

describe("shoal verify --files with a part file", () => {
  it("checks the piece that the file shares with missing ones", async () => {
    const { torrent, dir, parts, file } = makePartial(SUBTITLES);
    assert.ok(existsSync(parts) && !existsSync(file("film.mkv")));
    const right = await verify(torrent, dir, "--files", "*.srt");
    assert.match(right.printed, /^Film: the one piece is right/);
    assert.deepEqual([right.code, right.errors], [0, ""]);
    writeFileSync(file("film.srt"), new Uint8Array(PIECE / 4));
    const wrong = await verify(torrent, dir, "--files", "*.srt");
    assert.equal(wrong.code, 1);
    assert.match(wrong.printed, /^damaged or incomplete: Film\/film\.srt\n/);
    const json = JSON.parse((await verify(torrent, dir, "--files", "*.srt", "--json")).printed);
    assert.deepEqual([json.checked, json.bad, json.unknown], [1, 1, 0]);
  });

  it("ends with 6 if nothing could be checked", async () => {
    const { torrent, dir, parts, file } = makePartial(SUBTITLES);
    rmSync(parts);
    writeFileSync(file("film.srt"), new Uint8Array(PIECE / 4));
    const run = await verify(torrent, dir, "--files", "film.srt");
    assert.deepEqual([run.code, run.errors], [6, ""]);
    assert.match(run.printed, /^Film: nothing could be checked\n1 piece cannot be checked: /);
    const json = JSON.parse((await verify(torrent, dir, "--files", "2", "--json")).printed);
    assert.deepEqual([json.checked, json.bad, json.unknown], [0, 0, 1]);
    assert.equal((await verify(torrent, dir, "--files", "2", "--quiet")).code, 6);
  });

  it("accepts an existing empty file, and reports a missing one", async () => {
    const { torrent, dir, file } = makePartial(SUBTITLES);
    assert.equal((await verify(torrent, dir, "--files", "empty.srt")).code, 0);
    rmSync(file("empty.srt"));
    assert.equal((await verify(torrent, dir, "--files", "empty.srt")).code, 1);
  });

  it("a file that is in the part file alone is missing", async () => {
    const { torrent, dir } = makePartial(SUBTITLES);
    const run = await verify(torrent, dir, "--files", "1");
    assert.equal(run.code, 1);
    assert.match(run.printed, /^missing: Film\/film\.mkv\n/);
  });

  it("writes nothing, also where the part file is junk", async () => {
    const { torrent, dir, parts } = makePartial(SUBTITLES);
    writeFileSync(parts, new Uint8Array(5000).fill(9));
    const run = await verify(torrent, dir, "--files", "film.srt");
    assert.deepEqual([run.code, run.errors], [6, ""]);
    assert.ok(existsSync(parts));
  });
});

describe("shoal verify --rename", () => {
  it("looks for the files under their recorded names", async () => {
    const { torrent, dir, file } = makePartial([true, true, true, true]);
    mkdirSync(file("subs"));
    renameSync(file("film.mkv"), file("the film.mkv"));
    renameSync(file("film.srt"), file("subs/en.srt"));
    assert.equal((await verify(torrent, dir)).code, 1);
    const names = ["--rename", "1=the film.mkv", "--rename=2=subs/en.srt"];
    const run = await verify(torrent, dir, ...names);
    assert.deepEqual([run.code, run.errors], [0, ""]);
  });

  const wrong: [string, string[], RegExp][] = [
    ["no number", ["name"], /is not of the form INDEX=NAME/],
    ["no name", ["1="], /is not of the form INDEX=NAME/],
    ["a file that is not there", ["5=x"], /there is no file 5; the torrent has 4/],
    ["a path that leads elsewhere", ["1=../x"], /"Film\/\.\.\/x" cannot be the path of a file/],
    ["two files of one name", ["1=x", "2=x"], /two files would have the name "Film\/x"/],
    ["the name of another file", ["1=film.srt"], /two files would have the name/],
    ["a file and a folder", ["1=film.srt/x"], /would be a file and a folder/],
  ];
  for (const [what, names, message] of wrong) {
    it(`refuses ${what}`, async () => {
      const { torrent, dir } = makePartial([true, true, true, true]);
      const run = await verify(torrent, dir, ...names.flatMap((name) => ["--rename", name]));
      assert.equal(run.code, 2);
      assert.match(run.errors, message);
    });
  }
});
