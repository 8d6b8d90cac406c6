/**
 * A few lines at the bottom of a terminal that are redrawn in place; other text is printed above
 * them. The cursor is below everything printed and always visible, since Ctrl-Z or a kill may
 * return the terminal to other programs at any time.
 */
import type { Timer } from "../../platform/types.ts";
import type { Output } from "../output.ts";
import { type Line, paintLine } from "./line.ts";
import { widthOf } from "./text.ts";

interface TerminalSize {
  columns: number;
  rows: number;
  color: boolean;
}

export interface ScreenTerminal {
  /** Called before every frame, since a window can be resized. */
  size(): TerminalSize;
  /** After Ctrl-Z and `fg`. */
  onContinue(fn: () => void): Timer;
}

const CLEAR_TO_END = "\x1b[J";

export class LiveScreen {
  readonly #output: Output;
  readonly #terminal: ScreenTerminal;
  /** The lines on the screen now: their widths and their texts. */
  #widths: number[] = [];
  #lines: readonly Line[] = [];
  /** While there are lines on the screen. */
  #continued: Timer | null = null;

  constructor(output: Output, terminal: ScreenTerminal) {
    this.#output = output;
    this.#terminal = terminal;
  }

  draw(lines: readonly Line[]): void {
    // If a reader is too slow for one frame, it gets the next one.
    if (this.#output.backlog > 0) return;
    this.#redraw("", lines);
  }

  /** Prints whole lines above the live ones. */
  print(text: string): void {
    this.#redraw(`${text}\n`, this.#lines);
  }

  /** Erases the live lines. */
  close(): void {
    if (this.#continued === null) return;
    this.#redraw("", []);
    this.#continued.cancel();
    this.#continued = null;
  }

  #redraw(above: string, lines: readonly Line[]): void {
    const { columns, rows, color } = this.#terminal.size();
    // Another program wrote below the lines: the next frame starts below that.
    this.#continued ??= this.#terminal.onContinue(() => this.#widths = []);
    let text = "";
    const up = this.#rowsStanding(columns);
    if (up > 0) text += `\x1b[${up}A`;
    text += `\r${CLEAR_TO_END}${above}`;
    // The last column stays free: filling it makes some terminals start a new line. The cursor is
    // below the block, so the block may have at most one row less than the terminal.
    const shown = lines.slice(0, Math.max(1, rows - 1));
    const painted = shown.map((line) => paintLine(line, columns - 1, color));
    for (const line of painted) text += `${line}\n`;
    this.#widths = shown.map((line) => widthOf(paintLine(line, columns - 1, false)));
    this.#lines = lines;
    this.#output.write(text);
  }

  /** The rows of the current lines; more than one each if the terminal became narrower. */
  #rowsStanding(columns: number): number {
    let rows = 0;
    for (const width of this.#widths) rows += Math.max(1, Math.ceil(width / Math.max(1, columns)));
    return rows;
  }
}
