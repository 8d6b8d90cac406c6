/** Our announces against opentracker, the tracker that most public sites run (Debian's package). */
import { after, before, describe, it } from "node:test";
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { selectPlatform } from "../../src/platform/select.ts";
import { parseTrackerUrl } from "../../src/tracker/tracker_url.ts";
import { scrapeHttp } from "../../src/tracker/http_announcer.ts";
import { UdpAnnouncer } from "../../src/tracker/udp_announcer.ts";
import { toHex } from "../../src/util/bytes.ts";
import { SwarmMember } from "./swarm_member.ts";

const BINARY = "/usr/bin/opentracker";
const required = process.env["SHOAL_REQUIRE_PEERS"] === "1";
const skip = existsSync(BINARY) || required ? false : "opentracker is not installed";

const HTTP_HASH = new Uint8Array(20).fill(0xc1);
const UDP_HASH = new Uint8Array(20).fill(0xd2);
const platform = selectPlatform();
const { clock, random, http, datagrams, net } = platform;

/** The Debian build serves only torrents on a whitelist, which it reads from inside its folder. */
class OpenTracker {
  readonly #dir = mkdtempSync(join(tmpdir(), "shoal-opentracker-"));
  #child: ChildProcess | null = null;
  port = 0;

  async start(hashes: Uint8Array[]): Promise<void> {
    writeFileSync(join(this.#dir, "whitelist"), hashes.map((hash) => toHex(hash) + "\n").join(""));
    // Started by root it goes on as nobody, inside this folder.
    chmodSync(this.#dir, 0o755);
    this.port = await freePort();
    const port = String(this.port);
    const args = ["-i", "127.0.0.1", "-p", port, "-P", port, "-d", this.#dir, "-w", "whitelist"];
    const child = spawn(BINARY, args, { cwd: this.#dir, stdio: "ignore" });
    this.#child = child;
    for (let i = 0; i < 200 && child.exitCode === null; i++) {
      if (await this.#answers()) return;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    assert.fail("opentracker did not start");
  }

  async #answers(): Promise<boolean> {
    try {
      const url = `http://127.0.0.1:${this.port}/scrape`;
      await http.request({ url, timeoutMs: 1000, maxBytes: 10_000 });
      return true;
    } catch {
      return false;
    }
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child !== null && child.exitCode === null) {
      const gone = once(child, "exit");
      child.kill("SIGKILL");
      await gone;
    }
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("announces to opentracker", { skip, timeout: 30_000 }, () => {
  const tracker = new OpenTracker();
  before(async () => {
    if (!skip) await tracker.start([HTTP_HASH, UDP_HASH]);
  });
  after(async () => {
    await tracker.stop();
  });

  const members = (url: string, infoHash: Uint8Array) =>
    [1111, 2222].map((port) => new SwarmMember(platform, [[url]], { port, infoHash }));
  const signal = new AbortController().signal;

  it("over HTTP: peers, counts, completed, stopped, scrape", { skip }, async () => {
    const url = `http://127.0.0.1:${tracker.port}/announce`;
    const [one, two] = members(url, HTTP_HASH);
    assert.equal((await one!.firstOutcome()).ok, true);
    await two!.firstOutcome();
    assert.ok(two!.peers.has("127.0.0.1:1111"), [...two!.peers].join());
    one!.left = 0;
    one!.manager.completed();
    await one!.until(() => one!.outcomes.length > 1);
    const ports = { clock, http, lookup: net.lookup };
    const scrape = () =>
      scrapeHttp(ports, parseTrackerUrl(url), "127.0.0.1", HTTP_HASH, { timeoutMs: 5000, signal });
    const during = await scrape();
    assert.deepEqual([during?.seeders, during?.leechers, during?.downloaded], [1, 1, 1]);
    await one!.manager.stop(3000);
    await two!.manager.stop(3000);
    const afterwards = await scrape();
    assert.deepEqual([afterwards?.seeders, afterwards?.leechers], [0, 0]);
  });

  it("over UDP: peers, counts, completed, stopped, scrape", { skip }, async () => {
    const url = `udp://127.0.0.1:${tracker.port}/announce`;
    const [one, two] = members(url, UDP_HASH);
    assert.equal((await one!.firstOutcome()).ok, true);
    await two!.firstOutcome();
    assert.ok(two!.peers.has("127.0.0.1:1111"), [...two!.peers].join());
    one!.left = 0;
    one!.manager.completed();
    await one!.until(() => one!.outcomes.length > 1);
    const udp = new UdpAnnouncer({ clock, random, datagrams });
    const at = { address: "127.0.0.1", port: tracker.port };
    const scrape = async () => (await udp.scrape(at, [UDP_HASH], { tries: 1, signal }))[0];
    const during = await scrape();
    assert.deepEqual([during?.seeders, during?.leechers, during?.downloaded], [1, 1, 1]);
    await one!.manager.stop(3000);
    await two!.manager.stop(3000);
    const afterwards = await scrape();
    assert.deepEqual([afterwards?.seeders, afterwards?.leechers], [0, 0]);
    udp.close();
  });

  it("returns its message for a torrent that it does not serve", { skip }, async () => {
    const url = `http://127.0.0.1:${tracker.port}/announce`;
    const infoHash = new Uint8Array(20).fill(1);
    const stranger = new SwarmMember(platform, [[url]], { port: 1, infoHash });
    const outcome = await stranger.firstOutcome();
    assert.equal(outcome.ok, false);
    assert.match(outcome.message!, /not authorized/);
    assert.equal(stranger.manager.failing, true);
    await stranger.manager.stop(1000);
  });
});
