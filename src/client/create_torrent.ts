/**
 * Makes a .torrent of a file or folder: finds the files, puts them in order, hashes them on all
 * cores, and checks that shoal itself would accept the result.
 */
import type { FileSpan, Platform } from "../platform/types.ts";
import {
  checkPieceLength,
  checkUrls,
  choosePieceLength,
  encodeTorrent,
  type TorrentContent,
  type TorrentDetails,
} from "../metainfo/create_torrent.ts";
import { inPathOrder, inTreeOrder, type ListedFile, withPadding } from "../metainfo/file_list.ts";
import { Layout } from "../metainfo/layout.ts";
import { MAX_TORRENT_BYTES, type Metainfo, parseTorrent } from "../metainfo/metainfo.ts";
import { hashPieces } from "../storage/hash_lanes.ts";
import { changedSince, findSource, type LeavesOut, type Source } from "../storage/source_files.ts";
import { FileError, TorrentFileError } from "../util/errors.ts";
import { CLIENT_NAME } from "../wire/peer_id.ts";
import { refuseUnknown } from "./option_kinds.ts";

/** What `createTorrent` puts into a .torrent, and how. */
export interface CreateOptions extends TorrentDetails {
  /** The torrent's name. Default: that of the file or folder, which seeding needs. */
  readonly name?: string | undefined;
  /** Default: this client's name and version; null leaves it out. */
  readonly createdBy?: string | null | undefined;
  /** Seconds since 1970; default: now; null leaves it out. */
  readonly creationDate?: number | null | undefined;
  /**
   * Bytes, a power of two from 16 KiB to 256 MiB. Default: the smallest up to 16 MiB that makes no
   * more than 2,048 pieces.
   */
  readonly pieceLength?: number | undefined;
  /** Adds padding between files, so that every file starts with a piece (BEP 47). Default false. */
  readonly pad?: boolean | undefined;
  /** Files and folders to leave out, by their path below the folder; default: none. */
  readonly leavesOut?: LeavesOut | undefined;
  /** Called after every piece, with the bytes hashed so far and in total, padding included. */
  readonly onProgress?: ((hashed: number, total: number) => void) | undefined;
  /** Cancels the work, which rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What `createTorrent` has made. */
export interface CreatedTorrent {
  /** The contents of the .torrent. */
  readonly bytes: Uint8Array;
  /** The parsed `bytes`. */
  readonly meta: Metainfo;
  /** The absolute path of the shared file or folder. */
  readonly source: string;
  /** Messages for a person: files that were left out, names that other clients will change. */
  readonly warnings: string[];
}

const KNOWN_OPTIONS: Readonly<Record<keyof CreateOptions, true>> = {
  name: true,
  createdBy: true,
  creationDate: true,
  pieceLength: true,
  pad: true,
  leavesOut: true,
  onProgress: true,
  signal: true,
  announce: true,
  webSeeds: true,
  private: true,
  source: true,
  comment: true,
};

type CreatorPlatform = Pick<Platform, "files" | "hasher" | "clock" | "process">;

interface Entry extends ListedFile {
  /** Its location; padding has none. */
  readonly location?: string;
}

/** The spans to hash, in order. */
interface Plan {
  readonly content: TorrentContent & { readonly files: readonly Entry[] };
  readonly layout: Layout;
  readonly details: TorrentDetails;
}

/**
 * `path` is a file, or a folder whose files (hidden and empty ones too) make the torrent; symbolic
 * links and empty folders are left out. Nothing is written anywhere.
 *
 * Without padding the files are in the order in which mktorrent puts them, with it in libtorrent's;
 * the same choices give the same info-hash as theirs.
 *
 * Rejects with a FileError ("not-found", "permission", "changed" when a file changes meanwhile, ...),
 * a TorrentFileError ("empty", "bad-piece-length", "bad-name", "bad-url", "bad-value",
 * "too-large", ...), a RangeError for an option that does not exist, or the reason of
 * `options.signal`.
 */
export async function createTorrent(
  platform: CreatorPlatform,
  path: string,
  options: CreateOptions = {},
): Promise<CreatedTorrent> {
  refuseUnknown(KNOWN_OPTIONS, options);
  options.signal?.throwIfAborted();
  if (options.pieceLength !== undefined) checkPieceLength(options.pieceLength);
  checkUrls(options);
  const source = findSource(platform.files, path, options.leavesOut);
  const plan = makePlan(source, options, platform.clock.wallTime());
  // Whatever keeps it from being a torrent shows now, not after an hour of hashing.
  finish(platform, plan, new Uint8Array(20 * plan.layout.pieceCount));
  const hashes = await hashAll(platform, plan, source, options);
  const unlike = changedSince(platform.files, source.files)[0];
  if (unlike !== undefined) throw changed(unlike.location);
  const { bytes, meta } = finish(platform, plan, hashes);
  const warnings = [...leftOut(source), ...misread(plan, meta)];
  if (meta.private && meta.announce.length === 0) {
    warnings.push("The torrent is private but has no tracker, so no client can find peers for it");
  }
  return { bytes, meta, source: source.root, warnings };
}

function makePlan(source: Source, options: CreateOptions, now: number): Plan {
  const size = source.files.reduce((sum, { stat }) => sum + stat.size, 0);
  if (size === 0) throw nothingToShare(source);
  const pieceLength = options.pieceLength ?? choosePieceLength(size);
  const found = source.files.map(({ path, location, stat }): Entry => (
    { path, length: stat.size, pad: false, location }
  ));
  const files = options.pad ? withPadding(inTreeOrder(found), pieceLength) : inPathOrder(found);
  const layout = new Layout(pieceLength, files);
  if (20 * layout.pieceCount > MAX_TORRENT_BYTES) throw tooLarge();
  return {
    content: { name: options.name ?? source.name, pieceLength, files },
    layout,
    details: {
      ...options,
      createdBy: options.createdBy === undefined ? CLIENT_NAME : options.createdBy,
      creationDate: options.creationDate === undefined
        ? Math.floor(now / 1000)
        : options.creationDate,
    },
  };
}

/** The .torrent and its parsed contents. Throws a TorrentFileError if we would not accept it. */
function finish(
  { hasher, process }: CreatorPlatform,
  { content, details }: Plan,
  pieceHashes: Uint8Array,
): { bytes: Uint8Array; meta: Metainfo } {
  const bytes = encodeTorrent(content, pieceHashes, details);
  if (bytes.length > MAX_TORRENT_BYTES) throw tooLarge();
  const windows = process.os === "windows";
  const meta = parseTorrent(bytes, (part) => hasher.digest("sha1", part), { windows });
  if (meta.name !== content.name) throw badName(content.name);
  return { bytes, meta };
}

/** The SHA-1 of all pieces, 20 bytes each. */
async function hashAll(
  { hasher, files }: CreatorPlatform,
  { content, layout }: Plan,
  source: Source,
  { onProgress, signal }: CreateOptions,
): Promise<Uint8Array> {
  const hashes = new Uint8Array(20 * layout.pieceCount);
  const spans = (piece: number): FileSpan[] =>
    layout.slices(piece).map(({ file, offset, length }) => (
      { path: content.files[file]!.location ?? null, offset, length }
    ));
  let hashed = 0;
  const pieces = Array.from({ length: layout.pieceCount }, (_, piece) => piece);
  await hashPieces(hasher, "sha1", pieces, spans, (piece, digest) => {
    if (digest === null) {
      throw changed(changedSince(files, source.files)[0]?.location ?? source.root);
    }
    hashes.set(digest, 20 * piece);
    hashed += layout.lengthOf(piece);
    onProgress?.(hashed, layout.totalLength);
  }, signal);
  signal?.throwIfAborted();
  return hashes;
}

function leftOut({ links, others, excluded }: Source): string[] {
  return [
    ...excludedText(excluded),
    ...counted(links, "symbolic link", "left out: links are not followed"),
    ...counted(others, "thing", "left out: neither a file nor a folder"),
  ];
}

function excludedText([first, ...more]: readonly string[]): string[] {
  if (first === undefined) return [];
  return [`Excluded: ${first}${more.length === 0 ? "" : ` and ${more.length} more`}`];
}

/** Names that prevent other clients from finding or creating the file. */
function misread({ content }: Plan, meta: Metainfo): string[] {
  const written = content.files.flatMap(({ path, pad }, i) => {
    return pad ? [] : [{ path: [content.name, ...path].join("/"), read: meta.files[i]! }];
  });
  const padding = written.filter(({ read }) => read.pad);
  const changed = written.filter(({ path, read }) => !read.pad && read.safePath.join("/") !== path);
  return [
    ...counted(
      padding.map(({ path }) => path),
      "file name",
      "means padding: clients leave the file out; rename it",
    ),
    ...counted(
      changed.map(({ path }) => path),
      "file name",
      "that some clients and disks change: it is long, has unusual characters or differs from " +
        "another in case or Unicode form only",
    ),
  ];
}

/** A line about the first of `paths`, and their number. */
function counted(paths: readonly string[], what: string, why: string): string[] {
  if (paths.length === 0) return [];
  const more = paths.length === 1 ? "" : `; ${paths.length} such ${what}s in all`;
  return [`${paths[0]}: ${what} ${why}${more}`];
}

function nothingToShare({ root, files, excluded }: Source): TorrentFileError {
  const besides = excluded.length === 0 ? "" : " besides those that are excluded";
  const why = files.length === 0 ? `the folder contains no files${besides}` : "all files are empty";
  return new TorrentFileError("empty", `Cannot share ${root}: ${why}`);
}

function tooLarge(): TorrentFileError {
  const limit = MAX_TORRENT_BYTES / 2 ** 20;
  return new TorrentFileError(
    "too-large",
    `The .torrent would be larger than ${limit} MiB, which clients refuse: choose a larger piece length ` +
      "or share it in parts",
  );
}

function badName(name: string): TorrentFileError {
  return new TorrentFileError(
    "bad-name",
    `"${name}" cannot be a torrent's name, because it cannot be a file name. Choose another one`,
  );
}

function changed(path: string): FileError {
  return new FileError(
    "changed",
    path,
    `${path} changed while shoal was hashing it. Start again when no program writes to it`,
  );
}
