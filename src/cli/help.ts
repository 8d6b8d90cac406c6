/** The help texts, generated from the tables that parse the arguments. */
import type { Flag } from "./args.ts";
import type { Command } from "./command.ts";
import { EXIT_CODES } from "./errors.ts";

/** The width if the terminal is not narrower. */
export const HELP_COLUMNS = 96;

/** What `shoal --help` prints. */
export function overviewText(commands: readonly Command[], columns = HELP_COLUMNS): string {
  const rows = commands.map(({ name, operands, summary }) =>
    [`shoal ${name} ${operands}`.trimEnd(), summary] as const
  );
  return [
    "shoal downloads, creates and seeds torrents.",
    "",
    "Usage:",
    ...table(rows, columns),
    "",
    "shoal COMMAND --help explains one command; shoal --version prints the version.",
    "shoal help json describes the output of --json.",
    "shoal FILE.torrent is short for shoal download FILE.torrent; a URL or magnet link also works.",
    "",
    "Example:",
    "  shoal download debian.torrent -o ~/Downloads",
    "",
    ...exitCodeLines(columns),
    "",
  ].join("\n");
}

/** What `shoal COMMAND --help` prints. */
export function commandText(command: Command, columns = HELP_COLUMNS): string {
  const usage = `shoal ${command.name} ${command.operands}`.trimEnd();
  const rows = Object.entries(command.flags).map(([name, flag]) =>
    [flagText(name, flag), flag.help] as const
  );
  return [
    `${command.summary}.`,
    "",
    `Usage: ${usage} [FLAGS]`,
    "",
    ...(command.details === "" ? [] : [command.details, ""]),
    "Flags:",
    ...table(rows, columns),
    "",
    command.examples.length > 1 ? "Examples:" : "Example:",
    ...command.examples.map((example) => `  ${example}`),
    "",
    ...exitCodeLines(columns),
    "",
  ].join("\n");
}

function flagText(name: string, flag: Flag<unknown>): string {
  const short = flag.short === undefined ? "    " : `-${flag.short}, `;
  return `${short}--${name}${flag.placeholder === null ? "" : ` ${flag.placeholder}`}`;
}

function exitCodeLines(columns: number): string[] {
  const byNumber = EXIT_CODES.toSorted((a, b) => a.code - b.code);
  return [
    "Exit codes:",
    ...table(byNumber.map((e) => [String(e.code), e.meaning] as const), columns),
  ];
}

/** Two columns; text too long for the second one continues below itself. */
function table(rows: readonly (readonly [string, string])[], columns: number): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  const indent = " ".repeat(width + 4);
  return rows.flatMap(([left, right]) => {
    const lines = wrap(right, Math.max(24, columns - indent.length));
    return lines.map((line, i) => i === 0 ? `  ${left.padEnd(width)}  ${line}` : indent + line);
  });
}

function wrap(text: string, columns: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1)!;
    if (last === "") lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length <= columns) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** The types of objects that download and seed print. */
const TYPES: readonly (readonly [string, string])[] = [
  ["added", "the torrent was added: name, size, wanted, pieces, files"],
  ["checked", "existing data was checked: have, size, wanted, left"],
  ["state", "the state changed: finding, checking, downloading, seeding, done, ..."],
  ["waiting", "the disk failed; shoal retries: code, message, path, retryInSeconds"],
  ["peer-connected", "address, port, client, incoming"],
  ["peer-disconnected", "address, port, reason"],
  ["peer-banned", "address, port, reason"],
  ["piece", "a piece was verified and stored: piece, have, size"],
  ["piece-failed", "a piece did not match its hash: piece, peers"],
  ["tracker", "a tracker answered or failed: url, ok, message, peers, seeders, leechers"],
  ["final-check", "the final check found bad pieces: bad, pieces"],
  ["warning", "message"],
  ["done", "all chosen files are complete: name, dir, size, wanted, seconds"],
  ["goal", "the seed goal was reached; what happens then: stop, remove, remove-data, super-seed"],
  ["failed", "code, message, path"],
  ["stopped", "the torrent left the swarm"],
  ["progress", "every second: state, have, left, downRate, upRate, etaSeconds, peers, ratio, ..."],
  ["message", "a message from the command itself"],
  ["outcome", "once for each torrent: source, exitCode, code, message, path, seconds"],
];

/** What `shoal help json` prints: the short form of docs/json.md, which has every field. */
export function jsonText(columns: number): string {
  return [
    "With --json every command prints one JSON object per line. Sizes are in bytes, rates in",
    "bytes per second; infoHash says which torrent an object is about. Names and messages come",
    "from strangers: show them as text, and never use them as paths or commands.",
    "",
    "Types of shoal download and shoal seed:",
    ...table(TYPES, columns),
    "",
    "docs/json.md describes every field, and the objects of the other commands.",
    "",
  ].join("\n");
}
