import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { sanitizeElement, spellPaths } from "../../src/metainfo/file_names.ts";
import { asSpelled, makeUnique } from "../../src/metainfo/unique_paths.ts";
import { decodeUtf8, nameDecoder, repairUtf8, utf8Length } from "../../src/bencode/utf8.ts";
import { fromLatin1 } from "../../src/util/bytes.ts";
import { randomBytes } from "../harness/random_bytes.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const clean = (text: string, windows = false) => sanitizeElement(utf8(text), windows);

describe("sanitizeElement", () => {
  it("does not change honest names", () => {
    for (
      const name of [
        "readme.txt",
        "a b (1) [x] {y} & 'z' #1, 100%.tar.gz",
        ".hidden",
        "...",
        "no extension",
        "h\u00e9llo \u65e5\u672c\u8a9e \u{1f600}.mkv",
        "e\u0301",
        " spaces ",
        'a:b?c*d|e<f>"g',
      ]
    ) assert.equal(clean(name), name);
  });

  it("nothing climbs out: separators go, dots alone are no name", () => {
    assert.equal(clean("../../etc/passwd"), "....etcpasswd");
    assert.equal(clean("/etc/passwd"), "etcpasswd");
    assert.equal(clean("C:\\Windows\\x"), "C:Windowsx");
    for (const name of [".", "..", "/..", "..\\", "\0..", ".\u200e.", "/", "\\/", "\0"]) {
      assert.equal(clean(name), "", JSON.stringify(name));
    }
    assert.equal(sanitizeElement(fromLatin1("..\xc0\xaf..")), ".._..");
  });

  it("controls become underscores, invisible and direction marks go", () => {
    assert.equal(clean("a\nb\tc\x1b[31md\x7fe\u0085f"), "a_b_c_[31md_e_f");
    assert.equal(clean("a\u2028b"), "a_b");
    assert.equal(clean("txt.\u202egpj.exe"), "txt.gpj.exe");
    assert.equal(clean("\ufeffa\u200bb\u2069c\u061cd\0"), "abcd");
    assert.equal(clean(""), "_");
  });

  it("cuts at 240 bytes between characters and keeps a short extension", () => {
    assert.equal(clean("x".repeat(240)), "x".repeat(240));
    assert.equal(clean("x".repeat(300)), "x".repeat(240));
    assert.equal(clean("x".repeat(300) + ".mkv"), "x".repeat(240) + ".mkv");
    assert.equal(clean("x".repeat(300) + ".longerthanthat"), "x".repeat(240));
    assert.equal(clean("\u65e5".repeat(100) + ".mkv"), "\u65e5".repeat(80) + ".mkv");
    const astral = clean("ab" + "\u{1f600}".repeat(100));
    assert.equal(astral, "ab" + "\u{1f600}".repeat(60));
    for (const length of [235, 239, 240, 241, 250, 400]) {
      const name = clean("\u{1f600}".repeat(length) + ".\u{1f600}\u{1f600}");
      assert.ok(utf8Length(name) <= 255 && name.isWellFormed());
    }
  });

  it("with windows: reserved characters, trailing dots and spaces, device names", () => {
    assert.equal(clean('a?b<c>d"e|f*g:h', true), "a_b_c_d_e_f_g_h");
    assert.equal(clean("name. . .", true), "name");
    assert.equal(clean("...", true), "");
    assert.equal(clean("   ", true), "");
    const devices = ["con", "PRN", "Aux", "NUL", "com1", "LPT9", "com\u00b9", "CONIN$", "clock$"];
    for (const name of [...devices, "nul.txt", "con.tar.gz", "aux .c"]) {
      assert.equal(clean(name, true), `_${name}`);
      assert.equal(clean(name), name);
    }
    for (const name of ["console", "com", "com10", "nullify.txt", "a.con", "lpt"]) {
      assert.equal(clean(name, true), name);
    }
  });

  it("whatever the bytes, the name is safe on every system", () => {
    for (let seed = 0; seed < 2000; seed++) {
      const bytes = randomBytes(seed, seed % 400);
      for (const windows of [false, true]) {
        const name = sanitizeElement(bytes, windows);
        // deno-lint-ignore no-control-regex
        assert.doesNotMatch(name, /[\0-\x1f/\\\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
        assert.ok(name !== "." && name !== ".." && utf8Length(name) <= 255);
        assert.ok(name.isWellFormed());
        if (windows) assert.doesNotMatch(name, /[?<>"|*:]|[. ]$/);
      }
    }
  });
});

describe("spellPaths", () => {
  const spelled = (paths: string[][], windows = false) =>
    spellPaths(
      paths.map((path) => path.map(utf8)),
      { own: "own", safe: "top" },
      nameDecoder(null),
      windows,
    );

  it("puts each path below the top folder and makes unusable elements underscores", () => {
    const paths = [["a", "..", "c"], ["a", "..", "d"], ["a"], ["/", ".", "\\x"]];
    assert.deepEqual(spelled(paths), [
      { own: ["own", "a", "_", "c"], safe: ["top", "a", "_", "c"] },
      { own: ["own", "a", "_", "d"], safe: ["top", "a", "_", "d"] },
      { own: ["own", "a"], safe: ["top", "a"] },
      { own: ["own", "_", "_", "\\x"], safe: ["top", "_", "_", "x"] },
    ]);
    assert.deepEqual(spelled([["a:", "nul", "\\x"]], true), [
      { own: ["own", "a_", "_nul", "x"], safe: ["top", "a_", "_nul", "x"] },
    ]);
  });

  it("keeps the torrent's own spelling if it is a valid element of a path", () => {
    const names = [
      "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
      "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}",
      "a\u200b\u200e\ufeff",
      "photo\u202egpj.exe",
      "two\nlines\x1b",
      "back\\slash",
      "what? a:b*.",
      " ",
      "CON",
      "-rf",
      "\u0436".repeat(127),
    ];
    for (const name of names) {
      const [{ own, safe }] = spelled([[name]]) as [{ own: string[]; safe: string[] }];
      assert.deepEqual(own, ["own", name]);
      assert.equal(safe[1], clean(name) || "_");
    }
    const tooLong = spelled([["x".repeat(256)]])[0]!;
    assert.deepEqual(tooLong.own[1], "x".repeat(240), "no disk takes more than 255 units");
  });
});

describe("nameDecoder", () => {
  const latin = (text: string) => fromLatin1(text);

  it("reads invalid UTF-8 in the torrent's code page", () => {
    assert.equal(
      nameDecoder("windows-1251")(latin("\xf4\xe8\xeb\xfc\xec")),
      "\u0444\u0438\u043b\u044c\u043c",
    );
    assert.equal(nameDecoder("cp1251")(utf8("\u0444")), "\u0444", "UTF-8 comes first");
    assert.equal(nameDecoder("GBK")(latin("\xd6\xd0\xce\xc4")), "\u4e2d\u6587");
    assert.equal(nameDecoder("Big5")(latin("\xa4\xa4\xa4\xe5")), "\u4e2d\u6587");
    assert.equal(nameDecoder("Shift_JIS")(latin("\x93\xfa\x96\x7b")), "\u65e5\u672c");
    assert.equal(nameDecoder("euc-kr")(latin("\xc7\xd1")), "\ud55c");
    assert.equal(nameDecoder("koi8-r")(latin("\xc6")), "\u0444");
  });

  it("repairs text of an unknown code page, whatever the label", () => {
    for (
      const label of [null, "", "utf-8", "utf-7", "replacement", "\0", "x".repeat(9999), "\ud800"]
    ) {
      assert.equal(nameDecoder(label)(latin("a\xffb")), "a_b", String(label).slice(0, 20));
    }
    assert.equal(nameDecoder("shift_jis")(latin("a\xff")), "a_", "bytes that it does not have");
  });
});

function unique(...paths: string[]): string[] {
  const split = paths.map((path) => path.split("/"));
  const before = JSON.stringify(split);
  const renamed = makeUnique(split);
  const after = split.map((path) => path.join("/"));
  assert.equal(renamed, after.filter((path, i) => path !== paths[i]).length, before);
  return after;
}

describe("makeUnique", () => {
  it("with own spellings, renames only files with the same spelling", () => {
    const paths = ["t/A", "t/a", "t/\u00e9", "t/e\u0301", "t/a", "t/d", "t/d/x", "t/D"]
      .map((path) => path.split("/"));
    assert.equal(makeUnique(paths, asSpelled), 2);
    assert.deepEqual(paths.map((path) => path.join("/")), [
      ...["t/A", "t/a", "t/\u00e9", "t/e\u0301", "t/a.1", "t/d.1", "t/d/x", "t/D"],
    ]);
  });

  it("does not change distinct paths", () => {
    const paths = ["t/a", "t/b", "t/d/a", "t/d/b", "t/a.1", "t/e/d/a"];
    assert.deepEqual(unique(...paths), paths);
  });

  it("numbers duplicates before the extension, the first keeps its name", () => {
    assert.deepEqual(unique("t/foo.txt", "t/foo.txt", "t/foo.txt"), [
      "t/foo.txt",
      "t/foo.1.txt",
      "t/foo.2.txt",
    ]);
    assert.deepEqual(unique("t/_", "t/_", "t/.rc", "t/.rc"), ["t/_", "t/_.1", "t/.rc", "t/.rc.1"]);
    assert.deepEqual(unique("t/a.tar.gz", "t/a.tar.gz"), ["t/a.tar.gz", "t/a.tar.1.gz"]);
    assert.deepEqual(unique("t/d/x", "t/e/x", "t/d/x"), ["t/d/x", "t/e/x", "t/d/x.1"]);
  });

  it("skips numbers that are taken", () => {
    assert.deepEqual(unique("t/a.1.x", "t/a.x", "t/a.x", "t/a.2.x", "t/a.x"), [
      "t/a.1.x",
      "t/a.x",
      "t/a.2.x",
      "t/a.2.1.x",
      "t/a.3.x",
    ]);
  });

  it("takes names that differ in case or composition as one", () => {
    assert.deepEqual(unique("t/README", "t/readme"), ["t/README", "t/readme.1"]);
    assert.deepEqual(unique("t/A/x", "t/a/X"), ["t/A/x", "t/a/X.1"]);
    assert.deepEqual(unique("t/\u00e9", "t/e\u0301"), ["t/\u00e9", "t/e\u0301.1"]);
    assert.deepEqual(unique("t/\u00c9", "t/e\u0301"), ["t/\u00c9", "t/e\u0301.1"]);
    assert.deepEqual(unique("t/stra\u00dfe", "t/STRASSE"), ["t/stra\u00dfe", "t/STRASSE.1"]);
    assert.deepEqual(unique("t/\u03a3\u0391\u03a3", "t/\u03c3\u03b1\u03c3"), [
      "t/\u03a3\u0391\u03a3",
      "t/\u03c3\u03b1\u03c3.1",
    ]);
    assert.deepEqual(unique("t/\u03b1\u03c2.x", "t/\u0391\u03a3.x", "t/\u03b1\u03c3.x"), [
      "t/\u03b1\u03c2.x",
      "t/\u0391\u03a3.1.x",
      "t/\u03b1\u03c3.2.x",
    ]);
  });

  it("renames a file with the name of a folder, before or after it in the list", () => {
    assert.deepEqual(unique("t/a", "t/a/b", "t/A/c"), ["t/a.1", "t/a/b", "t/A/c"]);
    assert.deepEqual(unique("t/a/b", "t/A", "t/a"), ["t/a/b", "t/A.1", "t/a.2"]);
    assert.deepEqual(unique("t/a/b/c", "t/a/b", "t/a"), ["t/a/b/c", "t/a/b.1", "t/a.1"]);
    assert.deepEqual(unique("t/a", "t/a", "t/a.1/x"), ["t/a", "t/a.2", "t/a.1/x"]);
  });

  it("keeps renamed names within 255 bytes, with whole characters", () => {
    const long = "\u65e5".repeat(80) + ".extension";
    const names = unique(...Array.from({ length: 20 }, () => `t/${long}`));
    assert.equal(new Set(names).size, 20);
    for (const name of names) assert.ok(utf8Length(name.slice(2)) <= 255 && name.isWellFormed());
    const odd = unique("t/a." + "x".repeat(240), "t/a." + "x".repeat(240));
    assert.ok(odd[1]!.length <= 257 && odd[1]!.endsWith(".1"));
  });

  it("100,000 files of one name, or fighting for numbers, take time in proportion", {
    timeout: 30_000,
  }, () => {
    const same = Array.from({ length: 100_000 }, () => ["t", "a.txt"]);
    assert.equal(makeUnique(same), 99_999);
    assert.equal(same[99_999]![1], "a.99999.txt");
    const fight = Array.from(
      { length: 100_000 },
      (_, i) => i < 50_000 ? ["t", `a.${i + 1}.txt`] : ["t", "a.txt"],
    );
    assert.equal(makeUnique(fight), 49_999);
    assert.equal(new Set(fight.map((path) => path[1])).size, 100_000);
    // Long names that all become the same stem when cut for their number.
    const cut = Array.from({ length: 40_000 }, (_, i) => ["t", "b".repeat(235) + (i >> 1)]);
    assert.equal(makeUnique(cut), 20_000);
    assert.equal(new Set(cut.map((path) => path[1])).size, 40_000);
  });

  it("never has a crowd of combining marks put in order, which takes the square of their number", () => {
    const whole = String.prototype.normalize, asked: string[] = [];
    String.prototype.normalize = function (form?: string) {
      asked.push(this as string);
      return whole.call(this, form);
    };
    const names = ["\u0315\u0300", "\u0f73", "\u0344", "\u1e69\u0315"].map((marks) =>
      marks.repeat(60)
    );
    const paths = [...names, ...names, "a\u0300b"].map((name) => ["t", name]);
    try {
      assert.equal(makeUnique(paths), 6, "marks alone tell no crowded names apart");
    } finally {
      String.prototype.normalize = whole;
    }
    assert.ok(asked.some((text) => text.includes("\u0300")), "honest marks are put in order");
    for (const text of asked) assert.doesNotMatch(String(text), /\p{M}{9}/u);
    assert.equal(new Set(paths.map((path) => path[1]!.normalize("NFD"))).size, paths.length);
  });

  it("a name crowded with marks is the same composed and decomposed, at each number of them", () => {
    for (let count = 1; count < 30; count++) {
      for (const marks of ["\u0344", "\u0f73", "\u0301"]) {
        const name = `t/\u01d5${marks.repeat(count)}.\u0301x`;
        const after = unique(name, name.normalize("NFD"), name.normalize("NFC"));
        assert.equal(new Set(after.map((path) => path.normalize("NFD"))).size, 3);
      }
    }
  });
});

describe("decodeUtf8, repairUtf8, utf8Length", () => {
  it("reads valid text unchanged, including byte order mark and replacement character", () => {
    for (const text of ["", "plain", "\ufeffx", "\ufffd", "\u00e9\u65e5\u{1f600}\u{10ffff}\0"]) {
      assert.equal(decodeUtf8(utf8(text)), text);
      assert.equal(repairUtf8(utf8(text)), text);
      assert.equal(utf8Length(text), utf8(text).length);
    }
  });

  it("each wrong sequence is one underscore and costs its neighbours nothing", () => {
    const cases: [string, string][] = [
      ["a\xffb\xfe", "a_b_"],
      ["\x80\x80", "__"],
      ["\xe2\x41", "_A"],
      ["\xe2\x9f\x41", "_A"],
      ["\xed\xa0\x80", "_"],
      ["\xf4\x90\x80\x80", "_"],
      ["\xf5\x80\x80\x80", "_"],
      ["\xc1\xbf\xc3\xa9", "_\u00e9"],
      ["\xef\xbf\xbd\xff", "\ufffd_"],
      ["\xf0\x9f\x98\x80\xf0\x9f", "\u{1f600}_"],
    ];
    for (const [bytes, text] of cases) {
      assert.equal(repairUtf8(fromLatin1(bytes)), text, JSON.stringify(bytes));
      assert.equal(decodeUtf8(fromLatin1(bytes)), null, JSON.stringify(bytes));
    }
  });
});
