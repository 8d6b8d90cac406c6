/** The file of a torrent's resume record: its path, reading it, and replacing it as a whole. */
import type { Files } from "../platform/types.ts";
import { decodeResume, encodeResume, MAX_RESUME_BYTES, type Sha1 } from "./resume_codec.ts";
import type { ResumeData } from "./resume_data.ts";
import { equalBytes, toHex } from "../util/bytes.ts";
import { FileError, ResumeError } from "../util/errors.ts";

/** `dir` is the folder of all records, which must exist before one is written. */
export function resumePath(dir: string, infoHash: Uint8Array): string {
  return `${dir.replace(/\/$/, "")}/${toHex(infoHash)}.resume`;
}

/**
 * The record at `path`; null if there is none. Rejects with a ResumeError if it is unusable (then
 * everything must be checked), with a FileError if it cannot be read. `infoHash`: of its torrent.
 * `maxValues`: as for `decodeResume`.
 */
export async function readResume(
  files: Pick<Files, "read">,
  path: string,
  sha1: Sha1,
  infoHash?: Uint8Array,
  maxValues?: number,
): Promise<ResumeData | null> {
  const bytes = await readBounded(files, path);
  if (bytes === null) return null;
  const data = decodeResume(bytes, sha1, maxValues);
  if (infoHash === undefined || equalBytes(infoHash, data.infoHash)) return data;
  throw new ResumeError("other-torrent", `${path} belongs to another torrent`);
}

/**
 * Replaces the record, so that a crash at any moment leaves the old or the new one. The caller has
 * made sure that the data it names is on the disk. Rejects with a FileError.
 */
export async function writeResume(
  files: Pick<Files, "writeWhole">,
  path: string,
  data: ResumeData,
  sha1: Sha1,
): Promise<void> {
  await files.writeWhole(path, encodeResume(data, sha1));
}

async function readBounded(files: Pick<Files, "read">, path: string): Promise<Uint8Array | null> {
  try {
    return await files.read(path, MAX_RESUME_BYTES, { regularOnly: true });
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    if (error.code === "not-found") return null;
    if (error.code !== "too-large") throw error;
    throw new ResumeError("too-large", error.message, { cause: error });
  }
}
