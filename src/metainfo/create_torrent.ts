/**
 * Writes .torrent files (BEP 3, 12, 19, 27, 47): the pure half of a torrent creator. Omitted
 * options leave no key behind, so the same choices give the same bytes as with mktorrent and
 * libtorrent.
 */
import { TorrentFileError } from "../util/errors.ts";
import { type Encodable, encode } from "../bencode/bencode_encode.ts";
import type { ListedFile } from "./file_list.ts";

/** Bytes. Smaller pieces only make torrents larger, larger ones only delay the first piece. */
export const MIN_PIECE_LENGTH = 16 * 1024;
export const MAX_PIECE_LENGTH = 256 * 1024 * 1024;
/** The largest that `choosePieceLength` chooses. */
const MAX_CHOSEN = 16 * 1024 * 1024;
const PIECES_AIM = 2048;

const TRACKER_SCHEMES = ["http:", "https:", "udp:", "ws:", "wss:"];
const WEB_SEED_SCHEMES = ["http:", "https:"];

/** The content that the pieces are made from. */
export interface TorrentContent {
  /** The name of the file or top folder. */
  readonly name: string;
  /** Bytes. */
  readonly pieceLength: number;
  /** A single file with an empty path makes a single-file torrent. */
  readonly files: readonly ListedFile[];
}

/** The optional fields of a torrent; omitted ones are left out. */
export interface TorrentDetails {
  /** Tiers of tracker URLs (BEP 12). */
  readonly announce?: readonly (readonly string[])[] | undefined;
  /** URLs of the same files on web servers (BEP 19). */
  readonly webSeeds?: readonly string[] | undefined;
  /** Peers come from its trackers alone (BEP 27). Changes the info-hash. */
  readonly private?: boolean | undefined;
  /** Any text; trackers use it to get an info-hash of their own. Changes the info-hash. */
  readonly source?: string | undefined;
  /** A text that other clients show. */
  readonly comment?: string | undefined;
  /** The program that made it. Default: shoal; null: no such field. */
  readonly createdBy?: string | null | undefined;
  /** Seconds since 1970. */
  readonly creationDate?: number | null | undefined;
}

/**
 * The smallest power of two from 16 KiB to 16 MiB that makes at most 2,048 pieces of `totalBytes`:
 * 1,024 to 2,048 of them from 16 MiB to 32 GiB, fewer below and more above.
 */
export function choosePieceLength(totalBytes: number): number {
  let length = MIN_PIECE_LENGTH;
  while (length < MAX_CHOSEN && totalBytes > length * PIECES_AIM) length *= 2;
  return length;
}

/** Throws a TorrentFileError ("bad-piece-length"). */
export function checkPieceLength(length: number): void {
  const inRange = length >= MIN_PIECE_LENGTH && length <= MAX_PIECE_LENGTH;
  if (inRange && Number.isInteger(Math.log2(length))) return;
  refuse(
    "bad-piece-length",
    `A piece length is a power of two from 16 KiB to 256 MiB, not ${length}`,
  );
}

/** Throws a TorrentFileError ("bad-url") for text that no client would understand as a URL. */
export function checkUrls({ announce = [], webSeeds = [] }: TorrentDetails): void {
  if (![announce, ...announce, webSeeds].every(Array.isArray)) {
    refuse(
      "bad-url",
      "announce is a list of tiers, [[URL, URL], [URL]], and webSeeds a list of URLs",
    );
  }
  for (const url of announce.flat()) {
    if (!isUrl(url, TRACKER_SCHEMES)) {
      refuse("bad-url", `"${url}" is no tracker's URL (http, https, udp, ws or wss)`);
    }
  }
  for (const url of webSeeds) {
    if (!isUrl(url, WEB_SEED_SCHEMES)) refuse("bad-url", `"${url}" is no http or https URL`);
  }
}

/**
 * The bytes of a .torrent; `pieceHashes` has the SHA-1 of each piece, 20 bytes each. Throws a
 * TorrentFileError ("bad-value") for text that is not well-formed Unicode and a date that is no
 * whole number.
 */
export function encodeTorrent(
  content: TorrentContent,
  pieceHashes: Uint8Array,
  details: TorrentDetails = {},
): Uint8Array {
  const root = new Map<string, Encodable>();
  writeTrackers(root, details.announce ?? []);
  writeText(root, "comment", details.comment);
  writeText(root, "created by", details.createdBy);
  if (details.creationDate != null) root.set("creation date", details.creationDate);
  root.set("info", infoOf(content, pieceHashes, details));
  const webSeeds = details.webSeeds ?? [];
  if (webSeeds.length > 0) root.set("url-list", webSeeds.length === 1 ? webSeeds[0]! : webSeeds);
  try {
    return encode(root);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new TorrentFileError("bad-value", cause.message, { cause });
  }
}

function infoOf(
  { name, pieceLength, files }: TorrentContent,
  pieceHashes: Uint8Array,
  details: TorrentDetails,
): Encodable {
  const info = new Map<string, Encodable>([
    ["name", name],
    ["piece length", pieceLength],
    ["pieces", pieceHashes],
  ]);
  const only = files.length === 1 && files[0]!.path.length === 0 ? files[0]! : null;
  if (only !== null) info.set("length", only.length);
  else info.set("files", files.map(entryOf));
  if (details.private) info.set("private", 1);
  writeText(info, "source", details.source);
  return info;
}

function entryOf({ path, length, pad }: ListedFile): Encodable {
  return { ...(pad && { attr: "p" }), length, path };
}

/** A single URL is in `announce`; several are also in `announce-list`. */
function writeTrackers(
  root: Map<string, Encodable>,
  announce: readonly (readonly string[])[],
): void {
  const tiers = announce.filter((tier) => tier.length > 0), urls = tiers.flat();
  if (urls.length > 0) root.set("announce", urls[0]!);
  if (urls.length > 1) root.set("announce-list", tiers);
}

function writeText(into: Map<string, Encodable>, key: string, text: string | null | undefined) {
  if (text != null && text !== "") into.set(key, text);
}

function isUrl(text: string, schemes: readonly string[]): boolean {
  const url = /[\s\p{Cc}]/u.test(text) ? null : URL.parse(text);
  return url !== null && url.host !== "" && schemes.includes(url.protocol);
}

function refuse(code: string, message: string): never {
  throw new TorrentFileError(code, message);
}
