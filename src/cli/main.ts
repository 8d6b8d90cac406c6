/**
 * The entry point of the command line: finds the command, runs it, and turns any error into one
 * line and an exit code.
 */
import { VERSION } from "../wire/peer_id.ts";
import type { Platform } from "../platform/types.ts";
import type { CliContext, Command, OpenClient } from "./command.ts";
import { allCommands, COMMANDS } from "./commands.ts";
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
    if (first === undefined) return await overview(context, EXIT_USAGE);
    if (first === "--help" || first === "-h" || first === "help") {
      return await help(context, rest);
    }
    if (first === "--version" || first === "-V" || first === "version") {
      context.output.line(`shoal ${VERSION} (${context.platform.name})`);
      return EXIT_DONE;
    }
    const found = await findCommand(args);
    command = found.command;
    const showHelp = () => context.output.write(commandText(found.command, columnsOf(context)));
    return await command.start(context, found.args, showHelp);
  } catch (error) {
    report(context, error, command);
    return exitCodeFor(error);
  }
}

interface Found {
  readonly command: Command;
  readonly args: readonly string[];
}

/** The command may follow flags; a .torrent or magnet link in its place means `download`. */
async function findCommand(args: readonly string[]): Promise<Found> {
  const first = args[0]!;
  const at = first.startsWith("-") ? args.findIndex((arg) => NAMES.includes(arg)) : 0;
  const named = COMMANDS.find((command) => command.name === args[at]);
  if (named !== undefined) return { command: await named.load(), args: args.toSpliced(at, 1) };
  if (/^-|^magnet:|^[a-z][a-z0-9+.-]*:\/\/|\.torrent$/i.test(first)) {
    return { command: await COMMANDS[0]!.load(), args };
  }
  throw unknownCommand(first);
}

function unknownCommand(word: string): UsageError {
  const meant = nearest(word, [...NAMES, "help", "version"]);
  const hint = meant === null ? "" : ` (did you mean ${meant}?)`;
  return new UsageError(`Unknown command "${word}"${hint}`);
}

async function help(context: CliContext, [name]: readonly string[]): Promise<number> {
  if (name === undefined) return await overview(context, EXIT_DONE);
  if (name === "json") {
    context.output.write(jsonText(columnsOf(context)));
    return EXIT_DONE;
  }
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) throw unknownCommand(name);
  context.output.write(commandText(await command.load(), columnsOf(context)));
  return EXIT_DONE;
}

async function overview(context: CliContext, code: number): Promise<number> {
  context.output.write(overviewText(await allCommands(), columnsOf(context)));
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
