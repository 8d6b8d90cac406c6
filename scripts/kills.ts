/**
 * `npm run kills`: real downloads over this machine's loopback, killed with -9 at random moments
 * and started again until they are done. scripts/sim/README.md has the figures.
 *
 *   --count N    kills in all (default 200)
 *   --size MIB   of the torrent (default 256)
 *   --spread S   each process lives for up to S seconds (default 12)
 *   --lanes N    downloads at once (default 2)
 *   --seed TEXT  of the moments and of the bytes
 *   --daemon     a daemon with 30 torrents of 8 MiB is killed instead (--count, --spread, --seed)
 *   --json       the result as JSON
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { thisRuntime } from "./lib/runtimes.ts";
import { type DaemonKillsOptions, runDaemonKills } from "./kills/daemon_kills.ts";
import { type Kill, runKills } from "./kills/run_kills.ts";

const MIB = 1024 * 1024;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      count: { type: "string", default: "200" },
      size: { type: "string", default: "256" },
      spread: { type: "string", default: "12" },
      lanes: { type: "string", default: "2" },
      seed: { type: "string", default: String(Date.now()) },
      daemon: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
    },
  });
  if (values.daemon) {
    return await killDaemon({
      kills: Number(values.count),
      torrents: 30,
      size: 8 * MIB,
      spread: Number(values.spread),
      seed: values.seed,
    });
  }
  const start = performance.now();
  const result = await runKills({
    kills: Number(values.count),
    size: Number(values.size) * MIB,
    spread: Number(values.spread),
    lanes: Number(values.lanes),
    seed: values.seed,
    onKill: (kill) => {
      if (!values.json) console.log(lineOf(kill));
    },
  });
  if (values.json) console.log(JSON.stringify(result));
  else {
    for (const what of result.wrong) console.log(`WRONG: ${what}`);
    const lost = result.kills.map(lostOf).sort((a, b) => a - b);
    const mean = lost.reduce((sum, each) => sum + each, 0) / Math.max(1, lost.length);
    const twice = result.sentTwice / Math.max(1, result.kills.length);
    console.log(
      `${thisRuntime}: ${result.kills.length} kills in ${result.downloads} downloads of ` +
        `${values.size} MiB, seed ${values.seed}, ${seconds(performance.now() - start)} s: ` +
        `${result.wrong.length} wrong; lost ${mib(mean)} MiB a kill, ${mib(lost.at(-1) ?? 0)} at ` +
        `most; sent twice ${mib(twice)} MiB a kill`,
    );
  }
  return result.wrong.length === 0 ? 0 : 1;
}

async function killDaemon(options: DaemonKillsOptions): Promise<number> {
  const start = performance.now(), result = await runDaemonKills(options);
  for (const what of result.wrong) console.log(`WRONG: ${what}`);
  console.log(
    `${thisRuntime}: a daemon killed ${result.kills} times, seed ${options.seed}, ` +
      `${seconds(performance.now() - start)} s: ${result.changes} confirmed changes, ` +
      `${mib(result.uploaded)} MiB uploaded, ${result.wrong.length} wrong; its end took ` +
      `${seconds(result.ending)} s`,
  );
  return result.wrong.length === 0 ? 0 : 1;
}

function lostOf({ reported, resumed }: Kill): number {
  return Math.max(0, reported - resumed);
}

function lineOf(kill: Kill): string {
  const { after, reported, resumed, owed } = kill;
  return `killed after ${seconds(after)} s with ${mib(reported)} MiB: ` +
    `${mib(resumed)} found again, ${mib(owed)} owed`;
}

function mib(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 2;
}
