/** A program that uses the library in a Bun project with the settings of `bun init`; only checked. */
import { createClient, type TorrentEvent } from "../../../mod.ts";

export async function download(torrentFile: Uint8Array): Promise<TorrentEvent["type"][]> {
  await using client = await createClient();
  const torrent = client.add(torrentFile, { dir: "downloads", limits: { down: 1_000_000 } });
  const types: TorrentEvent["type"][] = [];
  for await (const event of torrent.events()) {
    types.push(event.type);
    if (event.type === "piece") console.log(`${event.have} of ${event.size} bytes`);
  }
  await torrent.finished;
  return types;
}
