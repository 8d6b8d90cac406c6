/**
 * The work that one peer may cause: steps through pieces, blocks and peers, each worth a few
 * nanoseconds, and the bytes of its messages, at a fixed number of steps. Time and payload refill
 * it, so a useful peer never runs out, and a peer whose few bytes cause much work does, whatever
 * the messages are.
 */
import { ProtocolError } from "../../util/errors.ts";

/** The most a peer may save, and the refill by time: 0.2 % to 0.5 % of a processor. */
const MOST = 10_000_000;
const STEPS_A_SECOND = 500_000;
/** A newcomer's budget, which must pay for its bitfield, at this much a piece. */
const AT_FIRST = 2_000_000;
const STEPS_A_PIECE = 3;

const STEPS_A_BYTE = 4;
/** Steps earned by a byte of a requested block. */
const USEFUL_BYTE = 1;
/** This many useless bytes show that a peer has nothing better; one more for each piece. */
const MOST_USELESS = 64 * 1024;
/** Useful bytes compensate for themselves, their headers, and an eighth of their number. */
const MAKES_UP = 9 / 8, MOST_MADE_UP = 1 << 20;
/** Uploaded bytes that earn one more step: those of requests cost less. */
const BYTES_SENT_A_STEP = 128;

export class WorkBudget {
  #left: number;
  #at: number;
  #sent = 0;
  /** The peer's useless bytes, less the compensation by others. */
  #useless = 0;

  /** `left`: steps that it may take at once. */
  constructor(left: number, now: number) {
    this.#left = left;
    this.#at = now;
  }

  /** For an unknown peer. */
  static atFirst(pieceCount: number): number {
    return Math.min(MOST, AT_FIRST + STEPS_A_PIECE * pieceCount);
  }

  /** The minimum for a bitfield. */
  static least(pieceCount: number): number {
    return WorkBudget.atFirst(pieceCount) - AT_FIRST * 3 / 4;
  }

  get left(): number {
    return this.#left;
  }

  /** Whether most of the peer's bytes are useless: a limited download should read others first. */
  isWasteful(pieceCount: number): boolean {
    return this.#useless > MOST_USELESS + pieceCount;
  }

  /** The allowed cost of the answer to a message of ours. */
  expect(steps: number): void {
    this.#left += steps;
    this.#makeUp(steps / STEPS_A_BYTE);
  }

  spend(steps: number): void {
    this.#left -= steps;
  }

  // hot
  /** A chunk arrived. */
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
  /** This many bytes were of a requested block. */
  delivered(bytes: number): void {
    this.#left = Math.min(MOST, this.#left + USEFUL_BYTE * bytes);
    this.#makeUp(bytes);
  }

  /** Called now and then; `sent`: total payload that we uploaded to the peer. */
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

  /** Throws a ProtocolError if more was spent than it had. */
  check(): void {
    if (this.#left >= 0) return;
    throw new ProtocolError("costly", "The peer's messages cost too much work");
  }
}
