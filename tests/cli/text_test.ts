import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { drawBar, paintLine, segment } from "../../src/cli/render/line.ts";
import {
  formatCount,
  formatDuration,
  formatNumber,
  formatPercent,
  formatRate,
  formatSize,
} from "../../src/cli/render/format.ts";
import { cutTo, safeJson, safeText, widthOf } from "../../src/cli/render/text.ts";

describe("safeText", () => {
  it("shows escapes, controls and line ends as text on one line", () => {
    assert.equal(safeText("a\x1b[2Jb\x07c\x9b31md\x7f"), "a\\x1b[2Jb\\x07c\\x9b31md\\x7f");
    assert.equal(safeText("two\nlines\r\nand\ttab"), "two\\nlines\\r\\nand\\ttab");
    assert.equal(safeText("\u2028x\u2029"), "\\u2028x\\u2029");
  });

  it("escapes marks that change the reading direction and invisible characters", () => {
    assert.equal(safeText("photo\u202Egpj.exe"), "photo\\u202egpj.exe");
    assert.equal(
      safeText("\u2066a\u200F\u061C\u200B\uFEFF"),
      "\\u2066a\\u200f\\u061c\\u200b\\ufeff",
    );
    assert.equal(safeText("x\u{E0041}\u{E007F}y"), "x\\u{e0041}\\u{e007f}y");
    assert.equal(safeText("half \uD800 pair"), "half \\ud800 pair");
  });

  it("does not change names in any script", () => {
    for (
      const name of [
        "Žluťoučký kůň",
        "日本語",
        "שלום",
        "می\u200cخواهم",
        "👨\u200d👩\u200d👧",
        "Ubuntu 24.04 (x86).iso",
        "🎉",
      ]
    ) {
      assert.equal(safeText(name), name);
    }
  });
});

describe("safeJson", () => {
  it("escapes characters that could control a terminal and parses back to the same value", () => {
    const value = { name: "a\x1b[2J\u202Eb\x9b\u{E0041}\uD800c", n: 1 };
    const text = safeJson(value);
    assert.match(text, /^[ -~]*$/);
    assert.deepEqual(JSON.parse(text), value);
  });
});

describe("cutTo", () => {
  it("counts columns: wide characters take two, combining marks none", () => {
    assert.equal(widthOf("abc"), 3);
    assert.equal(widthOf("日本"), 4);
    assert.equal(widthOf("e\u0301"), 1);
    assert.equal(widthOf("🎉"), 2);
  });

  it("never takes more than the columns given", () => {
    assert.equal(cutTo("abcdef", 6), "abcdef");
    assert.equal(cutTo("abcdefg", 6), "abcde…");
    assert.equal(cutTo("日本語", 4), "日…");
    assert.equal(cutTo("abc", 0), "");
    for (let columns = 0; columns < 12; columns++) {
      assert.ok(widthOf(cutTo("a日b本c語d🎉", columns)) <= columns);
    }
  });
});

describe("paintLine", () => {
  const line = [segment("name", "bold"), segment(" is a long text")];

  it("cuts across segments and marks the cut", () => {
    assert.equal(paintLine(line, 80, false), "name is a long text");
    assert.equal(paintLine(line, 8, false), "name is…");
    assert.equal(paintLine(line, 4, false), "nam…");
    assert.equal(paintLine([segment("name"), segment("")], 4, false), "name");
  });

  it("colours only where colour is wanted and always resets it", () => {
    assert.equal(paintLine(line, 4, true), "\x1b[1mnam…\x1b[0m");
    assert.equal(paintLine(line, 4, false).includes("\x1b"), false);
  });
});

describe("numbers for people", () => {
  it("formatSize shows three digits in units of 1024", () => {
    const shown = [0, 999, 1024, 1536, 10240, 64 * 1024 ** 2, 1023.6 * 1024, 731 * 1024 ** 3];
    assert.deepEqual(shown.map(formatSize), [
      "0 B",
      "999 B",
      "1.00 KiB",
      "1.50 KiB",
      "10.0 KiB",
      "64.0 MiB",
      "1.00 MiB",
      "731 GiB",
    ]);
    assert.equal(formatRate(12.3 * 1024 ** 2), "12.3 MiB/s");
  });

  it("formatDuration changes units with the length", () => {
    const shown = [0.42, 9.96, 59.4, 60, 185, 3600, 7620, 86400 * 4 + 3 * 3600];
    assert.deepEqual(shown.map(formatDuration), [
      "0.4 s",
      "10 s",
      "59 s",
      "1 min 00 s",
      "3 min 05 s",
      "1 h 00 min",
      "2 h 07 min",
      "4 d 03 h",
    ]);
    assert.deepEqual([null, Infinity, NaN, -1].map(formatDuration), ["?", "?", "?", "?"]);
  });

  it("formatPercent says 100% only if it is complete", () => {
    assert.equal(formatPercent(0, 10), "0.0%");
    assert.equal(formatPercent(423, 1000), "42.3%");
    assert.equal(formatPercent(99_999, 100_000), "99.9%");
    assert.equal(formatPercent(10, 10), "100%");
    assert.equal(formatPercent(0, 0), "100%");
  });

  it("formatCount groups digits and minds the plural", () => {
    assert.equal(formatCount(1, "file"), "1 file");
    assert.equal(formatNumber(1234567), "1,234,567");
    assert.equal(formatNumber(999), "999");
    assert.equal(formatCount(0, "file"), "0 files");
    assert.equal(formatCount(1234567, "piece"), "1,234,567 pieces");
  });
});

describe("drawBar", () => {
  it("is exactly as wide as asked, at any fraction", () => {
    for (const unicode of [true, false]) {
      for (let i = -1; i <= 101; i++) {
        assert.equal(widthOf(drawBar(i / 100, 20, { unicode })), 20, `${unicode} ${i}`);
      }
      assert.equal(widthOf(drawBar(NaN, 20, { unicode })), 20);
    }
  });

  it("fills with the fraction and is full only at 1", () => {
    assert.equal(drawBar(0.5, 12, { unicode: false }), "[#####-----]");
    assert.equal(drawBar(0.999, 12, { unicode: false }), "[#########-]");
    assert.equal(drawBar(1, 12, { unicode: false }), "[##########]");
    assert.equal(drawBar(1, 6, { unicode: true }), "▕████▏");
  });
});
