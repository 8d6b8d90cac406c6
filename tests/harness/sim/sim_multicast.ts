/** Multicast of one simulated host: it reaches members of the group on the same /24 or /64. */
import { parseIp } from "../../../src/util/ip_address.ts";
import { netError, systemError } from "../../../src/platform/shared/errno.ts";
import type { MulticastNet, MulticastSocket } from "../../../src/platform/types.ts";
import type { SimHost } from "./host.ts";
import type { Network, SimGroupMember } from "./network.ts";

const HEADER_BYTES = 28;
const SENDING_PORT = 6771;

type OnMessage = Parameters<MulticastNet["join"]>[1];

export class SimMulticastNet implements MulticastNet {
  readonly #host: SimHost;
  readonly #network: Network;

  constructor(host: SimHost, network: Network) {
    this.#host = host;
    this.#network = network;
  }

  async join(
    group: { address: string; port: number },
    onMessage: OnMessage,
  ): Promise<MulticastSocket> {
    await this.#host.sleep(0);
    const own = this.#host.sourceFor(group.address);
    // A host without an address of that family has no network to join on.
    if (own === null || !isMulticast(group.address)) {
      throw netError(`Cannot join ${group.address}`, systemError("EADDRNOTAVAIL"));
    }
    return new SimGroupSocket(this.#host, this.#network, own, group, onMessage);
  }
}

class SimGroupSocket implements MulticastSocket, SimGroupMember {
  errors = 0;
  lastError: Error | null = null;
  readonly #network: Network;
  readonly #own: string;
  readonly #members: Set<SimGroupMember>;
  readonly #onMessage: OnMessage;

  constructor(
    readonly host: SimHost,
    network: Network,
    own: string,
    group: { address: string; port: number },
    onMessage: OnMessage,
  ) {
    const key = `${group.address} ${group.port}`;
    this.#network = network;
    this.#own = own;
    this.#onMessage = onMessage;
    this.#members = network.groups.get(key) ?? new Set();
    network.groups.set(key, this.#members.add(this));
  }

  send(bytes: Uint8Array): void {
    if (!this.#members.has(this)) return;
    const copy = bytes.slice(), [own, network, host] = [this.#own, this.#network, this.host];
    for (const member of this.#members) {
      const theirs = member.host.sourceFor(own);
      if (theirs === null || !onOneLan(own, theirs)) continue;
      network.transmit(host, member.host, copy.length + HEADER_BYTES, 0, () => {
        const heard = member.host.alive && this.#members.has(member) &&
          !network.isCut(host, member.host);
        if (!heard) return;
        network.log.add(`${network.timeline.now} multicast ${host.name} ${member.host.name}`);
        member.receive(copy.slice(), own, SENDING_PORT);
      });
    }
  }

  close(): void {
    this.#members.delete(this);
  }

  receive(bytes: Uint8Array, address: string, port: number): void {
    try {
      this.#onMessage(bytes, address, port);
    } catch (error) {
      this.errors++;
      this.lastError = error instanceof Error ? error : new Error(String(error));
    }
  }
}

function isMulticast(address: string): boolean {
  const bytes = parseIp(address)!;
  return bytes.length === 4 ? (bytes[0]! & 0xf0) === 0xe0 : bytes[0] === 0xff;
}

function onOneLan(a: string, b: string): boolean {
  const [one, other] = [parseIp(a)!, parseIp(b)!];
  const prefix = one.length === 4 ? 3 : 8;
  return one.length === other.length &&
    one.subarray(0, prefix).every((byte, i) => byte === other[i]);
}
