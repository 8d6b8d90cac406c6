/** A torrent that we write is one that we read, with the same content. */
import { isUsableElement, sanitizeElement } from "../../../src/metainfo/file_names.ts";
import {
  checkPieceLength,
  checkUrls,
  encodeTorrent,
  type TorrentDetails,
} from "../../../src/metainfo/create_torrent.ts";
import {
  inPathOrder,
  inTreeOrder,
  type ListedFile,
  withPadding,
} from "../../../src/metainfo/file_list.ts";
import { parseTorrent } from "../../../src/metainfo/metainfo.ts";
import { EventReader } from "../event_reader.ts";
import { about, check, type FuzzTarget, machine, sha1 } from "../target.ts";

const utf8 = new TextDecoder();
const URLS = ["http://t.example/a", "udp://u.example:1", "wss://w.example/"];
const ODD_URLS = ["ftp://x", "", "http://", "udp://\u202e"];

function nameOf(events: EventReader): string {
  const kind = events.below(4);
  if (kind < 2) return `name ${events.below(6)}`;
  const text = utf8.decode(events.take(events.below(40)));
  return kind === 2 ? text : sanitizeElement(new TextEncoder().encode(text)) || "_";
}

function urlOf(events: EventReader): string {
  return events.below(32) === 1 ? events.pick(ODD_URLS) : events.pick(URLS);
}

function filesOf(events: EventReader, pieceLength: number): ListedFile[] {
  const count = events.below(7);
  const length = () => events.below(60_000) * events.pick([1, 1, 1, 0, 7]);
  if (count === 0) return [{ path: [], length: length(), pad: false }];
  const files = Array.from({ length: count }, () => {
    const path = Array.from({ length: 1 + events.below(3) }, () => nameOf(events));
    return { path, length: length(), pad: false };
  });
  const kind = events.below(3);
  if (kind === 0) return inPathOrder(files);
  return withPadding(kind === 1 ? files : inTreeOrder(files), pieceLength);
}

function detailsOf(events: EventReader): TorrentDetails {
  const bits = events.byte();
  return {
    announce: Array.from({ length: bits & 3 }, () => {
      return Array.from({ length: events.below(3) }, () => urlOf(events));
    }),
    webSeeds: (bits & 4) > 0 ? [urlOf(events)] : [],
    private: (bits & 8) > 0,
    comment: nameOf(events),
    source: (bits & 16) > 0 ? nameOf(events) : undefined,
    creationDate: events.pick([null, 0, 1.7e9, 8e12]),
  };
}

function roundTrip(events: EventReader): string {
  const pieceLength = events.below(32) === 1 ? 5 : events.pick([16384, 32768, 262_144]);
  const name = nameOf(events), files = filesOf(events, pieceLength), details = detailsOf(events);
  const total = files.reduce((sum, { length }) => sum + length, 0);
  checkPieceLength(pieceLength);
  checkUrls(details);
  const hashes = new Uint8Array(20 * Math.ceil(total / pieceLength)).fill(7);
  const bytes = encodeTorrent({ name, pieceLength, files }, hashes, details);
  const meta = parseTorrent(bytes, sha1);
  const again = encodeTorrent({ name, pieceLength, files }, hashes, details);
  check(Buffer.compare(bytes, again) === 0, "the same choices give the same bytes");
  check(!isUsableElement(name, false) || meta.name === name, "the name is the one that was given");
  check(meta.layout.totalLength === total && meta.pieceLength === pieceLength, "the same content");
  check(meta.files.length === files.length && meta.private === details.private, "the same files");
  const paths = new Set<string>();
  const isSafe = (name: string) => sanitizeElement(new TextEncoder().encode(name)) === name;
  meta.files.forEach(({ path, safePath, length, pad }, i) => {
    check(length === files[i]!.length && pad === files[i]!.pad, "each as it was");
    if (pad) return;
    check(path.every((name) => isUsableElement(name, false)), "every name leads nowhere else");
    check(safePath.every(isSafe), "every safe name is safe to make");
    check(!paths.has(path.join("/")), "no two files have one name");
    paths.add(path.join("/"));
  });
  const urls = new Set(details.announce!.flat());
  check(meta.announce.flat().length === urls.size, "every tracker once");
  return `${meta.files.length}/${about(total)}/${meta.warnings.length}/${meta.announce.length}`;
}

export function createTargets(): FuzzTarget[] {
  return [machine("create-torrent", (bytes) => roundTrip(new EventReader(bytes)))];
}
