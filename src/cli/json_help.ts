/** What `shoal help json` prints: the short form of docs/json.md, which has every field. */
import { table } from "./help.ts";

/** The types of objects that download and seed print. */
const TYPES: readonly (readonly [string, string])[] = [
  ["added", "the torrent was added: name, size, wanted, pieces, files"],
  ["checked", "existing data was checked: have, size, wanted, left"],
  ["state", "the state changed: finding, checking, downloading, seeding, done, ..."],
  ["waiting", "the disk failed; shoal retries: code, message, path, retryInSeconds"],
  ["peer-connected", "address, port, client, incoming"],
  ["peer-disconnected", "address, port, reason"],
  ["peer-banned", "address, port, reason"],
  ["piece", "a piece was verified and stored: piece, have, size"],
  ["piece-failed", "a piece did not match its hash: piece, peers"],
  ["tracker", "a tracker answered or failed: url, ok, message, peers, seeders, leechers"],
  ["final-check", "the final check found bad pieces: bad, pieces"],
  ["warning", "message"],
  ["done", "all chosen files are complete: name, dir, size, wanted, seconds"],
  ["failed", "code, message, path"],
  ["stopped", "the torrent left the swarm"],
  ["progress", "every second: state, have, left, downRate, upRate, etaSeconds, peers, ratio, ..."],
  ["message", "a message from the command itself"],
  ["outcome", "once for each torrent: source, exitCode, code, message, path, seconds"],
];

export function jsonText(columns: number): string {
  return [
    "With --json every command prints one JSON object per line. Sizes are in bytes, rates in",
    "bytes per second; infoHash says which torrent an object is about. Names and messages come",
    "from strangers: show them as text, and never use them as paths or commands.",
    "",
    "Types of shoal download and shoal seed:",
    ...table(TYPES, columns),
    "",
    "docs/json.md describes every field, and the objects of the other commands.",
    "",
  ].join("\n");
}
