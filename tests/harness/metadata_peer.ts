/**
 * A simulated peer that the test drives: it speaks the extension protocol with its own numbers and
 * answers requests for metadata as instructed. It counts its actions, so that a test can show that
 * its fault happened.
 */
import type { Platform, Socket, SocketInfo } from "../../src/platform/types.ts";
import {
  decodeExtensionHandshake,
  encodeExtensionHandshake,
  type ExtensionHandshake,
} from "../../src/wire/extension.ts";
import { encodeHandshake, type Handshake } from "../../src/wire/handshake.ts";
import { WireDecoder, WireEncoder } from "../../src/wire/peer_wire.ts";
import {
  decodeMetadataMessage,
  encodeMetadataData,
  encodeMetadataReject,
} from "../../src/wire/ut_metadata.ts";
import { dialPeer } from "../../src/transport/dial.ts";
import { HandshakeReader } from "../../src/transport/handshake_reader.ts";
import { WireRecorder } from "./wire_recorder.ts";

export const PEER_METADATA_ID = 33, PEER_PEX_ID = 44;

export interface MetadataScript {
  /** The metadata that it serves, right or wrong; null: it has none and announces no size. */
  metadata: Uint8Array | null;
  manner?: "serves" | "rejects" | "stalls";
  /** Claims another size than the metadata's. */
  size?: number;
  extensions?: boolean;
  dht?: boolean;
  listenPort?: number;
  /** After our extension handshake was sent. */
  hello?(out: WireEncoder): void;
}

/** One connection of it. */
export interface MetadataConnection {
  readonly out: WireEncoder;
  readonly info: SocketInfo | null;
  theirs: ExtensionHandshake | null;
  readonly heard: WireRecorder;
  ended: boolean;
  flush(): void;
}

export class MetadataPeer {
  requests = 0;
  answers = 0;
  readonly connections: MetadataConnection[] = [];
  readonly #platform: Platform;
  readonly #script: MetadataScript;

  constructor(platform: Platform, script: MetadataScript) {
    this.#platform = platform;
    this.#script = script;
  }

  async listen(port = 6881): Promise<void> {
    await this.#platform.net.listen({ port }, (socket, info) => {
      new HandshakeReader(socket, this.#platform.clock, 30_000, {
        handshake: (reader, theirs) => {
          reader.handOver(this.#open(socket, theirs.infoHash, info, true));
        },
        failed: () => {},
      });
    });
  }

  dial(to: { address: string; port: number }, infoHash: Uint8Array): void {
    dialPeer(this.#platform, to, this.#handshake(infoHash), {
      connected: (connection) => {
        const { socket, info } = connection;
        connection.handOver(this.#open(socket, infoHash, info, false));
      },
      failed: () => {},
    });
  }

  #handshake(infoHash: Uint8Array): Handshake {
    const peerId = this.#platform.random.fill(new Uint8Array(20));
    const { extensions = true, dht = false } = this.#script;
    return { infoHash, peerId, extensions, fast: true, dht };
  }

  #open(socket: Socket, infoHash: Uint8Array, info: SocketInfo, answer: boolean) {
    const out = new WireEncoder();
    let sending = false;
    const connection: MetadataConnection = {
      out,
      info,
      theirs: null,
      heard: new WireRecorder(),
      ended: false,
      flush: () => {
        if (sending || connection.ended || out.length === 0) return;
        sending = true;
        const bytes = out.bytes.slice();
        out.clear();
        socket.send(bytes, () => {
          sending = false;
          connection.flush();
        });
      },
    };
    this.connections.push(connection);
    if (answer) out.append(encodeHandshake(this.#handshake(infoHash)));
    this.#introduce(out);
    this.#script.hello?.(out);
    connection.flush();
    const decoder = new WireDecoder(connection.heard, null);
    return {
      onData: (chunk: Uint8Array) => {
        decoder.push(chunk);
        for (const message of connection.heard.messages.splice(0)) {
          if (message.kind !== "extended") continue;
          this.#hear(connection, message.id, Uint8Array.from(message.payload));
        }
        connection.flush();
      },
      onEnd: () => void (connection.ended = true),
    };
  }

  #introduce(out: WireEncoder): void {
    const { metadata, size = metadata?.length, extensions = true, listenPort } = this.#script;
    if (!extensions) return;
    const handshake: ExtensionHandshake = {
      messages: new Map([["ut_metadata", PEER_METADATA_ID], ["ut_pex", PEER_PEX_ID]]),
      yourAddress: "8.7.6.5",
      ...(size === undefined ? {} : { metadataSize: size }),
      ...(listenPort === undefined ? {} : { port: listenPort }),
    };
    out.extended(0, encodeExtensionHandshake(handshake));
  }

  #hear(connection: MetadataConnection, id: number, payload: Uint8Array): void {
    if (id === 0) {
      connection.theirs = decodeExtensionHandshake(payload);
      return;
    }
    if (id !== PEER_METADATA_ID) return;
    const message = decodeMetadataMessage(payload);
    const theirId = connection.theirs?.messages.get("ut_metadata") ?? 0;
    if (message?.kind !== "request" || theirId === 0) return;
    this.requests++;
    const { metadata, manner = "serves" } = this.#script;
    if (manner === "stalls" || metadata === null) return;
    this.answers++;
    const answer = manner === "rejects"
      ? encodeMetadataReject(message.piece)
      : encodeMetadataData(metadata, message.piece);
    connection.out.extended(theirId, answer);
  }
}
