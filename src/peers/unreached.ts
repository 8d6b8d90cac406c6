/**
 * The addresses of one torrent that could not be reached, by the last result, for its waiting user.
 * Bounded, so that years of dead addresses cost as little as the latest ones.
 */
import { formatEndpoint, type PeerAddress } from "../util/compact_address.ts";
import { NetError, ProtocolError } from "../util/errors.ts";

/** The number of addresses by kind of failure. */
export interface Unreached {
  /** No answer in time, or no route. */
  silent: number;
  /** The connection was refused: no program listens there. */
  refused: number;
  /** The peer accepted the connection and closed it before its handshake. */
  hungUp: number;
  /** It has another torrent, or speaks another protocol. */
  unfit: number;
}

const MOST = 2000;

export class UnreachedBook {
  readonly #last = new Map<string, keyof Unreached>();
  readonly #counts: Unreached = { silent: 0, refused: 0, hungUp: 0, unfit: 0 };

  get counts(): Unreached {
    return { ...this.#counts };
  }

  failed(address: PeerAddress, error: Error): void {
    const key = formatEndpoint(address), way = wayOf(error);
    this.#forget(key);
    if (way === null) return;
    this.#last.set(key, way);
    this.#counts[way]++;
    if (this.#last.size <= MOST) return;
    const [oldest] = this.#last.keys();
    this.#forget(oldest!);
  }

  /** It is connected now. */
  reached(address: PeerAddress): void {
    if (this.#last.size > 0) this.#forget(formatEndpoint(address));
  }

  #forget(key: string): void {
    const way = this.#last.get(key);
    if (way === undefined) return;
    this.#last.delete(key);
    this.#counts[way]--;
  }
}

/** Null for errors that say nothing about the address. */
function wayOf(error: Error): keyof Unreached | null {
  if (error instanceof ProtocolError) return error.code === "self" ? null : "unfit";
  if (!(error instanceof NetError)) return null;
  switch (error.code) {
    case "refused":
      return "refused";
    case "closed":
    case "reset":
      return "hungUp";
    case "timeout":
    case "unreachable":
      return "silent";
    default:
      return null;
  }
}
