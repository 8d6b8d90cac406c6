/** Shows a run in a file or pipe: an occasional line, if anything changed. */
import type { TorrentEvent, TorrentSnapshot } from "../../client/types.ts";
import type { Outcome } from "../outcome.ts";
import type { Output } from "../output.ts";
import { amountText, quotaPhrase, shownFraction, statePhrase } from "./phrases.ts";
import { formatDuration, formatPercent, formatRate } from "./format.ts";
import { Notes } from "./notes.ts";
import type { Reporter } from "./reporter.ts";
import { printOutcome } from "./summary.ts";
import { safeText } from "./text.ts";

/** The first pause between two lines; it doubles, so that a night takes no more than a page. */
const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 600_000;

export class LineReporter implements Reporter {
  readonly #output: Output;
  readonly #notes = new Notes(true);
  /** By info-hash, the facts of the last line. */
  readonly #shown = new Map<string, string>();
  #states = "";
  #pauseMs = FIRST_PAUSE_MS;
  #nextLineAt: number | null = null;

  constructor(output: Output) {
    this.#output = output;
  }

  event(event: TorrentEvent): void {
    const note = this.#notes.about(event);
    if (note !== null) this.say(note);
  }

  tick(torrents: readonly TorrentSnapshot[], now: number): void {
    const states = torrents.map(({ infoHash, state }) => infoHash + state).join();
    if (states !== this.#states || this.#nextLineAt === null) {
      // Something new: the next line follows after the usual first pause.
      this.#states = states;
      this.#pauseMs = FIRST_PAUSE_MS;
      this.#nextLineAt = Math.min(this.#nextLineAt ?? Infinity, now + FIRST_PAUSE_MS);
    }
    if (now < this.#nextLineAt) return;
    this.#nextLineAt = now + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    for (const torrent of torrents) {
      const facts = factsOf(torrent);
      if (this.#shown.get(torrent.infoHash) === facts) continue;
      this.#shown.set(torrent.infoHash, facts);
      this.#output.line(progressText(torrent));
    }
  }

  say(text: string): void {
    this.#output.line(text);
  }

  complete(outcome: Outcome): void {
    printOutcome(outcome, this.#output);
  }

  close(): void {}

  outcome(outcome: Outcome): void {
    printOutcome(outcome, this.#output);
  }
}

/** The facts that justify a new line, without countdowns, which change all the time. */
function factsOf(torrent: TorrentSnapshot): string {
  const { state, have, uploaded, checked, heldBackBy, peers } = torrent;
  const { connected, known } = peers, quota = quotaPhrase(torrent);
  return [state, have, uploaded, checked, heldBackBy, connected, known, quota].join(" ");
}

/** The whole state of one torrent on one line. */
export function progressText(torrent: TorrentSnapshot): string {
  const parts = [
    `${safeText(torrent.name)}: ${formatPercent(shownFraction(torrent), 1)}`,
    amountText(torrent),
    `down ${formatRate(torrent.downRate)}`,
    `up ${formatRate(torrent.upRate)}`,
    `${torrent.peers.connected} of ${torrent.peers.known} peers`,
    statePhrase(torrent),
  ];
  if (torrent.state === "downloading" && torrent.etaSeconds !== null) {
    parts.push(`${formatDuration(torrent.etaSeconds)} left`);
  }
  return parts.join(", ");
}
