/** The parts of a command, and its tools. */
import type { Platform } from "../platform/types.ts";
import { type Flags, parseArgs, toggle, type ValuesOf } from "./args.ts";
import { EXIT_DONE, UsageError } from "./errors.ts";
import type { Output } from "./output.ts";
import type { AddOptions, ClientOptions, TorrentEvent, TorrentSnapshot } from "../client/types.ts";
import type { Dht } from "../dht/dht.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";

export interface CliContext {
  platform: Platform;
  output: Output;
  openClient: OpenClient;
}

export interface CommandSpec<F extends Flags> {
  name: string;
  /** The operands as the help shows them: "FILE DIR". */
  operands: string;
  /** The least and the most operands. */
  count: readonly [number, number];
  /** One line for the list of commands. */
  summary: string;
  /** More for the command's own help; line breaks are kept. */
  details: string;
  examples: readonly string[];
  flags: F;
  /** Resolves to the exit code. Throws UsageError and the errors of src/util/errors.ts. */
  run(context: CliContext, values: ValuesOf<F>, operands: readonly string[]): Promise<number>;
}

/** A command without the types of its flags, so that all fit one list. */
export interface Command {
  readonly name: string;
  readonly operands: string;
  readonly summary: string;
  readonly details: string;
  readonly examples: readonly string[];
  readonly flags: Flags;
  /** `showHelp` is called instead of the command's work if --help is among `args`. */
  start(context: CliContext, args: readonly string[], showHelp: () => void): Promise<number>;
}

export function defineCommand<F extends Flags>(spec: CommandSpec<F>): Command {
  const flags = { ...spec.flags, help: toggle("Show this help", "h") };
  return {
    ...spec,
    flags,
    // Async, so that a wrong command line rejects like every other error.
    async start(context, args, showHelp) {
      if (asksForHelp(args)) {
        showHelp();
        return EXIT_DONE;
      }
      const { values, operands } = parseArgs(flags, args);
      checkCount(spec, operands);
      return await spec.run(context, values as unknown as ValuesOf<F>, operands);
    },
  };
}

/** Help is shown even if the rest of the line is wrong. */
function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === "--help" || arg === "-h");
}

function checkCount(
  { name, operands, count: [least, most] }: Pick<Command, "name" | "operands"> & {
    count: readonly [number, number];
  },
  given: readonly string[],
): void {
  const usage = `Usage: ${`shoal ${name} ${operands}`.trimEnd()}`;
  if (given.length < least) {
    const missing = operands.split(" ")[given.length]!.replace(/\.{3}$/, "");
    throw new UsageError(`Missing ${missing}. ${usage}`);
  }
  if (given.length > most) throw new UsageError(`Too many operands: "${given[most]}". ${usage}`);
}

export interface TorrentPort {
  readonly infoHash: string;
  /** The bytes of a .torrent; null while only a magnet link is known. */
  readonly torrentFile: Uint8Array | null;
  snapshot(): TorrentSnapshot;
  /** Everything is downloaded and verified; rejects with the error otherwise. */
  readonly finished: Promise<void>;
  /** The seed goal is reached, or the torrent was stopped or failed; never rejects. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

/**
 * The parts of a client that commands need. `Client` of src/client implements it; tests use others.
 */
export interface ClientPort {
  /** The port of incoming connections; 0 if not listening. */
  readonly port: number;
  /** Null without one. */
  readonly dht: Dht | null;
  /** A .torrent, its bytes, or a magnet link. Throws a TorrentFileError or a MagnetError. */
  add(torrent: Uint8Array | Metainfo | string, options: AddOptions): TorrentPort;
  events(): AsyncIterable<TorrentEvent>;
  close(): Promise<void>;
}

export type OpenClient = (platform: Platform, options?: ClientOptions) => Promise<ClientPort>;
