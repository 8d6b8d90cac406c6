/** `shoal download`: its flags and its run. */
import type { AddOptions } from "../../client/types.ts";
import type { Platform } from "../../platform/types.ts";
import { type Flags, toggle, type ValuesOf } from "../args.ts";
import { type CliContext, defineCommand } from "../command.ts";
import { type Configured, configured, overConfigured } from "../config_settings.ts";
import { UsageError } from "../errors.ts";
import { safeText } from "../render/text.ts";
import { type DownloadRequest, runReported } from "../run.ts";
import { type FileSpec, fileSpec, type FileWishes, selectionBy } from "../file_flags.ts";
import { openSource, saveMetadata } from "../metadata.ts";
import {
  clientFlags,
  clientOptions,
  fileWishes,
  optional,
  torrentFlags,
  torrentOptions,
} from "../option_flags.ts";
import { REPORT_FLAGS, reportMode } from "../render/choose_reporter.ts";
import { stateChoice } from "../state_folder.ts";
import { durationOrNever } from "../values.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import { formatSize } from "../render/format.ts";

const FLAGS = {
  ...torrentFlags("download"),
  choose: toggle("Show the files on the terminal and ask which ones to download"),
  "give-up-after": optional(
    "TIME",
    "Stop after this long without peers: 30s, 10m, never (default: never)",
    durationOrNever,
  ),
  ...clientFlags("download"),
  ...REPORT_FLAGS,
} satisfies Flags;

export const downloadCommand = defineCommand({
  name: "download",
  operands: "TORRENT...",
  count: [1, 1000],
  summary: "Downloads torrents, from .torrent files, http(s) URLs of them, or magnet links",
  details:
    "To resume a download, run the same command again: existing data is checked and kept. Ctrl-C\n" +
    "tells the trackers and saves the progress; a second Ctrl-C ends at once.",
  examples: [
    "shoal download debian.torrent -o ~/Downloads",
    "shoal download https://example.org/big.torrent --seed-goal ratio:1",
    "shoal download 'magnet:?xt=urn:btih:...' --files '*.mkv,>100M'",
    "shoal download big.torrent --peer 192.0.2.7:6881 --json",
  ],
  flags: FLAGS,
  async run(context, values, operands) {
    const mode = reportMode(values);
    const request = requestFrom(
      values,
      operands,
      context.platform,
      await configured(context.platform, "download"),
    );
    const { add } = request;
    if (add.metadataOnly) {
      const { dir = "." } = torrentOptions(values, context.platform.process);
      return await saveMetadata(context, mode, request, dir);
    }
    if (values.choose) {
      const files = await chooseFiles(context, request, fileWishes(values));
      if (files !== undefined) add.files = files;
    }
    if (add.overwrite && mode === "auto") await confirmOverwrite(context, add.dir);
    return await runReported(context, mode, request);
  },
});

/** Throws a UsageError if the answer is no; without a terminal the flag suffices. */
async function confirmOverwrite({ platform }: CliContext, dir: string): Promise<void> {
  const { process, files } = platform;
  if (process.terminal() === null) return;
  const folder = safeText(files.absolute(dir));
  await process.out(
    `Files in ${folder} that have names of the torrent's files are replaced, ` +
      "whatever they hold. Continue? (y/N) ",
  );
  const answer = (await process.readLine() ?? "").trim().toLowerCase();
  if (answer !== "y" && answer !== "yes") throw new UsageError("nothing was overwritten");
}

function requestFrom(
  values: ValuesOf<typeof FLAGS>,
  sources: readonly string[],
  { process }: Pick<Platform, "process">,
  { client, torrent, stateDir }: Configured,
): DownloadRequest {
  const flags = clientOptions(values);
  return {
    sources,
    client: overConfigured(client, flags),
    portIsWish: flags.port !== undefined,
    state: stateChoice(values, process, stateDir),
    add: { dir: ".", ...torrent, ...torrentOptions(values, process) },
    giveUpAfter: values["give-up-after"],
    giveUpFlag: "--give-up-after",
  };
}

const MOST_QUESTIONS = 5;

/**
 * The files to download of the one source of `request`, in the order of `wishes`. Throws a
 * UsageError if the user cannot be asked, or has already chosen.
 */
async function chooseFiles(
  context: CliContext,
  request: DownloadRequest,
  wishes: FileWishes,
): Promise<AddOptions["files"]> {
  const { process } = context.platform;
  if (process.terminal() === null) {
    throw new UsageError("--choose needs a terminal; use --files instead");
  }
  if (request.sources.length !== 1) throw new UsageError("--choose takes one torrent at a time");
  if (wishes.only !== null) {
    throw new UsageError("--choose and --files exclude each other");
  }
  const { meta } = await openSource(context, "auto", request);
  if (meta === null) {
    throw new UsageError("the list of files could not be downloaded, so none can be chosen");
  }
  context.output.write(listOf(meta));
  const only = await ask(context, meta);
  return selectionBy({ ...wishes, only });
}

/** Null for all files. */
async function ask(
  { platform: { process } }: CliContext,
  meta: Metainfo,
): Promise<FileSpec | null> {
  for (let question = 0; question < MOST_QUESTIONS; question++) {
    await process.out("Files to download (1-3,8 or *.mkv or >100M; Enter for all): ");
    const line = await process.readLine();
    if (line === null) throw new UsageError("no files were chosen");
    if (line.trim() === "") return null;
    try {
      const only = fileSpec(line);
      selectionBy({ only, first: null, endsFirst: false })!(meta);
      return only;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      await process.out(`${error.message}\n`);
    }
  }
  throw new UsageError("no files were chosen");
}

function listOf({ files }: Metainfo): string {
  const real = files.filter(({ pad }) => !pad);
  const digits = String(real.length).length;
  const lines = real.map(({ path, length }, i) => {
    const number = String(i + 1).padStart(digits);
    return `${number}  ${formatSize(length).padStart(10)}  ${safeText(path.join("/"))}`;
  });
  return [...lines, ""].join("\n");
}
