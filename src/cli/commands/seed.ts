/** `shoal seed`: uploads existing files. */
import { StateDir } from "../../client/state_dir.ts";
import type { AddOptions } from "../../client/types.ts";
import type { Platform } from "../../platform/types.ts";
import { parseMagnet } from "../../metainfo/magnet.ts";
import { toHex } from "../../util/bytes.ts";
import { FileError } from "../../util/errors.ts";
import { defineCommand } from "../command.ts";
import { configured, overConfigured } from "../config_settings.ts";
import { UsageError } from "../errors.ts";
import { runReported } from "../run.ts";
import { isMagnet } from "../load_torrent.ts";
import { clientFlags, clientOptions, torrentFlags, torrentOptions } from "../option_flags.ts";
import { REPORT_FLAGS, reportMode } from "../render/choose_reporter.ts";
import { stateChoice } from "../state_folder.ts";

const FLAGS = { ...torrentFlags("seed"), ...clientFlags("seed"), ...REPORT_FLAGS };

export const seedCommand = defineCommand({
  name: "seed",
  operands: "FILE DIR",
  count: [2, 2],
  summary: "Seeds files that you have, until a goal or Ctrl-C",
  details:
    "FILE is the .torrent, an http(s) URL of it, or the magnet link of a torrent that shoal has\n" +
    "downloaded before. DIR is the folder that contains the torrent's file or top folder. The\n" +
    "files are checked first and never written to, unless --fetch-missing is given.",
  examples: [
    "shoal seed holiday.torrent /data --port 6881",
    "shoal seed holiday.torrent /data --trust --seed-goal ratio:2",
  ],
  flags: FLAGS,
  async run(context, values, operands) {
    const [source, dir] = operands as [string, string];
    const { client, torrent, stateDir } = await configured(context.platform, "seed");
    const add = addOptions(dir, torrent, values, context.platform.process);
    if (add.trustFiles && !add.seedOnly) {
      throw new UsageError("--trust and --fetch-missing exclude each other");
    }
    if (add.followLinks && !add.seedOnly) {
      throw new UsageError(
        "--follow-links only reads, and --fetch-missing writes; use one of them",
      );
    }
    const flags = clientOptions(values);
    const mode = reportMode(values),
      state = stateChoice(values, context.platform.process, stateDir);
    await refuseUnknownMagnet(context.platform, source, state.dir);
    return await runReported(context, mode, {
      sources: [source],
      client: overConfigured(client, flags),
      portIsWish: flags.port !== undefined,
      state,
      add,
    });
  },
});

function addOptions(
  dir: string,
  { dir: _, ...configured }: Partial<AddOptions>,
  values: Readonly<Record<string, unknown>>,
  process: Platform["process"],
): AddOptions {
  const given = torrentOptions(values, process);
  return { dir, seedOnly: true, seedGoal: { kind: "forever" }, ...configured, ...given };
}

/** The first seed cannot get the metadata from peers, so the state folder must have it. */
async function refuseUnknownMagnet(
  platform: Platform,
  source: string,
  stateDir: string | null,
): Promise<void> {
  const { files, hasher } = platform;
  if (!isMagnet(platform, source)) return;
  const infoHash = toHex(parseMagnet(source).infoHash);
  // A refused command does not create a state folder.
  try {
    if (stateDir !== null && files.stat(stateDir) !== null) {
      const state = new StateDir(files, stateDir, (bytes) => hasher.digest("sha1", bytes));
      if (await state.loadTorrent(infoHash) !== null) return;
    }
  } catch (error) {
    // An unreadable state folder has no torrents.
    if (!(error instanceof FileError)) throw error;
  }
  throw new UsageError(
    "shoal seed needs the .torrent, and shoal does not know this magnet link; download it with " +
      "shoal download MAGNET --metadata-only -o FILE.torrent",
  );
}
