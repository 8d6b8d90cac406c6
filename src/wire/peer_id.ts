/** Our own peer id (BEP 20) and the client names in others'. Peer ids prove nothing. */
import type { Random } from "../platform/types.ts";
import { fromLatin1, toLatin1 } from "../util/bytes.ts";

export const VERSION = "0.1.0";
export const CLIENT_NAME = `shoal ${VERSION}`;

const PREFIX = "-SH0100-";

const CLIENTS: Record<string, string> = {
  AZ: "Vuze",
  BC: "BitComet",
  DE: "Deluge",
  KT: "KTorrent",
  LT: "libtorrent",
  RQ: "rqbit",
  SH: "shoal",
  TR: "Transmission",
  UT: "µTorrent",
  WW: "WebTorrent",
  lt: "rTorrent",
  qB: "qBittorrent",
};

export function makePeerId(random: Random): Uint8Array {
  const id = random.fill(new Uint8Array(20));
  id.set(fromLatin1(PREFIX));
  return id;
}

/** Whether `makePeerId` of this version made it. */
export function isOwnPeerId(peerId: Uint8Array): boolean {
  return toLatin1(peerId.subarray(0, PREFIX.length)) === PREFIX;
}

/** A name, of harmless characters, for a peer that sent none: from "-XX1234-" or "A2-1-37-". */
export function nameOfPeerId(peerId: Uint8Array): string {
  const text = toLatin1(peerId.subarray(0, 8));
  const aria2 = /^A2-(\d+(?:-\d+)*)/.exec(text);
  if (aria2 !== null) return `aria2 ${aria2[1]!.replaceAll("-", ".")}`;
  const match = /^-([A-Za-z]{2})([0-9A-Za-z]{4})-$/.exec(text);
  if (match === null) return "unknown";
  const name = CLIENTS[match[1]!] ?? match[1]!;
  return `${name} ${[...match[2]!].join(".").replace(/(\.0)+$/, "")}`;
}
