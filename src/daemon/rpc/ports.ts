/** What the Transmission RPC needs of the daemon. */
import type { Client } from "../../client/client.ts";
import type { AddOptions, ClientOptions } from "../../client/types.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import type { Clock, Files, Http, Random, StreamNet } from "../../platform/types.ts";
import type { Roots } from "../roots.ts";

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
  readonly net: Pick<StreamNet, "lookup">;
  /** Where new torrents go, and which folders users of the API may name. */
  readonly roots: Pick<Roots, "downloadDir" | "mayName">;
  /** The bytes of a .torrent file; throws a TorrentFileError. */
  parse(bytes: Uint8Array): Metainfo;
  /** The state folder; absolute. */
  readonly stateDir: string;
  /** Our own version: "1.2.3". */
  readonly version: string;
  /** Something went wrong after the answer was sent. */
  warn(message: string): void;
  /** Ends the daemon. */
  close(): void;
}
