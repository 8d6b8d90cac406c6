/** Decoders of datagrams, handshakes and of texts that people paste. */
import { encode } from "../../../src/bencode/bencode_encode.ts";
import { decodeHandshake, encodeHandshake } from "../../../src/wire/handshake.ts";
import { decodeKrpc } from "../../../src/dht/krpc.ts";
import { decodeLsd, encodeLsd } from "../../../src/discovery/lsd.ts";
import { formatMagnet, parseMagnet } from "../../../src/metainfo/magnet.ts";
import { decodeUdpReply, encodeConnect } from "../../../src/tracker/tracker_udp.ts";
import {
  decodeUdpRequest,
  encodeConnectReply,
  encodeErrorReply,
} from "../../../tests/harness/udp_tracker_codec.ts";
import { parseTrackerUrl } from "../../../src/tracker/tracker_url.ts";
import { check, type FuzzTarget, target } from "../target.ts";

const HASH = new Uint8Array(20).fill(7);
const text = new TextEncoder(), latin1 = new TextDecoder("latin1");

export function datagramTargets(): FuzzTarget[] {
  const id = "abcdefghij0123456789";
  const queries = [
    { t: "aa", y: "q", q: "ping", a: { id } },
    { t: "aa", y: "q", q: "get_peers", a: { id, info_hash: id, want: ["n4", "n6"] } },
    { t: "aa", y: "q", q: "announce_peer", a: { id, info_hash: id, port: 1, token: "t" } },
    { t: "aa", y: "r", r: { id, nodes: "n".repeat(52), token: "t", values: ["123456"] } },
    { t: "aa", y: "e", e: [201, "error"] },
  ].map((message) => encode(message));
  const handshake = { infoHash: HASH, peerId: HASH, extensions: true, fast: true, dht: true };
  const lsd = encodeLsd({ port: 6881, infoHashes: [HASH], cookie: "c" }, 4);
  return [
    target("krpc", queries, (bytes) => decodeKrpc(bytes).kind),
    target("lsd", [lsd], (bytes) => `${decodeLsd(bytes)?.infoHashes.length ?? "none"}`),
    target("udp-reply", [
      encodeConnectReply(1, new Uint8Array(8)),
      encodeErrorReply(1, "no"),
    ], (bytes) => decodeUdpReply(bytes, 4).kind),
    target("udp-request", [encodeConnect(1)], (bytes) => decodeUdpRequest(bytes).kind),
    target("handshake", [encodeHandshake(handshake)], (bytes) => {
      return `${decodeHandshake(bytes) !== null}`;
    }),
  ];
}

export function textTargets(): FuzzTarget[] {
  const magnet = formatMagnet({
    infoHash: HASH,
    name: "a name",
    trackers: ["udp://t.example:1", "http://t.example/a?b=c"],
    peers: [{ host: "192.0.2.1", port: 6881 }],
    selectOnly: [{ first: 0, last: 3 }],
  });
  return [
    target("magnet", [text.encode(magnet), text.encode("a".repeat(40))], (bytes) => {
      return readAgain(latin1.decode(bytes));
    }),
    target("tracker-url", [text.encode("http://user@t.example:80/a?x=y#z")], (bytes) => {
      return parseTrackerUrl(latin1.decode(bytes)).scheme;
    }),
  ];
}

/** What is read of a link can be written as one that says the same. */
function readAgain(input: string): string {
  const magnet = parseMagnet(input);
  const again = parseMagnet(formatMagnet(magnet));
  check(formatMagnet(again) === formatMagnet(magnet), "a link says the same when written again");
  return Object.values(magnet).filter(Boolean).length.toString();
}
