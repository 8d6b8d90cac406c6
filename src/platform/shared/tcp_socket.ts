/**
 * One TCP connection over node:net. The receiver has used the bytes when the call returns, so no
 * connection needs its own buffer (src/DECISIONS.md 37).
 */
import { connect, isIP, Socket as NodeSocket } from "node:net";
import { NetError } from "../../util/errors.ts";
import type { SocketInfo } from "../types.ts";
import { hostPort, plainAddress } from "./addresses.ts";
import { netError } from "./errno.ts";
import { SocketBase } from "./socket_base.ts";

/**
 * How a runtime reads. "shared": straight into one buffer that all sockets share (Deno). "freed":
 * each chunk has its own buffer whatever the socket's options, and is freed as soon as it was used,
 * so that the next chunk reuses its memory; the garbage collector would be too late (Bun).
 */
export type Reading = "shared" | "freed";

const SHARED = new Uint8Array(256 * 1024);

/** Smaller chunks are left to the garbage collector. */
const LEAST_FREED_BYTES = 4096;

/**
 * The time that `close()` gives queued bytes to reach a slow reader before it cuts the connection.
 */
const CLOSE_GRACE_MS = 2000;

export class TcpSocket extends SocketBase {
  #inner!: NodeSocket;
  #failure: Error | null = null;
  #deadline: ReturnType<typeof setTimeout> | undefined;
  readonly #didSend = () => this.didSend();

  static dial(
    to: { address: string; port: number; timeoutMs: number },
    reading: Reading,
  ): TcpSocket {
    const socket = new TcpSocket();
    const doing = `Cannot connect to ${hostPort(to.address, to.port)}`;
    if (isIP(to.address) === 0) {
      const error = new NetError("other", `${doing}: not an IP address`);
      queueMicrotask(() => socket.didEnd(error));
      return socket;
    }
    const inner = connect({
      host: to.address,
      port: to.port,
      noDelay: true,
      ...(reading === "shared" && { onread: TcpSocket.reader(socket) }),
    });
    socket.#adopt(inner, doing, reading);
    socket.#deadline = setTimeout(() => {
      inner.destroy(new NetError("timeout", `${doing}: no answer within ${to.timeoutMs} ms`));
    }, to.timeoutMs);
    inner.on("connect", () => {
      clearTimeout(socket.#deadline);
      socket.didOpen(infoOf(inner));
    });
    return socket;
  }

  /**
   * "shared": the server paused `accepted`, and its handle can be given to a new node socket that
   * reads into the shared buffer, which createServer cannot do.
   */
  static accept(accepted: NodeSocket, reading: Reading): { socket: TcpSocket; info: SocketInfo } {
    const socket = new TcpSocket();
    const info = infoOf(accepted);
    const inner = (reading === "shared" ? rewrapped(accepted, socket) : null) ?? accepted;
    const doing = `Connection with ${hostPort(info.remoteAddress, info.remotePort)}`;
    socket.#adopt(inner, doing, reading);
    socket.didOpen(info);
    return { socket, info };
  }

  /** `onread` of a rewrapped socket; see `accept`. */
  static reader(socket: TcpSocket): { buffer: Uint8Array; callback: (length: number) => boolean } {
    return { buffer: SHARED, callback: (length) => socket.#take(SHARED, length) };
  }

  protected override startSend(bytes: Uint8Array): boolean {
    const inner = this.#inner;
    inner.write(bytes, this.#didSend);
    // Bytes that the system took at once are no longer counted, though the callback comes later.
    return inner.writableLength === 0 && !inner.connecting;
  }

  protected override startReading(): void {
    this.#inner.resume();
  }

  protected override stopReading(): void {
    this.#inner.pause();
  }

  protected override finishWriting(): void {
    this.#inner.end();
  }

  protected override shutDown(sending: boolean): void {
    const inner = this.#inner;
    if (inner === undefined) return; // the dial failed before it began; didEnd follows
    clearTimeout(this.#deadline);
    if (!sending || inner.connecting) {
      inner.destroy();
      return;
    }
    inner.destroySoon();
    this.#deadline = setTimeout(() => inner.destroy(), CLOSE_GRACE_MS);
  }

  #adopt(inner: NodeSocket, doing: string, reading: Reading): void {
    this.#inner = inner;
    // A runtime that does not honour `onread` falls back to this event by itself.
    inner.on("data", (chunk: Uint8Array) => {
      if (!this.#take(chunk, chunk.length)) inner.pause();
      if (reading === "freed") free(chunk);
    });
    inner.on("error", (error) => {
      this.#failure ??= netError(doing, error);
    });
    inner.on("close", () => {
      clearTimeout(this.#deadline);
      this.didEnd(this.#failure);
    });
  }

  /** A receiver that throws has a bug; it costs this connection, not the process. */
  #take(buffer: Uint8Array, length: number): boolean {
    try {
      return this.didReceive(new Uint8Array(buffer.buffer, buffer.byteOffset, length));
    } catch (error) {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
      this.#inner.destroy();
      return false;
    }
  }
}

/** The rest of a chunk is empty. A chunk that shares its memory is left alone. */
function free({ buffer, length }: Uint8Array): void {
  const isAlone = length === buffer.byteLength && buffer instanceof ArrayBuffer;
  if (length >= LEAST_FREED_BYTES && isAlone) buffer.transfer(0);
}

function rewrapped(accepted: NodeSocket, socket: TcpSocket): NodeSocket | null {
  const handle = (accepted as unknown as { _handle?: unknown })._handle;
  if (typeof handle !== "object" || handle === null) return null;
  const options = { handle, onread: TcpSocket.reader(socket) };
  const inner = new NodeSocket(options as unknown as ConstructorParameters<typeof NodeSocket>[0]);
  // Deno keeps a socket that never ends: 3 KB for each connection of a run.
  (accepted as unknown as { _handle: unknown })._handle = null;
  accepted.destroy();
  return inner;
}

function infoOf(socket: NodeSocket): SocketInfo {
  return {
    remoteAddress: plainAddress(socket.remoteAddress),
    remotePort: socket.remotePort ?? 0,
    localAddress: plainAddress(socket.localAddress),
    localPort: socket.localPort ?? 0,
  };
}
