/** Rows of text in columns, for lists. */
import { cutTo, widthOf } from "./text.ts";

export interface Column<T> {
  readonly title: string;
  readonly text: (row: T) => string;
  /** Numbers are aligned to the right. */
  readonly right?: boolean;
  /** The column that is cut if the terminal is too narrow. */
  readonly flexible?: boolean;
}

const GAP = "  ";
/** The fewest characters that are left of a flexible column. */
const LEAST = 12;

/** The lines of a table; `width`: columns of the terminal, Infinity for a file. */
export function tableLines<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  width: number,
): string[] {
  const cells = [columns.map(({ title }) => title)];
  for (const row of rows) cells.push(columns.map(({ text }) => text(row)));
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => widthOf(line[i]!))));
  const tooMuch = sum(widths) + GAP.length * (columns.length - 1) - width;
  const flexible = columns.findIndex((column) => column.flexible);
  if (tooMuch > 0 && flexible >= 0) {
    widths[flexible] = Math.max(LEAST, widths[flexible]! - tooMuch);
  }
  return cells.map((line) => {
    const padded = line.map((cell, i) => pad(cell, widths[i]!, columns[i]!.right ?? false));
    return padded.join(GAP).trimEnd();
  });
}

function pad(text: string, width: number, right: boolean): string {
  const shown = cutTo(text, width), blanks = " ".repeat(Math.max(0, width - widthOf(shown)));
  return right ? blanks + shown : shown + blanks;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
