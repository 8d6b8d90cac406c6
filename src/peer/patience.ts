/**
 * How much one peer may send that is of no use before it goes: nonsense (requests for what is not
 * there, unasked blocks), and requests while it is choked.
 */
import { ProtocolError } from "../util/errors.ts";

const MAX_NONSENSE = 300;
/** A peer that asks all the same so long after our CHOKE went out was not overtaken by it. */
const GRACE_MS = 2000;
/** A CHOKE is written after what waits before it, on the slowest link within this. */
const SLOWEST_WRITE_MS = 60_000;
/** Requests beyond that, as libtorrent has it: a few may still be under way. */
const MAX_LATE = 50;
/** Blocks that buffers on the way to a slow peer may hold before our CHOKE: it asks as it gets them. */
const MAX_UNDER_WAY = 600;

export class Patience {
  #nonsense = 0;

  /** One more message made no sense. Throws a ProtocolError when that was one too many. */
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

  /** We choke the peer, which got so many blocks since it could ask: some may not be there yet. */
  choked(now: number, blocks: number): void {
    this.#until = now + SLOWEST_WRITE_MS + GRACE_MS;
    this.#left = MAX_LATE + Math.min(blocks, MAX_UNDER_WAY);
  }

  /** Our CHOKE is on its way; later calls change nothing. */
  written(now: number): void {
    this.#until = Math.min(this.#until, now + GRACE_MS);
  }

  /** A request that the peer may not make now. Throws a ProtocolError when it was one too many. */
  strain(now: number): void {
    if (now > this.#until && --this.#left < 0) {
      throw new ProtocolError("asks-choked", "The peer keeps requesting while choked");
    }
  }
}
