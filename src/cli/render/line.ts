/** A line of a terminal as pieces of plain text with a style each; cut before it is coloured. */
import { cutTo, widthOf } from "./text.ts";

export type Style = "plain" | "bold" | "dim" | "good" | "warn" | "bad";

export interface Segment {
  text: string;
  style: Style;
}

export type Line = readonly Segment[];

const CODES: Record<Style, string> = {
  plain: "",
  bold: "\x1b[1m",
  dim: "\x1b[2m",
  good: "\x1b[32m",
  warn: "\x1b[33m",
  bad: "\x1b[31m",
};

export function segment(text: string, style: Style = "plain"): Segment {
  return { text, style };
}

/** `line` in at most `columns` columns. */
export function paintLine(line: Line, columns: number, color: boolean): string {
  let painted = "", room = columns;
  const last = lastWithText(line);
  for (let i = 0; i <= last && room > 0; i++) {
    const { text, style } = line[i]!;
    const mustCut = widthOf(text) > room || (i < last && widthOf(text) === room);
    const shown = mustCut ? cutTo(text + " ", room) : text;
    painted += color && style !== "plain" ? `${CODES[style]}${shown}\x1b[0m` : shown;
    room -= widthOf(shown);
    if (mustCut) break;
  }
  return painted;
}

function lastWithText(line: Line): number {
  let last = line.length - 1;
  while (last >= 0 && line[last]!.text === "") last--;
  return last;
}

/** The characters of a progress bar. */

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** How a terminal shows characters beyond ASCII. */
export interface Glyphs {
  unicode: boolean;
}

/** `fraction` (0 to 1) as a bar of exactly `columns` columns; full only at 1. */
export function drawBar(fraction: number, columns: number, glyphs: Glyphs): string {
  const inner = Math.max(0, columns - 2);
  const part = Math.min(1, Math.max(0, Number.isFinite(fraction) ? fraction : 0));
  if (!glyphs.unicode) {
    const full = Math.floor(part * inner);
    return `[${"#".repeat(full)}${"-".repeat(inner - full)}]`;
  }
  const eighths = Math.floor(part * inner * 8);
  const filled = "█".repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8];
  return `▕${filled}${" ".repeat(inner - Math.ceil(eighths / 8))}▏`;
}
