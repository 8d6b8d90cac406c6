/**
 * The entry point of the command line: finds the command, runs it, and turns any error into one
 * line and an exit code.
 */
import { VERSION } from "../wire/peer_id.ts";
import type { Platform } from "../platform/types.ts";
import type { CliContext, Command, OpenClient } from "./command.ts";
import { addCommand } from "./commands/add.ts";
import { infoCommand } from "./commands/info.ts";
import { labelCommand } from "./commands/label.ts";
import { limitsCommand } from "./commands/limits.ts";
import { listCommand } from "./commands/list.ts";
import { filesCommand } from "./commands/files.ts";
import { moveCommand } from "./commands/move.ts";
import { peersCommand } from "./commands/peers.ts";
import { queueCommand } from "./commands/queue.ts";
import { removeCommand } from "./commands/remove.ts";
import { startCommand } from "./commands/start.ts";
import { statsCommand } from "./commands/stats.ts";
import { stopCommand } from "./commands/stop.ts";
import { streamCommand } from "./commands/stream.ts";
import { tokenCommand } from "./commands/token.ts";
import { trackersCommand } from "./commands/trackers.ts";
import { configCommand } from "./commands/config.ts";
import { createCommand } from "./commands/create.ts";
import { daemonCommand } from "./commands/daemon.ts";
import { demoCommand } from "./commands/demo.ts";
import { dhtCommand } from "./commands/dht.ts";
import { downloadCommand } from "./commands/download.ts";
import { seedCommand } from "./commands/seed.ts";
import { showCommand } from "./commands/show.ts";
import { topCommand } from "./commands/top.ts";
import { verifyCommand } from "./commands/verify.ts";
import {
  debugTrace,
  describeError,
  EXIT_DISK,
  EXIT_DONE,
  EXIT_FAILED,
  EXIT_USAGE,
  exitCodeFor,
  UsageError,
  worstOf,
} from "./errors.ts";
import { commandText, HELP_COLUMNS, jsonText, overviewText } from "./help.ts";
import { Output } from "./output.ts";
import { safeText } from "./render/text.ts";
import { nearest } from "../util/nearest.ts";

const COMMANDS: readonly Command[] = [
  downloadCommand,
  streamCommand,
  showCommand,
  verifyCommand,
  createCommand,
  seedCommand,
  dhtCommand,
  demoCommand,
  daemonCommand,
  configCommand,
  addCommand,
  listCommand,
  infoCommand,
  startCommand,
  stopCommand,
  removeCommand,
  moveCommand,
  filesCommand,
  peersCommand,
  trackersCommand,
  limitsCommand,
  labelCommand,
  queueCommand,
  topCommand,
  statsCommand,
  tokenCommand,
];
const NAMES = COMMANDS.map((command) => command.name);

/** Runs the command in `platform.process.args` and then ends the process with its exit code. */
export async function runCli(platform: Platform, openClient: OpenClient): Promise<void> {
  const output = new Output(platform.process);
  // Until the end is reached the exit code is a failure, also if the event loop runs dry.
  platform.process.exitCode(EXIT_FAILED);
  const ending = await dispatch({ platform, output, openClient }, platform.process.args);
  await output.flush();
  const code = output.isLost ? worstOf([ending, EXIT_DISK]) : ending;
  platform.hasher.close();
  // A name look-up cannot be cancelled: it would keep the process alive until it ends.
  platform.process.exit(code);
}

async function dispatch(context: CliContext, args: readonly string[]): Promise<number> {
  let command: Command | null = null;
  try {
    const [first, ...rest] = args;
    if (first === undefined) return overview(context, EXIT_USAGE);
    if (first === "--help" || first === "-h" || first === "help") return help(context, rest);
    if (first === "--version" || first === "-V" || first === "version") {
      context.output.line(`shoal ${VERSION} (${context.platform.name})`);
      return EXIT_DONE;
    }
    const found = findCommand(args);
    command = found.command;
    const showHelp = () => context.output.write(commandText(found.command, columnsOf(context)));
    return await command.start(context, found.args, showHelp);
  } catch (error) {
    report(context, error, command);
    return exitCodeFor(error);
  }
}

/** The command may follow flags; a .torrent or magnet link in its place means `download`. */
function findCommand(args: readonly string[]): { command: Command; args: readonly string[] } {
  const first = args[0]!;
  const at = first.startsWith("-") ? args.findIndex((arg) => NAMES.includes(arg)) : 0;
  const named = COMMANDS.find((command) => command.name === args[at]);
  if (named !== undefined) return { command: named, args: args.toSpliced(at, 1) };
  if (/^-|^magnet:|^[a-z][a-z0-9+.-]*:\/\/|\.torrent$/i.test(first)) {
    return { command: downloadCommand, args };
  }
  throw unknownCommand(first);
}

function unknownCommand(word: string): UsageError {
  const meant = nearest(word, [...NAMES, "help", "version"]);
  const hint = meant === null ? "" : ` (did you mean ${meant}?)`;
  return new UsageError(`Unknown command "${word}"${hint}`);
}

function help(context: CliContext, [name]: readonly string[]): number {
  if (name === undefined) return overview(context, EXIT_DONE);
  if (name === "json") {
    context.output.write(jsonText(columnsOf(context)));
    return EXIT_DONE;
  }
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) throw unknownCommand(name);
  context.output.write(commandText(command, columnsOf(context)));
  return EXIT_DONE;
}

function overview(context: CliContext, code: number): number {
  context.output.write(overviewText(COMMANDS, columnsOf(context)));
  return code;
}

function columnsOf({ platform: { process } }: CliContext): number {
  return Math.min(HELP_COLUMNS, process.terminal()?.columns ?? HELP_COLUMNS);
}

function report({ output, platform }: CliContext, error: unknown, command: Command | null): void {
  const about = command === null ? "" : ` ${command.name}`;
  const hint = error instanceof UsageError ? `; see shoal${about} --help` : "";
  output.errorLine(`shoal: ${safeText(describeError(error))}${hint}`);
  const trace = debugTrace(platform.process, error);
  if (trace !== null) output.errorLine(trace);
}
