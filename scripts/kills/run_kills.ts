/**
 * Downloads that are killed with -9 at random moments and started again until they are done. Each
 * kill tells what it cost; each download is compared byte for byte.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { firstDifference } from "../lib/compare_files.ts";
import { makeTorrent, type TorrentSpec, writeFiles } from "../lib/make_torrent.ts";
import { Prng } from "../../tests/harness/prng.ts";
import { ChildProgram } from "./program.ts";

/** What a crash may cost (ClientOptions.saveEveryMs). */
export const MOST_LOST_MS = 5000;
/** The client looks at the time twice a second, and what it did shows here a moment later. */
const SLACK_MS = 1000;
/** About the time of a whole undisturbed download. */
const DOWNLOAD_S = 15;
const MAX_START_MS = 30_000;
const NOTHING = { reported: 0, owed: 0 };

export interface KillsOptions {
  kills: number;
  /** Bytes of the torrent. */
  size: number;
  /**
   * The most seconds before a process is killed. They count from the first piece and from the start
   * of the process, in turns.
   */
  spread: number;
  /** Downloads at once. */
  lanes: number;
  seed: string;
  onKill?(kill: Kill): void;
}

export interface Kill {
  /** Milliseconds from the start of the process to its end. */
  after: number;
  /** Verified bytes as reported last, and found on the next start; reported 5 s before the end. */
  reported: number;
  resumed: number;
  owed: number;
}

export interface KillsResult {
  kills: Kill[];
  /** Downloads that were finished and compared. */
  downloads: number;
  /** What was not as it must be; empty when all is well. */
  wrong: string[];
  /** Bytes that the seeders sent beyond one copy for each download. */
  sentTwice: number;
}

export async function runKills(options: KillsOptions): Promise<KillsResult> {
  const folder = mkdtempSync(join(tmpdir(), "shoal-kills-"));
  try {
    const spec = specOf(options.size);
    const source = join(folder, "source"), torrent = join(folder, "a.torrent");
    mkdirSync(source);
    writeFiles(spec, source, options.seed);
    writeFileSync(torrent, makeTorrent(spec, source).bytes);
    const result: KillsResult = { kills: [], downloads: 0, wrong: [], sentTwice: 0 };
    const lanes = Array.from({ length: options.lanes }, async (_, lane) => {
      const dice = new Prng(`${options.seed} ${lane}`);
      while (result.kills.length < options.kills) {
        const target = join(folder, `lane${lane}`);
        await oneDownload({ spec, source, torrent, target }, options, dice, result);
        rmSync(target, { recursive: true, force: true });
      }
    });
    await Promise.all(lanes);
    return result;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function specOf(size: number): TorrentSpec {
  const part = Math.floor(size / 8);
  const sizes = [part * 3 + 1, 17, part, size - part * 4 - 18];
  const files = sizes.map((each, i) => ({ path: `part${i % 2}/file${i}`, size: each }));
  return { name: "killed", pieceLength: 256 * 1024, files };
}

interface Download {
  spec: TorrentSpec;
  source: string;
  torrent: string;
  target: string;
}

async function oneDownload(
  { spec, source, torrent, target }: Download,
  options: KillsOptions,
  dice: Prng,
  result: KillsResult,
): Promise<void> {
  const data = join(target, "data"), state = join(target, "state");
  mkdirSync(data, { recursive: true });
  const port = Promise.withResolvers<string>();
  let uploaded = 0;
  const rate = String(Math.ceil(options.size / DOWNLOAD_S));
  const seeder = new ChildProgram(["seed", torrent, source, rate], (word, rest) => {
    if (word === "port") port.resolve(rest);
    if (word === "uploaded") uploaded = Number(rest);
  });
  try {
    const args = ["leech", torrent, data, state, await port.promise];
    let owing: Omit<Kill, "resumed">[] = [];
    for (let done = false; !done;) {
      const enough = result.kills.length + owing.length >= options.kills;
      const after = dice.unit() * options.spread * 1000;
      const fromPiece = (result.kills.length + owing.length) % 2 === 0;
      const run = await oneRun(args, enough ? null : { after, fromPiece });
      const { checked } = run;
      if (checked !== null) {
        for (const kill of owing) judge({ ...kill, resumed: checked }, options, result);
        owing = [];
      }
      // One that was killed before it looked at its disk owes what its predecessor did.
      if (run.killed !== null) {
        const { reported, owed } = checked === null ? owing.at(-1) ?? NOTHING : run.killed;
        owing.push({ after: run.killed.after, reported, owed });
      }
      done = run.done;
    }
    result.downloads++;
    const difference = firstDifference(spec, source, data);
    if (difference !== null) result.wrong.push(`the result is not right: ${difference}`);
    await settled(() => uploaded);
    result.sentTwice += Math.max(0, uploaded - options.size);
  } finally {
    await seeder.kill();
  }
}

function judge(kill: Kill, { onKill }: KillsOptions, result: KillsResult): void {
  result.kills.push(kill);
  onKill?.(kill);
  if (kill.resumed >= kill.owed) return;
  result.wrong.push(
    `killed after ${Math.round(kill.after)} ms it had ${kill.resumed} bytes, ` +
      `and 5 s before the kill ${kill.owed}`,
  );
}

interface Run {
  /** Verified bytes that it found; null when it did not live to say. */
  checked: number | null;
  killed: Omit<Kill, "resumed"> | null;
  done: boolean;
}

/** `kill.after`: milliseconds; null lets the download finish. */
async function oneRun(
  args: readonly string[],
  kill: { after: number; fromPiece: boolean } | null,
): Promise<Run> {
  const start = performance.now();
  const reports: { at: number; have: number }[] = [];
  const firstPiece = Promise.withResolvers<void>();
  let checked: number | null = null, done = false;
  const leech = new ChildProgram(args, (word, rest) => {
    if (word === "checked") checked = Number(rest);
    if (checked !== null && (word === "have" || word === "checked")) {
      reports.push({ at: performance.now(), have: Number(rest) });
    }
    if (checked !== null && word === "have" && Number(rest) > checked) firstPiece.resolve();
    if (word === "done") done = true;
  });
  const longest = MAX_START_MS + 20 * DOWNLOAD_S * 1000;
  let over = false;
  const ended = leech.ended.then(() => {
    over = true;
  });
  if (kill?.fromPiece) {
    await Promise.race([ended, firstPiece.promise, after(longest, () => over)]);
  }
  await Promise.race([ended, after(kill?.after ?? longest, () => over)]);
  if (done) {
    await leech.ended;
    return { checked, killed: null, done };
  }
  if (over) leech.assertWell();
  if (kill === null) throw new Error("a download did not end by itself");
  const at = performance.now();
  await leech.kill();
  if (done) return { checked, killed: null, done };
  const owed = reports.findLast((report) => report.at <= at - MOST_LOST_MS - SLACK_MS)?.have ??
    reports[0]?.have ?? 0;
  const killed = { after: at - start, reported: reports.at(-1)?.have ?? 0, owed };
  return { checked, killed, done: false };
}

/** Resolves after so long, or soon after `over` holds. */
async function after(ms: number, over: () => boolean): Promise<void> {
  const end = performance.now() + ms;
  while (!over()) {
    const left = end - performance.now();
    if (left <= 0) return;
    await new Promise((resolve) => setTimeout(resolve, Math.min(left, 200)));
  }
}

/** Until a number that is reported twice a second stays. */
async function settled(value: () => number): Promise<void> {
  for (let before = -1; before !== value();) {
    before = value();
    await new Promise((resolve) => setTimeout(resolve, 1100));
  }
}
