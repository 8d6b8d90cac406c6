import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { UsageError } from "../../src/cli/errors.ts";
import {
  duration,
  durationOrNever,
  hostAndPort,
  oneOf,
  pieceLength,
  quota,
  rate,
  seedGoal,
  size,
  trackerUrl,
  trackerUrls,
  webSeedUrl,
  wholeNumber,
} from "../../src/cli/values.ts";

function refusesAll(read: (text: string) => unknown, texts: readonly string[]): void {
  for (const text of texts) assert.throws(() => read(text), UsageError, `accepted "${text}"`);
}

describe("values of flags", () => {
  it("wholeNumber takes digits within its range only", () => {
    const port = wholeNumber(0, 65535);
    assert.equal(port("0"), 0);
    assert.equal(port("65535"), 65535);
    refusesAll(port, ["", "-1", "65536", "1.5", "1e3", "0x10", " 1", "12three", "9".repeat(400)]);
  });

  it("size counts in units of 1024", () => {
    assert.equal(size("512"), 512);
    assert.equal(size("64M"), 64 * 1024 ** 2);
    assert.equal(size("64mib"), 64 * 1024 ** 2);
    assert.equal(size("1.5GiB"), 1.5 * 1024 ** 3);
    assert.equal(size("10 kB"), 10240);
    refusesAll(size, ["", "0", "M", "-1M", "1P", "1.2.3", "64 MiBs", "NaN"]);
    assert.deepEqual(
      ["1T", "1.5 TiB", "8191T"].map(size),
      [1, 1.5, 8191].map((n) => n * 1024 ** 4),
    );
    refusesAll(size, ["8192T", "999999999999T", "0.5"]);
  });

  it("duration returns seconds", () => {
    assert.deepEqual(["90", "30s", "10m", "2h", "1d", "1.5h"].map(duration), [
      90,
      30,
      600,
      7200,
      86400,
      5400,
    ]);
    refusesAll(duration, ["", "m", "-5s", "5 m", "5w", "never"]);
    assert.equal(durationOrNever("never"), Infinity);
    assert.equal(durationOrNever("5m"), 300);
  });

  it("hostAndPort takes names, IPv4 and bracketed IPv6", () => {
    for (const text of ["peer.example:6881", "192.0.2.1:1", "[2001:db8::1]:65535"]) {
      assert.equal(hostAndPort(text), text);
    }
    refusesAll(hostAndPort, ["peer", "peer:", ":80", "peer:0", "peer:65536", "::1:80", "a b:80"]);
    refusesAll(hostAndPort, ["http://x:80", "peer:80/x", "[::1]", "[peer]:80"]);
  });

  it("seedGoal reads several goals, of which the first one reached counts", () => {
    const goals = [{ kind: "ratio", ratio: 2 }, { kind: "time", seconds: 86_400 }];
    assert.deepEqual(seedGoal("ratio:2,time:24h"), { kind: "any", goals });
    assert.throws(() => seedGoal("ratio:2,forever"), /none and forever stand alone/);
  });

  it("seedGoal reads its five forms", () => {
    assert.deepEqual(seedGoal("none"), { kind: "none" });
    assert.deepEqual(seedGoal("forever"), { kind: "forever" });
    assert.deepEqual(seedGoal("ratio:1.5"), { kind: "ratio", ratio: 1.5 });
    assert.deepEqual(seedGoal("time:30m"), { kind: "time", seconds: 1800 });
    assert.deepEqual(seedGoal("idle:90"), { kind: "idle", seconds: 90 });
    refusesAll(seedGoal, [
      "",
      "ratio",
      "ratio:",
      "ratio:-1",
      "time:",
      "time:x",
      "idle",
      "1.5",
      "ratio:1:2",
    ]);
  });

  it("pieceLength takes auto and powers of two from 16 KiB to 256 MiB", () => {
    assert.equal(pieceLength("auto"), null);
    assert.equal(pieceLength("16k"), 16 * 1024);
    assert.equal(pieceLength("1MiB"), 1024 ** 2);
    assert.equal(pieceLength("256M"), 256 * 1024 ** 2);
    refusesAll(pieceLength, ["", "8k", "17k", "48k", "512M", "1", "Auto", "-1M"]);
  });

  it("trackerUrl, trackerUrls and webSeedUrl accept what clients understand", () => {
    for (const url of ["http://a/announce", "https://b", "udp://c:80/announce", "wss://d"]) {
      assert.equal(trackerUrl(url), url);
    }
    assert.deepEqual(trackerUrls(" http://a \t udp://b:1 "), ["http://a", "udp://b:1"]);
    assert.equal(webSeedUrl("https://w/x%20y"), "https://w/x%20y");
    refusesAll(trackerUrl, ["", "a:80", "ftp://a", "http://a b"]);
    refusesAll(trackerUrls, ["", "  ", "http://a x"]);
    refusesAll(webSeedUrl, ["udp://a:80", "/file", ""]);
  });

  it("oneOf names the choices", () => {
    const read = oneOf("changed", "full");
    assert.equal(read("full"), "full");
    assert.throws(() => read("fast"), /"fast" is not one of changed, full/);
  });
});

describe("quota", () => {
  it("accepts any size, and explains its error", () => {
    assert.equal(quota("1T"), 1024 ** 4);
    assert.equal(quota("1"), 1);
    assert.throws(() => quota("0"), /^UsageError: "0" would block everything; to set no limit/);
    assert.throws(() => quota("lots"), /is not a size such as/);
  });
});

describe("rate", () => {
  it("reads bytes a second, with or without /s", () => {
    assert.equal(rate("5M"), 5 * 1024 ** 2);
    assert.equal(rate("500k/s"), 500 * 1024);
  });

  it("refuses text that is not a rate, and tiny rates", () => {
    assert.throws(() => rate("fast"), UsageError);
    assert.throws(() => rate("100"), /too slow/);
    for (const text of ["0", "0K", "0/s", "0.0M/s"]) {
      assert.throws(() => rate(text), {
        code: "usage",
        message: /would block everything; to set no limit, leave the flag out$/,
      });
    }
  });
});
