/** Which pieces a peer may have although we choke it (BEP 6): a set derived from its address. */
import { concatBytes, readUint32 } from "../util/bytes.ts";

/** Bytes of an IPv6 address that identify its network; its user can choose the rest. */
const NETWORK_BYTES_V6 = 8;

/**
 * The allowed-fast set: `size` pieces, or all if there are fewer. `address` has 4 or 16 bytes; the
 * host part does not count, so that one network gets one set. (The BEP knows IPv4 alone.)
 */
export function allowedFastSet(
  sha1: (bytes: Uint8Array) => Uint8Array,
  infoHash: Uint8Array,
  address: Uint8Array,
  pieceCount: number,
  size: number,
): number[] {
  const network = address.slice();
  network.fill(0, network.length === 4 ? 3 : NETWORK_BYTES_V6);
  const wanted = Math.min(size, pieceCount), chosen = new Set<number>();
  for (let x = sha1(concatBytes(network, infoHash)); chosen.size < wanted; x = sha1(x)) {
    for (let at = 0; at < 20 && chosen.size < wanted; at += 4) {
      chosen.add(readUint32(x, at) % pieceCount);
    }
  }
  return [...chosen];
}
