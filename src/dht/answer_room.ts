/**
 * How much space is left in an answer. Nodes and peers are added only while they fit, so that no
 * answer is fragmented: 1,024 bytes (BEP 32), or 1,400 if a filter or an item needs most of it.
 */
import { encodeResponse, type ResponseFields } from "./krpc.ts";

export const ANSWER_BYTES = 1024;
export const LARGE_ANSWER_BYTES = 1400;
/** Keys and lengths of the lists that may follow: nodes, nodes6 and values. */
const LIST_HEADS_BYTES = 11 + 12 + 10;

export class AnswerRoom {
  #left: number;

  /** `answer`: complete except for its lists. */
  constructor(answer: ResponseFields) {
    const large = Boolean(answer.value) || Boolean(answer.scrape);
    const limit = large ? LARGE_ANSWER_BYTES : ANSWER_BYTES;
    this.#left = limit - LIST_HEADS_BYTES - encodeResponse(answer).length;
  }

  /** How many entries of a size fit, at most `wanted`. */
  countOf(entryBytes: number, wanted: number): number {
    return Math.min(wanted, Math.max(0, Math.floor(this.#left / entryBytes)));
  }

  take(bytes: number): void {
    this.#left -= bytes;
  }
}
