/**
 * What one peer may cost us: steps through pieces, blocks and peers, each worth a few nanoseconds,
 * and the bytes of its messages, as so many steps each. Time and payload refill it, so a peer that
 * is of use never runs out, and one whose few bytes make much work does, whatever the messages are.
 */
import { ProtocolError } from "../../util/errors.ts";

/** What a peer may save, and what time gives: 0.2 % to 0.5 % of a processor. */
const MOST = 10_000_000;
const STEPS_A_SECOND = 500_000;
/** What a newcomer has: its bitfield comes out of it, and that costs this much a piece. */
const AT_FIRST = 2_000_000;
const STEPS_A_PIECE = 3;

const STEPS_A_BYTE = 4;
/** What a byte of a block that we asked for earns. */
const USEFUL_BYTE = 1;
/** So many bytes of no use show that a peer has nothing better; one more for each piece. */
const MOST_USELESS = 64 * 1024;
/** What bytes of use make up for: themselves, their heads, and an eighth of their number. */
const MAKES_UP = 9 / 8, MOST_MADE_UP = 1 << 20;
/** Bytes that we sent for which one more step is earned: those of requests cost less. */
const BYTES_SENT_A_STEP = 128;

export class WorkBudget {
  #left: number;
  #at: number;
  #sent = 0;
  /** Bytes from the peer that were not of use, less what others made up for. */
  #useless = 0;

  /** `left`: steps that it may take at once. */
  constructor(left: number, now: number) {
    this.#left = left;
    this.#at = now;
  }

  /** For somebody whom we do not know. */
  static atFirst(pieceCount: number): number {
    return Math.min(MOST, AT_FIRST + STEPS_A_PIECE * pieceCount);
  }

  /** The least that is enough for a bitfield. */
  static least(pieceCount: number): number {
    return WorkBudget.atFirst(pieceCount) - AT_FIRST * 3 / 4;
  }

  get left(): number {
    return this.#left;
  }

  /** Whether much of what the peer sends is of no use: a limited download has better to read. */
  isWasteful(pieceCount: number): boolean {
    return this.#useless > MOST_USELESS + pieceCount;
  }

  /** What the answer to a message of ours may cost. */
  expect(steps: number): void {
    this.#left += steps;
    this.#makeUp(steps / STEPS_A_BYTE);
  }

  spend(steps: number): void {
    this.#left -= steps;
  }

  // hot
  /** A chunk came. */
  received(bytes: number): void {
    this.#left -= STEPS_A_BYTE * bytes;
    this.#useless += bytes;
  }

  // hot
  /** A block begins: its bytes cost nothing. */
  block(bytes: number): void {
    this.#left += STEPS_A_BYTE * bytes;
  }

  // hot
  /** So many bytes were of a block that we asked for. */
  delivered(bytes: number): void {
    this.#left = Math.min(MOST, this.#left + USEFUL_BYTE * bytes);
    this.#makeUp(bytes);
  }

  /** Now and then; `sent`: payload that the peer got from us in all. */
  refill(now: number, sent: number): void {
    const earned = (now - this.#at) * STEPS_A_SECOND / 1000 +
      (sent - this.#sent) / BYTES_SENT_A_STEP;
    this.#left = Math.min(MOST, this.#left + earned);
    this.#makeUp((sent - this.#sent) / BYTES_SENT_A_STEP);
    this.#at = now;
    this.#sent = sent;
  }

  // hot
  #makeUp(bytes: number): void {
    this.#useless = Math.max(-MOST_MADE_UP, this.#useless - MAKES_UP * bytes);
  }

  /** Throws a ProtocolError when more was spent than it had. */
  check(): void {
    if (this.#left >= 0) return;
    throw new ProtocolError("costly", "The peer's messages cost too much work");
  }
}
