/** What a torrent does, and why it is slow, in words. */
import { plain } from "./format.js";
import { T } from "./texts.js";

/** @typedef {import("./types.js").Row} Row */

const STOPPED = new Set(["paused", "stopped"]);

/** The state, or what slows the torrent down. @param {Row} row */
export function stateText(row) {
  if (row.error !== null) return plain(row.error);
  if (row.goalReached && row.state === "done") return T.goalReached;
  const refused = needsYou(row) ? trackerText(row) : null;
  return slowText(row) ?? refused ?? T.states[row.state] ?? row.state;
}

/** Null if nothing of ours or theirs holds it back. @param {Row} row */
export function slowText(row) {
  if (row.state !== "downloading" && row.state !== "finding") return null;
  switch (row.heldBackBy) {
    case "no-peers":
      return row.known > 0 ? T.why.noneAnswers(row.known) : T.why.noPeers;
    case "connecting":
      return T.why.connecting;
    case "choked":
      return T.why.choked;
    case "no-needed-pieces":
      return T.why.lacking;
    case "tracker-failing":
      return trackerText(row) ?? T.why.tracker;
    case "disk":
      return T.why.disk;
    case "hashing":
      return T.why.hashing;
    case "limit":
      return T.why.limit;
    default:
      return null;
  }
}

/** @param {Row} row */
export function trackerText({ trackerError }) {
  return trackerError === null ? null : T.why.trackerSays(plain(trackerError));
}

/** Something that only the user can put right. @param {Row} row */
export function needsYou(row) {
  return row.state === "failed" || row.state === "waiting" || row.error !== null ||
    row.trackerError !== null && row.connected === 0 && !STOPPED.has(row.state);
}

/** @param {Row} row */
export const isActive = (row) => row.downRate > 0 || row.upRate > 0;

/** Of the chosen files, 0 to 1; of a check while it runs. @param {Row} row */
export function progress(row) {
  if (row.checked !== null) return row.checked;
  return row.wanted > 0 ? (row.wanted - row.left) / row.wanted : row.state === "done" ? 1 : 0;
}

/** The name of the filter that its state belongs to. @param {Row} row */
export function stateGroup({ state }) {
  if (STOPPED.has(state) || state === "failed") return "stopped";
  if (state === "finding" || state === "waiting") return "downloading";
  if (state === "verifying" || state === "moving") return "checking";
  return state;
}

/** For the colour beside the words. @param {Row} row */
export function tone(row) {
  if (needsYou(row)) return "bad";
  return slowText(row) === null ? "" : "slow";
}

/** @param {Row} row */
export const ratioOf = (row) => row.wanted > 0 ? row.uploaded / row.wanted : 0;
