/** The lines about one torrent, asked of the daemon. */
import type { FileSnapshot, PeerSnapshot, TrackerSnapshot } from "../../client/types.ts";
import { FILE_COLUMNS } from "../commands/files.ts";
import { infoText, wholeOf } from "../commands/info.ts";
import { PEER_COLUMNS } from "../commands/peers.ts";
import { TRACKER_COLUMNS } from "../commands/trackers.ts";
import { tableLines } from "../render/columns.ts";
import type { Remote } from "../remote/remote.ts";
import type { Detail } from "./state.ts";

export async function detailOf(
  remote: Remote,
  infoHash: string,
  detail: Detail,
  columns: number,
): Promise<readonly string[]> {
  const path = `/torrents/${infoHash}`;
  switch (detail) {
    case "overview":
      return infoText(await wholeOf(remote, infoHash)).trimEnd().split("\n");
    case "files": {
      const { files } = await remote.get<{ files: FileSnapshot[] }>(`${path}/files`);
      const rows = files.map((file, i) => ({ number: i + 1, ...file }));
      return tableLines(FILE_COLUMNS, rows, columns);
    }
    case "peers": {
      const { peers } = await remote.get<{ peers: PeerSnapshot[] }>(`${path}/peers`);
      return tableLines(PEER_COLUMNS, peers, columns);
    }
    case "trackers": {
      const { trackers } = await remote.get<{ trackers: TrackerSnapshot[] }>(`${path}/trackers`);
      return tableLines(TRACKER_COLUMNS, trackers, columns);
    }
  }
}
