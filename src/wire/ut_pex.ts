/**
 * Peer exchange messages (BEP 11): the peers added and dropped since the last one. Whatever was
 * sent, the result is bounded; swarm/pex.ts decides whether to trust it.
 */
import { ProtocolError } from "../util/errors.ts";
import { concatBytes } from "../util/bytes.ts";
import { BDict, decode } from "../bencode/bencode.ts";
import { type Encodable, encode } from "../bencode/bencode_encode.ts";
import {
  addressFamily,
  compactPeer,
  parseCompactPeers,
  type PeerAddress,
} from "../util/compact_address.ts";

/** Flags of a peer. */
export const PEX_ENCRYPTION = 0x01;
/** It is complete, or wants nothing more. */
export const PEX_SEED = 0x02;
export const PEX_UTP = 0x04;
export const PEX_HOLEPUNCH = 0x08;
/** The sender could dial it. */
export const PEX_REACHABLE = 0x10;
const KNOWN_FLAGS = 0x1f;

/** The most peers added in a message, and dropped; both families together. */
export const MAX_PEX_PEERS = 50;

/** libtorrent sends up to 100 of each kind, others 200 at first: some 16 KiB. */
const MAX_MESSAGE_BYTES = 32 * 1024;

export interface PexPeer extends PeerAddress {
  flags: number;
}

export interface PexMessage {
  /** At most 50. */
  added: PexPeer[];
  dropped: PeerAddress[];
}

/** At most 50 of each kind may be given. */
export function encodePex(message: PexMessage): Uint8Array {
  const dict = new Map<string, Encodable>();
  for (const [family, suffix] of [[4, ""], [6, "6"]] as const) {
    const added = message.added.filter(({ address }) => addressFamily(address) === family);
    const dropped = message.dropped.filter(({ address }) => addressFamily(address) === family);
    if (added.length > 0) {
      dict.set(`added${suffix}`, concatBytes(...added.map(compactPeer)));
      dict.set(`added${suffix}.f`, Uint8Array.from(added, ({ flags }) => flags));
    }
    if (dropped.length > 0) dict.set(`dropped${suffix}`, concatBytes(...dropped.map(compactPeer)));
  }
  return encode(dict);
}

/**
 * The first 50 of each kind, both families sharing them; `surplus` counts the omitted ones. Unknown
 * flags are dropped, missing ones are 0. Throws a ProtocolError.
 */
export function decodePex(payload: Uint8Array): PexMessage & { surplus: number } {
  const dict = decode(payload, {
    allowUnsorted: true,
    maxBytes: MAX_MESSAGE_BYTES,
    maxDepth: 4,
    maxTokens: 200,
  });
  if (!(dict instanceof BDict)) {
    throw new ProtocolError("bad-pex", "A peer exchange message is not a dictionary");
  }
  const added = share(readAdded(dict, 4, ""), readAdded(dict, 6, "6"));
  const dropped = share(readList(dict, "dropped", 4), readList(dict, "dropped6", 6));
  return {
    added: added.peers,
    dropped: dropped.peers,
    surplus: added.surplus + dropped.surplus,
  };
}

function readList(dict: BDict, key: string, family: 4 | 6): PeerAddress[] {
  const bytes = dict.bytes(key);
  return bytes === undefined ? [] : parseCompactPeers(bytes, family);
}

function readAdded(dict: BDict, family: 4 | 6, suffix: string): PexPeer[] {
  const flags = dict.bytes(`added${suffix}.f`);
  return readList(dict, `added${suffix}`, family).map((peer, i) => {
    return { ...peer, flags: (flags?.[i] ?? 0) & KNOWN_FLAGS };
  });
}

/** As many of each as fit: each family has half of the space, plus the rest of the other's half. */
function share<T>(four: T[], six: T[]): { peers: T[]; surplus: number } {
  const ofSix = Math.min(six.length, Math.max(MAX_PEX_PEERS / 2, MAX_PEX_PEERS - four.length));
  const peers = [...four.slice(0, MAX_PEX_PEERS - ofSix), ...six.slice(0, ofSix)];
  return { peers, surplus: four.length + six.length - peers.length };
}
