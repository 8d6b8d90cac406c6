/**
 * One run of `shoal create`. The .torrent is written as a whole when everything is hashed, so there
 * is never half of one, and what can be known to be wrong is found before the hashing.
 */
import { type CreateOptions, createTorrent } from "../client/create_torrent.ts";
import type { Files } from "../platform/types.ts";
import { utf8Length } from "../bencode/utf8.ts";
import { lastPart } from "../storage/source_files.ts";
import { FileError } from "../util/errors.ts";
import type { CliContext } from "./command.ts";
import { EXIT_DONE, EXIT_INTERRUPTED } from "./exit_codes.ts";
import { watchInterrupt } from "./interrupt.ts";
import type { ReportMode } from "./render/choose_reporter.ts";
import { createReporter } from "./render/create_reporter.ts";

const MAX_NAME_BYTES = 255;

export interface CreateRequest {
  path: string;
  /** Null: NAME.torrent in the current folder. */
  output: string | null;
  /** Replaces what is there. */
  force: boolean;
  mode: ReportMode;
  torrent: CreateOptions;
}

/** Resolves to the exit code. Rejects as `createTorrent` does. */
export async function runCreate(context: CliContext, request: CreateRequest): Promise<number> {
  const { platform, output } = context;
  const { name, target } = chooseTarget(platform.files, request);
  const startedAt = platform.clock.now();
  const reporter = createReporter(context, request.mode, name);
  const interrupt = watchInterrupt(platform, () => {
    reporter.close();
    return output.flush();
  });
  try {
    const created = await createTorrent(platform, request.path, {
      ...request.torrent,
      signal: interrupt.signal,
      onProgress: (hashed, total) => reporter.progress(hashed, total),
    });
    const seconds = (platform.clock.now() - startedAt) / 1000;
    refuseToReplace(platform.files, target, request);
    await platform.files.writeWhole(target, created.bytes);
    reporter.close();
    reporter.created(created, target, seconds);
    return EXIT_DONE;
  } catch (error) {
    reporter.close();
    if (!interrupt.requested) throw error;
    reporter.interrupted();
    return EXIT_INTERRUPTED;
  } finally {
    reporter.close();
    interrupt.release();
  }
}

/** The torrent's name and where its .torrent goes. Throws a FileError when it cannot go there. */
function chooseTarget(files: Files, request: CreateRequest): { name: string; target: string } {
  const source = files.absolute(request.path);
  const name = request.torrent.name ?? lastPart(source);
  const output = request.output ?? ".";
  const inFolder = files.stat(files.absolute(output))?.kind === "directory";
  const target = files.absolute(inFolder ? `${output}/${torrentFileName(name)}` : output);
  const folder = files.absolute(`${target}/..`);
  if (files.stat(folder) === null) {
    throw new FileError(
      "not-found",
      folder,
      `Cannot write ${target}: there is no folder ${folder}`,
    );
  }
  refuseToReplace(files, target, request);
  if (files.stat(target) !== null && `${target}/`.startsWith(`${source}/`)) {
    throw new FileError(
      "exists",
      target,
      `Cannot replace ${target}: that file is one of those to be shared. Choose another file with -o`,
    );
  }
  return { name, target };
}

/** As much of the name as a file's name has room for. */
function torrentFileName(name: string): string {
  const characters = [...name];
  while (utf8Length(`${characters.join("")}.torrent`) > MAX_NAME_BYTES) characters.pop();
  return `${characters.join("")}.torrent`;
}

function refuseToReplace(files: Files, target: string, { force }: CreateRequest): void {
  if (force || files.stat(target) === null) return;
  throw new FileError("exists", target, `${target} exists already; --force replaces it`);
}
