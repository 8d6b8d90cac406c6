/** The abilities of the terminal behind the output. */
import type { Process } from "../../platform/types.ts";
import type { Glyphs } from "./line.ts";
import type { ScreenTerminal } from "./live_screen.ts";

export interface LiveTerminal extends ScreenTerminal {
  glyphs: Glyphs;
}

const SMALLEST = 20;

/** Null if lines cannot be redrawn in place: a file, a pipe, a dumb terminal. */
export function liveTerminal(process: Process): LiveTerminal | null {
  if (process.terminal() === null || process.env("TERM") === "dumb") return null;
  const noColor = (process.env("NO_COLOR") ?? "") !== "";
  return {
    size() {
      const { columns, rows, color } = process.terminal() ??
        { columns: 80, rows: 24, color: false };
      // A terminal that does not know its size reports 0.
      return {
        columns: columns > 0 ? Math.max(SMALLEST, columns) : 80,
        rows: rows > 0 ? rows : 24,
        color: color && !noColor,
      };
    },
    onContinue: (fn) => process.onContinue(fn),
    glyphs: { unicode: showsUnicode(process) },
  };
}

/** Whether characters beyond ASCII can be used. */
export function showsUnicode(process: Process): boolean {
  if (process.os === "windows" || process.os === "darwin") return true;
  const locale = process.env("LC_ALL") || process.env("LC_CTYPE") || process.env("LANG") || "";
  return /utf-?8/i.test(locale);
}
