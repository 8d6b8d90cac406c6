/** The decoders of bencoded bytes: torrents, records, messages of peers and answers of trackers. */
import { wishInRecord } from "../../../src/client/old_records.ts";
import { asNew, decodeWish, encodeWish } from "../../../src/client/wish.ts";
import { decodeDhtState, encodeDhtState } from "../../../src/discovery/dht_state.ts";
import { decodeQuota, encodeQuota } from "../../../src/client/quota.ts";
import { decode } from "../../../src/bencode/bencode.ts";
import { type Encodable, encode } from "../../../src/bencode/bencode_encode.ts";
import { decodeExtensionHandshake } from "../../../src/wire/extension.ts";
import { parseTorrent } from "../../../src/metainfo/metainfo.ts";
import { decodeResume, resumeBody } from "../../../src/state/resume_codec.ts";
import { parseAnnounceResponse, parseScrapeResponse } from "../../../src/tracker/tracker_http.ts";
import {
  decodeMetadataMessage,
  encodeMetadataData,
  encodeMetadataRequest,
} from "../../../src/wire/ut_metadata.ts";
import { decodePex, encodePex } from "../../../src/wire/ut_pex.ts";
import { check, type FuzzTarget, sha1, target } from "../target.ts";

const HASH = new Uint8Array(20).fill(7);

export function dictionaryTargets(): FuzzTarget[] {
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
  const options = {
    dir: "/d",
    limits: { down: Infinity, up: 5 },
    peers: ["192.0.2.1:1"],
    seedGoal: { kind: "ratio", ratio: 2 },
    files: { priorities: new Map([[0, 7]]), sequential: new Set([1]), others: 0 },
  } as const;
  const link = `magnet:?xt=urn:btih:${"a".repeat(40)}`;
  const wishes = [null, link].map((link) => {
    return encodeWish(
      { ...asNew(5), link, paused: link !== null, options },
      (path) => path,
    );
  });
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
    target("wish", wishes, (bytes) => {
      const { link, options } = decodeWish(bytes);
      return `${link === null} ${Object.keys(options).join()}`;
    }),
    target("old-record", resumeBodies().map(recordOf), (bytes) => {
      return Object.keys(wishInRecord(resumeBody(bytes, sha1))?.options ?? {}).join();
    }),
    target("quota", [encodeQuota({ period: "2026-11", down: 1, up: 2 })], (bytes) => {
      return `${decodeQuota(bytes) !== null}`;
    }),
  ];
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
