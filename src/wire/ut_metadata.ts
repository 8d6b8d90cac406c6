/**
 * The messages that transfer the info dictionary (BEP 9): a small bencoded dictionary, followed in
 * a data message by the bytes themselves. Nothing longer than one piece is accepted.
 */
import { ProtocolError } from "../util/errors.ts";
import { concatBytes } from "../util/bytes.ts";
import { BDict, decodePrefix } from "../bencode/bencode.ts";
import { encode } from "../bencode/bencode_encode.ts";

export const METADATA_PIECE_LENGTH = 16384;
/** The most bytes of an info dictionary: 30 MiB. */
export const MAX_METADATA_BYTES = 30 * 1024 * 1024;

/** The dictionary of a message takes some 50 bytes. */
const MAX_MESSAGE_BYTES = METADATA_PIECE_LENGTH + 1024;
const MAX_PIECE = MAX_METADATA_BYTES / METADATA_PIECE_LENGTH - 1;
const REQUEST = 0, DATA = 1, REJECT = 2;

export type MetadataMessage =
  | { kind: "request" | "reject"; piece: number }
  /** `totalSize`: bytes of the whole dictionary; `bytes` is a view on the message. */
  | { kind: "data"; piece: number; totalSize: number; bytes: Uint8Array };

/** The number of pieces of a dictionary of this size. */
export function metadataPieceCount(totalSize: number): number {
  return Math.ceil(totalSize / METADATA_PIECE_LENGTH);
}

/** Bytes of one piece; 0 or less beyond the last. */
export function metadataPieceLength(totalSize: number, piece: number): number {
  return Math.min(METADATA_PIECE_LENGTH, totalSize - piece * METADATA_PIECE_LENGTH);
}

export function encodeMetadataRequest(piece: number): Uint8Array {
  return encode({ msg_type: REQUEST, piece });
}

export function encodeMetadataReject(piece: number): Uint8Array {
  return encode({ msg_type: REJECT, piece });
}

/** `metadata` is the whole dictionary, `piece` one of its pieces. */
export function encodeMetadataData(metadata: Uint8Array, piece: number): Uint8Array {
  const begin = piece * METADATA_PIECE_LENGTH;
  return concatBytes(
    encode({ msg_type: DATA, piece, total_size: metadata.length }),
    metadata.subarray(begin, begin + METADATA_PIECE_LENGTH),
  );
}

/**
 * Null for a kind of message that we do not know, which BEP 9 says to ignore. Throws a
 * ProtocolError for anything that is wrong, a piece whose length does not fit its total size
 * included.
 */
export function decodeMetadataMessage(payload: Uint8Array): MetadataMessage | null {
  if (payload.length > MAX_MESSAGE_BYTES) {
    throw new ProtocolError("bad-length", "A metadata message is longer than a piece");
  }
  const { value: dict, end } = decodePrefix(payload, {
    allowUnsorted: true,
    maxDepth: 4,
    maxTokens: 100,
  });
  if (!(dict instanceof BDict)) {
    throw new ProtocolError("bad-metadata", "A metadata message is not a dictionary");
  }
  const type = dict.int("msg_type");
  if (type === undefined) throw new ProtocolError("bad-metadata", "A metadata message of no kind");
  if (type < REQUEST || type > REJECT) return null;
  const piece = intUpTo(dict, "piece", 0, MAX_PIECE);
  if (type !== DATA) return { kind: type === REQUEST ? "request" : "reject", piece };
  const totalSize = intUpTo(dict, "total_size", 1, MAX_METADATA_BYTES);
  const bytes = payload.subarray(end);
  if (bytes.length !== metadataPieceLength(totalSize, piece)) {
    throw new ProtocolError(
      "bad-length",
      `Piece ${piece} of metadata of ${totalSize} bytes cannot be ${bytes.length} bytes long`,
    );
  }
  return { kind: "data", piece, totalSize, bytes };
}

function intUpTo(dict: BDict, key: string, min: number, max: number): number {
  const value = dict.int(key);
  if (value === undefined || value < min || value > max) {
    throw new ProtocolError("bad-metadata", `A metadata message without a sound "${key}"`);
  }
  return value;
}
