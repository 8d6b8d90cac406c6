/** UDP of one simulated host: it may lose, duplicate and reorder datagrams. */
import { NetError } from "../../../src/util/errors.ts";
import { parseIp } from "../../../src/util/ip_address.ts";
import { hostPort } from "../../../src/platform/shared/addresses.ts";
import { netError, systemError } from "../../../src/platform/shared/errno.ts";
import type { DatagramNet, DatagramSocket } from "../../../src/platform/types.ts";
import type { SimHost, SimReceiver } from "./host.ts";
import type { Network } from "./network.ts";

/** IP and UDP headers count on the line too. */
const HEADER_BYTES = 28;
const MAX_BYTES = 65507;
/** The delay of a reordered datagram. */
const REORDER_MS = 50;

type OnMessage = Parameters<DatagramNet["bind"]>[1];

export class SimDatagramNet implements DatagramNet {
  readonly #host: SimHost;
  readonly #network: Network;

  constructor(host: SimHost, network: Network) {
    this.#host = host;
    this.#network = network;
  }

  async bind(
    on: { port: number; family: 4 | 6; address?: string },
    onMessage: OnMessage,
  ): Promise<DatagramSocket> {
    await this.#host.sleep(0);
    const { receivers } = this.#host;
    const key = (port: number) => `${on.family}:${port}`;
    const port = on.port === 0 ? this.#host.freePort((each) => receivers.has(key(each))) : on.port;
    if (receivers.has(key(port))) {
      const where = hostPort(on.address ?? (on.family === 4 ? "0.0.0.0" : "::"), port);
      throw netError(`Cannot listen on UDP ${where}`, systemError("EADDRINUSE"));
    }
    const socket = new SimDatagramSocket(this.#host, this.#network, on.family, port, onMessage);
    receivers.set(key(port), socket);
    return socket;
  }
}

class SimDatagramSocket implements DatagramSocket, SimReceiver {
  errors = 0;
  lastError: Error | null = null;
  readonly port: number;
  readonly #host: SimHost;
  readonly #network: Network;
  readonly #family: 4 | 6;
  readonly #onMessage: OnMessage;

  constructor(
    host: SimHost,
    network: Network,
    family: 4 | 6,
    port: number,
    onMessage: OnMessage,
  ) {
    this.#host = host;
    this.#network = network;
    this.#family = family;
    this.port = port;
    this.#onMessage = onMessage;
  }

  send(bytes: Uint8Array, address: string, port: number): void {
    if (!this.#open) return;
    const source = this.#host.sourceFor(address);
    const family = parseIp(address) === null ? 0 : address.includes(":") ? 6 : 4;
    if (family !== this.#family || source === null || port < 1 || port > 65535) {
      this.#count(new NetError("unreachable", `Cannot send to ${hostPort(address, port)}`));
      return;
    }
    if (bytes.length > MAX_BYTES) {
      this.#count(new NetError("too-large", `Cannot send ${bytes.length} bytes in one datagram`));
      return;
    }
    const target = this.#network.find(this.#host, address);
    if (target !== null) this.#launch(bytes.slice(), source, target, port);
  }

  close(): void {
    if (this.#open) this.#host.receivers.delete(`${this.#family}:${this.port}`);
  }

  receive(bytes: Uint8Array, address: string, port: number): void {
    try {
      this.#onMessage(bytes, address, port);
    } catch (error) {
      this.#count(error);
    }
  }

  get #open(): boolean {
    return this.#host.receivers.get(`${this.#family}:${this.port}`) === this;
  }

  #launch(bytes: Uint8Array, source: string, target: SimHost, port: number): void {
    const [host, network] = [this.#host, this.#network];
    const { log } = network;
    const lucky = (kind: "datagramLost" | "datagramDuplicated" | "datagramReordered") =>
      host !== target && (host.dice.chance(host.link[kind]) || host.dice.chance(target.link[kind]));
    if (lucky("datagramLost")) return log.fault("datagram-lost");
    const twice = lucky("datagramDuplicated");
    if (twice) log.fault("datagram-duplicated");
    for (let copies = twice ? 2 : 1; copies > 0; copies--) {
      const late = lucky("datagramReordered");
      if (late) log.fault("datagram-reordered");
      const notBefore = late ? host.now + REORDER_MS + host.dice.below(REORDER_MS) : 0;
      network.transmit(host, target, bytes.length + HEADER_BYTES, notBefore, () => {
        if (network.isCut(host, target)) return log.fault("datagram-cut");
        if (!target.alive) return;
        log.add(`${network.timeline.now} datagram ${host.name} ${target.name} ${bytes.length}`);
        const receiver = target.receivers.get(`${this.#family}:${port}`);
        receiver?.receive(bytes.slice(), source, this.port);
      });
    }
  }

  #count(error: unknown): void {
    this.errors++;
    this.lastError = error instanceof Error ? error : new Error(String(error));
  }
}
