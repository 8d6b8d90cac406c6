/** A machine on the simulated network: its addresses, its ports, and whether it is alive. */
import type { Prng } from "../prng.ts";
import type { SocketInfo, Timer } from "../../../src/platform/types.ts";
import type { LinkConditions } from "./link.ts";
import type { SimSocket } from "./sim_socket.ts";
import type { Timeline } from "./timeline.ts";

const FIRST_EPHEMERAL_PORT = 49152;

export interface SimAcceptor {
  /** Null: on all addresses. */
  readonly address: string | null;
  accept(socket: SimSocket, info: SocketInfo): void;
}

export interface SimReceiver {
  receive(bytes: Uint8Array, address: string, port: number): void;
}

export class SimHost {
  alive = true;
  /** When the line is free for the next byte, in virtual milliseconds. */
  upFreeAt = 0;
  downFreeAt = 0;
  readonly sockets = new Set<SimSocket>();
  readonly acceptors = new Map<number, SimAcceptor>();
  /** By family and port: "4:6881". */
  readonly receivers = new Map<string, SimReceiver>();
  readonly #timeline: Timeline;
  #nextPort = FIRST_EPHEMERAL_PORT;

  constructor(
    readonly addresses: readonly string[],
    readonly link: LinkConditions,
    /** Decides its faults. */
    readonly dice: Prng,
    timeline: Timeline,
  ) {
    this.#timeline = timeline;
  }

  get name(): string {
    return this.addresses[0]!;
  }

  get now(): number {
    return this.#timeline.now;
  }

  /** Scheduled actions of a dead host do not happen. */
  after(delayMs: number, fn: () => void): Timer {
    return this.#timeline.after(delayMs, () => {
      if (this.alive) fn();
    });
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.after(delayMs, resolve));
  }

  hold<T>(work: Promise<T>): Promise<T> {
    return this.#timeline.hold(work);
  }

  /** A port for which `taken` is false. */
  freePort(taken: (port: number) => boolean): number {
    for (;;) {
      const port = this.#nextPort++;
      if (this.#nextPort > 65535) this.#nextPort = FIRST_EPHEMERAL_PORT;
      if (!taken(port)) return port;
    }
  }

  /** Our address for packets to `address`; null if we have none of its family. */
  sourceFor(address: string): string | null {
    if (isLoopbackText(address)) return address;
    const six = address.includes(":");
    return this.addresses.find((own) => own.includes(":") === six) ?? null;
  }
}

export function isLoopbackText(address: string): boolean {
  return address === "::1" || address.startsWith("127.");
}
