import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Encodable } from "../../src/bencode/bencode_encode.ts";
import { fromLatin1 } from "../../src/util/bytes.ts";
import { fileOf, folderOf, infoOf, parse } from "../harness/torrent_samples.ts";

const trackers = (outer: Record<string, Encodable>) => parse(infoOf(), outer).announce;
const seeds = (list: Encodable) => parse(infoOf(), { "url-list": list }).webSeeds;

describe("parseTorrent: trackers (BEP 3, 12)", () => {
  it("announce alone is one tier", () => {
    assert.deepEqual(trackers({ announce: "udp://a:1" }), [["udp://a:1"]]);
    assert.deepEqual(trackers({ announce: "\t udp://a:1\r\n" }), [["udp://a:1"]]);
    assert.deepEqual(trackers({ announce: "" }), []);
    assert.deepEqual(trackers({}), []);
  });

  it("announce-list wins over announce and keeps its tiers", () => {
    const list = [["http://a", "http://b"], ["http://c"]];
    assert.deepEqual(trackers({ announce: "http://x", "announce-list": list }), list);
    assert.deepEqual(trackers({ "announce-list": [["b1"], ["b2"]] }), [["b1"], ["b2"]]);
  });

  it("an announce-list without a usable URL does not hide announce", () => {
    for (const list of [[], [[]], [[""]], [[" "], [5]], "x"]) {
      assert.deepEqual(trackers({ announce: "http://x", "announce-list": list }), [["http://x"]]);
    }
  });

  it("a flat list makes tiers of one; odd entries and repeats are left out", () => {
    assert.deepEqual(trackers({ "announce-list": ["a", "b"] }), [["a"], ["b"]]);
    const list = [["a", 1, ["x"], "a"], ["a"], ["b", "a", " b "]];
    assert.deepEqual(trackers({ "announce-list": list }), [["a"], ["b"]]);
  });

  it("entries that are not text are left out with a warning", () => {
    const meta = parse(infoOf(), { "announce-list": [[fromLatin1("http://\xff"), "ok"]] });
    assert.deepEqual(meta.announce, [["ok"]]);
    assert.match(meta.warnings.join(), /1 tracker address/);
  });

  it("their number is bounded", () => {
    const list = Array.from({ length: 2000 }, (_, i) => [`http://t${i}`]);
    const meta = parse(infoOf(), { "announce-list": list });
    assert.equal(meta.announce.length, 500);
    assert.match(meta.warnings.join(), /1500 tracker/);
  });
});

describe("parseTorrent: web seeds (BEP 19)", () => {
  it("url-list is a string or a list", () => {
    assert.deepEqual(seeds("http://m/f.exe"), ["http://m/f.exe"]);
    assert.deepEqual(seeds(["http://m/f", "https://n/f", "http://m/f"]), [
      "http://m/f",
      "https://n/f",
    ]);
    for (const none of ["", [], [""], [[""]], 5, { a: 1 }]) assert.deepEqual(seeds(none), []);
  });

  it("percent-encodes characters that are invalid in a URL and keeps escapes", () => {
    assert.deepEqual(seeds("http://m/a b/%20c?x=1&y=[z]#f"), ["http://m/a%20b/%20c?x=1&y=[z]#f"]);
    assert.deepEqual(seeds("http://m/h\u00e9\u{1f600}"), ["http://m/h%C3%A9%F0%9F%98%80"]);
    assert.deepEqual(seeds('http://m/"<>\\^`{|}'), ["http://m/%22%3C%3E%5C%5E%60%7B%7C%7D"]);
    assert.deepEqual(seeds("http://m/a\nb\0c"), ["http://m/a%0Ab%00c"]);
  });

  it("of a torrent with several files is a folder and ends in /", () => {
    const list = { "url-list": ["http://m/pub", "http://m/pub/", "http://n/"] };
    const several = folderOf([fileOf("a", 5), fileOf("b", 5)]);
    assert.deepEqual(parse(several, list).webSeeds, ["http://m/pub/", "http://n/"]);
    const one = folderOf([fileOf("a", 5)]);
    assert.deepEqual(parse(one, { "url-list": "http://m/a" }).webSeeds, ["http://m/a"]);
  });

  it("only http and https are kept, with a warning about the rest", () => {
    const meta = parse(infoOf(), {
      "url-list": ["ftp://m/f", "http://m/f", "file:///etc/passwd", "HTTP://M/f", "http:///x", "x"],
    });
    assert.deepEqual(meta.webSeeds, ["http://m/f", "HTTP://M/f"]);
    assert.match(meta.warnings.join(), /4 web seed/);
  });
});
