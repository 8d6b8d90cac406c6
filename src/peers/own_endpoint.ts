/** Our own endpoint in the swarm, and the decisions that depend on it. */
import { formatIp, parseIp } from "../util/ip_address.ts";
import type { Crc32c } from "../util/crc32c.ts";
import { addressSpread, prioritySpread } from "./peer_rank.ts";
import type { PriorityEndpoint } from "./peer_priority.ts";

export class OwnEndpoint {
  readonly #crc32c: Crc32c | null;
  readonly #peerId: Uint8Array | null;
  /** Our addresses as others see them, IPv4 and IPv6. */
  #v4: Uint8Array | null = null;
  #v6: Uint8Array | null = null;
  #port = 0;
  readonly #changed: () => void;

  /** `changed` is called when our external address changed. */
  constructor(crc32c: Crc32c | null, peerId: Uint8Array | null, changed: () => void) {
    this.#crc32c = crc32c;
    this.#peerId = peerId;
    this.#changed = changed;
  }

  /**
   * Our address as others see it; null if unknown, as for a text that is no address. Each family
   * may be reported separately.
   */
  set(address: string | null, port: number): void {
    const bytes = address === null ? null : parseIp(address);
    if (bytes?.length === 4) this.#v4 = bytes;
    else if (bytes !== null) this.#v6 = bytes;
    this.#port = port;
    this.#changed();
  }

  isOurs(bytes: Uint8Array, port: number): boolean {
    const own = this.#like(bytes);
    return own !== null && port === this.#port && formatIp(own) === formatIp(bytes);
  }

  /** The last term of a peer's rank. */
  spread(peer: PriorityEndpoint): number {
    const own = this.#like(peer.bytes);
    const byPriority = own !== null && this.#crc32c !== null
      ? prioritySpread(this.#crc32c, { bytes: own, port: this.#port }, peer)
      : null;
    return byPriority ?? addressSpread(peer.bytes);
  }

  /** The same for a peer at this address (BEP 40). */
  spreadOf(address: string, port: number): number {
    const bytes = parseIp(address);
    return bytes === null ? 0 : this.spread({ bytes, port });
  }

  /** Our address of the family of `bytes`. */
  #like(bytes: Uint8Array): Uint8Array | null {
    return bytes.length === 4 ? this.#v4 : this.#v6;
  }

  /**
   * Two peers that dialled each other have one connection too many, and both must close the same
   * one: the side with the lower listening port keeps the one it dialled; at equal ports, the side
   * with the lower peer id.
   */
  keepsOutgoing(port: number, peerId: Uint8Array | null): boolean {
    if (port !== this.#port) return this.#port < port;
    if (peerId === null || this.#peerId === null) return true;
    const at = this.#peerId.findIndex((byte, i) => byte !== peerId[i]);
    return at < 0 || this.#peerId[at]! < peerId[at]!;
  }
}
