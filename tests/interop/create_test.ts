/** The same files, the same choices: byte for byte the .torrent of mktorrent and of libtorrent. */

import assert from "node:assert/strict";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "../../scripts/lib/run.ts";
import { type CreateOptions, createTorrent } from "../../src/client/create_torrent.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import { needs, python } from "./needs.ts";
import { Scene } from "./scene.ts";

const KIB = 1024;
const platform = selectPlatform();
const scene = new Scene();
after(async () => {
  platform.hasher.close();
  await scene.close();
});

/** [path, bytes]: what sorts differently by whole paths, by names and by UTF-16, and odd sizes. */
const TREE: [string, number][] = [
  ["a b", 2],
  ["a-b/c", 70_000],
  ["a.txt", 32 * KIB],
  ["a/b", 33_333],
  ["a/.hidden", 4],
  ["a/c/d/e", 200_001],
  ["a/empty", 0],
  [".config/x", 9],
  ["Thumbs.db", 1],
  ["10", 64 * KIB],
  ["9", 0],
  ["é.bin", 11],
  ["e\u0301z", 12],
  ["z\uff5e", 7],
  ["z\u{1f600}", 100_000],
  ["日本/語.txt", 16 * KIB + 1],
];

/** Writes the files into a new folder and gives the path of "top" or, for one file, of that. */
function makeSource(tree: readonly [string, number][]): string {
  const folder = scene.folder();
  for (const [path, size] of tree) {
    const full = join(folder, path);
    mkdirSync(dirname(full), { recursive: true });
    const bytes = new Uint8Array(size).map((_, i) => (i * 131 + (i >> 7) * 17 + size) & 255);
    writeFileSync(full, bytes);
  }
  return join(folder, tree[0]![0].split("/")[0]!);
}

const inTop = (tree: readonly [string, number][]): [string, number][] =>
  tree.map(([path, size]) => [`top/${path}`, size]);

interface Case {
  title: string;
  tree: [string, number][];
  options?: CreateOptions;
}

const CASES: Case[] = [
  { title: "a single file", tree: [["single file.bin", 300_001]] },
  { title: "a single file of whole pieces", tree: [["whole", 256 * KIB]] },
  { title: "a single byte", tree: [["one", 1]] },
  { title: "a folder of one file", tree: [["top/only", 50_000]] },
  { title: "nested folders with odd names and sizes", tree: inTop(TREE) },
  {
    title: "all that can be said about it",
    tree: inTop(TREE.slice(0, 5)),
    options: {
      announce: [["http://a.example/announce", "udp://b.example:80"], ["https://c.example/x?y=1"]],
      webSeeds: ["http://w.example/1/", "http://w.example/2/"],
      private: true,
      comment: "Grüße",
    },
  },
  {
    title: "one tracker, one web seed",
    tree: [["x", 20_000]],
    options: { announce: [["http://a.example/announce"]], webSeeds: ["http://w.example/x"] },
  },
];

async function make(source: string, options: CreateOptions) {
  return await createTorrent(platform, source, { creationDate: null, ...options });
}

/** mktorrent's .torrent of `source`; it wants a tracker. */
async function byMktorrent(source: string, options: CreateOptions & { pieceLength: number }) {
  const out = join(scene.folder(), "made.torrent");
  const args = ["-d", "-o", out, "-l", String(Math.log2(options.pieceLength))];
  for (const tier of options.announce ?? []) args.push("-a", tier.join(","));
  for (const url of options.webSeeds ?? []) args.push("-w", url);
  if (options.private) args.push("-p");
  if (options.comment !== undefined) args.push("-c", options.comment);
  if (options.source !== undefined) args.push("-s", options.source);
  if (options.name !== undefined) args.push("-n", options.name);
  const result = await run("mktorrent", [...args, source], { timeoutMs: 30_000 });
  assert.equal(result.code, 0, result.stdout + result.stderr);
  const bytes = readFileSync(out);
  const { createdBy } = parseTorrent(bytes, (part) => platform.hasher.digest("sha1", part));
  assert.match(createdBy ?? "", /^mktorrent /);
  return { bytes, createdBy };
}

async function byLibtorrent(path: string, options: CreateOptions & { pieceLength: number }) {
  const out = join(scene.folder(), "made.torrent");
  const { meta } = await make(path, options);
  const files = meta.files.map(({ path, length }) => [path.join("/"), length]);
  const { pad = false, announce, webSeeds, comment, pieceLength } = options;
  const wanted = { path, out, files, pad, announce, webSeeds, comment, pieceLength };
  const script = fileURLToPath(new URL("peers/lt_create.py", import.meta.url));
  const args = ["-B", script, JSON.stringify({ ...wanted, private: options.private })];
  const result = await run(python, args, { timeoutMs: 30_000 });
  assert.equal(result.code, 0, result.stderr);
  return readFileSync(out);
}

describe("createTorrent and mktorrent", { skip: needs("mktorrent") }, () => {
  const tracker = { announce: [["http://t.example/announce"]] };
  for (const { title, tree, options } of CASES) {
    for (const pieceLength of [32 * KIB, 256 * KIB]) {
      it(`agree on ${title}, pieces of ${pieceLength / KIB} KiB`, { timeout: 60_000 }, async () => {
        const source = makeSource(tree);
        const choices = { ...tracker, ...options, pieceLength };
        const { bytes, createdBy } = await byMktorrent(source, choices);
        const ours = await make(source, { ...choices, createdBy });
        assert.equal(Buffer.compare(ours.bytes, bytes), 0);
      });
    }
  }

  it("agree on --source and --name", { timeout: 60_000 }, async () => {
    const source = makeSource(inTop(TREE));
    const choices = { ...tracker, source: "SITE", name: "Other", pieceLength: 32 * KIB };
    const { bytes, createdBy } = await byMktorrent(source, choices);
    const ours = await make(source, { ...choices, createdBy });
    assert.equal(Buffer.compare(ours.bytes, bytes), 0);
  });

  it("disagree on symbolic links, which only mktorrent follows", { timeout: 60_000 }, async () => {
    const source = makeSource(inTop(TREE.slice(0, 4)));
    const choices = { ...tracker, pieceLength: 32 * KIB };
    const plain = await make(source, choices);
    symlinkSync("a.txt", join(source, "link"));
    const { bytes } = await byMktorrent(source, choices);
    assert.ok(bytes.includes("4:link"));
    const ours = await make(source, choices);
    assert.deepEqual(ours.meta.infoHash, plain.meta.infoHash);
    assert.equal(ours.warnings.length, 1);
  });
});

describe("createTorrent and libtorrent", { skip: needs("libtorrent") }, () => {
  for (const { title, tree, options } of CASES) {
    for (const pad of [false, true]) {
      const how = pad ? "with padding" : "without padding";
      it(`agree on ${title}, ${how}`, { timeout: 60_000 }, async () => {
        const source = makeSource(tree);
        const choices = { ...options, pad, createdBy: null, pieceLength: 16 * KIB };
        const theirs = await byLibtorrent(source, choices);
        const ours = await make(source, choices);
        assert.equal(Buffer.compare(ours.bytes, theirs), 0);
        const padded = ours.meta.files.some((file) => file.pad);
        assert.equal(padded, pad && tree.length > 1);
      });
    }
  }
});
