/**
 * The connection of an HTTP or HTTPS request, over node:net and node:tls. node:http refuses answers
 * that trackers send (http_wire.ts); `fetch` follows redirects that trackers must not use, and
 * cannot connect to a chosen address under the host's name.
 */
import { connect, isIP, type Socket } from "node:net";
import process from "node:process";
import { plainAddress } from "./addresses.ts";
import type { HttpExchange, Outgoing } from "./http_client.ts";
import { type HttpLine, WireExchange } from "./http_wire.ts";

/** `ca`: certificates (PEM) to trust instead of the system's, for tests. */
export function nodeExchange(outgoing: Outgoing, ca?: string): HttpExchange {
  return new WireExchange(outgoing, (to) => new NodeLine(to, ca));
}

class NodeLine implements HttpLine {
  readonly opened: Promise<void>;
  readonly #socket: Socket;
  readonly #came: Uint8Array[] = [];
  #ended = false;
  #error: Error | null = null;
  #wake: (() => void) | null = null;

  constructor({ url, address, unix }: Outgoing, ca: string | undefined) {
    const secure = url.protocol === "https:";
    const name = url.hostname.replace(/^\[|\]$/g, "");
    const to = {
      host: address === undefined ? name : plainAddress(address),
      port: Number(url.port) || (secure ? 443 : 80),
    };
    const plain = unix === undefined ? to : { path: unix };
    const socket = this.#socket = secure ? connectSecurely(to, name, ca) : connect(plain);
    socket.on("data", (chunk: Uint8Array) => {
      this.#came.push(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
      if (this.#wake === null) socket.pause();
      this.#stir();
    });
    socket.on("end", () => this.#end(null));
    socket.on("error", (error) => this.#end(error));
    socket.on("close", () => this.#end(null));
    this.opened = new Promise((resolve, reject) => {
      socket.once(secure ? "secureConnect" : "connect", resolve);
      socket.once("error", reject);
    });
    this.opened.catch(() => {}); // after closing the connection no caller waits any more
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  async read(): Promise<Uint8Array | null> {
    while (this.#came.length === 0) {
      if (this.#error !== null) throw this.#error;
      if (this.#ended) return null;
      const stirred = new Promise<void>((resolve) => this.#wake = resolve);
      this.#socket.resume();
      await stirred;
    }
    return this.#came.shift()!;
  }

  close(): void {
    this.#socket.destroy();
  }

  #end(error: Error | null): void {
    if (!this.#ended) this.#error = error;
    this.#ended = true;
    this.#stir();
  }

  #stir(): void {
    this.#wake?.();
    this.#wake = null;
  }
}

/** The certificate must be for `name`, whatever the source of the address. */
function connectSecurely(
  to: { host: string; port: number },
  name: string,
  ca: string | undefined,
): Socket {
  // Loaded on demand: many runs use no HTTPS.
  const { connect } = process.getBuiltinModule("node:tls");
  const servername = isIP(name) === 0 ? { servername: name } : {};
  return connect({ ...to, ...servername, ...(ca === undefined ? {} : { ca }) });
}
