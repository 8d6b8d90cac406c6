/** A sink of wire messages that records them, and copies blocks like a session. */
import type { WireSink } from "../../src/wire/peer_wire.ts";

export type Recorded =
  | { kind: "signal"; id: number }
  | { kind: "number"; id: number; value: number }
  | { kind: "bitfield"; bytes: number[] }
  | { kind: "block"; id: number; piece: number; begin: number; length: number }
  | { kind: "extended"; id: number; payload: number[] }
  | { kind: "piece"; piece: number; begin: number; data: number[] }
  | { kind: "keep-alive" };

/** Untouched space on either side of a block: it shows misplaced copies. */
const MARGIN = 16;
const UNTOUCHED = 0xee;

export class WireRecorder implements WireSink {
  readonly messages: Recorded[] = [];
  /** False: tells the decoder to skip the bytes of blocks. */
  wantsBlocks = true;
  blocksBegun = 0;
  blocksEnded = 0;
  readonly blockAt = MARGIN;
  target: Uint8Array | null = null;
  #piece = { piece: 0, begin: 0, length: 0 };

  onSignal(id: number): void {
    this.messages.push({ kind: "signal", id });
  }

  onNumber(id: number, value: number): void {
    this.messages.push({ kind: "number", id, value });
  }

  onBitfield(bytes: Uint8Array): void {
    this.messages.push({ kind: "bitfield", bytes: [...bytes] });
  }

  onBlockMessage(id: number, piece: number, begin: number, length: number): void {
    this.messages.push({ kind: "block", id, piece, begin, length });
  }

  onExtended(id: number, payload: Uint8Array): void {
    this.messages.push({ kind: "extended", id, payload: [...payload] });
  }

  onKeepAlive(): void {
    this.messages.push({ kind: "keep-alive" });
  }

  blockStart(piece: number, begin: number, length: number): Uint8Array | null {
    this.blocksBegun++;
    this.#piece = { piece, begin, length };
    this.target = this.wantsBlocks ? new Uint8Array(length + 2 * MARGIN).fill(UNTOUCHED) : null;
    return this.target;
  }

  blockEnd(): void {
    this.blocksEnded++;
    if (this.target === null) return;
    const { piece, begin, length } = this.#piece;
    const data = [...this.target.subarray(MARGIN, MARGIN + length)];
    this.messages.push({ kind: "piece", piece, begin, data });
  }

  /** Whether nothing was written outside the place of the last block. */
  get marginsUntouched(): boolean {
    const { length } = this.#piece;
    const outside = [
      ...this.target!.subarray(0, MARGIN),
      ...this.target!.subarray(MARGIN + length),
    ];
    return outside.every((byte) => byte === UNTOUCHED);
  }
}
