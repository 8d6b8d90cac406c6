/**
 * A peer that the test drives: it accepts connections, speaks the wire protocol and claims to be
 * complete; the script decides how it answers requests. It counts its actions, so that a test can
 * show that its fault happened.
 */
import type { Platform, Socket } from "../../src/platform/types.ts";
import { encodeHandshake } from "../../src/wire/handshake.ts";
import { BLOCK_LENGTH } from "../../src/metainfo/layout.ts";
import {
  HAVE_ALL,
  REQUEST,
  UNCHOKE,
  WireDecoder,
  WireEncoder,
  type WireSink,
} from "../../src/wire/peer_wire.ts";
import { HandshakeReader } from "../../src/transport/handshake_reader.ts";

export interface ScriptedConnection {
  readonly socket: Socket;
  readonly out: WireEncoder;
  flush(): void;
}

export interface Script {
  /** After the handshake; default: HAVE ALL and UNCHOKE. */
  hello?(connection: ScriptedConnection): void;
  /** A block was requested. */
  request(connection: ScriptedConnection, piece: number, begin: number, length: number): void;
}

export class ScriptedPeer {
  /** Counts of the script's actions. */
  deeds = 0;
  connections = 0;
  requests = 0;
  readonly #platform: Platform;
  readonly #pieceCount: number;
  readonly #script: Script;

  constructor(platform: Platform, pieceCount: number, script: Script) {
    this.#platform = platform;
    this.#pieceCount = pieceCount;
    this.#script = script;
  }

  async listen(port = 6881): Promise<void> {
    await this.#platform.net.listen({ port }, (socket) => this.#accept(socket));
  }

  #accept(socket: Socket): void {
    this.connections++;
    new HandshakeReader(socket, this.#platform.clock, 30_000, {
      handshake: (reader, theirs) => {
        const peerId = this.#platform.random.fill(new Uint8Array(20));
        const out = new WireEncoder();
        const connection = { socket, out, flush: flusher(socket, out) };
        const ours = {
          infoHash: theirs.infoHash,
          peerId,
          extensions: false,
          fast: true,
          dht: false,
        };
        out.append(encodeHandshake(ours));
        if (this.#script.hello) this.#script.hello(connection);
        else {
          out.signal(HAVE_ALL);
          out.signal(UNCHOKE);
        }
        const decoder = new WireDecoder(this.#sink(connection), Math.ceil(this.#pieceCount / 8));
        connection.flush();
        reader.handOver({
          onData: (chunk) => {
            decoder.push(chunk);
            connection.flush();
          },
          onEnd: () => {},
        });
      },
      failed: () => {},
    });
  }

  #sink(connection: ScriptedConnection): WireSink {
    return {
      onSignal() {},
      onNumber() {},
      onBitfield() {},
      onExtended() {},
      onKeepAlive() {},
      blockStart: () => null,
      blockAt: 0,
      blockEnd() {},
      onBlockMessage: (id, piece, begin, length) => {
        if (id !== REQUEST) return;
        this.requests++;
        this.#script.request(connection, piece, begin, length);
      },
    };
  }
}

/** Sends the queue, one write at a time. */
function flusher(socket: Socket, out: WireEncoder): () => void {
  let sending = false;
  const flush = () => {
    if (sending || out.length === 0) return;
    sending = true;
    const bytes = out.bytes.slice();
    out.clear();
    socket.send(bytes, () => {
      sending = false;
      flush();
    });
  };
  return flush;
}

/** Bytes of a block out of the whole torrent's. */
export function blockOf(
  all: Uint8Array,
  pieceLength: number,
  piece: number,
  begin: number,
  length: number,
): Uint8Array {
  const at = piece * pieceLength + begin;
  return all.subarray(at, at + Math.min(length, BLOCK_LENGTH));
}
