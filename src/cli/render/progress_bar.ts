/**
 * A bar on a terminal for work without peers: checking, hashing. In a file or pipe nothing is
 * shown.
 */
import type { CliContext } from "../command.ts";
import { repeat } from "../interrupt.ts";
import { drawBar, type Glyphs, type Line, segment } from "./line.ts";
import { formatDuration, formatPercent, formatRate } from "./format.ts";
import { LiveScreen } from "./live_screen.ts";
import { TICK_MS } from "./reporter.ts";
import { liveTerminal } from "./terminal.ts";
import { safeText } from "./text.ts";

interface ProgressBar {
  /** Bytes done, and in all; drawn with the next frame. */
  at(done: number, total: number): void;
  /** Erases it. Calling it twice is harmless. */
  close(): void;
}

const NO_BAR: ProgressBar = { at() {}, close() {} };

/** `name` may be any text. */
export function showBar(
  { platform: { process, clock }, output }: Pick<CliContext, "platform" | "output">,
  name: string,
): ProgressBar {
  const terminal = liveTerminal(process);
  if (terminal === null) return NO_BAR;
  const screen = new LiveScreen(output, terminal);
  const startedAt = clock.now();
  const work: Work = { name, done: 0, total: 0, seconds: 0 };
  const ticking = repeat(clock, TICK_MS, () => {
    work.seconds = (clock.now() - startedAt) / 1000;
    screen.draw([barLine(work, terminal.size().columns, terminal.glyphs)]);
  });
  return {
    at(done, total) {
      work.done = done;
      work.total = total;
    },
    close() {
      ticking.cancel();
      screen.close();
    },
  };
}

interface Work {
  name: string;
  /** Bytes so far, and in all; 0 in all while unknown. */
  done: number;
  total: number;
  /** Since the start. */
  seconds: number;
}

/** Bar, percent, name, and the rate once known. */
export function barLine(
  { name, done, total, seconds }: Work,
  columns: number,
  glyphs: Glyphs,
): Line {
  const fraction = total > 0 ? done / total : 0;
  const parts = [` ${formatPercent(fraction, 1)}`, safeText(name)];
  if (done > 0 && seconds >= 1) {
    parts.push(formatRate(done / seconds));
    if (done < total) parts.push(`${formatDuration(seconds * (total - done) / done)} left`);
  }
  const width = Math.min(40, Math.floor(columns / 3));
  return [segment(drawBar(fraction, width, glyphs), "good"), segment(parts.join("  "))];
}
