/**
 * Limits how many useless messages one peer may send before it is disconnected: invalid ones
 * (requests for pieces that we do not have, blocks that we did not request), and requests while
 * choked.
 */
import { ProtocolError } from "../../util/errors.ts";

const MAX_NONSENSE = 300;
/** Requests that arrive this long after our CHOKE did not merely cross it on the wire. */
const GRACE_MS = 2000;
/** A CHOKE is written after the data queued before it: on the slowest link within this time. */
const SLOWEST_WRITE_MS = 60_000;
/** Requests allowed beyond that, as in libtorrent: a few may still be in flight. */
const MAX_LATE = 50;
/** Blocks before our CHOKE in the buffers on the way to a slow peer, which requests as they arrive. */
const MAX_UNDER_WAY = 600;

export class Patience {
  #nonsense = 0;

  /** Counts an invalid message. Throws a ProtocolError when there are too many. */
  strain(): void {
    if (++this.#nonsense > MAX_NONSENSE) {
      throw new ProtocolError("nonsense", "The peer sent too many invalid messages");
    }
  }
}

/** The same for requests of a choked peer; a new connection begins choked. */
export class ChokedPatience {
  #until: number;
  #left = MAX_LATE;

  constructor(now: number) {
    this.#until = now + GRACE_MS;
  }

  /** We choke the peer, after sending it this many blocks; some may not have arrived yet. */
  choked(now: number, blocks: number): void {
    this.#until = now + SLOWEST_WRITE_MS + GRACE_MS;
    this.#left = MAX_LATE + Math.min(blocks, MAX_UNDER_WAY);
  }

  /** Our CHOKE is on its way; later calls change nothing. */
  written(now: number): void {
    this.#until = Math.min(this.#until, now + GRACE_MS);
  }

  /** Counts a request while choked. Throws a ProtocolError when there are too many. */
  strain(now: number): void {
    if (now > this.#until && --this.#left < 0) {
      throw new ProtocolError("asks-choked", "The peer keeps requesting while choked");
    }
  }
}
