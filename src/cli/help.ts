/** The help texts, made from the same tables that the arguments are read by. */
import type { Flag } from "./args.ts";
import type { Command } from "./command.ts";
import { EXIT_CODES } from "./exit_codes.ts";

/** Where the terminal is no narrower. */
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

/** Two columns; what does not fit into the second one continues below itself. */
export function table(rows: readonly (readonly [string, string])[], columns: number): string[] {
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
