/** The torrents of a world: small, and often with names that get into each other's way. */
import { parseTorrent } from "../../../src/metainfo/metainfo.ts";
import { toHex } from "../../../src/util/bytes.ts";
import type { Prng } from "../../../tests/harness/prng.ts";
import type { SimWorld } from "../../../tests/harness/sim/world.ts";
import { createHash } from "node:crypto";
import { type SimFile, type SimTorrent, torrentOf } from "../../../tests/harness/sim_swarm.ts";

const KIB = 1024;

/** Another program's change of a torrent's file. */
export interface Edit {
  readonly path: string;
  readonly from: number;
  readonly to: number;
  readonly atMs: number;
}

/** A run of bytes of a piece that lies in one file. */
export interface Segment {
  readonly file: SimFile;
  /** Where it begins in the file. */
  readonly from: number;
  readonly bytes: Uint8Array;
}

export class Title {
  readonly infoHash: Uint8Array;
  readonly pieceCount: number;
  /** Of the files in their order, as any disk takes them. */
  readonly safePaths: readonly (readonly string[])[];
  /** Nothing stands in the way of it: it has to be whole in the end. */
  clear = true;
  readonly edits: Edit[] = [];

  constructor(
    readonly torrent: SimTorrent,
    /** Every disk takes its names. */
    readonly plain: boolean,
  ) {
    const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());
    const meta = parseTorrent(torrent.bytes, sha1);
    this.infoHash = meta.infoHash;
    this.safePaths = meta.files.map(({ path }) => path);
    this.pieceCount = Math.ceil(torrent.content.length / torrent.pieceLength);
  }

  get hex(): string {
    return toHex(this.infoHash);
  }

  piece(piece: number): Uint8Array {
    const { content, pieceLength } = this.torrent;
    return content.subarray(piece * pieceLength, (piece + 1) * pieceLength);
  }

  segments(piece: number): Segment[] {
    const { pieceLength, files } = this.torrent, found: Segment[] = [];
    const from = piece * pieceLength, to = from + pieceLength;
    let begin = 0;
    for (const file of files) {
      const start = Math.max(from - begin, 0), end = Math.min(to - begin, file.content.length);
      if (start < end) found.push({ file, from: start, bytes: file.content.subarray(start, end) });
      begin += file.content.length;
    }
    return found;
  }
}

/** Names that some disks fold, change or refuse. */
const ODD_NAMES = [
  "Café.srt",
  "Cafe\u0301.srt",
  "README.txt",
  "readme.txt",
  "Ep 1: Pilot?.mkv",
  "Vol. 1...",
  "aux",
  "a\u200cb.mkv",
  `${"long ".repeat(40)}.mkv`,
  "\u0444\u0438\u043b\u044c\u043c ".repeat(9) + ".mkv",
];
const PLAIN_NAMES = ["film.mkv", "film.srt", "cover.jpg", "extra.mkv"];

/** How the second torrent lies to the first. */
const RELATIONS = ["same path", "same folder", "same file", "apart"] as const;

/** Two or three torrents; with `clashes` they want the same paths, with `odd` they have odd names. */
export function makeTitles(
  world: SimWorld,
  dice: Prng,
  announce: string,
  how: { clashes: boolean; odd: boolean },
): Title[] {
  const titles: Title[] = [];
  const count = 2 + dice.below(2), single = dice.chance(0.3);
  for (let i = 0; i < count; i++) {
    const relation = how.clashes ? dice.pick(RELATIONS) : "apart";
    titles.push(makeTitle(world, dice, announce, how.odd, relation, single, titles));
  }
  return titles;
}

function makeTitle(
  world: SimWorld,
  dice: Prng,
  announce: string,
  odd: boolean,
  relation: (typeof RELATIONS)[number],
  single: boolean,
  before: readonly Title[],
): Title {
  const first = before[0]?.torrent, isAlone = first === undefined || relation === "apart";
  const top = isAlone ? `Title ${before.length}` : first.files[0]!.path[0]!;
  const pool = odd ? [...ODD_NAMES, ...PLAIN_NAMES] : PLAIN_NAMES;
  const names = [...pool];
  dice.shuffle(names);
  names.splice(1 + dice.below(4));
  const fill = (size: number) => world.dice.fill(new Uint8Array(size));
  const sizeOf = () => dice.below(150 * KIB) + 40 * KIB;
  const files: SimFile[] = names.map((name) => ({ path: [top, name], content: fill(sizeOf()) }));
  if (single) files.splice(0, files.length, { path: [top], content: fill(sizeOf()) });
  if (!isAlone && !single) {
    const theirs = first.files.find(({ path }) => path.length === 2)!;
    const other = files.filter(({ path }) => path[1] !== theirs.path[1]);
    if (relation === "same path") other.push({ path: theirs.path, content: fill(sizeOf()) });
    if (relation === "same file") {
      other.push(theirs, { path: [top, "own.mkv"], content: fill(sizeOf()) });
    }
    files.splice(0, files.length, ...other);
    if (files.length === 0) files.push({ path: [top, "own.mkv"], content: fill(sizeOf()) });
  }
  const plain = files.every(({ path }) => path.length === 1 || PLAIN_NAMES.includes(path[1]!));
  return new Title(torrentOf(files, 16 * KIB * dice.pick([1, 2]), announce), plain);
}
