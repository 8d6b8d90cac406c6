/** What the commands need of a client. `Client` of src/client fits it; tests bring their own. */
import type { AddOptions, ClientOptions, TorrentEvent, TorrentSnapshot } from "../client/types.ts";
import type { Dht } from "../dht/dht.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { Platform } from "../platform/types.ts";

export interface TorrentPort {
  readonly infoHash: string;
  readonly name: string;
  /** The bytes of a .torrent; null while only a magnet is known. */
  readonly torrentFile: Uint8Array | null;
  snapshot(): TorrentSnapshot;
  /** Everything is downloaded and verified; rejects with what stopped it. */
  readonly finished: Promise<void>;
  /** The seed goal is reached, or it was stopped or failed; never rejects. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

export interface ClientPort {
  /** The port of incoming connections; 0 when not listening. */
  readonly port: number;
  /** Null without one. */
  readonly dht: Dht | null;
  /** A .torrent, its bytes, or a magnet link. Throws a TorrentFileError or a MagnetError. */
  add(torrent: Uint8Array | Metainfo | string, options: AddOptions): TorrentPort;
  events(): AsyncIterable<TorrentEvent>;
  close(): Promise<void>;
}

export type OpenClient = (platform: Platform, options?: ClientOptions) => Promise<ClientPort>;
