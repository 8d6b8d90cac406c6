/**
 * A few lines at the bottom of a terminal that are drawn again in place; other text is printed
 * above them. The cursor stands below everything printed and always shows, since Ctrl-Z or a kill
 * may leave the terminal to others at any time.
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
  /** Asked before every frame, since a window can be resized. */
  size(): TerminalSize;
  /** After Ctrl-Z and `fg`. */
  onContinue(fn: () => void): Timer;
}

const CLEAR_TO_END = "\x1b[J";

export class LiveScreen {
  readonly #output: Output;
  readonly #terminal: ScreenTerminal;
  /** The lines that stand on the screen now: their widths, and the lines themselves. */
  #widths: number[] = [];
  #lines: readonly Line[] = [];
  /** While lines stand on the screen. */
  #continued: Timer | null = null;

  constructor(output: Output, terminal: ScreenTerminal) {
    this.#output = output;
    this.#terminal = terminal;
  }

  draw(lines: readonly Line[]): void {
    // A reader that is too slow for one frame gets the next one.
    if (this.#output.backlog > 0) return;
    this.#redraw("", lines);
  }

  /** Prints whole lines above the live ones. */
  print(text: string): void {
    this.#redraw(`${text}\n`, this.#lines);
  }

  /** Wipes the live lines. */
  close(): void {
    if (this.#continued === null) return;
    this.#redraw("", []);
    this.#continued.cancel();
    this.#continued = null;
  }

  #redraw(above: string, lines: readonly Line[]): void {
    const { columns, rows, color } = this.#terminal.size();
    // Others wrote below the lines that stand there: the next frame stands under that.
    this.#continued ??= this.#terminal.onContinue(() => this.#widths = []);
    let text = "";
    const up = this.#rowsStanding(columns);
    if (up > 0) text += `\x1b[${up}A`;
    text += `\r${CLEAR_TO_END}${above}`;
    // The last column stays free: filling it makes some terminals start a new line. The cursor
    // stands under the block, so one row less than there are can be drawn again in place.
    const shown = lines.slice(0, Math.max(1, rows - 1));
    const painted = shown.map((line) => paintLine(line, columns - 1, color));
    for (const line of painted) text += `${line}\n`;
    this.#widths = shown.map((line) => widthOf(paintLine(line, columns - 1, false)));
    this.#lines = lines;
    this.#output.write(text);
  }

  /** Rows that the standing lines take; more than one each if the terminal became narrower. */
  #rowsStanding(columns: number): number {
    let rows = 0;
    for (const width of this.#widths) rows += Math.max(1, Math.ceil(width / Math.max(1, columns)));
    return rows;
  }
}
