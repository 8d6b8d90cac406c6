/** What the process's exit code says. The table is part of the help text and of the README. */
import { FileError, type FileErrorCode, MagnetError, TorrentFileError } from "../util/errors.ts";
import { BrokenTorrentError, CannotLoadError, NobodyError, UsageError } from "./errors.ts";

export const EXIT_DONE = 0;
export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
export const EXIT_BAD_TORRENT = 3;
export const EXIT_NO_PEERS = 4;
export const EXIT_DISK = 5;
export const EXIT_UNKNOWN = 6;
export const EXIT_INTERRUPTED = 130;

/** Every code and its meaning, mildest first: of several torrents' codes the last one wins. */
export const EXIT_CODES: readonly { code: number; meaning: string }[] = [
  { code: EXIT_DONE, meaning: "done: everything is complete and verified" },
  { code: EXIT_UNKNOWN, meaning: "not everything could be checked, and nothing was wrong" },
  { code: EXIT_NO_PEERS, meaning: "no peers were found or reached for too long" },
  { code: EXIT_BAD_TORRENT, meaning: "the .torrent cannot be read, downloaded, used or created" },
  { code: EXIT_FAILED, meaning: "failed for another reason; the message says which" },
  {
    code: EXIT_DISK,
    meaning:
      "disk: full, no permission, a file in the way or changed by another program, output lost",
  },
  { code: EXIT_USAGE, meaning: "the command line is wrong" },
  { code: EXIT_INTERRUPTED, meaning: "interrupted by Ctrl-C or a signal; the data is kept" },
];

export function worstOf(codes: readonly number[]): number {
  const rank = (code: number) => EXIT_CODES.findIndex((entry) => entry.code === code);
  return codes.reduce((worst, code) => rank(code) > rank(worst) ? code : worst, EXIT_DONE);
}

export function exitCodeFor(error: unknown): number {
  if (error instanceof UsageError) return EXIT_USAGE;
  if (error instanceof NobodyError) return EXIT_NO_PEERS;
  const isBad = error instanceof CannotLoadError || error instanceof TorrentFileError ||
    error instanceof MagnetError;
  if (isBad) {
    return EXIT_BAD_TORRENT;
  }
  return isAboutFiles(error) ? EXIT_DISK : EXIT_FAILED;
}

function isAboutFiles(error: unknown): boolean {
  return error instanceof FileError ||
    (error instanceof BrokenTorrentError && Object.hasOwn(FILE_CODES, error.code));
}

/** A record, so that the compiler finds a code that is missing here. */
const FILE_CODES: Record<FileErrorCode, true> = {
  "disk-full": true,
  "permission": true,
  "not-found": true,
  "too-many-open": true,
  "is-directory": true,
  "not-directory": true,
  "symlink": true,
  "read-only": true,
  "exists": true,
  "too-large": true,
  "foreign": true,
  "in-use": true,
  "changed": true,
  "other-disk": true,
  "bad-name": true,
  "io": true,
};
