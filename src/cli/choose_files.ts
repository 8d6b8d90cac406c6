/** Shows the files of a torrent on the terminal and asks which ones are wanted. */
import type { AddOptions } from "../client/types.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { CliContext } from "./command.ts";
import type { DownloadRequest } from "./download_run.ts";
import { UsageError } from "./errors.ts";
import { type FileSpec, fileSpec, type FileWishes, selectionBy } from "./file_spec.ts";
import { openSource } from "./metadata_run.ts";
import { formatSize } from "./render/format.ts";
import { safeText } from "./render/text.ts";

const MOST_QUESTIONS = 5;

/**
 * What to download of the one source of `request`, in the order of `wishes`. Throws a UsageError
 * where nobody can be asked, or was told already.
 */
export async function chooseFiles(
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

/** Null for all of them. */
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
