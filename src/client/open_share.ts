/**
 * Divides the open files and sockets that the system allows this process. Without this, silent
 * connections would take all of them, and no other peer could be accepted or dialled, and no file
 * written: at the limit, Bun tries to accept again and again, and Deno never accepts another
 * connection.
 */

/**
 * Reserved for the runtime, listening sockets, the state folder and trackers. Deno alone has 23.
 */
const OWN = 32;
/** The number of files even under the lowest limit. */
const LEAST = 32;

/** The most of each that may be open at once. */
export interface OpenShare {
  /** Connections of all torrents, attempts included. */
  readonly connections: number;
  /** Accepted connections that have not sent a handshake yet. */
  readonly newcomers: number;
  /** Connections that may wait to be accepted: they come all at once. */
  readonly queue: number;
  readonly files: number;
}

/** `limit`: as `Files.openLimit` tells it. */
export function shareOut(limit: number | null): OpenShare {
  const sixteenth = Math.max(LEAST, (limit ?? Infinity) - OWN) / 16;
  const share = (sixteenths: number) => Math.floor(sixteenths * sixteenth);
  return { connections: share(6), newcomers: share(4), queue: share(3), files: share(3) };
}
