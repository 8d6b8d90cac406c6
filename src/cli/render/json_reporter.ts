/**
 * Reports a run to a program: one JSON object per line on standard output. Every TorrentEvent
 * unchanged, plus "progress", "message" and "outcome"; docs/json.md describes them.
 */
import type { PeerSnapshot, TorrentEvent, TorrentSnapshot } from "../../client/types.ts";
import type { Outcome } from "../outcome.ts";
import type { Output } from "../output.ts";
import type { Reporter } from "./reporter.ts";
import { EXIT_DONE, EXIT_NO_PEERS } from "../errors.ts";
import { reasonsOf } from "./reasons.ts";
import { errorText } from "./summary.ts";
import { safeJson } from "./text.ts";

const PROGRESS_EVERY_MS = 1000;
/** If this many characters wait for a slow reader, progress, which repeats itself, is left out. */
const BACKLOG_MOST = 1 << 20;

export class JsonReporter implements Reporter {
  readonly #output: Output;
  #nextProgressAt = -Infinity;
  /** Not printed yet. */
  readonly #ended: Outcome[] = [];

  constructor(output: Output) {
    this.#output = output;
  }

  event(event: TorrentEvent): void {
    this.#print(event);
  }

  tick(torrents: readonly TorrentSnapshot[], now: number): void {
    if (now < this.#nextProgressAt || this.#output.backlog > BACKLOG_MOST) return;
    this.#nextProgressAt = now + PROGRESS_EVERY_MS;
    for (const torrent of torrents) this.#printProgress(torrent);
  }

  say(text: string): void {
    this.#print({ type: "message", message: text });
  }

  /** An event reports that. */
  complete(): void {}

  close(): void {
    for (const outcome of this.#ended.splice(0)) this.#printOutcome(outcome);
  }

  /** After all its events, which may still be queued. */
  outcome(outcome: Outcome): void {
    if (outcome.torrent === null) this.#printOutcome(outcome);
    else this.#ended.push(outcome);
  }

  /** The last totals come first: the most may have happened since the last second. */
  #printOutcome(outcome: Outcome): void {
    if (outcome.torrent !== null) this.#printProgress(outcome.torrent);
    const { source, exitCode, code, message, path, seconds, goalByEarlierRuns, torrent } = outcome;
    const infoHash = torrent?.infoHash ?? null;
    const reasons = exitCode === EXIT_NO_PEERS && torrent !== null ? reasonsOf(torrent) : [];
    const ending = { exitCode, code, message, reasons, path, seconds, goalByEarlierRuns };
    this.#print({ type: "outcome", source, infoHash, ...ending });
    if (outcome.exitCode !== EXIT_DONE) this.#output.errorLine(errorText(outcome));
  }

  #printProgress(torrent: TorrentSnapshot): void {
    this.#print({ type: "progress", ...progressOf(torrent) });
  }

  #print(value: unknown): void {
    this.#output.line(safeJson(value));
  }
}

/** The most peers in one event; `peers.connected` counts all. */
const PEERS_MOST = 50;

/** Bytes and rates are whole; docs/json.md describes every field. */
function progressOf(torrent: TorrentSnapshot) {
  const { infoHash, state, have, size, wanted, left, checked, downloaded, uploaded, wasted } =
    torrent;
  const { unreached, dht } = torrent;
  const { etaSeconds, peers, seeds, heldBackBy, quotaSpent, totals, metrics } = torrent;
  return {
    infoHash,
    state,
    have,
    size,
    wanted,
    left,
    checked,
    downloaded,
    uploaded,
    wasted,
    downRate: Math.round(torrent.downRate),
    upRate: Math.round(torrent.upRate),
    etaSeconds: etaSeconds === null ? null : Math.round(etaSeconds),
    peers,
    unreached,
    dht,
    reasons: reasonsOf(torrent),
    seeds,
    heldBackBy,
    quotaSpent: quotaSpent === undefined ? null : {
      ...quotaSpent,
      until: Math.round(quotaSpent.until / 1000),
    },
    totals,
    ratio: wanted > 0 ? toFourPlaces(totals.uploaded / wanted) : null,
    metrics,
    peerList: busiest(torrent.peerList).map(peerAsData),
  };
}

/** By current rates, then by bytes transferred. */
function busiest(peers: readonly PeerSnapshot[]): PeerSnapshot[] {
  const byRate = (peer: PeerSnapshot) => peer.downRate + peer.upRate;
  const byBytes = (peer: PeerSnapshot) => peer.downloaded + peer.uploaded;
  return peers.toSorted((a, b) => byRate(b) - byRate(a) || byBytes(b) - byBytes(a))
    .slice(0, PEERS_MOST);
}

function peerAsData(peer: PeerSnapshot): PeerSnapshot {
  return {
    ...peer,
    progress: toFourPlaces(peer.progress),
    downRate: Math.round(peer.downRate),
    upRate: Math.round(peer.upRate),
    seconds: Math.round(peer.seconds),
    averageDownRate: Math.round(peer.averageDownRate),
    averageUpRate: Math.round(peer.averageUpRate),
  };
}

function toFourPlaces(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
