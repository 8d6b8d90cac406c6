/**
 * The list of files of a new torrent: their order and the padding. Both determine the info-hash, so
 * they follow what other clients do with the same files.
 */
import { compareUtf8 } from "../bencode/utf8.ts";

export interface ListedFile {
  /** Below the torrent's folder; empty for the one file of a single-file torrent. */
  readonly path: readonly string[];
  /** Bytes. */
  readonly length: number;
  /** Padding: zeros that are in no file (BEP 47). */
  readonly pad: boolean;
}

/**
 * By the bytes of the whole path with "/" in it, like mktorrent: "a b" is before "a/b". A new
 * array; the same holds for the one below.
 */
export function inPathOrder<F extends ListedFile>(files: readonly F[]): F[] {
  const keyed = files.map((file) => ({ key: file.path.join("/"), file }));
  return keyed.sort((a, b) => compareUtf8(a.key, b.key)).map(({ file }) => file);
}

/**
 * Name by name, which is libtorrent's order with padding and that of BEP 52's file trees: "a/b" is
 * before "a b".
 */
export function inTreeOrder<F extends ListedFile>(files: readonly F[]): F[] {
  return [...files].sort((a, b) => comparePaths(a.path, b.path));
}

/**
 * The files with padding after each that does not end with a piece, including the last one (BEP
 * 47), like libtorrent. A torrent of one file needs no padding and gets none.
 */
export function withPadding<F extends ListedFile>(
  files: readonly F[],
  pieceLength: number,
): (F | ListedFile)[] {
  if (files.length < 2) return [...files];
  return files.flatMap((file) => {
    const over = file.length % pieceLength;
    return over === 0 ? [file] : [file, padOf(pieceLength - over)];
  });
}

function comparePaths(a: readonly string[], b: readonly string[]): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const difference = compareUtf8(a[i]!, b[i]!);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function padOf(length: number): ListedFile {
  return { path: [".pad", String(length)], length, pad: true };
}
