/** What dialling and accepting end in: a connection on which both sides have said who they are. */
import type { Socket, SocketInfo, StreamSink } from "../platform/types.ts";
import type { Handshake } from "../wire/handshake.ts";

export interface Connection {
  /** What carries the bytes, and how they are hidden on the way. */
  readonly transport: "tcp";
  readonly encryption: "none";
  /** Whether the peer dialled us. */
  readonly incoming: boolean;
  /**
   * Send it before anything else, in the same write: of a connection that the peer made our handshake,
   * else nothing.
   */
  readonly opening: Uint8Array;
  readonly theirs: Handshake;
  readonly info: SocketInfo;
  readonly socket: Socket;
  /** From now on `sink` gets the bytes and the end. Call it, or `close`, in the turn of the event. */
  handOver(sink: StreamSink): void;
  close(): void;
}
