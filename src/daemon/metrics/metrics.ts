/** The daemon's metrics: collects them, and serves them to Prometheus at /metrics. */
import type { Platform } from "../../platform/types.ts";
import type { Client } from "../../client/client.ts";
import type { TorrentStatus } from "../../client/types.ts";
import { concatBytes } from "../../util/bytes.ts";
import { VERSION } from "../../wire/peer_id.ts";
import { takesCoding } from "../http/accepts.ts";
import { FAMILIES } from "./families.ts";
import { FreeSpace } from "./free_space.ts";
import { LoopLag } from "./loop_lag.ts";
import { readAll, type ReadFamily } from "./metric_types.ts";
import { headLines, linesOf, PROMETHEUS_TYPE, prometheusText } from "./prometheus_text.ts";
import { TORRENT_FAMILIES } from "./torrent_families.ts";

/** Torrents whose lines are made in one turn: a few milliseconds. */
const SLICE = 250;

export interface MetricsPorts {
  readonly platform: Pick<Platform, "name" | "clock" | "files" | "process" | "http">;
  readonly client: Pick<Client, "figures" | "torrents">;
  /** Whose free space is shown. */
  folders(): readonly string[];
  /** Whether each torrent has its own series, also when a request does not ask for them. */
  perTorrent(): boolean;
}

export class Metrics {
  readonly #ports: MetricsPorts;
  readonly #lag: LoopLag;
  readonly #space: FreeSpace;
  /** Milliseconds since 1970. */
  readonly startedAt: number;

  constructor(ports: MetricsPorts) {
    const { clock, files } = ports.platform;
    this.#ports = ports;
    this.#lag = new LoopLag(clock);
    this.#space = new FreeSpace(clock, files);
    this.startedAt = clock.wallTime();
  }

  close(): void {
    this.#lag.close();
  }

  /** All families but those of single torrents, with their present values. */
  async read(): Promise<ReadFamily[]> {
    const { platform, client, folders } = this.#ports, { process, files } = platform;
    const freeSpace = await this.#space.of(folders());
    return readAll(FAMILIES, {
      client: client.figures(),
      process: {
        version: VERSION,
        runtime: platform.name,
        startedAt: this.startedAt / 1000,
        residentBytes: process.residentBytes(),
        waitedSeconds: process.waitedMs() / 1000,
        openLimit: files.openLimit(),
        loopLag: this.#lag.value,
        freeSpace,
      },
    });
  }

  /** GET /metrics; `?torrents=1` adds the series of each torrent, `?torrents=0` leaves them out. */
  readonly serve = async (request: Request): Promise<Response> => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      return new Response("Use GET\n", { status: 405, headers: { allow: "GET, HEAD" } });
    }
    const asked = new URL(request.url).searchParams.get("torrents");
    const withTorrents = asked === null ? this.#ports.perTorrent() : asked !== "0";
    const parts = (await this.read()).map(prometheusText).map(utf8);
    if (withTorrents) await this.#addTorrents(parts);
    return await this.#answer(request, concatBytes(...parts));
  };

  async #addTorrents(parts: Uint8Array[]): Promise<void> {
    const statuses: TorrentStatus[] = [], torrents = this.#ports.client.torrents();
    for (let first = 0; first < torrents.length; first += SLICE) {
      for (const torrent of torrents.slice(first, first + SLICE)) statuses.push(torrent.status());
      await this.#rest();
    }
    // The samples of a family must be together, so each family goes through all torrents.
    for (const family of TORRENT_FAMILIES) {
      if (statuses.length > 0) parts.push(utf8(headLines(family)));
      for (let first = 0; first < statuses.length; first += SLICE) {
        const samples = family.read(statuses.slice(first, first + SLICE));
        parts.push(utf8(linesOf(family.name, samples)));
        await this.#rest();
      }
    }
  }

  async #answer(request: Request, bytes: Uint8Array<ArrayBuffer>): Promise<Response> {
    const headers = { "content-type": PROMETHEUS_TYPE, "vary": "accept-encoding" };
    if (!takesCoding(request.headers, "gzip")) return new Response(bytes, { headers });
    const packed = await this.#ports.platform.http.gzip(bytes) as Uint8Array<ArrayBuffer>;
    return new Response(packed, { headers: { ...headers, "content-encoding": "gzip" } });
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => void this.#ports.platform.clock.after(0, resolve));
  }
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
