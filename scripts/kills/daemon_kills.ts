/**
 * A daemon under load that is killed with -9 at random moments: it downloads and uploads, gets new
 * torrents, labels and limits. After each kill everything that it had confirmed must be there again.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "../../src/client/client.ts";
import { selectPlatform } from "../../src/platform/select.ts";
import { serveTracker } from "../../src/tracker/local_tracker.ts";
import { Prng } from "../../tests/harness/prng.ts";
import { firstDifference } from "../lib/compare_files.ts";
import {
  type MadeTorrent,
  makeTorrent,
  type TorrentSpec,
  writeFiles,
} from "../lib/make_torrent.ts";
import { RpcDaemon, type RpcTorrent } from "./rpc_daemon.ts";
import { MOST_LOST_MS } from "./run_kills.ts";

export interface DaemonKillsOptions {
  kills: number;
  torrents: number;
  /** Bytes of each torrent. */
  size: number;
  /** The most seconds that the daemon works before it is killed. */
  spread: number;
  seed: string;
  onKill?(kills: number, torrents: number): void;
}

export interface DaemonKillsResult {
  kills: number;
  /** Confirmed changes: added torrents, labels, limits. */
  changes: number;
  /** Bytes that all its runs together had downloaded and uploaded at the end. */
  downloaded: number;
  uploaded: number;
  /** Milliseconds of the orderly end. */
  ending: number;
  /** What was not as it must be; empty when all is well. */
  wrong: string[];
}

const MIB = 1024 * 1024;
/** All torrents together are to last for about so many kills. */
const RATE = 2 * MIB;
const SLACK_MS = 1000, PAUSE_MS = 20, END_LIMIT_MS = 120_000;

interface Made extends MadeTorrent {
  readonly spec: TorrentSpec;
}

/** What the daemon has confirmed of a torrent. */
interface Confirmed {
  labels: readonly string[];
  uploadLimit: number | null;
  reports: { at: number; downloaded: number; uploaded: number }[];
}

export async function runDaemonKills(options: DaemonKillsOptions): Promise<DaemonKillsResult> {
  const folder = mkdtempSync(join(tmpdir(), "shoal-daemon-kills-"));
  const platform = selectPlatform(), dice = new Prng(options.seed);
  const tracker = await serveTracker(platform, {
    port: 0,
    intervalSeconds: 5,
    minIntervalSeconds: 1,
  });
  const quiet = { address: "127.0.0.1", dht: false, lsd: false };
  const seeds = await Client.open(platform, { ...quiet, limits: { up: RATE } });
  const leeches = await Client.open(platform, { ...quiet, limits: { down: RATE / 4 } });
  const result = { kills: 0, changes: 0, downloaded: 0, uploaded: 0, ending: 0, wrong: [] };
  try {
    const source = join(folder, "source"), data = join(folder, "data");
    const state = join(folder, "state");
    for (const dir of [source, data, state]) mkdirSync(dir);
    const made = Array.from({ length: options.torrents }, (_, number) => {
      return make(number, options, tracker.announceUrl, source);
    });
    for (const { bytes } of made) {
      seeds.add(bytes, { dir: source, trustFiles: true, seedGoal: { kind: "forever" } });
      leeches.add(bytes, { dir: join(folder, "other") });
    }
    const port = await freePort(), start = () => new RpcDaemon(state, data, port);
    const run = new KilledDaemon(start, made, dice, result);
    while (result.kills < options.kills) {
      await run.once(dice.unit() * options.spread * 1000);
      options.onKill?.(result.kills, run.added);
    }
    await run.finish();
    for (const { spec } of made) {
      const difference = firstDifference(spec, source, data);
      if (difference !== null) result.wrong.push(`the result is not right: ${difference}` as never);
    }
    return result;
  } finally {
    await Promise.all([seeds.close(), leeches.close(), tracker.close()]);
    rmSync(folder, { recursive: true, force: true });
  }
}

class KilledDaemon {
  readonly #start: () => RpcDaemon;
  readonly #made: readonly Made[];
  readonly #dice: Prng;
  readonly #result: DaemonKillsResult;
  readonly #confirmed = new Map<string, Confirmed>();

  constructor(
    start: () => RpcDaemon,
    made: readonly Made[],
    dice: Prng,
    result: DaemonKillsResult,
  ) {
    this.#start = start;
    this.#made = made;
    this.#dice = dice;
    this.#result = result;
  }

  get added(): number {
    return this.#confirmed.size;
  }

  /** Every second run is killed while it starts, the others after it has answered. */
  async once(afterMs: number): Promise<void> {
    const daemon = this.#start();
    if (this.#result.kills % 2 === 1) {
      await wait(Math.min(afterMs, 600));
    } else {
      await daemon.answers();
      this.#compare(await daemon.torrents());
      const end = performance.now() + afterMs;
      while (performance.now() < end) {
        await this.#change(daemon);
        await wait(PAUSE_MS);
      }
    }
    const at = performance.now();
    await daemon.kill();
    for (const { reports } of this.#confirmed.values()) forgetLater(reports, at);
    this.#result.kills++;
  }

  /** Adds what is missing, waits for all, and ends in order. */
  async finish(): Promise<void> {
    const daemon = this.#start(), deadline = performance.now() + END_LIMIT_MS;
    await daemon.answers();
    this.#compare(await daemon.torrents());
    while (this.added < this.#made.length) await this.#add(daemon);
    for (;;) {
      const torrents = await daemon.torrents();
      if (torrents.every(({ percentDone }) => percentDone === 1)) {
        this.#result.downloaded = sumOf(torrents, (each) => each.downloadedEver);
        this.#result.uploaded = sumOf(torrents, (each) => each.uploadedEver);
        break;
      }
      if (performance.now() > deadline) {
        const bad = torrents.find(({ percentDone }) => percentDone < 1)!;
        this.#result.wrong.push(`never complete: ${JSON.stringify(bad)}`);
        break;
      }
      await wait(200);
    }
    this.#result.ending = await daemon.end();
  }

  async #change(daemon: RpcDaemon): Promise<void> {
    const known = [...this.#confirmed.keys()], dice = this.#dice.unit();
    if (known.length === 0 || dice < 0.05 && known.length < this.#made.length) {
      return await this.#add(daemon);
    }
    if (dice < 0.3) {
      const now = performance.now();
      for (const { hashString, downloadedEver, uploadedEver } of await daemon.torrents()) {
        const report = { at: now, downloaded: downloadedEver, uploaded: uploadedEver };
        this.#confirmed.get(hashString)!.reports.push(report);
      }
      return;
    }
    const hash = known[Math.floor(this.#dice.unit() * known.length)]!;
    const number = Math.floor(this.#dice.unit() * 10_000), wanted = this.#confirmed.get(hash)!;
    if (dice < 0.65) {
      await daemon.call("torrent-set", { ids: [hash], labels: [`label${number}`] });
      wanted.labels = [`label${number}`];
    } else {
      const limits = { uploadLimit: 500 + number, uploadLimited: true };
      await daemon.call("torrent-set", { ids: [hash], ...limits });
      wanted.uploadLimit = 500 + number;
    }
    this.#result.changes++;
  }

  async #add(daemon: RpcDaemon): Promise<void> {
    const { bytes, infoHash } = this.#made[this.added]!;
    await daemon.call("torrent-add", { metainfo: Buffer.from(bytes).toString("base64") });
    this.#confirmed.set(infoHash, { labels: [], uploadLimit: null, reports: [] });
    this.#result.changes++;
  }

  /** Whether all that was confirmed is there. */
  #compare(torrents: readonly RpcTorrent[]): void {
    const found = new Map(torrents.map((torrent) => [torrent.hashString, torrent]));
    for (const [hash, { labels, uploadLimit, reports }] of this.#confirmed) {
      const torrent = found.get(hash), owed = reports.at(-1);
      const wrong = (what: string) => {
        this.#result.wrong.push(`after kill ${this.#result.kills}, ${hash}: ${what}`);
      };
      if (torrent === undefined) {
        wrong("the torrent is gone");
        continue;
      }
      if (torrent.error !== 0) wrong(torrent.errorString);
      if (labels.join() !== torrent.labels.join()) wrong(`labels ${torrent.labels}, not ${labels}`);
      if (uploadLimit !== null && uploadLimit !== torrent.uploadLimit) {
        wrong(`the upload limit is ${torrent.uploadLimit}, not ${uploadLimit}`);
      }
      if (owed === undefined) continue;
      if (torrent.uploadedEver < owed.uploaded) {
        wrong(`uploaded ${torrent.uploadedEver}, not ${owed.uploaded}`);
      }
      if (torrent.downloadedEver < owed.downloaded) {
        wrong(`downloaded ${torrent.downloadedEver}, not ${owed.downloaded}`);
      }
    }
  }
}

/** A crash may lose the last five seconds of counts, and of nothing else. */
function forgetLater(reports: Confirmed["reports"], killedAt: number): void {
  const last = reports.findLastIndex(({ at }) => at <= killedAt - MOST_LOST_MS - SLACK_MS);
  reports.splice(last + 1);
  reports.splice(0, Math.max(0, reports.length - 1));
}

function make(
  number: number,
  { size, seed }: DaemonKillsOptions,
  announceUrl: string,
  source: string,
): Made {
  const name = `file${number}`, files = [{ path: name, size: size + number }];
  const spec = { name, pieceLength: 64 * 1024, files, announce: [[announceUrl]] };
  writeFiles(spec, source, `${seed} ${number}`);
  return { ...makeTorrent(spec, source), spec };
}

function sumOf(torrents: readonly RpcTorrent[], of: (torrent: RpcTorrent) => number): number {
  return torrents.reduce((sum, torrent) => sum + of(torrent), 0);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
