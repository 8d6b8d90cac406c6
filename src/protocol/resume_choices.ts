/**
 * What a user had chosen for a torrent, as its resume record keeps it. A field is only there where
 * something was chosen, so a record of an earlier version is one without choices.
 */
import { BDict, type BValue } from "./bencode.ts";
import type { Encodable } from "./bencode_encode.ts";
import { repairUtf8 } from "./utf8.ts";

/** See AddOptions of the client, whose names these are. */
export interface ResumeChoices {
  seedOnly?: boolean;
  followLinks?: boolean;
  pex?: boolean;
  superSeed?: boolean;
  sequential?: boolean;
  preallocate?: boolean;
  waitForDisk?: boolean;
  maxPeers?: number;
  uploadSlots?: number;
  piecesPerPeer?: number;
  finalCheck?: "changed" | "full";
  /** "host:port"; the first MAX_OWN_PEERS are kept. */
  peers?: readonly string[];
  /** Of the choice of files: those whose pieces come in order, by index, and media files' ends first. */
  filesInOrder?: readonly number[];
  endsFirst?: boolean;
}

export const MAX_OWN_PEERS = 100;
/** Host names have 253 characters at most. */
const MAX_PEER_TEXT = 300;

const SWITCHES = [
  "seedOnly",
  "followLinks",
  "pex",
  "superSeed",
  "sequential",
  "preallocate",
  "waitForDisk",
  "endsFirst",
] as const;
/** With the least that each may be. */
const COUNTS = [["maxPeers", 1], ["uploadSlots", 0], ["piecesPerPeer", 1]] as const;

/** A dictionary with the fields' own names as keys; a switch is 0 or 1. */
export function packChoices(choices: ResumeChoices): Encodable {
  const { finalCheck, peers, filesInOrder } = choices, packed: Record<string, Encodable> = {};
  for (const key of SWITCHES) {
    if (choices[key] !== undefined) packed[key] = choices[key] ? 1 : 0;
  }
  for (const [key] of COUNTS) if (choices[key] !== undefined) packed[key] = choices[key];
  if (finalCheck !== undefined) packed.finalCheck = finalCheck;
  if (peers !== undefined) packed.peers = peers.slice(0, MAX_OWN_PEERS);
  if (filesInOrder !== undefined) packed.filesInOrder = [...filesInOrder];
  return packed;
}

/** Null where a field is of the wrong type or out of range. Other keys are skipped. */
export function unpackChoices(from: BDict): ResumeChoices | null {
  const choices: ResumeChoices = {};
  for (const key of SWITCHES) {
    const value = from.get(key);
    if (value === undefined) continue;
    if (value !== 0 && value !== 1) return null;
    choices[key] = value === 1;
  }
  for (const [key, least] of COUNTS) {
    const value = from.get(key);
    if (value === undefined) continue;
    if (typeof value !== "number" || value < least) return null;
    choices[key] = value;
  }
  return unpackCheck(from, choices) && unpackLists(from, choices) ? choices : null;
}

function unpackCheck(from: BDict, choices: ResumeChoices): boolean {
  if (!from.has("finalCheck")) return true;
  const value = from.text("finalCheck");
  if (value !== "changed" && value !== "full") return false;
  choices.finalCheck = value;
  return true;
}

function unpackLists(from: BDict, choices: ResumeChoices): boolean {
  if (from.has("peers")) {
    const peers = from.list("peers");
    if (peers === undefined || peers.length > MAX_OWN_PEERS) return false;
    if (!peers.every(isPeerText)) return false;
    choices.peers = peers.map(repairUtf8);
  }
  if (from.has("filesInOrder")) {
    const files = from.list("filesInOrder");
    if (!files?.every((file) => typeof file === "number" && file >= 0)) return false;
    choices.filesInOrder = files as number[];
  }
  return true;
}

function isPeerText(value: BValue): value is Uint8Array {
  return value instanceof Uint8Array && value.length <= MAX_PEER_TEXT;
}
