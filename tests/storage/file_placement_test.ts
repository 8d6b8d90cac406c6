/** Under which names files are found, and made, on disks that treat names in their own ways. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FILE_SYSTEMS } from "../harness/sim/file_system.ts";
import { SimWorld } from "../harness/sim/world.ts";
import { encodeTorrent } from "../../src/metainfo/create_torrent.ts";
import { parseTorrent } from "../../src/metainfo/metainfo.ts";
import { foldName } from "../../src/metainfo/unique_paths.ts";
import { utf8Length } from "../../src/bencode/utf8.ts";
import {
  chooseNames,
  doubtfulNames,
  findFiles,
  type PlacedFile,
  tame,
} from "../../src/storage/file_placement.ts";
import { probeNames } from "../../src/storage/name_probe.ts";
import { sha1 } from "../harness/torrent_samples.ts";

const ROOT = "/disk/downloads";

/** As the parser makes them of a torrent with the name "top". */
function entriesOf(...paths: string[]): readonly PlacedFile[] {
  const files = paths.map((path) => ({ path: path.split("/"), length: 1, pad: false }));
  const bytes = encodeTorrent({ name: "top", pieceLength: 16384, files }, new Uint8Array(20));
  return parseTorrent(bytes, sha1).files;
}

function nodeWith(system: keyof typeof FILE_SYSTEMS) {
  const node = new SimWorld(1).node("10.0.0.1");
  node.disk.mount("/disk", node.disk.volume(FILE_SYSTEMS[system]));
  return node;
}

type Node = ReturnType<typeof nodeWith>;

function put(node: Node, ...paths: string[]): void {
  for (const path of paths) node.disk.put(`${ROOT}/${path}`, new Uint8Array(10));
}

/** Where each file was found: its path below the root, null where it was not looked for or is not there. */
function found(node: Node, entries: readonly PlacedFile[]): (string | null)[] {
  const { renamed, here } = findFiles(node.files, ROOT, entries);
  return entries.map(({ path }, i) => here.has(i) ? (renamed.get(i) ?? path).join("/") : null);
}

/** The names that the files are made under, with what the disk's rules are found to be. */
function made(node: Node, entries: readonly PlacedFile[]) {
  const before = findFiles(node.files, ROOT, entries);
  const doubts = doubtfulNames(entries, before);
  const rules = probeNames(node.files, node.random, ROOT, doubts);
  const { renamed, impossible } = chooseNames(entries, before, rules);
  const paths = entries.map(({ path }, i) => (renamed.get(i) ?? path).slice(1).join("/"));
  return { paths, rules, doubts, impossible };
}

describe("findFiles", () => {
  it("finds a file as the torrent spells it", () => {
    const names = ["a\u200bb", "می\u200cخواهم", "back\\slash", "\u202egpj.exe", "x".repeat(255)];
    const node = nodeWith("ext4"), entries = entriesOf(...names);
    put(node, ...names.map((name) => `top/${name}`));
    assert.deepEqual(found(node, entries), names.map((name) => `top/${name}`));
    assert.equal(findFiles(node.files, ROOT, entries).renamed.size, 0);
  });

  it("finds it in the other Unicode form, in a folder of the other form", () => {
    const node = nodeWith("ext4");
    const decomposed = "Fre\u0301de\u0301ric", composed = "Fr\u00e9d\u00e9ric";
    put(node, `top/${composed}/${decomposed}.txt`, `top/${decomposed}/${composed}.mp3`);
    const entries = entriesOf(`${decomposed}/${composed}.txt`, `${decomposed}/${composed}.mp3`);
    assert.deepEqual(found(node, entries), [
      `top/${composed}/${decomposed}.txt`,
      `top/${decomposed}/${composed}.mp3`,
    ]);
  });

  it("finds it under an older version's safe name", () => {
    const node = nodeWith("ext4");
    put(node, "top/Sosahan .zip", "top/dir/ab");
    const entries = entriesOf("Sosahan\u200b .zip", "d\u200bir/a\u200bb", "\u200bnot there");
    assert.deepEqual(found(node, entries), ["top/Sosahan .zip", "top/dir/ab", null]);
  });

  it("finds it under its name on a disk that refuses its own", () => {
    const names = ["Ep 1: Pilot?.mkv", "Ep 1_ Pilot_.mkv", "a?/b*", "ReadMe", "readme"];
    for (const system of ["exfat", "ntfs", "vfat", "share", "apfs"] as const) {
      const node = nodeWith(system), entries = entriesOf(...names, "ж".repeat(100) + ".flac");
      const { paths } = made(node, entries);
      put(node, ...paths.map((path) => `top/${path}`));
      const { renamed } = findFiles(node.files, ROOT, entries);
      const again = entries.map(({ path }, i) => (renamed.get(i) ?? path).slice(1).join("/"));
      assert.deepEqual(again, paths, system);
    }
  });

  it("prefers the torrent's own spelling, and takes no other file's", () => {
    const node = nodeWith("ext4");
    put(node, "top/\u00e9", "top/e\u0301", "top/readme.1.txt");
    const entries = entriesOf("\u00e9", "e\u0301", "README.txt", "readme.txt", "readme.1.txt");
    assert.deepEqual(found(node, entries).slice(0, 4), ["top/\u00e9", "top/e\u0301", null, null]);
    // The safe name of "readme.txt" is another file's own one.
    const alone = nodeWith("ext4");
    put(alone, "top/\u00e9");
    assert.deepEqual(found(alone, entriesOf("\u00e9", "e\u0301")), ["top/\u00e9", null]);
  });

  it("for a download, accepts files under other names only if they are whole", () => {
    const node = nodeWith("ext4"), entries = entriesOf("a\u200b", "b\u200b", "c\u200b");
    node.disk.put(`${ROOT}/top/a`, new Uint8Array(1));
    node.disk.put(`${ROOT}/top/b`, new Uint8Array(2));
    node.disk.put(`${ROOT}/top/c\u200b`, new Uint8Array(0));
    const { here, renamed } = findFiles(node.files, ROOT, entries, new Map(), true);
    assert.deepEqual([...here], [0, 2], "of one byte each");
    assert.deepEqual([...renamed], [[0, ["top", "a"]]]);
    assert.equal(findFiles(node.files, ROOT, entries).here.size, 3);
  });

  it("a folder in a file's place is no file", () => {
    const node = nodeWith("ext4");
    node.disk.makeFolders(`${ROOT}/top/a\u200b`);
    put(node, "top/a");
    assert.deepEqual(found(node, entriesOf("a\u200b")), ["top/a"]);
  });

  it("distinguishes names by case if the disk does, and only there", () => {
    const entries = entriesOf("ReadMe.txt", "readme.txt", "Maps/e1", "maps/e1");
    const apart = nodeWith("ext4"), paths = entries.map(({ path }) => path.join("/"));
    put(apart, ...paths);
    const result = findFiles(apart.files, ROOT, entries);
    assert.deepEqual([result.folds, result.renamed.size, result.here.has(1)], [false, 0, true]);

    const folding = nodeWith("apfs");
    put(folding, "top/ReadMe.txt", "top/Maps/e1", "top/maps/e1.1");
    assert.equal(folding.disk.names(`${ROOT}/top`).length, 2);
    const folded = findFiles(folding.files, ROOT, entries);
    assert.equal(folded.folds, true);
    assert.deepEqual(folded.renamed.get(1), ["top", "readme.1.txt"]);
    assert.deepEqual(folded.renamed.get(3), ["top", "maps", "e1.1"]);
    assert.deepEqual([folded.here.has(1), folded.here.has(3)], [false, true]);
  });

  it("does not search for files with recorded or chosen names", () => {
    const node = nodeWith("ext4");
    put(node, "top/a\u200b");
    const known = new Map([[0, ["top", "mine"]]]);
    const { renamed, here } = findFiles(node.files, ROOT, entriesOf("a\u200b"), known);
    assert.deepEqual([...renamed], [[0, ["top", "mine"]]]);
    assert.equal(here.size, 0);
  });

  it("asks the disk nothing where all names are plain", () => {
    const node = nodeWith("ext4");
    let asked = 0;
    const files = { stat: () => (asked++, null), list: () => (asked++, []) };
    findFiles(files, ROOT, entriesOf("a.txt", "b/c.bin", "b/d 1"));
    assert.equal(asked, 0);
    assert.deepEqual(doubtfulNames(entriesOf("a.txt", "ж"), findFiles(node.files, ROOT, [])), {
      names: new Set(),
      twins: false,
    });
  });
});

describe("names of new files", () => {
  const ODD = ["Ep 1: Pilot?.mkv", "tab\there", "trailing.", "-rf", "CON", "\u202egpj.exe", "a\\b"];

  it("are the torrent's own on a disk that takes all names", () => {
    const node = nodeWith("ext4");
    const entries = entriesOf(...ODD, "ReadMe", "readme", "\u00e9", "e\u0301", "ж".repeat(127));
    assert.deepEqual(made(node, entries).paths, entries.map(({ path }) => path.slice(1).join("/")));
  });

  it("avoid characters that the disk refuses, and stay distinct", () => {
    const node = nodeWith("exfat");
    const { paths, rules } = made(node, entriesOf(...ODD, "Ep 1_ Pilot_.mkv", "a?/b", "x*"));
    assert.deepEqual(paths, [
      "Ep 1_ Pilot_.1.mkv",
      "tab_here",
      ...["trailing.", "-rf", "CON", "\u202egpj.exe", "a_b"],
      "Ep 1_ Pilot_.mkv",
      ...["a_/b", "x_"],
    ]);
    assert.equal(rules.refused.get("Ep 1: Pilot?.mkv"), "Ep 1_ Pilot_.mkv");
    for (const path of paths) put(node, `top/${path}`);
  });

  it("are short where the disk takes only short ones", () => {
    const node = nodeWith("share"), long = "ж".repeat(100);
    const { paths } = made(node, entriesOf(`${long}.flac`, `${long}1.flac`, "short.flac"));
    for (const path of paths) put(node, `top/${path}`);
    assert.equal(new Set(paths).size, 3);
    assert.equal(paths[0], `${"ж".repeat(65)}.flac`);
    assert.equal(paths[2], "short.flac");
  });

  for (const system of ["apfs", "hfs", "exfat", "ntfs", "vfat"] as const) {
    it(`that differ in case stay two files on ${system}`, () => {
      const node = nodeWith(system), entries = entriesOf("ReadMe.txt", "readme.txt");
      const { paths, rules } = made(node, entries);
      assert.deepEqual(paths, ["ReadMe.txt", "readme.1.txt"]);
      assert.ok(rules.folds);
    });
  }

  it("that differ in Unicode form stay two files on a disk that composes them", () => {
    const { paths } = made(nodeWith("share"), entriesOf("\u00e9", "e\u0301"));
    assert.deepEqual(paths, ["\u00e9", "e\u0301.1"]);
  });

  it("never replace the names of existing files", () => {
    const node = nodeWith("apfs"), entries = entriesOf("ReadMe.txt", "readme.txt");
    put(node, "top/readme.1.txt");
    assert.deepEqual(made(node, entries).paths, ["ReadMe.txt", "readme.1.txt"]);
  });

  it("fit every disk when they are tame", () => {
    for (
      const name of [
        "x".repeat(300),
        "ж".repeat(255),
        "a?.mkv",
        ". .",
        "CON",
        "\u{1f600}".repeat(90) + ".txt",
      ]
    ) {
      const safe = tame(name);
      assert.ok(utf8Length(safe) <= 135 && safe.isWellFormed() && safe !== "", name);
      assert.doesNotMatch(safe, /[?<>"|*:]|[. ]$/);
    }
  });
});

describe("probeNames", () => {
  const doubts = { names: new Set(["a?", "b*", "ж".repeat(127)]), twins: true };

  for (const system of Object.keys(FILE_SYSTEMS) as (keyof typeof FILE_SYSTEMS)[]) {
    it(`leaves no files on ${system}, even if the folder does not exist yet`, () => {
      const node = nodeWith(system);
      probeNames(node.files, node.random, ROOT, doubts);
      assert.deepEqual(node.disk.names("/disk"), []);
      assert.equal(node.files.stat(ROOT), null, "the folder is not made yet");
      put(node, "a?".replace("?", "_"), "b");
      const before = node.disk.names(ROOT);
      probeNames(node.files, node.random, ROOT, doubts);
      assert.deepEqual(node.disk.names(ROOT), before);
    });
  }

  it("reports which names are refused, and their replacements", () => {
    const node = nodeWith("exfat");
    const { refused, folds } = probeNames(node.files, node.random, ROOT, doubts);
    assert.deepEqual([...refused], [["a?", "a_"], ["b*", "b_"]]);
    assert.equal(folds, true);
  });

  it("tries a few names, however many and hostile they are", () => {
    const many = Array.from({ length: 5000 }, (_, i) => `Episode ${i}: why?`);
    const long = Array.from({ length: 5000 }, (_, i) => `${"ж".repeat(100 + (i % 150))}${i}`);
    const hostile = Array.from(
      { length: 50_000 },
      (_, i) => `${String.fromCodePoint(0xe000 + i % 6000)}${i}?`,
    );
    for (const [names, most] of [[many, 60], [long, 60], [hostile, 250]] as const) {
      for (const system of ["ext4", "exfat", "share"] as const) {
        const { files, random } = nodeWith(system), open = files.open.bind(files);
        let tried = 0;
        files.open = (path, mode) => (tried++, open(path, mode));
        probeNames(files, random, ROOT, { names: new Set(names), twins: false });
        assert.ok(tried <= most, `${tried} on ${system}`);
      }
    }
  });

  it("keeps long names that the disk accepts", () => {
    const names = [150, 200, 254, 256, 300, 400].map((bytes) => "ж".repeat(bytes / 2));
    const on = (system: keyof typeof FILE_SYSTEMS) => {
      const { files, random } = nodeWith(system);
      const { refused } = probeNames(files, random, ROOT, { names: new Set(names), twins: false });
      return [...refused.keys()].map((name) => utf8Length(name));
    };
    assert.deepEqual(on("ext4"), [256, 300, 400]);
    assert.deepEqual(on("share"), [150, 200, 254, 256, 300, 400]);
  });

  it("refuses nothing where nothing can be made: the download says why", () => {
    for (const errno of ["EACCES", "EROFS", "ENOSPC"]) {
      for (const on of [["make-dir"], ["open"]] as const) {
        const node = nodeWith("exfat");
        node.disk.failOn({ path: "/disk", errno, on: [...on] });
        const { refused, folds } = probeNames(node.files, node.random, ROOT, doubts);
        assert.deepEqual([refused.size, folds], [0, false], `${errno} ${on}`);
        node.disk.repair();
        assert.deepEqual(node.disk.names("/disk"), []);
      }
    }
  });
});

describe("foldName", () => {
  it("is the same for names that some disk takes as one", () => {
    assert.equal(foldName("\u00c9A"), foldName("e\u0301a"));
    assert.notEqual(foldName("a"), foldName("b"));
  });
});
