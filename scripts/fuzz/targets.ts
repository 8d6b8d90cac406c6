/**
 * What is fuzzed: every decoder of bytes from outside, and the session that they drive. Each target
 * has sound inputs to begin with; `run` may throw nothing but a ShoalError, and returns a short word
 * on what came out, which tells new behaviour from old.
 */
import { createHash } from "node:crypto";
import { decodeDhtState, encodeDhtState } from "../../src/client/dht_state.ts";
import { decodeQuota, encodeQuota } from "../../src/client/quota.ts";
import { decode } from "../../src/protocol/bencode.ts";
import { type Encodable, encode } from "../../src/protocol/bencode_encode.ts";
import { decodeExtensionHandshake } from "../../src/protocol/extension.ts";
import { decodeHandshake, encodeHandshake } from "../../src/protocol/handshake.ts";
import { decodeKrpc } from "../../src/protocol/krpc.ts";
import { decodeLsd, encodeLsd } from "../../src/protocol/lsd.ts";
import { formatMagnet, parseMagnet } from "../../src/protocol/magnet.ts";
import { parseTorrent } from "../../src/protocol/metainfo.ts";
import * as wire from "../../src/protocol/peer_wire.ts";
import { decodeResume } from "../../src/protocol/resume_codec.ts";
import { parseAnnounceResponse, parseScrapeResponse } from "../../src/protocol/tracker_http.ts";
import {
  decodeUdpReply,
  decodeUdpRequest,
  encodeConnect,
  encodeConnectReply,
  encodeErrorReply,
} from "../../src/protocol/tracker_udp.ts";
import { parseTrackerUrl } from "../../src/protocol/tracker_url.ts";
import {
  decodeMetadataMessage,
  encodeMetadataData,
  encodeMetadataRequest,
} from "../../src/protocol/ut_metadata.ts";
import { decodePex, encodePex } from "../../src/protocol/ut_pex.ts";
import { SessionBench } from "../../tests/doubles/session_bench.ts";
import { Workshop } from "../../tests/doubles/workshop.ts";

export interface FuzzTarget {
  readonly name: string;
  readonly seeds: readonly Uint8Array[];
  /** Inputs in one turn, where they are slow. */
  readonly slice?: number;
  run(input: Uint8Array): string;
}

const HASH = new Uint8Array(20).fill(7);
const text = new TextEncoder(), latin1 = new TextDecoder("latin1");
const sha1 = (bytes: Uint8Array) => new Uint8Array(createHash("sha1").update(bytes).digest());

export function fuzzTargets(): FuzzTarget[] {
  return [...dictionaries(), ...datagrams(), ...texts(), ...peers()];
}

function dictionaries(): FuzzTarget[] {
  const info = { "name": "x", "piece length": 16384, "pieces": HASH };
  const torrents = [
    { announce: "http://t.example/a", info: { ...info, length: 5 } },
    {
      "announce-list": [["udp://t.example:1"], ["http://u.example/a"]],
      "nodes": [["n.example", 6881]],
      "info": { ...info, files: [{ length: 5, path: ["a", "b"] }, { length: 2, path: ["c"] }] },
      "url-list": ["http://w.example/"],
    },
    {
      info: {
        ...info,
        "length": 5,
        "meta version": 2,
        "file tree": { x: { "": { "length": 5, "pieces root": new Uint8Array(32).fill(1) } } },
      },
    },
  ].map((torrent) => encode(torrent as Encodable));
  const handshake = { m: { ut_pex: 1, ut_metadata: 2 }, metadata_size: 5, p: 1, reqq: 250, v: "x" };
  const answer = { interval: 1800, peers: new Uint8Array(12).fill(9), complete: 1, incomplete: 2 };
  const scrape = encode({ files: new Map([["a".repeat(20), { complete: 1, downloaded: 2 }]]) });
  const pex = encodePex({
    added: [{ address: "192.0.2.1", port: 6881, flags: 2 }],
    dropped: [{ address: "2001:db8::1", port: 7 }],
  });
  const state = { ids: { 4: HASH, 6: null }, nodes: [{ address: "192.0.2.1", port: 1 }] };
  return [
    target("bencode", torrents, (bytes) => typeof decode(bytes)),
    target("torrent", torrents, (bytes) => `${parseTorrent(bytes, sha1).files.length}`),
    target("resume", resumeBodies().map(recordOf), (bytes) => decodeResume(bytes, sha1).name),
    target("resume-body", resumeBodies(), (body) => {
      const { have, partial } = decodeResume(recordOf(body), sha1);
      return `${have.count}/${partial.length}`;
    }),
    target("extension-handshake", [encode(handshake)], (bytes) => {
      return Object.keys(decodeExtensionHandshake(bytes)).join();
    }),
    target("metadata-message", [
      encodeMetadataRequest(0),
      encodeMetadataData(new Uint8Array(20_000), 1),
    ], (bytes) => decodeMetadataMessage(bytes)?.kind ?? "none"),
    target("pex", [pex], (bytes) => {
      const { added, dropped } = decodePex(bytes);
      check(added.length <= 50 && dropped.length <= 50, "peers are bounded");
      return `${added.length}/${dropped.length}`;
    }),
    target("announce", [encode(answer)], (bytes) => `${parseAnnounceResponse(bytes).peers.length}`),
    target("scrape", [scrape], (bytes) => `${parseScrapeResponse(bytes).size}`),
    target("dht-state", [encodeDhtState(state)], (bytes) => `${decodeDhtState(bytes) !== null}`),
    target("quota", [encodeQuota({ period: "2026-11", down: 1, up: 2 })], (bytes) => {
      return `${decodeQuota(bytes) !== null}`;
    }),
  ];
}

function datagrams(): FuzzTarget[] {
  const id = "abcdefghij0123456789";
  const queries = [
    { t: "aa", y: "q", q: "ping", a: { id } },
    { t: "aa", y: "q", q: "get_peers", a: { id, info_hash: id, want: ["n4", "n6"] } },
    { t: "aa", y: "q", q: "announce_peer", a: { id, info_hash: id, port: 1, token: "t" } },
    { t: "aa", y: "r", r: { id, nodes: "n".repeat(52), token: "t", values: ["123456"] } },
    { t: "aa", y: "e", e: [201, "error"] },
  ].map((message) => encode(message));
  const lsd = encodeLsd({ port: 6881, infoHashes: [HASH], cookie: "c" }, 4);
  return [
    target("krpc", queries, (bytes) => decodeKrpc(bytes).kind),
    target("lsd", [lsd], (bytes) => `${decodeLsd(bytes)?.infoHashes.length ?? "none"}`),
    target("udp-reply", [
      encodeConnectReply(1, new Uint8Array(8)),
      encodeErrorReply(1, "no"),
    ], (bytes) => decodeUdpReply(bytes, 4).kind),
    target("udp-request", [encodeConnect(1)], (bytes) => decodeUdpRequest(bytes).kind),
  ];
}

function texts(): FuzzTarget[] {
  const magnet = formatMagnet({
    infoHash: HASH,
    name: "a name",
    trackers: ["udp://t.example:1", "http://t.example/a?b=c"],
    peers: [{ host: "192.0.2.1", port: 6881 }],
    selectOnly: [{ first: 0, last: 3 }],
  });
  return [
    target("magnet", [text.encode(magnet), text.encode("a".repeat(40))], (bytes) => {
      return Object.values(parseMagnet(latin1.decode(bytes))).filter(Boolean).length.toString();
    }),
    target("tracker-url", [text.encode("http://user@t.example:80/a?x=y#z")], (bytes) => {
      return parseTrackerUrl(latin1.decode(bytes)).scheme;
    }),
  ];
}

function peers(): FuzzTarget[] {
  const handshake = { infoHash: HASH, peerId: HASH, extensions: true, fast: true, dht: true };
  return [
    target(
      "handshake",
      [encodeHandshake(handshake)],
      (bytes) => `${decodeHandshake(bytes) !== null}`,
    ),
    { ...target("session", conversations(), (bytes) => converse(bytes)), slice: 100 },
  ];
}

/** What an honest peer may say, as one stream. */
function conversations(): Uint8Array[] {
  const say = (speak: (voice: wire.WireEncoder) => void) => {
    const voice = new wire.WireEncoder();
    speak(voice);
    return voice.bytes.slice();
  };
  const extension = encode({ m: { lt_donthave: 3 }, reqq: 100 });
  return [
    say((voice) => {
      voice.signal(wire.HAVE_ALL);
      voice.extended(0, extension);
      voice.signal(wire.UNCHOKE);
      voice.signal(wire.INTERESTED);
      for (let piece = 0; piece < 4; piece++) voice.block(wire.REQUEST, piece, 0, 16384);
      voice.block(wire.CANCEL, 0, 0, 16384);
    }),
    say((voice) => {
      voice.bitfield(new Uint8Array([0xff]));
      voice.number(wire.HAVE, 3);
      voice.number(wire.SUGGEST, 2);
      voice.number(wire.ALLOWED_FAST, 1);
      voice.signal(wire.UNCHOKE);
      voice.piece(0, 0, 16384).fill(1);
      voice.block(wire.REJECT, 1, 0, 16384);
      voice.keepAlive();
      voice.port(6881);
    }),
  ];
}

/** The stream in chunks whose borders depend on its bytes; afterwards the books must add up. */
function converse(bytes: Uint8Array): string {
  const shop = new Workshop({ length: 8 * 16384, pieceLength: 16384 }),
    bench = new SessionBench(shop);
  let said = "";
  try {
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + 1 + (bytes[at]! * 131) % 5000);
      bench.receives(bytes.subarray(at, end).slice());
      bench.session.settle(bench.now);
      at = end;
    }
    said = `${bench.session.have.count}/${bench.session.upload.length}`;
  } finally {
    check(bench.session.isInOrder, "nothing is asked or queued while choked");
    check(bench.session.upload.length <= 2000, "the upload queue is bounded");
    check(bench.session.out.length <= 4 * 1024 * 1024, "what waits to be sent is bounded");
    bench.session.close();
    shop.manager.peerLeft(bench.session);
    shop.manager.checkInvariants();
  }
  return said;
}

/** A record around this body, with a check value that fits: else nothing behind it would be read. */
function recordOf(body: Uint8Array): Uint8Array {
  return encode({ body, check: sha1(body), format: "shoal resume", version: 1 });
}

function resumeBodies(): Uint8Array[] {
  const limits = { down: 1000 };
  const body = {
    "added": 1,
    "banned": { peers: new Uint8Array(0), reasons: [] },
    "dir": "/d",
    "goal": { kind: "ratio", value: "1.5" },
    "info hash": HASH,
    limits,
    "name": "n",
    "partial": [{ bits: new Uint8Array([0x80]), blocks: 4, piece: 0 }],
    "peer limits": limits,
    "piece count": 8,
    "pieces": new Uint8Array([0x7f]),
    "totals": { active: 1, downloaded: 2, seeding: 3, uploaded: 4 },
  };
  return [encode(body as Encodable)];
}

function target(
  name: string,
  seeds: readonly Uint8Array[],
  run: (input: Uint8Array) => string,
): FuzzTarget {
  return { name, seeds, run };
}

function check(holds: boolean, what: string): void {
  if (!holds) throw new Error(`Broken bound: ${what}`);
}
