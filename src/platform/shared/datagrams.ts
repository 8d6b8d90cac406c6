/** UDP over node:dgram. Handlers' exceptions are counted: Deno would swallow them, Bun would not. */
import { createSocket, type Socket as NodeSocket } from "node:dgram";
import { isIP } from "node:net";
import { NetError } from "../../util/errors.ts";
import type { DatagramNet, DatagramSocket } from "../types.ts";
import { hostPort, plainAddress } from "./addresses.ts";
import { errnoOf, netError } from "./errno.ts";

const MAX_RETRIES = 3;
/** Errors that routers and hosts return for a datagram that was sent some time before. */
const LATE_ERRORS = ["ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH"];

type OnMessage = Parameters<DatagramNet["bind"]>[1];

/**
 * `receiveBufferBytes` has two meanings. On Bun it is the kernel's buffer for unread datagrams.
 * Deno cannot set that and uses the number as the size of the buffer that it allocates for each
 * packet: twice as much on Linux, 64 KiB by default, which costs more than the rest of a packet's
 * processing (src/DECISIONS.md, "UDP"). Longer packets are truncated.
 */
export function createDatagramNet(options: { receiveBufferBytes: number }): DatagramNet {
  return {
    bind(on, onMessage) {
      return new Promise((resolve, reject) => {
        const address = on.address ?? (on.family === 4 ? "0.0.0.0" : "::");
        // IPv6 only, so that both families can hold the same port number.
        const inner = on.family === 4
          ? createSocket("udp4")
          : createSocket({ type: "udp6", ipv6Only: true });
        inner.once("error", (error) => {
          closeQuietly(inner);
          reject(netError(`Cannot listen on UDP ${hostPort(address, on.port)}`, error));
        });
        inner.bind(on.port, address, () => {
          inner.removeAllListeners("error");
          setBuffer(inner, options.receiveBufferBytes);
          resolve(new UdpSocket(inner, on.family, onMessage));
        });
      });
    },
  };
}

class UdpSocket implements DatagramSocket {
  readonly port: number;
  errors = 0;
  lastError: Error | null = null;
  readonly #inner: NodeSocket;
  readonly #family: 4 | 6;
  readonly #onMessage: OnMessage;
  #closed = false;

  constructor(inner: NodeSocket, family: 4 | 6, onMessage: OnMessage) {
    this.#inner = inner;
    this.#family = family;
    this.#onMessage = onMessage;
    this.port = inner.address().port;
    inner.on("error", (error) => this.#count(error));
    inner.on("message", (bytes, from) => this.#receive(bytes, from.address, from.port));
  }

  send(bytes: Uint8Array, address: string, port: number): void {
    if (this.#closed) return;
    if (isIP(address) !== this.#family || port < 1 || port > 65535) {
      this.#count(new NetError("unreachable", `Cannot send to ${hostPort(address, port)}`));
      return;
    }
    // A copy: the runtime may send it after this call.
    this.#launch(bytes.slice(), address, port, MAX_RETRIES);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeQuietly(this.#inner);
  }

  /**
   * On Bun a send fails if an earlier one, to any address, was refused. That says nothing about
   * this one, so it is sent again.
   */
  #launch(bytes: Uint8Array, address: string, port: number, retries: number): void {
    if (this.#closed) return;
    try {
      this.#inner.send(bytes, port, address, (error) => {
        if (!error) return;
        if (retries > 0 && LATE_ERRORS.includes(errnoOf(error))) {
          this.#launch(bytes, address, port, retries - 1);
        } else this.#count(error);
      });
    } catch (error) {
      this.#count(error);
    }
  }

  #receive(bytes: Uint8Array, address: string, port: number): void {
    if (this.#closed) return;
    try {
      const chunk = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
      this.#onMessage(chunk, plainAddress(address), port);
    } catch (error) {
      this.#count(error);
    }
  }

  #count(error: unknown): void {
    this.errors++;
    this.lastError = error instanceof Error ? error : new Error(String(error));
  }
}

function closeQuietly(socket: NodeSocket): void {
  try {
    socket.close();
  } catch {
    // It never opened.
  }
}

function setBuffer(socket: NodeSocket, bytes: number): void {
  try {
    socket.setRecvBufferSize(bytes);
  } catch {
    // The system's limit is smaller; its default works too.
  }
}
