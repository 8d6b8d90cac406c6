/** What the Transmission RPC needs of the daemon. */
import type { Client } from "../../client/client.ts";
import type { AddOptions, ClientOptions } from "../../client/types.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import type { Clock, Files, Http, Random } from "../../platform/types.ts";

/** The settings that the RPC reads. */
export interface RpcSettings extends ClientOptions {
  /** Defaults of new torrents. */
  readonly torrents: Partial<AddOptions>;
}

export interface RpcPorts {
  readonly client: Client;
  readonly settings: {
    readonly present: RpcSettings;
    /** As JSON has the values: Infinity is null. Rejects with a RangeError that names the setting. */
    update(patch: Readonly<Record<string, unknown>>): Promise<void>;
  };
  readonly clock: Clock;
  readonly random: Random;
  readonly files: Pick<Files, "read" | "freeSpace" | "stat">;
  readonly http: Pick<Http, "request">;
  /** The bytes of a .torrent file; throws a TorrentFileError. */
  parse(bytes: Uint8Array): Metainfo;
  /** Where new torrents go if the settings name no folder; absolute. */
  readonly downloadDir: string;
  /** The state folder; absolute. */
  readonly stateDir: string;
  /** Our own version: "1.2.3". */
  readonly version: string;
  /** Whether users of the API may name this absolute path. */
  mayName(path: string): boolean;
  /** Something went wrong after the answer was sent. */
  warn(message: string): void;
  /** Ends the daemon. */
  close(): void;
}

/** What the caller of a request may do. */
export type May = "read" | "add" | "all";
