/** Runs that only need a magnet link's metadata: to save it, show it, or choose from it. */
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { CliContext } from "./command.ts";
import { type DownloadRequest, runReported } from "./run.ts";
import { EXIT_DONE, UsageError } from "./errors.ts";
import { loadSource, parseLoaded } from "./load_torrent.ts";
import type { ReportMode } from "./render/choose_reporter.ts";
import { safeText } from "./render/text.ts";

/** Writes the .torrent of a magnet link, path or URL to `path`. Resolves to the exit code. */
export async function saveMetadata(
  context: CliContext,
  mode: ReportMode,
  request: DownloadRequest,
  path: string,
): Promise<number> {
  if (request.sources.length !== 1) {
    throw new UsageError("--metadata-only takes one torrent at a time");
  }
  if (path === ".") {
    throw new UsageError("--metadata-only needs the file to write: -o FILE.torrent");
  }
  const { platform, output } = context, source = request.sources[0]!;
  const loaded = await loadSource(platform, source);
  if (typeof loaded !== "string") parseLoaded(platform, source, loaded);
  const { exitCode, torrent } = typeof loaded === "string"
    ? await findMetadata(context, mode, request)
    : { exitCode: EXIT_DONE, torrent: loaded };
  if (torrent === null) return exitCode;
  await platform.files.writeWhole(path, torrent);
  if (mode === "auto") output.write(`  written to ${safeText(platform.files.absolute(path))}\n`);
  return exitCode;
}

/**
 * The metainfo of one source; a magnet link's is downloaded first. Null with the exit code of that
 * run if it was not found. Throws the errors of reading and parsing.
 */
export async function openSource(
  context: CliContext,
  mode: ReportMode,
  request: DownloadRequest,
): Promise<{ meta: Metainfo | null; exitCode: number }> {
  const { platform } = context, source = request.sources[0]!;
  const loaded = await loadSource(platform, source);
  if (typeof loaded !== "string") {
    return { meta: parseLoaded(platform, source, loaded), exitCode: EXIT_DONE };
  }
  const { exitCode, torrent } = await findMetadata(context, mode, request);
  return { meta: torrent === null ? null : parseLoaded(platform, source, torrent), exitCode };
}

async function findMetadata(context: CliContext, mode: ReportMode, request: DownloadRequest) {
  let torrent: Uint8Array | null = null;
  const exitCode = await runReported(context, mode, {
    ...request,
    add: { ...request.add, dir: ".", metadataOnly: true },
    whenDone: (found) => torrent = found.torrentFile,
  });
  return { exitCode, torrent: torrent as Uint8Array | null };
}
