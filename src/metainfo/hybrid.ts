/**
 * The v2 half of a hybrid torrent (BEP 52). shoal downloads by the v1 half; this checks that the v2
 * half describes the very same files at the same places, because peers of both kinds are in one
 * swarm. Piece layers are outside the info dictionary and are not checked.
 */
import { toLatin1 } from "../util/bytes.ts";
import { BDict } from "../bencode/bencode.ts";
import type { BValue } from "../bencode/bencode.ts";
import { ATTR_PAD, ATTR_SYMLINK, type InfoV1, type RawFile, refuse } from "./metainfo_v1.ts";

const MIN_PIECE_LENGTH = 16384;

/** Throws a TorrentFileError ("v2-mismatch", "bad-piece-length"). */
export function checkV2Half(info: BDict, v1: InfoV1): void {
  if (v1.pieceLength < MIN_PIECE_LENGTH || !Number.isInteger(Math.log2(v1.pieceLength))) {
    refuse("bad-piece-length", "A v2 torrent's piece length must be a power of two from 16 KiB up");
  }
  const tree = info.dict("file tree");
  if (!tree) mismatch("its file tree is not a dictionary");
  checkAlignment(v1);
  const expected = v1.files.filter((file) => !file.pad);
  let count = 0;
  walkTree(tree, (path, properties) => {
    const file = expected[count++];
    if (!file || !samePath(path, v1.singleFile ? [v1.name] : file.path)) {
      mismatch("the two parts list different files");
    }
    if (checkedLength(properties) !== file.length) mismatch("the two parts differ in file sizes");
  });
  if (count < expected.length) mismatch("the v2 part has fewer files");
}

/** In v2 every file starts a new piece, so in v1 padding must do the same. */
function checkAlignment(v1: { files: readonly RawFile[]; pieceLength: number }): void {
  let offset = 0;
  for (const file of v1.files) {
    if (!file.pad && file.length > 0 && offset % v1.pieceLength !== 0) {
      mismatch("a file does not start on a piece");
    }
    offset += file.length;
  }
}

/**
 * Calls `visit` for each file in the tree's order. `path` holds keys as in BDict and is reused: do
 * not keep it.
 */
function walkTree(tree: BDict, visit: (path: readonly string[], properties: BDict) => void): void {
  const path: string[] = [];
  const open = [tree.entries()];
  while (open.length > 0) {
    const next = open[open.length - 1]!.next();
    if (next.done) {
      open.pop();
      path.pop();
      continue;
    }
    const [name, node] = next.value;
    if (name === "" || !(node instanceof BDict)) mismatch("its file tree is broken");
    path.push(name);
    if (node.has("")) {
      visit(path, propertiesOf(node));
      path.pop();
    } else {
      open.push(node.entries());
    }
  }
}

/** A file is a dictionary with the empty key and no other. */
function propertiesOf(node: BDict): BDict {
  const properties: BValue | undefined = node.get("");
  if (node.size !== 1 || !(properties instanceof BDict)) mismatch("its file tree is broken");
  return properties;
}

function checkedLength(properties: BDict): number {
  const attributes = properties.bytes("attr");
  if (attributes?.includes(ATTR_PAD)) mismatch("its file tree contains padding");
  if (attributes?.includes(ATTR_SYMLINK)) return 0;
  const length = properties.int("length") ?? -1;
  if (length < 0) mismatch("a file of its file tree has no size");
  const root = properties.bytes("pieces root");
  if (length > 0 && (root?.length !== 32 || root.every((byte) => byte === 0))) {
    mismatch("a file of its file tree has no hash");
  }
  return length;
}

function samePath(path: readonly string[], raw: readonly Uint8Array[]): boolean {
  return path.length === raw.length && raw.every((element, i) => toLatin1(element) === path[i]);
}

function mismatch(what: string): never {
  refuse("v2-mismatch", `The torrent's v1 and v2 parts do not match: ${what}`);
}
