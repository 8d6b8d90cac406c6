/** Torrents of every shape, seeded by libtorrent, which thus also says that they are valid. */

import { after, describe, it } from "node:test";
import assert from "node:assert/strict";
import { firstDifference } from "../../scripts/lib/compare_files.ts";
import type { TorrentSpec } from "../../scripts/lib/make_torrent.ts";
import { needs } from "./needs.ts";
import { Scene } from "./scene.ts";
import { seedWithLibtorrent } from "./seeders.ts";
import { runShoal, told } from "./shoal.ts";

const scene = new Scene();
after(() => scene.close());

const kibibyte = 1024;
const mebibyte = 1024 * 1024;

const shapes: { about: string; spec: TorrentSpec }[] = [
  {
    about: "nested, empty and tiny files",
    spec: {
      name: "mixed",
      pieceLength: 16 * kibibyte,
      files: [
        { path: "first empty", size: 0 },
        { path: "one byte", size: 1 },
        { path: "a/b/c/d/e/f/deep.bin", size: 100_003 },
        { path: "a/b/empty in between", size: 0 },
        { path: "a/name with ünïcödé ☃.bin", size: 16 * kibibyte },
        ...Array.from({ length: 60 }, (_, i) => ({ path: `tiny/${i}.txt`, size: i * 7 })),
        { path: "last empty", size: 0 },
      ],
    },
  },
  {
    about: "a piece length that is no power of two and no multiple of a block",
    spec: {
      name: "odd.bin",
      pieceLength: 3 * 16 * kibibyte + 1000,
      files: [{ path: "odd.bin", size: 5 * mebibyte + 321 }],
    },
  },
  {
    about: "a piece length smaller than a block",
    spec: {
      name: "small pieces",
      pieceLength: 4 * kibibyte,
      files: [{ path: "x.bin", size: 300 * kibibyte + 5 }, { path: "y.bin", size: 9 }],
    },
  },
  {
    about: "a single byte",
    spec: { name: "byte", pieceLength: 32 * kibibyte, files: [{ path: "byte", size: 1 }] },
  },
  {
    about: "one piece larger than the torrent",
    spec: {
      name: "one piece.bin",
      pieceLength: 16 * mebibyte,
      files: [{ path: "one piece.bin", size: 3 * mebibyte + 1 }],
    },
  },
  {
    about: "a file of 300 MiB between two small ones",
    spec: {
      name: "large",
      pieceLength: mebibyte,
      files: [
        { path: "before.txt", size: 1234 },
        { path: "huge.bin", size: 300 * mebibyte + 77 },
        { path: "behind.txt", size: 4321 },
      ],
    },
  },
];

describe("shoal download of torrents of every shape", () => {
  for (const { about, spec } of shapes) {
    it(`downloads ${about}`, { skip: needs("libtorrent"), timeout: 60_000 }, async () => {
      const payload = scene.payload(spec, 64 * mebibyte);
      const seeder = await seedWithLibtorrent(scene, payload);
      const torrent = scene.torrentFile(payload);
      const dir = scene.folder();
      const args = ["download", torrent, "--dir", dir, "--quiet"];
      const run = await runShoal(scene, [...args, `--peer=${seeder.peers[0]}`]);
      assert.equal(run.code, 0, told(run));
      assert.equal(firstDifference(spec, payload.dir, dir), null);
      assert.equal(run.lines.join("\n"), "", "--quiet prints nothing but errors");
      assert.ok(await seeder.uploaded() >= payload.size, "the seeder gave it");
      await seeder.program.stop();
    });
  }
});
