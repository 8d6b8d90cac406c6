/** `shoal show`: the contents of a .torrent. */
import { type Flags, toggle } from "../args.ts";
import { defineCommand } from "../command.ts";
import { EXIT_DONE } from "../errors.ts";
import { Output } from "../output.ts";
import { openSource } from "../metadata.ts";
import { stateChoice } from "../state_folder.ts";
import { clientFlags, clientOptions, torrentFlags, torrentOptions } from "../option_flags.ts";
import { showsUnicode } from "../render/terminal.ts";
import { safeJson, safeText } from "../render/text.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import { toHex } from "../../util/bytes.ts";
import { formatCount, formatSize } from "../render/format.ts";

const FLAGS = {
  json: toggle("Print one JSON object (fields: docs/json.md)"),
  ...torrentFlags("show"),
  ...clientFlags("show"),
} satisfies Flags;

/** Metadata arrives soon or not at all; a listing should not run for ever. */
const GIVE_UP_SECONDS = 60;

export const showCommand = defineCommand({
  name: "show",
  operands: "TORRENT",
  count: [1, 1],
  summary: "Shows what is in a .torrent or magnet link: files, pieces and trackers",
  details:
    "The metadata of a magnet link is fetched from its peers first; the other flags are for that.",
  examples: [
    "shoal show debian.torrent",
    "shoal show 'magnet:?xt=urn:btih:...'",
    "shoal show debian.torrent --json",
  ],
  flags: FLAGS,
  async run(context, values, operands) {
    const { platform, output } = context, { json } = values;
    // A file or pipe gets the result alone; on a terminal the search leaves no trace.
    const search = platform.process.terminal() === null
      ? Output.toErrors(platform.process)
      : output;
    const { meta, exitCode } = await openSource(
      { ...context, output: search },
      json ? "quiet" : "auto",
      {
        sources: operands,
        client: clientOptions(values),
        state: stateChoice(values, platform.process),
        add: { dir: ".", ...torrentOptions(values, platform.process) },
        giveUpAfter: GIVE_UP_SECONDS,
      },
    );
    await search.flush();
    if (meta === null) return exitCode;
    if (json) output.line(safeJson(describeAsData(meta)));
    else output.write(describeAsText(meta, { unicode: showsUnicode(platform.process) }));
    return EXIT_DONE;
  },
});

// --- The description: a table for people, plain data for programs. ---

/** The documented JSON form; pad files are left out, paths joined by "/". */
export function describeAsData(meta: Metainfo) {
  return {
    name: meta.name,
    infoHash: toHex(meta.infoHash),
    size: meta.size,
    pieceLength: meta.pieceLength,
    pieces: meta.layout.pieceCount,
    private: meta.private,
    files: realFiles(meta).map(({ number, path, length }) => (
      { number, path: path.join("/"), size: length }
    )),
    announce: meta.announce,
    webSeeds: meta.webSeeds,
    comment: meta.comment,
    createdBy: meta.createdBy,
    creationDate: meta.creationDate,
    hybrid: meta.hybrid,
    warnings: meta.warnings,
  };
}

/** Lines of a table, then the tree of files. */
export function describeAsText(meta: Metainfo, glyphs: { unicode: boolean }): string {
  const rows: [string, string][] = [
    ["name", meta.name],
    ["info hash", toHex(meta.infoHash)],
    ["size", `${formatSize(meta.size)} in ${formatCount(realFiles(meta).length, "file")}`],
    [
      "pieces",
      `${formatCount(meta.layout.pieceCount, "piece")} of ${formatSize(meta.pieceLength)}`,
    ],
    ["private", meta.private ? "yes: peers from its trackers only" : "no"],
  ];
  if (meta.hybrid) rows.push(["version", "hybrid; shoal uses its v1 half"]);
  if (meta.creationDate !== null) rows.push(["created", dateText(meta.creationDate)]);
  if (meta.createdBy !== null) rows.push(["created by", meta.createdBy]);
  if (meta.comment !== null) rows.push(["comment", meta.comment]);
  meta.announce.forEach((tier, i) => {
    const label = meta.announce.length > 1 ? `trackers ${i + 1}` : "trackers";
    tier.forEach((url, j) => rows.push([j === 0 ? label : "", url]));
  });
  if (meta.announce.length === 0) rows.push(["trackers", "none"]);
  meta.webSeeds.forEach((url, i) => rows.push([i === 0 ? "web seeds" : "", url]));
  for (const warning of meta.warnings) rows.push(["warning", warning]);
  const table = rows.map(([label, text]) => `${label.padEnd(11)} ${safeText(text)}`);
  return [...table, "files", ...fileTree(realFiles(meta), glyphs), ""].join("\n");
}

/** Numbers as in `--files`. */
function realFiles(meta: Metainfo) {
  const real = meta.files.filter((file) => !file.pad);
  return real.map(({ path, length }, i) => ({ number: i + 1, path, length }));
}

function dateText(seconds: number): string {
  const date = new Date(seconds * 1000);
  if (Number.isNaN(date.getTime())) return `${seconds} s after 1970`;
  return `${date.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}

// --- The files as a tree of folders. ---

interface TreeFile {
  path: readonly string[];
  /** Number as in `--files`, from 1. */
  number: number;
  /** Bytes. */
  length: number;
}

interface Folder {
  folders: Map<string, Folder>;
  files: { name: string; number: string; length: number }[];
}

/** One line per folder and file, folders first, each in the torrent's order; numbers before names. */
export function fileTree(files: readonly TreeFile[], glyphs: { unicode: boolean }): string[] {
  const root: Folder = { folders: new Map(), files: [] };
  const digits = String(files.at(-1)?.number ?? 0).length;
  for (const file of files) insert(root, file, digits);
  const lines: string[] = [];
  draw(root, "", glyphs.unicode ? UNICODE : ASCII, lines);
  return lines;
}

const UNICODE = { branch: "├── ", last: "└── ", through: "│   ", blank: "    " };
const ASCII = { branch: "|-- ", last: "`-- ", through: "|   ", blank: "    " };

function insert(root: Folder, { path, number, length }: TreeFile, digits: number): void {
  let folder = root;
  for (const name of path.slice(0, -1)) {
    let inner = folder.folders.get(name);
    if (inner === undefined) {
      inner = { folders: new Map(), files: [] };
      folder.folders.set(name, inner);
    }
    folder = inner;
  }
  const padded = String(number).padStart(digits);
  folder.files.push({ name: path.at(-1) ?? "", number: padded, length });
}

function draw(folder: Folder, indent: string, marks: typeof UNICODE, lines: string[]): void {
  let left = folder.folders.size + folder.files.length;
  for (const [name, inner] of folder.folders) {
    const last = --left === 0;
    lines.push(`${indent}${last ? marks.last : marks.branch}${safeText(name)}/`);
    draw(inner, indent + (last ? marks.blank : marks.through), marks, lines);
  }
  for (const { name, number, length } of folder.files) {
    const mark = --left === 0 ? marks.last : marks.branch;
    lines.push(`${indent}${mark}${number}  ${safeText(name)}  ${formatSize(length)}`);
  }
}
