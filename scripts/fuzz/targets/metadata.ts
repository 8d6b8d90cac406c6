/** A torrent's info dictionary from peers that may lie, and the connection it comes through. */
import { encode } from "../../../src/protocol/bencode_encode.ts";
import * as wire from "../../../src/protocol/peer_wire.ts";
import {
  encodeMetadataData,
  encodeMetadataRequest,
  MAX_METADATA_BYTES,
  metadataPieceCount,
  metadataPieceLength,
} from "../../../src/protocol/ut_metadata.ts";
import { MetadataFetch } from "../../../src/torrent/metadata_fetch.ts";
import { MetadataSession } from "../../../src/torrent/metadata_session.ts";
import { equalBytes } from "../../../src/util/bytes.ts";
import { Prng } from "../../../src/util/prng.ts";
import { HandClock } from "../../../tests/doubles/clock.ts";
import { HandSocket } from "../../../tests/doubles/sockets.ts";
import { EventReader } from "../event_reader.ts";
import { about, check, type FuzzTarget, machine, sha1, target } from "../target.ts";

const PIECE = 16384;
const RIGHT = new Prng("metadata").fill(new Uint8Array(PIECE + 3000));
const HASH = sha1(RIGHT);
const WRONG = new Uint8Array(PIECE).fill(1);
const SIZES = [RIGHT.length, RIGHT.length, RIGHT.length, 1, 5000, 3 * PIECE, MAX_METADATA_BYTES];
const MAX_HELD = 64 * 1024 * 1024;

interface Peer {
  readonly size: number;
  lied: boolean;
  gone: boolean;
  guilty: boolean;
  readonly asked: number[];
}

class FetchLife {
  now = 0;
  done: Uint8Array | null = null;
  guilty = 0;
  given = 0;
  readonly #peers: Peer[] = [];
  readonly #fetch = new MetadataFetch<Peer>(HASH, { sha1 }, {
    requestPiece: (peer, index) => {
      check(!peer.gone && !peer.guilty, "only who is here is asked");
      check(index >= 0 && index < metadataPieceCount(peer.size), "a piece that there is");
      check(peer.asked.push(index) <= 5000, "nobody is asked for ever");
    },
    done: (bytes) => {
      check(this.done === null, "it is done once");
      this.done = bytes;
    },
    guilty: (peer) => {
      check(peer.lied, "nobody honest is blamed");
      peer.guilty = true;
      this.guilty++;
    },
  });

  step(events: EventReader): void {
    const kind = events.below(8), peer = events.pickOf(this.#peers);
    if (kind === 0 || peer === undefined) this.#join(events.pick(SIZES));
    else if (kind === 1 && events.flag()) {
      peer.gone = true;
      this.#fetch.leaves(peer, this.now);
    } else if (kind === 2 && !peer.gone) this.#fetch.rejected(peer, events.below(4), this.now);
    else if (kind === 3) this.#fetch.tick(this.now += events.stepMs());
    else if (!peer.gone) this.#give(peer, events.byte());
    this.#check();
  }

  #join(size: number): Peer {
    const peer: Peer = { size, lied: false, gone: false, guilty: false, asked: [] };
    if (this.#peers.length >= 12) return peer;
    this.#peers.push(peer);
    this.#fetch.offers(peer, size, this.now);
    return peer;
  }

  /** Mostly the piece that was asked for, mostly right. */
  #give(peer: Peer, how: number): void {
    const index = how % 16 === 1 ? how >> 4 : peer.asked.shift();
    if (index === undefined || index >= metadataPieceCount(peer.size)) return;
    const total = how % 16 === 2 ? RIGHT.length + 1 : peer.size;
    const length = how % 16 === 3 ? 7 : metadataPieceLength(peer.size, index);
    const honest = peer.size === RIGHT.length && how % 16 > 4;
    const from = index * PIECE;
    const bytes = honest ? RIGHT.slice(from, from + PIECE) : WRONG.slice(0, length);
    peer.lied ||= !honest || total !== peer.size;
    this.#fetch.data(peer, index, total, bytes, this.now);
    bytes.fill(0xdb);
    this.given += bytes.length;
  }

  #check(): void {
    const { heldBytes, over } = this.#fetch;
    check(heldBytes <= MAX_HELD, "what it holds is bounded");
    check(heldBytes <= this.given + 12 * PIECE, "memory is taken by what came, not by claims");
    check(over === (this.done !== null), "it is over when it is done");
    if (this.done !== null) check(equalBytes(this.done, RIGHT), "done only with the right bytes");
  }

  /** One honest peer is enough, whoever else is here. */
  end(): void {
    const honest: Peer = { size: RIGHT.length, lied: false, gone: false, guilty: false, asked: [] };
    this.#fetch.offers(honest, honest.size, this.now);
    for (let i = 0; i < 4000 && this.done === null; i++) {
      while (honest.asked.length > 0 && this.done === null) this.#give(honest, 15);
      this.#fetch.tick(this.now += 1000);
    }
    check(this.done !== null, "one honest peer is enough");
    this.#check();
  }

  get word(): string {
    return `${this.#peers.length}/${this.guilty}/${about(this.given)}/${about(this.now)}`;
  }
}

/** What a peer may say, as one stream. */
function conversation(): Uint8Array {
  const voice = new wire.WireEncoder();
  const handshake = { m: { ut_metadata: 3, ut_pex: 1 }, metadata_size: RIGHT.length };
  voice.extended(0, encode(handshake));
  voice.extended(2, encodeMetadataRequest(0));
  voice.extended(2, encodeMetadataData(RIGHT, 0));
  voice.extended(1, encode({ added: new Uint8Array(6).fill(9) }));
  voice.port(6881);
  voice.bitfield(new Uint8Array([0xff]));
  voice.signal(wire.UNCHOKE);
  voice.keepAlive();
  return voice.bytes.slice();
}

function session(bytes: Uint8Array): string {
  const socket = new HandSocket(), clock = new HandClock(), heard: string[] = [];
  let ended = 0, broke: unknown = null;
  const session = new MetadataSession(socket, clock, (bytes[0]! & 1) === 0, {
    handshake: () => heard.push("handshake"),
    data: (_session, index, total, data) => {
      check(data.length === metadataPieceLength(total, index), "data is as long as it says");
      heard.push("data");
    },
    rejected: () => heard.push("rejected"),
    pex: () => heard.push("pex"),
    dhtPort: () => heard.push("port"),
    settle: () => session.flush(),
    ended: () => ended++,
    broke: (error) => broke ??= error,
  });
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + 1 + (bytes[at]! * 131) % 3000);
    session.onData(bytes.slice(at, end));
    if (bytes[at]! % 5 === 0) clock.pass(bytes[at]! * 1000);
    if (bytes[at]! % 3 === 0) session.tick(clock.now());
    at = end;
  }
  session.onEnd(null);
  session.onData(new Uint8Array(5));
  if (broke !== null) throw broke;
  check(ended === 1, "it ends once");
  check(socket.sent.every((sent) => sent.length <= 200_000), "what waits to be sent is bounded");
  return [...new Set(heard)].join();
}

export function metadataTargets(): FuzzTarget[] {
  return [
    machine("metadata-fetch", (bytes) => {
      const events = new EventReader(bytes), life = new FetchLife();
      while (events.more && life.done === null) life.step(events);
      life.end();
      return life.word;
    }, 300),
    { ...target("metadata-session", [conversation()], session) },
  ];
}
