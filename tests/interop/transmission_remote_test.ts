/**
 * transmission-remote of Debian against `shoal daemon`: the commands that were recorded with
 * Transmission 3.00, with the same exit codes and the same output but for figures that live.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { after, describe, it } from "node:test";
import { needs } from "./needs.ts";
import { startRpcDaemon } from "./rpc_daemon.ts";
import { Scene } from "./scene.ts";
import type { TorrentSpec } from "../../scripts/lib/make_torrent.ts";

interface Command {
  args: string[];
  code: number;
  out: string;
  err: string;
}

const COMMANDS: Command[] = readFileSync(
  new URL("./transmission_remote.jsonl", import.meta.url),
  "utf8",
).trim().split("\n").map((line) => JSON.parse(line));

/** Another version of Transmission, or no peers here: the recorded ones downloaded meanwhile. */
const LIVING =
  /^ {2}(State|ETA|Have|Downloaded|Ratio|Tracker gave|Date|Latest|Downloading T|Got |Asking|Tracker had|Active in|Backup on|No updates|Peers|Availability|Percent|Location|Comment|Creator)/;

/** What a line says, without its numbers. */
function plain(line: string): string {
  return line.replace(/[0-9a-f]{40}/, "HASH").replace(
    /\d+(\.\d+)?( [kM]?B)?|None|Unknown|n\/a/g,
    "N",
  ).replace(/\s+/g, " ").trim();
}

/** Lines of a list keep their id and name; pieces and peers live altogether. */
function comparable(out: string, args: readonly string[]): string[] {
  if (args.some((arg) => ["-ip", "-pi", "-ic"].includes(arg))) return [];
  const lines = out.split("\n").filter((line) => line.trim() !== "" && !LIVING.test(line));
  if (!args.includes("-l")) return lines.map(plain);
  return lines.filter((line) => !line.startsWith("Sum")).map((line) => {
    const [, id, name] = /^\s+(\d+)\*?\s.*\s(\S+)$/.exec(line) ?? [];
    return id === undefined ? plain(line) : `${id} ${name}`;
  });
}

/** Nobody answers there. */
const TRACKER = [["http://127.0.0.1:9/announce"]];
const SINGLE: TorrentSpec = {
  name: "single.bin",
  pieceLength: 32_768,
  files: [{ path: "single.bin", size: 3_000_000 }],
};
const MULTI: TorrentSpec = {
  name: "multi",
  private: true,
  pieceLength: 32_768,
  files: [
    { path: "a.bin", size: 700_000 },
    { path: "sub/b.bin", size: 200_000 },
    { path: "sub/c.txt", size: 50 },
  ],
};

const scene = new Scene();
after(() => scene.close());

function remote(port: number, args: readonly string[]): Promise<Command> {
  return new Promise((resolve) => {
    execFile("transmission-remote", [`127.0.0.1:${port}`, ...args], (error, out, err) => {
      const code = error === null ? 0 : Number(error.code);
      resolve({ args: [...args], code, out: out.replaceAll(`127.0.0.1:${port}`, "HOST"), err });
    });
  });
}

describe("transmission-remote", { skip: needs("transmission") }, () => {
  it("controls the daemon as it does Transmission", { timeout: 120_000 }, async () => {
    const { port, folder, program } = await startRpcDaemon(scene);
    const single = scene.payload(SINGLE), multi = scene.payload(MULTI);
    const given: Readonly<Record<string, string>> = {
      $W: folder,
      SINGLE: scene.torrentFile(single, TRACKER),
      MULTI: scene.torrentFile(multi, TRACKER),
      UPPERHASH: single.infoHash.toUpperCase(),
      HASH: single.infoHash,
    };
    for (const expected of COMMANDS) {
      const args = expected.args.map((arg) => {
        return Object.entries(given).reduce(
          (text, [name, value]) => text.replace(name, value),
          arg,
        );
      });
      const ran = await remote(port, args);
      const what = expected.args.join(" ");
      assert.equal(ran.code, expected.code, `${what}\n${ran.out}${ran.err}`);
      assert.equal(ran.err, expected.err, what);
      assert.deepEqual(comparable(ran.out, args), comparable(expected.out, args), what);
    }
    assert.equal((await remote(port, ["--exit"])).code, 0);
    const { code, stderr } = await program.ended;
    assert.equal(code, 0, stderr);
  });
});
