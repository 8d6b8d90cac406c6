/**
 * The state that a client's DHT node keeps between runs, as bytes: its ids, and nodes to begin
 * with.
 */
import { BDict, decode } from "../bencode/bencode.ts";
import { encode } from "../bencode/bencode_encode.ts";
import {
  addressFamily,
  compactPeer,
  formatEndpoint,
  parseCompactPeers,
  type PeerAddress,
} from "../util/compact_address.ts";
import { concatBytes } from "../util/bytes.ts";
import type { DhtState } from "../dht/node_types.ts";

const ID_BYTES = 20;
const MAX_NODES = 1000;
/** A run that met this many nodes needs none of an earlier one. */
const ENOUGH_NODES = 200;

export function encodeDhtState({ ids, nodes }: DhtState): Uint8Array {
  const kept = nodes.slice(0, MAX_NODES);
  return encode({
    ...(ids[4] === null ? {} : { "id4": ids[4] }),
    ...(ids[6] === null ? {} : { "id6": ids[6] }),
    "nodes4": compactOf(kept, 4),
    "nodes6": compactOf(kept, 6),
  });
}

/** Null if the bytes are no such state. */
export function decodeDhtState(bytes: Uint8Array): DhtState | null {
  try {
    const dict = decode(bytes, { maxBytes: 64 * 1024, maxDepth: 2 });
    if (!(dict instanceof BDict)) return null;
    const nodes = ([4, 6] as const).flatMap((family) => {
      return parseCompactPeers(
        dict.bytes(`nodes${family}`) ?? new Uint8Array(0),
        family,
        MAX_NODES,
      );
    });
    return {
      ids: { 4: idOf(dict, "id4"), 6: idOf(dict, "id6") },
      nodes: nodes.slice(0, MAX_NODES),
    };
  } catch {
    return null;
  }
}

/** `now`, filled up with nodes of an earlier run. */
export function withNodesOf(before: DhtState | null, now: DhtState): DhtState {
  const known = new Set(now.nodes.map(formatEndpoint));
  const older = (before?.nodes ?? []).filter((node) => !known.has(formatEndpoint(node)));
  const room = Math.max(0, ENOUGH_NODES - now.nodes.length);
  return { ids: now.ids, nodes: [...now.nodes, ...older.slice(0, room)] };
}

function compactOf(nodes: readonly PeerAddress[], family: 4 | 6): Uint8Array {
  return concatBytes(
    ...nodes.filter(({ address }) => addressFamily(address) === family).map(compactPeer),
  );
}

function idOf(dict: BDict, key: string): Uint8Array | null {
  const id = dict.bytes(key);
  return id?.length === ID_BYTES ? id.slice() : null;
}
