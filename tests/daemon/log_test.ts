import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DaemonLog } from "../../src/daemon/log.ts";
import type { LogFormat, LogLevel } from "../../src/daemon/options.ts";
import { redact } from "../../src/daemon/redact.ts";

function logging(logLevel: LogLevel = "info", logFormat: LogFormat = "text") {
  let text = "";
  const process = {
    err: (more: string) => {
      text += more;
      return Promise.resolve();
    },
  };
  const how = { logLevel, logFormat };
  const log = new DaemonLog({ clock: { wallTime: () => 1_700_000_000_000 }, process }, () => how);
  return { log, how, lines: () => text.split("\n").slice(0, -1) };
}

describe("the log of a daemon", () => {
  it("writes lines with time, level and fields, and skips what is below its level", () => {
    const { log, how, lines } = logging();
    log.debug("not yet");
    log.warn("the disk is full", { path: "/data/a b", seconds: 3 });
    how.logLevel = "debug";
    log.torrent("ab".repeat(20)).debug("now");
    assert.deepEqual(lines(), [
      '2023-11-14T22:13:20.000Z warn  the disk is full path="/data/a b" seconds=3',
      `2023-11-14T22:13:20.000Z debug now torrent=${"ab".repeat(20)}`,
    ]);
  });

  it("writes a line of JSON each, whatever the message holds", () => {
    const { log, lines } = logging("info", "json");
    log.error('a "name"\nwith lines \u001b[31m', { code: "io", cause: new Error("two\nlines") });
    assert.deepEqual(lines().map((line) => JSON.parse(line)), [{
      time: "2023-11-14T22:13:20.000Z",
      level: "error",
      message: 'a "name" with lines  [31m',
      code: "io",
      cause: "two lines",
    }]);
  });

  it("keeps the last 500 lines, without secrets", () => {
    const { log } = logging();
    for (let i = 0; i < 600; i++) log.info(`line ${i} https://tracker.example/${i}secret/announce`);
    assert.equal(log.recent.length, 500);
    assert.equal(log.recent[0]!.message, "line 100 https://tracker.example/***");
  });

  const SECRET = "0123456789abcdef0123456789abcdef";
  const secrets: readonly string[] = [
    `https://tracker.example/${SECRET}/announce failed`,
    `https://tracker.example:443/announce?passkey=${SECRET}&x=1, then`,
    `http://tracker.example/announce.php?pid=${SECRET}`,
    `udp://tracker.example:6969/${SECRET}`,
    `wss://user:${SECRET}@tracker.example/`,
    `magnet:?xt=urn:btih:${"a".repeat(40)}&dn=x&tr=https%3A%2F%2Ft.example%2F${SECRET}%2Fannounce`,
    `the password: ${SECRET} is wrong`,
    `{"password":"${SECRET}"}`,
    `Authorization: Basic ${SECRET}==`,
    `Authorization: Bearer ${SECRET}`,
    `token=${SECRET}`,
  ];
  for (const text of secrets) {
    it(`does not tell the secret in ${text.replace(SECRET, "...")}`, () => {
      for (const format of ["text", "json"] as const) {
        const { log, lines } = logging("info", format);
        log.info(text, { url: text, cause: new Error(text), list: [text] });
        assert.ok(!lines().join().includes(SECRET), lines().join());
      }
    });
  }

  it("hides fields named as secrets", () => {
    const { log, lines } = logging();
    log.info("x", { password: "hunter2", apiKey: "hunter2", token: "hunter2", passkey: "hunter2" });
    assert.ok(!lines().join().includes("hunter2"));
  });

  it("leaves what is no secret", () => {
    for (
      const text of [
        "https://tracker.example/announce failed",
        "udp://tracker.example:6969/announce, and udp://other.example:80.",
        "listening on http://127.0.0.1:9091/",
        "Downloaded The Secret Garden: passengers",
      ]
    ) assert.equal(redact(text), text);
    assert.equal(
      redact(`magnet:?xt=urn:btih:${"a".repeat(40)}&dn=x`),
      `magnet:?xt=urn:btih:${"a".repeat(40)}&***`,
    );
  });
});
