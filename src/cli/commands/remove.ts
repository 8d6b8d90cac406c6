/** `shoal remove`: removes torrents from the daemon, with their files if wanted. */
import { type Flags, toggle } from "../args.ts";
import { EXIT_DONE, UsageError } from "../errors.ts";
import { formatCount, formatSize } from "../render/format.ts";
import { safeText } from "../render/text.ts";
import { confirm, defineRemote, printDone, type Session } from "../remote/remote_command.ts";
import { chosenTorrents, NAMING, type RemoteTorrent, TORRENT_CHOICE } from "../remote/torrents.ts";

interface Removed {
  readonly removed: readonly string[];
  readonly kept: readonly { readonly path: string; readonly reason: string }[];
  readonly bytes: number;
}

const FLAGS = {
  data: toggle("Delete the torrent's own files as well"),
  yes: toggle("Do not ask", "y"),
  ...TORRENT_CHOICE,
} satisfies Flags;

export const removeCommand = defineRemote({
  name: "remove",
  operands: "[TORRENT...]",
  count: [0, 1000],
  summary: "Removes torrents from the daemon; with --data their files as well",
  details:
    "--data deletes the files that the torrent made, and folders that are empty then. Files that other\n" +
    `torrents use, or that were changed, are kept and named. On a terminal it asks first.\n${NAMING}`,
  examples: ["shoal remove debian", "shoal remove --data --yes 9ecd4676"],
  flags: FLAGS,
  async run(session, values, names) {
    const torrents = await chosenTorrents(session.remote, names, values);
    if (values.data && !values.yes) await ask(session, torrents);
    for (const { infoHash, name } of torrents) {
      const query = values.data ? "?data=true" : "";
      const result = await session.remote.delete<Removed>(`/torrents/${infoHash}${query}`);
      printDone(session, textOf(name, values.data, result), {
        type: "removed",
        infoHash,
        name,
        ...result,
      });
    }
    return EXIT_DONE;
  },
});

async function ask({ platform }: Session, torrents: readonly RemoteTorrent[]): Promise<void> {
  if (platform.process.terminal() === null) {
    throw new UsageError("Files would be deleted: confirm with --yes");
  }
  const bytes = torrents.reduce((sum, { have }) => sum + have, 0);
  const what = torrents.length === 1
    ? safeText(torrents[0]!.name)
    : formatCount(torrents.length, "torrent");
  if (await confirm(platform, `Delete ${what} and its files, ${formatSize(bytes)}?`)) return;
  throw new UsageError("nothing was removed");
}

function textOf(name: string, data: boolean, { removed, kept, bytes }: Removed): string {
  const lines = [`Removed ${safeText(name)}`];
  if (data) lines[0] += `: ${formatCount(removed.length, "file")} deleted, ${formatSize(bytes)}`;
  for (const { path, reason } of kept) lines.push(`  kept ${safeText(path)}: ${safeText(reason)}`);
  return lines.join("\n");
}
