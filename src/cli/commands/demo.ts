/** `shoal demo`: a real download from a swarm that it starts on this machine. */
import { type Flags, single } from "../args.ts";
import { type CliContext, type ClientPort, defineCommand, type OpenClient } from "../command.ts";
import { NO_STATE } from "../state_folder.ts";
import { runDownload } from "../run.ts";
import { EXIT_DONE, EXIT_FAILED, EXIT_INTERRUPTED } from "../errors.ts";
import { type Interrupt, watchInterrupt } from "../interrupt.ts";
import { openTorrent } from "../load_torrent.ts";
import type { Outcome } from "../outcome.ts";
import { chooseReporter } from "../render/choose_reporter.ts";
import { formatCount, formatSize } from "../render/format.ts";
import type { Reporter } from "../render/reporter.ts";
import { size } from "../values.ts";
import { verifyFiles } from "../../client/verify_files.ts";
import type { Clock, Files, Platform, Socket, StreamNet } from "../../platform/types.ts";
import { serveTracker } from "../../tracker/local_tracker.ts";
import { createTorrent } from "../../client/create_torrent.ts";
import type { ClientOptions } from "../../client/types.ts";

const NAME = "shoal-demo.bin";
const LOOPBACK: ClientOptions = { address: "127.0.0.1", dht: false, lsd: false };
const DEFAULT_SIZE = 64 * 1024 * 1024;
/** Slow enough that three seeders need a few seconds, so that there is something to see. */
const SEEDER_BYTES_PER_SECOND = 7 * 1024 * 1024;

const FLAGS = {
  size: single("SIZE", "Size of the data (default 64M)", size, DEFAULT_SIZE),
} satisfies Flags;

export const demoCommand = defineCommand({
  name: "demo",
  operands: "",
  count: [0, 0],
  summary: "Downloads from a demo swarm on this machine",
  details:
    "Creates random data, starts a tracker and three seeds on 127.0.0.1, downloads the data from\n" +
    "them and verifies it. The downloaded file is kept in a temporary folder.",
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
    client: LOOPBACK,
    state: NO_STATE,
    add: { dir: demo.folder },
  };
  const [outcome] = await runDownload(context, request, demo.reporter, demo.interrupt);
  return outcome!;
}

/** Reads the file again with only the .torrent, as `shoal verify` does. */
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

/** The command that runs this program: run from its sources, it has no name. */
function commandFor(runtime: string): string {
  if (!import.meta.url.endsWith(".ts")) return "shoal";
  return runtime === "bun" ? "npx bun mod.ts" : "npx deno run -A mod.ts";
}

// --- The swarm: a tracker, and peers that are complete. ---

const SEEDERS = 3;

interface DemoSwarmOptions {
  /** An existing folder for the data. */
  dir: string;
  /** The file's name. */
  name: string;
  /** Bytes. */
  size: number;
  /** The upload limit of each seeder. */
  bytesPerSecond: number;
}

export interface DemoSwarm {
  announceUrl: string;
  torrent: Uint8Array;
  seeders: number;
  close(): Promise<void>;
}

/** Makes a file of random bytes and seeds it on loopback. */
export async function startDemoSwarm(
  platform: Platform,
  openClient: OpenClient,
  { dir, name, size, bytesPerSecond }: DemoSwarmOptions,
): Promise<DemoSwarm> {
  const tracker = await serveTracker(platform, { port: 0 });
  const clients: ClientPort[] = [];
  const close = async () => {
    await Promise.all(clients.map((client) => client.close()));
    await tracker.close();
  };
  const net = () => pacedNet(platform.net, platform.clock, bytesPerSecond);
  try {
    const path = `${dir}/${name}`;
    const torrent = await makeRandomTorrent(platform, path, size, tracker.announceUrl);
    for (let i = 0; i < SEEDERS; i++) {
      clients.push(await startSeeder({ ...platform, net: net() }, openClient, torrent, dir));
    }
    return { announceUrl: tracker.announceUrl, torrent, seeders: SEEDERS, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function startSeeder(
  platform: Platform,
  openClient: OpenClient,
  torrent: Uint8Array,
  dir: string,
): Promise<ClientPort> {
  const client = await openClient(platform, LOOPBACK);
  const seed = client.add(torrent, { dir, trustFiles: true, seedGoal: { kind: "forever" } });
  // A seeder that fails only means one peer less for the download.
  seed.finished.catch(() => {});
  return client;
}

/** Small, so that the pieces of a demo arrive one after the other. */
const PIECE_LENGTH = 256 * 1024;

type DemoPlatform = Pick<Platform, "files" | "random" | "hasher" | "clock" | "process">;

/** Makes the file at `path`, `size` bytes long, and returns the bytes of its .torrent. */
export async function makeRandomTorrent(
  platform: DemoPlatform,
  path: string,
  size: number,
  announce: string,
): Promise<Uint8Array> {
  writeRandomFile(platform, path, size);
  const { bytes } = await createTorrent(platform, path, {
    announce: [[announce]],
    pieceLength: PIECE_LENGTH,
    createdBy: "shoal demo",
    creationDate: null,
  });
  return bytes;
}

function writeRandomFile({ files, random }: DemoPlatform, path: string, size: number): void {
  const file = files.open(path, "write");
  try {
    const buffer = new Uint8Array(PIECE_LENGTH);
    for (let at = 0; at < size; at += PIECE_LENGTH) {
      file.writeAt(random.fill(buffer.subarray(0, Math.min(PIECE_LENGTH, size - at))), at);
    }
  } finally {
    file.close();
  }
}

/**
 * A network that sends no faster than `bytesPerSecond`, so that the swarm lasts long enough to look at.
 * It delays the callbacks of `send`: sessions keep one send in progress, so nothing is queued here.
 */
export function pacedNet(net: StreamNet, clock: Clock, bytesPerSecond: number): StreamNet {
  let freeAt = clock.now();
  const delayed = (byteCount: number, sent: () => void) => {
    freeAt = Math.max(freeAt, clock.now()) + byteCount / bytesPerSecond * 1000;
    clock.after(freeAt - clock.now(), sent);
  };
  return {
    connect: (to) => paced(net.connect(to), delayed),
    listen: (on, onSocket) =>
      net.listen(on, (socket, info) => onSocket(paced(socket, delayed), info)),
    lookup: (host) => net.lookup(host),
  };
}

function paced(socket: Socket, delayed: (byteCount: number, sent: () => void) => void): Socket {
  return {
    // Getters, because a socket may choose its path by which of them is used.
    get readable() {
      return socket.readable;
    },
    get writable() {
      return socket.writable;
    },
    get opened() {
      return socket.opened;
    },
    get closed() {
      return socket.closed;
    },
    close: () => socket.close(),
    attach: (sink) => socket.attach(sink),
    send: (bytes, sent) => socket.send(bytes, () => delayed(bytes.length, sent)),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
  };
}

// --- The temporary folder. ---

/** A new folder whose name starts with `prefix`; its absolute path. Throws FileError. */
export function makeTempFolder(
  { files, process, random }: Pick<Platform, "files" | "process" | "random">,
  prefix: string,
): string {
  const base = process.env("TMPDIR") || process.env("TEMP") || process.env("TMP") || "/tmp";
  for (;;) {
    const path = files.absolute(`${base}/${prefix}${random.uint32().toString(36)}`);
    // makeDir accepts an existing folder, which may belong to another program.
    if (files.stat(path) !== null) continue;
    files.makeDir(path);
    return path;
  }
}

/** Removes a folder with its contents; symlinks are removed, not followed. Throws FileError. */
export function removeTree(files: Files, path: string): void {
  if (files.stat(path)?.kind === "directory") {
    for (const name of files.list(path)) removeTree(files, `${path}/${name}`);
  }
  files.remove(path);
}
