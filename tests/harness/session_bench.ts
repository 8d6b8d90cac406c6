/** One session over a piece manager; the test plays its peer, message by message. */
import type { ExtensionHandshake } from "../../src/wire/extension.ts";
import { WireDecoder, WireEncoder } from "../../src/wire/peer_wire.ts";
import { type ExtensionPort, PeerSession } from "../../src/swarm/peer/session.ts";
import { BLOCK_LENGTH } from "../../src/metainfo/layout.ts";
import * as wire from "../../src/wire/peer_wire.ts";
import type { BlockId } from "./hand_peer.ts";
import { type Recorded, WireRecorder } from "./wire_recorder.ts";
import type { Workshop } from "./workshop.ts";

export interface SessionOptions {
  slot?: number;
  key?: number;
  fast?: boolean;
  extensions?: boolean;
  port?: ExtensionPort;
}

export class SessionBench {
  readonly session: PeerSession;
  now = 1_000_000;
  /** How often it reported a change, and a change of the peer's interest. */
  changes = 0;
  interestChanges = 0;
  readonly handshakes: ExtensionHandshake[] = [];
  readonly dhtPorts: number[] = [];
  /** The peer's next messages. */
  readonly #voice = new WireEncoder();

  constructor(readonly shop: Workshop, options: SessionOptions = {}) {
    const { slot = 0, key = 100 + slot, fast = true, extensions = true } = options;
    const peerId = new Uint8Array(20).fill(key);
    this.session = new PeerSession(
      shop.data.layout,
      shop.manager,
      {
        changed: () => this.changes++,
        interestChanged: () => this.interestChanges++,
        extensionHandshake: (_session, handshake) => this.handshakes.push(handshake),
        dhtPort: (_session, port) => this.dhtPorts.push(port),
      },
      { slot, key, peerId, fast, extensions, connectedAt: 0 },
      options.port,
    );
    shop.manager.peerJoined(this.session.source);
  }

  /** The peer sends this, in one chunk. Afterwards the counts must be consistent. */
  hears(say: (voice: WireEncoder) => void): this {
    say(this.#voice);
    try {
      this.receives(this.#voice.bytes.slice());
    } finally {
      this.#voice.clear();
    }
    return this;
  }

  /** Bytes of the peer; the chunk is overwritten after the call, as by sockets. */
  receives(chunk: Uint8Array): void {
    try {
      this.session.receive(chunk, this.now);
    } finally {
      chunk.fill(0xdb);
    }
    this.shop.check();
  }

  hearsSignal(id: number): this {
    return this.hears((voice) => voice.signal(id));
  }

  /** The peer sends these blocks, with right bytes unless `bytes` is given. */
  hearsBlocks(ids: BlockId[], bytes = (id: BlockId) => this.shop.right(id)): this {
    return this.hears((voice) => {
      for (const id of ids) {
        const data = bytes(id);
        voice.piece(id.piece, id.block * BLOCK_LENGTH, data.length).set(data);
      }
    });
  }

  /** A complete peer that unchokes us. */
  hearsSeed(): this {
    const { info } = this.session, { pieceCount } = this.shop.data.layout;
    if (info.fast) this.hearsSignal(wire.HAVE_ALL);
    else {
      const bits = new Uint8Array(Math.ceil(pieceCount / 8));
      for (let piece = 0; piece < pieceCount; piece++) bits[piece >> 3]! |= 0x80 >> (piece & 7);
      this.hears((voice) => voice.bitfield(bits));
    }
    return this.hearsSignal(wire.UNCHOKE);
  }

  /** Settles it and returns its messages since the last call. */
  settles(): Recorded[] {
    this.session.settle(this.now);
    this.shop.check();
    return this.said();
  }

  /** Its messages since the last call. */
  said(): Recorded[] {
    const recorder = new WireRecorder();
    new WireDecoder(recorder, this.session.source.have.bytes.length).push(this.session.out.bytes);
    this.session.out.clear();
    return recorder.messages;
  }

  /** All outgoing bytes, including the blocks that the peer requested. */
  sends(): Uint8Array {
    const { session, shop } = this;
    session.settle(this.now);
    for (
      let next = session.taker.upload.next();
      next !== undefined;
      next = session.taker.upload.next()
    ) {
      const { piece, begin, length } = next;
      session.out.piece(piece, begin, length).set(shop.data.bytes(piece, begin, length));
    }
    const bytes = session.out.bytes.slice();
    session.out.clear();
    return bytes;
  }

  /** Settles and returns the blocks that it requested. */
  asks(): BlockId[] {
    return blocksOf(this.settles(), wire.REQUEST);
  }

  /** Time passes: a tick every half second. */
  pass(ms: number): void {
    for (const end = this.now + ms; this.now < end;) {
      this.now += 500;
      this.session.tick(this.now);
      this.shop.check();
    }
  }

  close(): void {
    this.session.close();
    this.shop.manager.peerLeft(this.session.source);
    this.shop.check();
  }
}

/** The blocks in messages of this kind. */
export function blocksOf(messages: Recorded[], id: number): BlockId[] {
  return messages.flatMap((message) =>
    message.kind === "block" && message.id === id
      ? [{ piece: message.piece, block: message.begin / BLOCK_LENGTH }]
      : []
  );
}

/** The ids of messages without a body. */
export function signalsOf(messages: Recorded[]): number[] {
  return messages.flatMap((message) => message.kind === "signal" ? [message.id] : []);
}
