/**
 * HTTP between simulated nodes: the platform's own client, and a small server, over their sockets.
 * Rates, cuts and resets of the network affect it, and a node may also answer by hand, byte by
 * byte.
 */
import { gzipSync } from "node:zlib";
import { systemError } from "../../../src/platform/shared/errno.ts";
import { createHttpClient, type Outgoing } from "../../../src/platform/shared/http_client.ts";
import { type HttpLine, WireExchange } from "../../../src/platform/shared/http_wire.ts";
import type { Http } from "../../../src/platform/types.ts";
import type { SimHost } from "./host.ts";
import { type Paths, serve } from "./sim_http_server.ts";
import type { SimStreamNet } from "./sim_stream_net.ts";
import { SocketLine } from "./socket_line.ts";

/** Its `request` and `stream` are those of the real platform, over simulated connections. */
export function createSimHttp(host: SimHost, net: SimStreamNet): Http {
  const paths: Paths = new Map();
  const client = createHttpClient({
    after: (delayMs, fn) => host.after(delayMs, fn),
    start: (outgoing) => new WireExchange(outgoing, (to) => new SimLine(net, paths, to)),
    hold: (work) => host.hold(work),
  });
  return {
    ...client,
    gzip: (bytes) => Promise.resolve(new Uint8Array(gzipSync(bytes, { level: 1 }))),
    serve: serve(host, net, paths),
  };
}

/** A connection to a host by name. Nothing is encrypted here, whatever the URL says. */
class SimLine implements HttpLine {
  readonly opened: Promise<unknown>;
  #line: SocketLine | null = null;
  #closed = false;

  constructor(net: SimStreamNet, paths: Paths, to: Outgoing) {
    this.opened = to.unix === undefined ? this.#open(net, to) : this.#openPath(net, paths, to);
  }

  async #openPath(net: SimStreamNet, paths: Paths, { unix, ...to }: Outgoing): Promise<void> {
    const port = paths.get(unix!);
    if (port === undefined) throw systemError("ENOENT");
    await this.#open(net, { ...to, url: new URL(`http://127.0.0.1:${port}`) });
  }

  async #open(net: SimStreamNet, { url, address, timeoutMs }: Outgoing): Promise<void> {
    const found = address ?? (await net.lookup(url.hostname.replace(/^\[|\]$/g, "")))[0]!;
    if (this.#closed) throw systemError("ECANCELED");
    const port = Number(url.port) || (url.protocol === "https:" ? 443 : 80);
    this.#line = new SocketLine(net.connect({ address: found, port, timeoutMs }));
    await this.#line.opened;
  }

  write(bytes: Uint8Array): void {
    this.#line!.write(bytes);
  }

  read(): Promise<Uint8Array | null> {
    return this.#line!.read();
  }

  close(): void {
    this.#closed = true;
    this.#line?.close();
  }
}
