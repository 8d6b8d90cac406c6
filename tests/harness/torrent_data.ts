/** The right bytes of a small made-up torrent. */
import { BLOCK_LENGTH, Layout } from "../../src/metainfo/layout.ts";
import { type PieceVerifier, verifierOf } from "../../src/metainfo/piece_verifier.ts";
import { Prng } from "./prng.ts";
import { sha1 } from "./hasher.ts";

export class TorrentData {
  readonly content: Uint8Array;
  readonly layout: Layout;
  readonly verifier: PieceVerifier;

  constructor(length: number, pieceLength: number, seed: number = 1) {
    const dice = new Prng(seed), words = new Uint32Array(Math.ceil(length / 4));
    for (let i = 0; i < words.length; i++) words[i] = dice.uint32();
    this.content = new Uint8Array(words.buffer, 0, length);
    this.layout = new Layout(pieceLength, [{ length, pad: false }]);
    const pieceHashes = new Uint8Array(20 * this.layout.pieceCount);
    for (let piece = 0; piece < this.layout.pieceCount; piece++) {
      pieceHashes.set(sha1(this.bytes(piece, 0, this.layout.lengthOf(piece))), 20 * piece);
    }
    this.verifier = verifierOf({ pieceHashes });
  }

  bytes(piece: number, begin: number, length: number): Uint8Array {
    const at = piece * this.layout.pieceLength + begin;
    return this.content.subarray(at, at + length);
  }

  block(piece: number, block: number): Uint8Array {
    return this.bytes(piece, block * BLOCK_LENGTH, this.layout.blockLength(piece, block));
  }
}
