/**
 * UDP over Deno's own sockets if available: they are unstable, so a program that Deno runs from a
 * URL gets node:dgram. They read at a fifth of its cost (src/DECISIONS.md, "UDP").
 */
import { isIP } from "node:net";
import { NetError } from "../../util/errors.ts";
import { hostPort, plainAddress } from "../shared/addresses.ts";
import { netError } from "../shared/errno.ts";
import type { DatagramNet, DatagramSocket } from "../types.ts";
import { type DatagramConn, Deno, type NetAddr } from "./deno_global.ts";

type OnMessage = Parameters<DatagramNet["bind"]>[1];

/** No UDP datagram is longer; one buffer serves all datagrams of a socket. */
const MAX_DATAGRAM = 65_535;
/** The most sends that the system has not accepted yet. More are dropped, as by a full queue. */
const MAX_IN_FLIGHT = 2048;
/** The pause after a read error, so that a broken socket does not keep a core busy. */
const PAUSE_MS = 100;

/**
 * `other` binds what Deno's sockets cannot: "::" without IPv4, and everything if they are missing.
 */
export function createDenoDatagramNet(other: DatagramNet): DatagramNet {
  const { listenDatagram } = Deno;
  if (listenDatagram === undefined) return other;
  return {
    bind(on, onMessage) {
      const hostname = on.address ?? (on.family === 4 ? "0.0.0.0" : "::");
      if (hostname === "::") return other.bind(on, onMessage);
      try {
        const inner = listenDatagram({ transport: "udp", hostname, port: on.port });
        return Promise.resolve(new DenoUdpSocket(inner, on.family, onMessage));
      } catch (error) {
        return Promise.reject(
          netError(`Cannot listen on UDP ${hostPort(hostname, on.port)}`, error),
        );
      }
    },
  };
}

class DenoUdpSocket implements DatagramSocket {
  readonly port: number;
  errors = 0;
  lastError: Error | null = null;
  readonly #inner: DatagramConn;
  readonly #family: 4 | 6;
  readonly #onMessage: OnMessage;
  readonly #buffer = new Uint8Array(MAX_DATAGRAM);
  #inFlight = 0;
  #closed = false;

  constructor(inner: DatagramConn, family: 4 | 6, onMessage: OnMessage) {
    this.#inner = inner;
    this.#family = family;
    this.#onMessage = onMessage;
    this.port = (inner.addr as NetAddr).port;
    this.#read();
  }

  send(bytes: Uint8Array, address: string, port: number): void {
    if (this.#closed) return;
    if (isIP(address) !== this.#family || port < 1 || port > 65535) {
      this.#count(new NetError("unreachable", `Cannot send to ${hostPort(address, port)}`));
      return;
    }
    if (this.#inFlight >= MAX_IN_FLIGHT) {
      this.#count(
        new NetError("unreachable", "Too many datagrams are waiting to be sent"),
      );
      return;
    }
    this.#inFlight++;
    // A copy: the runtime may send it after this call.
    const to = { transport: "udp", hostname: address, port } as const;
    this.#inner.send(bytes.slice(), to).then(this.#sent, this.#notSent);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#inner.close();
  }

  readonly #sent = () => {
    this.#inFlight--;
  };

  readonly #notSent = (error: unknown) => {
    this.#inFlight--;
    if (!this.#closed) this.#count(error);
  };

  async #read(): Promise<void> {
    while (!this.#closed) {
      try {
        const [bytes, from] = await this.#inner.receive(this.#buffer);
        if (!this.#closed) this.#receive(bytes, from as NetAddr);
      } catch (error) {
        if (this.#closed) return;
        this.#count(error);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    }
  }

  #receive(bytes: Uint8Array, { hostname, port }: NetAddr): void {
    try {
      this.#onMessage(bytes, plainAddress(hostname), port);
    } catch (error) {
      this.#count(error);
    }
  }

  #count(error: unknown): void {
    this.errors++;
    this.lastError = error instanceof Error ? error : new Error(String(error));
  }
}
