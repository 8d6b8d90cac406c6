/** A torrent's info dictionary from peers that may lie, and the connection it comes through. */
import { encode } from "../../../src/bencode/bencode_encode.ts";
import * as wire from "../../../src/wire/peer_wire.ts";
import {
  encodeMetadataData,
  encodeMetadataRequest,
  MAX_METADATA_BYTES,
  metadataPieceCount,
  metadataPieceLength,
} from "../../../src/wire/ut_metadata.ts";
import { MetadataFetch } from "../../../src/swarm/metadata_fetch.ts";
import { NO_BOOK, NO_LAYOUT } from "../../../src/swarm/peer/early_pieces.ts";
import { PeerSession } from "../../../src/swarm/peer/session.ts";
import { TorrentExtensions } from "../../../src/swarm/extensions.ts";
import { equalBytes } from "../../../src/util/bytes.ts";
import { Prng } from "../../../tests/harness/prng.ts";
import { HandClock } from "../../../tests/harness/clock.ts";
import { Workshop } from "../../../tests/harness/workshop.ts";
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
  readonly #fetch = new MetadataFetch<Peer>(HASH, { digest: (_, bytes) => sha1(bytes) }, {
    resting: () => false,
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

  /** One honest peer is enough, whatever the others do. */
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

/** A peer of a magnet; half-way through the stream the torrent becomes known. */
function session(bytes: Uint8Array): string {
  const clock = new HandClock(), heard = new Set<string>();
  const shop = new Workshop({ length: 8 * PIECE, pieceLength: PIECE });
  const platform = { clock, hasher: shop.hasher }, fast = (bytes[0]! & 2) === 0;
  const options = { pex: (bytes[0]! & 1) === 0, dhtPort: () => 0 };
  const extensions = new TorrentExtensions(platform, HASH, options, {
    learned: () => heard.add("pex"),
    lied: () => heard.add("lied"),
    dhtNode: () => heard.add("port"),
    ownAddress() {},
  });
  const session = new PeerSession(
    NO_LAYOUT,
    NO_BOOK,
    {
      changed() {},
      interestChanged() {},
      extensionHandshake: (session, theirs) => extensions.introduced(session, theirs),
      dhtPort: (session, port) => extensions.hasDhtAt(session, port),
    },
    { slot: 0, key: 1, peerId: HASH, connectedAt: clock.now(), fast, extensions: true },
    extensions,
  );
  extensions.joined(session, "10.0.0.1", 6881, false);
  let isKnown = false;
  try {
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + 1 + (bytes[at]! * 131) % 3000);
      session.receive(bytes.slice(at, end), clock.now());
      if (bytes[at]! % 5 === 0) clock.pass(bytes[at]! * 1000);
      at = end;
      if (isKnown || at < bytes.length / 2) continue;
      isKnown = true;
      session.attach(shop.data.layout, shop.manager);
      shop.manager.peerJoined(session.source);
      session.recall(false);
    }
    if (session.source.have.count > 0) heard.add("pieces");
    if (extensions.found !== null) heard.add("found");
  } finally {
    check(session.isInOrder, "nothing is asked or queued while choked");
    check(session.out.length <= 1_000_000, "what waits to be sent is bounded");
    session.close();
    extensions.left(session);
    if (isKnown) shop.manager.peerLeft(session.source);
    shop.manager.checkInvariants();
  }
  return [...heard].join();
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
