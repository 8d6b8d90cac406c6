/** The tracker and address vectors of ../shared/reference/vectors against our codecs. */
import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { fromHex, toHex } from "../../src/util/bytes.ts";
import { ProtocolError } from "../../src/util/errors.ts";
import {
  addressFamily,
  compactPeer,
  parseCompactPeers,
  parseEndpoint,
  parseHostPort,
} from "../../src/util/compact_address.ts";
import { parseAnnounceResponse, parseScrapeResponse } from "../../src/tracker/tracker_http.ts";
import { parseTrackerUrl, resolveRedirect, sameOrigin } from "../../src/tracker/tracker_url.ts";
import { readVectors as vectors, skip } from "./reference.ts";

describe("addresses of ../shared/reference/vectors", { skip }, () => {
  it("compact_endpoint.json: compact forms both ways", { skip }, () => {
    for (
      const vector of vectors<{ ip: string; port: number; hex: string }>("compact_endpoint.json")
    ) {
      const peer = { address: vector.ip, port: vector.port };
      assert.equal(toHex(compactPeer(peer)), vector.hex);
      const family = addressFamily(vector.ip);
      assert.deepEqual(parseCompactPeers(fromHex(vector.hex), family), [peer]);
    }
  });

  it("parse_endpoint.json: valid and invalid end points", { skip }, () => {
    type Vector = { input: string; ok: boolean; ip?: string; port?: number };
    for (const { input, ok, ip, port } of vectors<Vector>("parse_endpoint.json")) {
      assert.deepEqual(parseEndpoint(input), ok ? { address: ip, port } : null, input);
      assert.deepEqual(parseHostPort(input), ok ? { host: ip, port } : null, input);
    }
  });
});

describe("tracker URLs of ../shared/reference/vectors", { skip }, () => {
  it("tracker_url_valid.json: the same URLs are allowed", { skip }, () => {
    for (
      const { url, valid } of vectors<{ url: string; valid: boolean }>("tracker_url_valid.json")
    ) {
      if (valid) parseTrackerUrl(url);
      else assert.throws(() => parseTrackerUrl(url), { code: "refused-url" }, url);
    }
  });

  it("resolve_redirect.json: the same targets", { skip }, () => {
    type Vector = { referrer: string; location: string; result: string };
    for (const { referrer, location, result } of vectors<Vector>("resolve_redirect.json")) {
      assert.equal(resolveRedirect(referrer, location), result, `${referrer} ${location}`);
    }
  });

  it("same_origin.json: the same pairs", { skip }, () => {
    for (
      const { a, b, same } of vectors<{ a: string; b: string; same: boolean }>("same_origin.json")
    ) {
      assert.equal(sameOrigin(parseTrackerUrl(a), parseTrackerUrl(b)), same, `${a} ${b}`);
    }
  });
});

interface ResponseVector {
  response_hex: string;
  kind?: "scrape";
  ok: boolean;
  interval?: number;
  min_interval?: number;
  peers4?: [string, number][];
  peers6?: [string, number][];
  dict_peers?: [string, number, string][];
  external_ip?: string;
  info_hash?: string;
  complete?: number;
  incomplete?: number;
  downloaded?: number;
  downloaders?: number;
}

/** Refused by the vectors; we read the peers before the odd byte, as libtorrent does. */
const ONE_BYTE_TOO_MANY = toHex(
  new Uint8Array([...new TextEncoder().encode("d5:peers7:"), 1, 2, 3, 4, 0x30, 0x10, 1, 0x65]),
);

describe("tracker_response.json of ../shared/reference/vectors", { skip }, () => {
  it("announce answers say the same", { skip }, () => {
    for (const vector of vectors<ResponseVector>("tracker_response.json")) {
      if (vector.kind === "scrape") continue;
      const body = fromHex(vector.response_hex);
      if (vector.response_hex === ONE_BYTE_TOO_MANY) {
        assert.equal(parseAnnounceResponse(body).peers.length, 1);
        continue;
      }
      if (!vector.ok) {
        assert.throws(() => parseAnnounceResponse(body), ProtocolError);
        continue;
      }
      const answer = parseAnnounceResponse(body);
      const peers = [...vector.peers4 ?? [], ...vector.peers6 ?? []];
      assert.deepEqual(answer.peers, peers.map(([address, port]) => ({ address, port })));
      assert.deepEqual(
        answer.namedPeers.map(({ host, port, peerId }) => [
          host,
          port,
          new TextDecoder().decode(peerId ?? new Uint8Array()),
        ]),
        vector.dict_peers ?? [],
      );
      assert.equal(answer.interval, vector.interval ?? null);
      assert.equal(answer.minInterval, vector.min_interval ?? null);
      assert.equal(answer.externalAddress, vector.external_ip ?? null);
    }
  });

  it("scrape answers say the same", { skip }, () => {
    for (const vector of vectors<ResponseVector>("tracker_response.json")) {
      if (vector.kind !== "scrape") continue;
      const entries = parseScrapeResponse(fromHex(vector.response_hex));
      assert.deepEqual(entries.get(vector.info_hash!), {
        seeders: vector.complete,
        leechers: vector.incomplete,
        downloaded: vector.downloaded,
        downloaders: vector.downloaders,
      });
    }
  });
});
