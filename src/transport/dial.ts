/** Dials one peer over TCP and exchanges handshakes. */
import type { Connection } from "./connection.ts";
import type { Clock, SocketInfo, StreamNet } from "../platform/types.ts";
import { ProtocolError } from "../util/errors.ts";
import { equalBytes } from "../util/bytes.ts";
import { encodeHandshake, type Handshake } from "../wire/handshake.ts";
import { HandshakeReader } from "./handshake_reader.ts";

const CONNECT_TIMEOUT_MS = 10_000;
const HANDSHAKE_TIMEOUT_MS = 20_000;

export interface DialEvents {
  /** The address answered; the handshake is still to come. */
  answered?(): void;
  /** The peer answered for our torrent. */
  connected(connection: Connection): void;
  /** `info` where the peer answered with our own id. */
  failed(error: Error, info?: SocketInfo): void;
}

export interface Dialling {
  /** Gives up; nothing is reported then. */
  cancel(): void;
}

/** Dials by the transports that there are. Nothing is reported within the call. */
export type Dial = (
  to: { address: string; port: number },
  ours: Handshake,
  events: DialEvents,
) => Dialling;

/** Dials `to`, says `ours` and waits for an answer about the same info-hash. */
export function dialPeer(
  platform: { net: StreamNet; clock: Clock },
  to: { address: string; port: number },
  ours: Handshake,
  events: DialEvents,
): Dialling {
  const socket = platform.net.connect({ ...to, timeoutMs: CONNECT_TIMEOUT_MS });
  let info: SocketInfo | null = null;
  const reader = new HandshakeReader(socket, platform.clock, HANDSHAKE_TIMEOUT_MS, {
    handshake(reader, theirs) {
      if (!equalBytes(theirs.infoHash, ours.infoHash)) {
        events.failed(new ProtocolError("wrong-torrent", "The peer answered for another torrent"));
      } else if (equalBytes(theirs.peerId, ours.peerId)) {
        const error = new ProtocolError("self", "The peer has this client's id");
        events.failed(error, info ?? undefined);
      } else if (info === null) {
        // Nobody can know our torrent before we told it.
        events.failed(new ProtocolError("early", "The peer spoke before the connection was open"));
      } else events.connected(reader.connection(theirs, info, null));
    },
    failed: (error) => events.failed(error),
  });
  socket.opened.then((opened) => {
    info = opened;
    events.answered?.();
    socket.send(encodeHandshake(ours), () => {});
  }, () => {}); // the reader hears of it through onEnd
  return { cancel: () => reader.close() };
}
