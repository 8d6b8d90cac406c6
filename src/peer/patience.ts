/** How much nonsense one peer may send (requests for what is not there, unasked blocks) before it goes. */
import { ProtocolError } from "../util/errors.ts";

const MAX_NONSENSE = 300;

export class Patience {
  #nonsense = 0;

  /** One more message made no sense. Throws a ProtocolError when that was one too many. */
  strain(): void {
    if (++this.#nonsense > MAX_NONSENSE) {
      throw new ProtocolError("nonsense", "Too many messages that make no sense");
    }
  }
}
