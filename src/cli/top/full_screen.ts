/** The whole screen of a terminal, beside what was printed before; only changed lines are written. */
import type { Timer } from "../../platform/types.ts";
import type { Output } from "../output.ts";
import { type Line, paintLine } from "../render/line.ts";
import type { ScreenTerminal } from "../render/live_screen.ts";

/** The other screen without a cursor, and back. */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[2J", LEAVE = "\x1b[?25h\x1b[?1049l";
/** Terminals that know them show a frame at once. */
const BEGIN = "\x1b[?2026h", END = "\x1b[?2026l";

export class FullScreen {
  readonly #output: Output;
  readonly #terminal: ScreenTerminal;
  readonly #continued: Timer;
  #shown: string[] = [];
  #columns = 0;
  #isOpen = true;

  constructor(output: Output, terminal: ScreenTerminal) {
    this.#output = output;
    this.#terminal = terminal;
    output.write(ENTER);
    // After Ctrl-Z and fg, the terminal shows something else.
    this.#continued = terminal.onContinue(() => {
      this.#shown = [];
      output.write(ENTER);
    });
  }

  get size(): { columns: number; rows: number; color: boolean } {
    return this.#terminal.size();
  }

  /** A terminal that is too slow for one frame gets the next one. */
  draw(lines: readonly Line[]): void {
    if (!this.#isOpen || this.#output.backlog > 0) return;
    const { columns, color } = this.size;
    if (columns !== this.#columns || lines.length !== this.#shown.length) this.#clear(columns);
    const painted = lines.map((line) => paintLine(line, columns, color));
    let text = "";
    painted.forEach((line, row) => {
      if (line !== this.#shown[row]) text += `\x1b[${row + 1};1H${line}\x1b[K`;
    });
    this.#shown = painted;
    if (text !== "") this.#output.write(BEGIN + text + END);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#continued.cancel();
    this.#output.write(LEAVE);
  }

  #clear(columns: number): void {
    this.#columns = columns;
    this.#shown = [];
    this.#output.write("\x1b[2J");
  }
}
