/** `shoal demo`: a real download from a swarm that it starts on this machine. */
import { type Flags, single } from "../args.ts";
import { type CliContext, defineCommand } from "../command.ts";
import { type DemoSwarm, startDemoSwarm } from "../demo_swarm.ts";
import { NO_STATE } from "../state_folder.ts";
import { runDownload } from "../download_run.ts";
import { EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED } from "../exit_codes.ts";
import { GIVE_UP_DEFAULT } from "../give_up.ts";
import { type Interrupt, watchInterrupt } from "../interrupt.ts";
import { openTorrent } from "../load_torrent.ts";
import type { Outcome } from "../outcome.ts";
import { chooseReporter } from "../render/choose_reporter.ts";
import { formatCount, formatSize } from "../render/format.ts";
import type { Reporter } from "../render/reporter.ts";
import { makeTempFolder, removeTree } from "../temp_folder.ts";
import { size } from "../values.ts";
import { verifyFiles } from "../../client/verify_files.ts";

const NAME = "shoal-demo.bin";
const DEFAULT_SIZE = 64 * 1024 * 1024;
/** Slow enough that three seeders need a few seconds for that, so that there is something to see. */
const SEEDER_BYTES_PER_SECOND = 7 * 1024 * 1024;

const FLAGS = {
  size: single("SIZE", "How much to download (default 64M)", size, DEFAULT_SIZE),
} satisfies Flags;

export const demoCommand = defineCommand({
  name: "demo",
  operands: "",
  count: [0, 0],
  summary: "Downloads from a demo swarm on this machine",
  details:
    "Makes random data, a tracker and three peers that have it, downloads it from them and\n" +
    "verifies it, all on 127.0.0.1. The downloaded file is kept in a temporary folder.",
  examples: ["shoal demo", "shoal demo --size 256M"],
  flags: FLAGS,
  async run(context, values) {
    const { platform, output } = context;
    const reporter = chooseReporter("auto", platform.process, output);
    const interrupt = watchInterrupt(platform, () => {
      reporter.close();
      return output.flush();
    });
    const folder = makeTempFolder(platform, "shoal-demo-");
    let code: number | null = null;
    try {
      code = await runDemo(context, { folder, size: values.size, reporter, interrupt });
    } finally {
      reporter.close();
      interrupt.release();
      if (code !== EXIT_DONE) removeTree(platform.files, folder);
    }
    return code;
  },
});

interface Demo {
  folder: string;
  size: number;
  reporter: Reporter;
  interrupt: Interrupt;
}

async function runDemo(context: CliContext, demo: Demo): Promise<number> {
  const { platform, output, openClient } = context;
  const { files } = platform;
  const seeds = `${demo.folder}/seeds`, torrentPath = `${demo.folder}/${NAME}.torrent`;
  files.makeDir(seeds);
  output.line(`Making ${formatSize(demo.size)} of random data and a .torrent for it`);
  const swarm = await startDemoSwarm(platform, openClient, {
    dir: seeds,
    name: NAME,
    size: demo.size,
    bytesPerSecond: SEEDER_BYTES_PER_SECOND,
  });
  let outcome: Outcome;
  try {
    await files.writeWhole(torrentPath, swarm.torrent);
    output.line(introduction(swarm));
    outcome = await downloadFrom(context, demo, torrentPath);
  } finally {
    await swarm.close();
    removeTree(files, seeds);
  }
  demo.reporter.close();
  if (outcome.exitCode === EXIT_INTERRUPTED) {
    output.line("Interrupted; the demo's files are removed");
    return EXIT_INTERRUPTED;
  }
  if (outcome.exitCode !== EXIT_DONE) return outcome.exitCode;
  return await checkResult(context, demo.folder, torrentPath);
}

function introduction({ announceUrl, seeders }: DemoSwarm): string {
  return `A tracker serves at ${announceUrl}, ${formatCount(seeders, "peer")} have the data\n`;
}

async function downloadFrom(context: CliContext, demo: Demo, torrent: string): Promise<Outcome> {
  const request = {
    sources: [torrent],
    client: { address: "127.0.0.1" },
    state: NO_STATE,
    add: { dir: demo.folder },
    giveUpAfter: GIVE_UP_DEFAULT,
  };
  const [outcome] = await runDownload(context, request, demo.reporter, demo.interrupt);
  return outcome!;
}

/** Reads the file again with nothing but the .torrent to go by, as `shoal verify` does. */
async function checkResult(
  { platform, output }: CliContext,
  folder: string,
  torrentPath: string,
): Promise<number> {
  const meta = await openTorrent(platform, torrentPath);
  const { bad } = await verifyFiles(platform, meta, folder);
  if (bad.length > 0) {
    output.errorLine(`shoal: ${formatCount(bad.length, "piece")} on the disk do not match`);
    return EXIT_FAILED;
  }
  output.write(nextSteps(platform.name, folder, torrentPath));
  return EXIT_DONE;
}

function nextSteps(runtime: string, folder: string, torrentPath: string): string {
  const shoal = commandFor(runtime);
  return [
    "",
    "Read again from the disk: every piece matches. What to try next:",
    `  ${shoal} show ${torrentPath}`,
    `  ${shoal} verify ${torrentPath} ${folder}`,
    `  ${shoal} download FILE.torrent -o DIR`,
    `  ${shoal} --help`,
    `The demo's files are yours to delete: ${folder}`,
    "",
  ].join("\n");
}

/** How this very program is called: from its sources it has no name of its own. */
function commandFor(runtime: string): string {
  if (!import.meta.url.endsWith(".ts")) return "shoal";
  return runtime === "bun" ? "npx bun mod.ts" : "npx deno run -A mod.ts";
}
