/** `shoal verify` for torrents of the daemon. */
import { toggle, type ValuesOf } from "../args.ts";
import type { CliContext } from "../command.ts";
import { EXIT_DONE } from "../errors.ts";
import { formatSize } from "../render/format.ts";
import { safeText } from "../render/text.ts";
import { REMOTE_FLAGS } from "./connection.ts";
import { printDone, sessionOf } from "./remote_command.ts";
import { chosenTorrents, listTorrents, type RemoteTorrent, TORRENT_CHOICE } from "./torrents.ts";
import { waitForChecks } from "./wait.ts";

export const VERIFY_REMOTE_FLAGS = {
  ...REMOTE_FLAGS,
  ...TORRENT_CHOICE,
  wait: toggle("Wait until the daemon has checked them; 1 if anything is missing then"),
};

export async function verifyRemote(
  context: CliContext,
  values: ValuesOf<typeof VERIFY_REMOTE_FLAGS>,
  names: readonly string[],
): Promise<number> {
  const session = await sessionOf(context, values), { remote } = session;
  const torrents = await chosenTorrents(remote, names, values);
  for (const { infoHash, name } of torrents) {
    await remote.post(`/torrents/${infoHash}/verify`);
    printDone(session, `Checking ${safeText(name)}`, { type: "checking", infoHash, name });
  }
  if (!values.wait) return EXIT_DONE;
  const hashes = new Set(torrents.map(({ infoHash }) => infoHash));
  const code = await waitForChecks(session, [...hashes]);
  for (const torrent of await listTorrents(remote)) {
    if (hashes.has(torrent.infoHash)) printDone(session, resultOf(torrent), factsOf(torrent));
  }
  return code;
}

function resultOf({ name, wanted, left }: RemoteTorrent): string {
  const missing = left === 0 ? "complete" : `${formatSize(left)} of ${formatSize(wanted)} missing`;
  return `${safeText(name)}: ${missing}`;
}

function factsOf({ infoHash, name, wanted, left }: RemoteTorrent) {
  return { type: "verified", infoHash, name, wanted, left };
}
