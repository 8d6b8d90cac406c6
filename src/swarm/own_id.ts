/**
 * Our peer id in one swarm. Copies of a state folder have the same id and refuse each other as
 * themselves: the one that dials takes another id.
 */
import type { Random, SocketInfo } from "../platform/types.ts";
import type { Connection } from "../transport/connection.ts";
import { ProtocolError } from "../util/errors.ts";
import { equalBytes } from "../util/bytes.ts";
import { makePeerId } from "../wire/peer_id.ts";

/** A tracker counts each id as one more peer for about an hour, and any peer can return our id. */
const RENEW_EVERY_MS = 60 * 60_000;

/** The part of `Identity` that changes. */
interface Ids {
  readonly peerId: Uint8Array;
  trackerKey: number;
}

export class OwnId {
  readonly #random: Random;
  readonly #ids: Ids;
  #renewedAt = -Infinity;
  /** The port that the last connection with our own id came from. */
  #selfCameFrom = 0;

  constructor(random: Random, ids: Ids) {
    this.#random = random;
    this.#ids = ids;
  }

  /** Answers an incoming connection that has our id, and ends it: so the caller learns why. */
  refuses(connection: Connection): boolean {
    const { theirs, info, socket, opening } = connection;
    if (!equalBytes(theirs.peerId, this.#ids.peerId)) return false;
    this.#selfCameFrom = info.remotePort;
    connection.handOver({ onData() {}, onEnd() {} });
    socket.send(opening, () => connection.close());
    return true;
  }

  /**
   * Whether a dial that failed reached this client itself, or a peer that returns our id whatever it
   * is. If it reached a copy of this client, the next connections and announces have another id.
   */
  reachedSelf(error: Error, info: SocketInfo | undefined, isOurs: boolean, now: number): boolean {
    if (!(error instanceof ProtocolError) || error.code !== "self") return false;
    if (isOurs || info?.localPort === this.#selfCameFrom) return true;
    if (now - this.#renewedAt < RENEW_EVERY_MS) return true;
    this.#renewedAt = now;
    this.#ids.peerId.set(makePeerId(this.#random)); // the same bytes are everywhere
    this.#ids.trackerKey = this.#random.uint32();
    return false;
  }
}
