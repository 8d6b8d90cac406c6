/**
 * Limits how many ports of one address are dialled. Anyone can announce a thousand ports of another
 * person's machine; without this, we would try them all. Invariant: it holds only addresses of the
 * last minute.
 */
import { isLoopback } from "../util/ip_address.ts";
import type { PoolPeer } from "./pool_peer.ts";

/** The most different ports of one address that are dialled within the time. */
const MAX_PORTS = 4, WINDOW_MS = 60_000;

type Dialled = Pick<PoolPeer, "address" | "bytes" | "port">;

export class AddressPace {
  /** By address, the latest last: the last dial of each port, the latest last. */
  readonly #ports = new Map<string, Map<number, number>>();

  /** When the pace of its address allows dialling this endpoint; -Infinity: at once. */
  freeAt({ address, bytes, port }: Dialled, now: number): number {
    const ports = this.#ports.get(address);
    // On loopback, many peers share an address, and only we would suffer.
    if (ports === undefined || ports.has(port) || isLoopback(bytes)) return -Infinity;
    for (const [other, at] of ports) if (now - at >= WINDOW_MS) ports.delete(other);
    const [oldest] = ports.values();
    return ports.size < MAX_PORTS ? -Infinity : oldest! + WINDOW_MS;
  }

  begun({ address, port }: Dialled, now: number): void {
    const ports = this.#ports.get(address) ?? new Map<number, number>();
    ports.delete(port);
    ports.set(port, now);
    this.#ports.delete(address);
    this.#ports.set(address, ports);
    for (const [other, { size }] of this.#ports) {
      if (size > 0 && now - this.#latest(other) < WINDOW_MS) break;
      this.#ports.delete(other);
    }
  }

  #latest(address: string): number {
    return [...this.#ports.get(address)!.values()].at(-1)!;
  }
}
