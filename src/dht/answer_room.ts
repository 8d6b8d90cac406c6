/**
 * How much still fits into an answer. Nodes and peers are taken in as far as there is room, so that
 * no answer needs fragments: 1,024 bytes (BEP 32), or 1,400 where a filter or an item fills most.
 */
import { encodeResponse, type ResponseFields } from "./krpc.ts";

export const ANSWER_BYTES = 1024;
export const LARGE_ANSWER_BYTES = 1400;
/** Keys and lengths of the lists that may still come: nodes, nodes6 and values. */
const LIST_HEADS_BYTES = 11 + 12 + 10;

export class AnswerRoom {
  #left: number;

  /** `answer`: with everything in it but its lists. */
  constructor(answer: ResponseFields) {
    const large = Boolean(answer.value) || Boolean(answer.scrape);
    const limit = large ? LARGE_ANSWER_BYTES : ANSWER_BYTES;
    this.#left = limit - LIST_HEADS_BYTES - encodeResponse(answer).length;
  }

  /** How many of at most `wanted` entries of a size fit. */
  countOf(entryBytes: number, wanted: number): number {
    return Math.min(wanted, Math.max(0, Math.floor(this.#left / entryBytes)));
  }

  take(bytes: number): void {
    this.#left -= bytes;
  }
}
