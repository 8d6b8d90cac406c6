/**
 * Whatever valid UTF-8 a Linux disk can hold as a name: `create` followed by `verify` and `seed` finds
 * what it made a torrent of.
 */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import { Client } from "../../src/client/client.ts";
import { createTorrent } from "../../src/client/create_torrent.ts";
import { verifyFiles } from "../../src/client/verify_files.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import { encodeTorrent } from "../../src/metainfo/create_torrent.ts";
import { inPathOrder } from "../../src/metainfo/file_list.ts";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import { utf8Length } from "../../src/bencode/utf8.ts";
import { findFiles } from "../../src/storage/file_placement.ts";
import { Prng } from "../harness/prng.ts";
import { sha1 } from "../harness/torrent_samples.ts";

const platform = selectPlatform();
const top = mkdtempSync(join(tmpdir(), "shoal names "));
after(() => {
  platform.hasher.close();
  rmSync(top, { recursive: true, force: true });
});

/** Characters that somebody's software trips over, and runs of them that mean something. */
const TRICKY = [
  ..."\x01\t\n\r\x1b\x7f\\:?*\"<>|.- ~'`$%;&(){}[]#!=^,+@",
  ...[
    "\x85",
    "\xa0",
    "\u200b",
    "\u200c",
    "\u200d",
    "\u200e",
    "\u202e",
    "\u2066",
    "\u2028",
    "\ufeff",
  ],
  ...[
    "\ufffd",
    "\ufffe",
    "\uffff",
    "\u{10ffff}",
    "\u{e0041}",
    "\u0301",
    "\u0344",
    "\u0f73",
    "\u1fbe",
  ],
  ...[
    "a",
    "A",
    "\u00e9",
    "e\u0301",
    "\u00df",
    "\u0130",
    "\u03c2",
    "\u0439",
    "\u0438\u0306",
    "\uac00",
  ],
  ...[
    "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}",
    "\u{1f3f4}\u200d\u2620\ufe0f",
    "CON",
    "nul.",
    "..",
  ],
  ...[
    "_____padding",
    ".pad",
    ".torrent",
    "ReadMe",
    "readme",
    ".1",
    "x".repeat(200),
    "\u0436".repeat(90),
  ],
];

/** One to 255 bytes of UTF-8 without "/" and NUL. */
function randomName(dice: Prng): string {
  let name = "";
  for (let left = 1 + dice.below(dice.chance(0.1) ? 80 : 6); left > 0; left--) {
    const part = dice.chance(0.7) ? dice.pick(TRICKY) : anyCharacter(dice);
    if (utf8Length(name + part) > 255) break;
    name += part;
  }
  // A name of this kind means padding to every client: no file is made for it.
  const isUsable = !/^\.{0,2}$/.test(name) && !name.startsWith("_____padding_file_");
  return isUsable ? name : randomName(dice);
}

function anyCharacter(dice: Prng): string {
  const point = 1 + dice.below(dice.chance(0.5) ? 0x2fff : 0x10fffe);
  const isHalf = point >= 0xd800 && point < 0xe000;
  return isHalf || point === 0x2f ? "x" : String.fromCodePoint(point);
}

/** Paths that a folder can hold: no two the same, no file where a folder is. */
function randomPaths(dice: Prng, count: number): string[][] {
  const files = new Set<string>(), folders = new Set<string>(), paths: string[][] = [];
  while (paths.length < count) {
    const path = Array.from({ length: 1 + dice.below(3) }, () => randomName(dice));
    const above = path.slice(0, -1).map((_, i) => path.slice(0, i + 1).join("/"));
    const whole = path.join("/");
    if (files.has(whole) || folders.has(whole) || above.some((folder) => files.has(folder))) {
      continue;
    }
    files.add(whole);
    for (const folder of above) folders.add(folder);
    paths.push(path);
  }
  return paths;
}

describe("any name that a disk can hold", () => {
  it("is read and found as written: 100,000 names", { timeout: 120_000 }, () => {
    let names = 0;
    for (let seed = 0; names < 100_000; seed++) {
      const dice = new Prng(seed), name = randomName(dice), paths = randomPaths(dice, 250);
      const files = inPathOrder(paths.map((path) => ({ path, length: 1, pad: false })));
      const bytes = encodeTorrent({ name, pieceLength: 16384, files }, new Uint8Array(20));
      const meta = parseTorrent(bytes, sha1);
      assert.equal(meta.name, name);
      // What is on this disk is what is looked for, and nothing else is.
      const there = new Set(files.map(({ path }) => [name, ...path].join("/")));
      const { renamed } = findFiles(diskOf(there), "/d", meta.files);
      assert.deepEqual([...renamed], [], `seed ${seed}`);
      meta.files.forEach(({ path }, i) => {
        assert.equal(path.join("/"), [name, ...files[i]!.path].join("/"), `seed ${seed}`);
        assert.ok(there.has(path.join("/")));
        names += path.length;
      });
    }
  });

  it("is found on a real disk by create, verify and seed: 400 files", {
    timeout: 120_000,
    skip: platform.process.os !== "linux" && "other systems refuse some of the names",
  }, async () => {
    for (let seed = 0; seed < 20; seed++) {
      const dice = new Prng(seed), name = randomName(dice), dir = join(top, String(seed));
      const paths = randomPaths(dice, 20);
      for (const path of paths) {
        const at = [dir, name, ...path].join("/");
        mkdirSync(dirname(at), { recursive: true });
        writeFileSync(at, `${seed} ${path.join("/")}`);
      }
      const made = await createTorrent(platform, `${dir}/${name}`);
      assert.equal(made.meta.files.length, paths.length, `seed ${seed}`);
      const { bad, problems, checked } = await verifyFiles(platform, made.meta, dir);
      assert.deepEqual([bad, problems, checked > 0], [[], [], true], `seed ${seed}`);
      const client = await Client.open(platform, { port: -1, dht: false, lsd: false });
      const torrent = client.add(made.bytes, { dir, seedOnly: true });
      await torrent.finished;
      assert.equal(torrent.snapshot().left, 0);
      await client.close();
    }
  });
});

/** A disk that holds these files and keeps apart whatever is spelled differently. */
function diskOf(paths: ReadonlySet<string>) {
  const folders = new Set<string>();
  for (const path of paths) {
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) {
      folders.add(path.slice(0, at));
    }
  }
  const kindOf = (path: string) => {
    const below = path.slice("/d/".length);
    return paths.has(below) ? "file" as const : folders.has(below) ? "directory" as const : null;
  };
  return {
    stat(path: string) {
      const kind = kindOf(path);
      return kind === null ? null : {
        kind,
        size: 1,
        mtimeMs: 0,
        inode: 1,
        allocated: 1,
        device: 1,
        links: 1,
        bornMs: 0,
      };
    },
    list(folder: string) {
      const start = `${folder.slice("/d/".length)}/`;
      return [...paths, ...folders].filter((path) => path.startsWith(start))
        .map((path) => path.slice(start.length)).filter((path) => !path.includes("/"));
    },
  };
}
