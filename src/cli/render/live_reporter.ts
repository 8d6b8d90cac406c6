/** Shows a run on a terminal: one block per torrent, redrawn in place. */
import type { TorrentEvent, TorrentSnapshot } from "../../client/types.ts";
import type { Outcome } from "../outcome.ts";
import type { Output } from "../output.ts";
import { torrentBlock } from "./block.ts";
import { type Line, segment } from "./line.ts";
import { LiveScreen } from "./live_screen.ts";
import { Notes } from "./notes.ts";
import { type Reporter, TICK_MS } from "./reporter.ts";
import { printOutcome } from "./summary.ts";
import type { LiveTerminal } from "./terminal.ts";

const BLOCK_ROWS = 3;
/** A frame is only this late after a stop. */
const STOPPED_MS = 3 * TICK_MS;

export class LiveReporter implements Reporter {
  readonly #output: Output;
  readonly #terminal: LiveTerminal;
  readonly #screen: LiveScreen;
  readonly #notes = new Notes(false);
  #closed = false;
  #lastTickAt = Infinity;

  constructor(output: Output, terminal: LiveTerminal) {
    this.#output = output;
    this.#terminal = terminal;
    this.#screen = new LiveScreen(output, terminal);
  }

  event(event: TorrentEvent): void {
    const note = this.#notes.about(event);
    if (note !== null && event.type !== "added") this.say(note);
  }

  tick(torrents: readonly TorrentSnapshot[], now: number): void {
    const pause = now - this.#lastTickAt;
    this.#lastTickAt = now;
    // It may have been stopped (Ctrl-Z): Deno reports that only after the timers that are due.
    if (this.#closed || pause > STOPPED_MS) return;
    const { columns, rows } = this.#terminal.size();
    const fitting = Math.max(1, Math.floor((rows - 2) / BLOCK_ROWS));
    const lines: Line[] = [];
    for (const torrent of torrents.slice(0, fitting)) {
      lines.push(...torrentBlock(torrent, columns, this.#terminal.glyphs));
    }
    const hidden = torrents.length - fitting;
    if (hidden > 0) lines.push([segment(`and ${hidden} more`, "dim")]);
    this.#screen.draw(lines);
  }

  say(text: string): void {
    if (this.#closed) this.#output.line(text);
    else this.#screen.print(text);
  }

  close(): void {
    this.#closed = true;
    this.#screen.close();
  }

  complete(outcome: Outcome): void {
    this.outcome(outcome);
  }

  outcome(outcome: Outcome): void {
    this.#screen.close(); // its lines are redrawn with the next frame
    printOutcome(outcome, this.#output);
  }
}
