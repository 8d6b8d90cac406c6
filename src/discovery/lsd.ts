/**
 * Local service discovery (BEP 14): the datagram that announces our torrents on a local network.
 */
import { fromHex, fromLatin1, toHex, toLatin1 } from "../util/bytes.ts";

export const LSD_GROUPS = [
  { family: 4, address: "239.192.152.143", port: 6771 },
  { family: 6, address: "ff15::efc0:988f", port: 6771 },
] as const;

/** Info-hashes that fit into 1400 bytes, which no network fragments. */
export const MAX_LSD_HASHES = 20;

/** The most bytes of a datagram: one Ethernet packet. */
const MAX_BYTES = 1500;
const MAX_LINES = 64;
const MAX_COOKIE_LENGTH = 64;
const FIRST_LINE = "BT-SEARCH * HTTP/1.1";

export interface LsdAnnounce {
  /** Where the sender listens. */
  port: number;
  /** 20 bytes each; 1 to 20 of them. */
  infoHashes: Uint8Array[];
  /** Lets a sender recognise its own announces. */
  cookie: string | null;
}

/** For the group of this family. The announce must respect its bounds. */
export function encodeLsd(announce: LsdAnnounce, family: 4 | 6): Uint8Array {
  const { address, port } = LSD_GROUPS[family === 4 ? 0 : 1];
  const lines = [
    FIRST_LINE,
    `Host: ${family === 4 ? address : `[${address}]`}:${port}`,
    `Port: ${announce.port}`,
    ...announce.infoHashes.map((hash) => `Infohash: ${toHex(hash)}`),
    ...(announce.cookie === null ? [] : [`cookie: ${announce.cookie}`]),
  ];
  return fromLatin1(lines.join("\r\n") + "\r\n\r\n\r\n");
}

/** Null if it is not an announce; invalid hashes and unknown headers are skipped. */
export function decodeLsd(bytes: Uint8Array): LsdAnnounce | null {
  if (bytes.length > MAX_BYTES) return null;
  const lines = toLatin1(bytes).split(/\r?\n/, MAX_LINES);
  if (lines[0] !== FIRST_LINE) return null;
  const hashes = new Map<string, Uint8Array>();
  let port = 0, cookie: string | null = null;
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon < 0) continue;
    const value = line.slice(colon + 1).trim();
    switch (line.slice(0, colon).toLowerCase()) {
      case "port":
        if (/^\d{1,5}$/.test(value)) port = Number(value);
        break;
      case "infohash":
        if (/^[0-9a-f]{40}$/i.test(value)) hashes.set(value.toLowerCase(), fromHex(value));
        break;
      case "cookie":
        cookie = value.slice(0, MAX_COOKIE_LENGTH);
    }
  }
  if (port < 1 || port > 65535 || hashes.size === 0) return null;
  return { port, infoHashes: [...hashes.values()].slice(0, MAX_LSD_HASHES), cookie };
}
