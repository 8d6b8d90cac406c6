/** The files of a torrent as a tree of folders. */
import { formatSize } from "./format.ts";
import { safeText } from "./text.ts";

export interface TreeFile {
  path: readonly string[];
  /** As `--files` counts, from 1. */
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
