import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { concatBytes, fromHex } from "../../src/util/bytes.ts";
import { ProtocolError, TrackerError } from "../../src/util/errors.ts";
import {
  announceUrl,
  MAX_TRACKER_BODY,
  parseAnnounceResponse,
  parseScrapeResponse,
  percentEncode,
  scrapeRequestUrl,
} from "../../src/tracker/tracker_http.ts";
import { type AnnounceRequest, displayText } from "../../src/tracker/tracker_message.ts";
import { parseTrackerUrl, scrapeUrl } from "../../src/tracker/tracker_url.ts";
import { randomBytes } from "../harness/random_bytes.ts";

const REQUEST: AnnounceRequest = {
  infoHash: fromHex("123456789abcdef123456789abcdef123456789a"),
  peerId: new TextEncoder().encode("-SH0100-abcdefghijkl"),
  port: 6881,
  uploaded: 2 ** 40,
  downloaded: 0,
  left: 5,
  event: null,
  numWant: 50,
  key: 0xbeef,
  trackerId: null,
};

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A bencoded string. */
function b(text: string): string {
  return `${bytes(text).length}:${text}`;
}

function failure(text: string): TrackerError {
  try {
    parseAnnounceResponse(bytes(text));
  } catch (error) {
    assert.ok(error instanceof TrackerError, String(error));
    return error;
  }
  assert.fail("no failure");
}

describe("announceUrl", () => {
  it("encodes the hash byte by byte and carries every argument", () => {
    const url = announceUrl(parseTrackerUrl("http://t.example/announce"), REQUEST);
    assert.equal(
      url,
      "http://t.example/announce?info_hash=%124Vx%9A%BC%DE%F1%23Eg%89%AB%CD%EF%124Vx%9A" +
        "&peer_id=-SH0100-abcdefghijkl&port=6881&uploaded=1099511627776&downloaded=0&left=5" +
        "&key=0000BEEF&numwant=50&compact=1&no_peer_id=1",
    );
  });

  it("keeps the existing query and adds event and tracker id if they are set", () => {
    const request: AnnounceRequest = {
      ...REQUEST,
      event: "started",
      trackerId: fromHex("00ff26"),
    };
    const url = announceUrl(parseTrackerUrl("https://t.example/announce?passkey=%aB#x"), request);
    assert.match(url, /^https:\/\/t\.example\/announce\?passkey=%aB&info_hash=%124/);
    assert.match(url, /&event=started&trackerid=%00%FF%26$/);
  });

  it("percentEncode keeps exactly the unreserved characters", () => {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    const left = percentEncode(all).replace(/%[0-9A-F]{2}/g, "");
    assert.equal(left, "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~");
  });

  it("scrapeRequestUrl repeats info_hash (BEP 48)", () => {
    const url = scrapeUrl(parseTrackerUrl("http://t.example/announce?a=b"))!;
    const hash = new Uint8Array(20).fill(0x61);
    assert.equal(
      scrapeRequestUrl(url, [hash, hash]),
      `http://t.example/scrape?a=b&info_hash=${"a".repeat(20)}&info_hash=${"a".repeat(20)}`,
    );
  });
});

describe("parseAnnounceResponse", () => {
  it("reads numbers, warning, tracker id and external address", () => {
    const body = concatBytes(
      bytes("d8:completei3e10:downloadedi9e11:external ip4:"),
      new Uint8Array([9, 8, 7, 6]),
      bytes("10:incompletei4e8:intervali900e12:min intervali60e5:peers0:10:tracker id2:id"),
      bytes(`15:warning message${b("go\naway\u0007")}e`),
    );
    assert.deepEqual(parseAnnounceResponse(body), {
      interval: 900,
      minInterval: 60,
      peers: [],
      namedPeers: [],
      seeders: 3,
      leechers: 4,
      downloaded: 9,
      warning: "go away",
      trackerId: bytes("id"),
      externalAddress: "9.8.7.6",
    });
  });

  it("reads compact peers of both families together", () => {
    const body = concatBytes(
      bytes("d8:intervali900e5:peers6:"),
      fromHex("010203041ae1"),
      bytes("6:peers618:"),
      fromHex("20010db80000000000000000000000011ae1"),
      bytes("e"),
    );
    assert.deepEqual(parseAnnounceResponse(body).peers, [
      { address: "1.2.3.4", port: 6881 },
      { address: "2001:db8::1", port: 6881 },
    ]);
  });

  it("reads dictionary peers, names apart from addresses, and skips bad entries", () => {
    const peers = [
      "d2:ip7:1.2.3.44:porti5ee",
      "d2:ip9:peer.test7:peer id20:aaaaaaaaaaaaaaaaaaaa4:porti6ee",
      "d2:ip3:::14:porti7ee",
      "d2:ip7:1.2.3.44:porti99999ee",
      "d2:ip7:1.2.3.4e",
      "d2:ip5:a b/c4:porti5ee",
      "d2:ipi5e4:porti5ee",
      "i5e",
    ];
    const answer = parseAnnounceResponse(bytes(`d5:peersl${peers.join("")}ee`));
    assert.deepEqual(answer.peers, [{ address: "1.2.3.4", port: 5 }, { address: "::1", port: 7 }]);
    assert.deepEqual(answer.namedPeers, [
      { host: "peer.test", port: 6, peerId: bytes("a".repeat(20)) },
    ]);
  });

  it("accepts unsorted keys and a trailing line end, which real trackers send", () => {
    assert.equal(parseAnnounceResponse(bytes("d5:peers0:8:intervali7ee\r\n")).interval, 7);
  });

  it("takes negative numbers and wrong types as not said", () => {
    const answer = parseAnnounceResponse(
      bytes("d8:completei-1e11:external ip3:abc8:interval2:105:peers0:e"),
    );
    assert.deepEqual([answer.interval, answer.seeders, answer.externalAddress], [null, null, null]);
  });

  it("throws the failure reason as a TrackerError, made safe to show", () => {
    const error = failure(`d14:failure reason${b("not \u001b]0;x\u0007here!")}e`);
    assert.equal(error.code, "failure");
    assert.equal(error.message, "not ]0;x here!");
    assert.equal(error.retryInMs, undefined);
    assert.equal(
      failure("d14:failure reasoni5ee").message,
      "The tracker refused without a reason",
    );
  });

  it("reads retry in as minutes, as text and as never (BEP 31)", () => {
    assert.equal(failure("d14:failure reason1:x8:retry ini5ee").retryInMs, 300_000);
    assert.equal(failure("d14:failure reason1:x8:retry in2:15e").retryInMs, 900_000);
    assert.equal(
      failure("d14:failure reason13:Not a tracker8:retry in5:nevere").retryInMs,
      Infinity,
    );
    for (const value of ["i-5e", "i0e", "3:abc", "le"]) {
      assert.equal(failure(`d14:failure reason1:x8:retry in${value}e`).retryInMs, undefined);
    }
  });

  it("refuses answers that are none", () => {
    const wrong = ["", "de", "le", "i5e", "<html>", "d5:peersi5ee", "d", "d5:peers7:123456"];
    for (const text of wrong) {
      assert.throws(() => parseAnnounceResponse(bytes(text)), ProtocolError, text);
    }
    assert.throws(() => parseAnnounceResponse(new Uint8Array(MAX_TRACKER_BODY + 1)), ProtocolError);
  });

  it("keeps at most 1000 peers of each kind", () => {
    const compact = concatBytes(bytes("d5:peers12000:"), randomBytes(1, 12000), bytes("e"));
    assert.equal(parseAnnounceResponse(compact).peers.length, 1000);
    const named = bytes(`d5:peersl${"d2:ip1:a4:porti5ee".repeat(1500)}ee`);
    assert.equal(parseAnnounceResponse(named).namedPeers.length, 1000);
  });

  it("throws only ProtocolError and TrackerError on truncated and random bytes", () => {
    const whole = bytes(
      "d14:failure reason1:x8:intervali900e5:peersld2:ip1:a4:porti5eee8:retry ini5ee",
    );
    let refused = 0;
    const bodies: Uint8Array[] = Array.from({ length: whole.length }, (_, i) => whole.slice(0, i));
    for (let seed = 0; seed < 3000; seed++) {
      const broken = whole.slice();
      broken.set(randomBytes(seed, 2), seed % (whole.length - 2));
      bodies.push(broken, randomBytes(seed, seed % 50));
    }
    for (const body of bodies) {
      for (const parse of [parseAnnounceResponse, parseScrapeResponse]) {
        try {
          parse(body);
        } catch (error) {
          assert.ok(error instanceof ProtocolError || error instanceof TrackerError, String(error));
          refused++;
        }
      }
    }
    assert.ok(refused > 1000, String(refused));
  });
});

describe("parseScrapeResponse (BEP 48)", () => {
  it("reads entries by binary hash, with the downloaders of BEP 21", () => {
    const hash = new Uint8Array(20).fill(0xfe);
    const body = concatBytes(
      bytes("d5:filesd20:"),
      hash,
      bytes("d8:completei1e10:downloadedi3e11:downloadersi6e10:incompletei2eeee"),
    );
    assert.deepEqual([...parseScrapeResponse(body)], [
      ["fe".repeat(20), { seeders: 1, leechers: 2, downloaded: 3, downloaders: 6 }],
    ]);
  });

  it("skips keys that are no hash and throws without files", () => {
    assert.equal(parseScrapeResponse(bytes("d5:filesd3:abcdeee")).size, 0);
    assert.throws(() => parseScrapeResponse(bytes("d5:filesleee")), ProtocolError);
  });
});

describe("displayText", () => {
  it("drops terminal escapes, line ends and marks that turn text round", () => {
    assert.equal(displayText("a\u001b[2J\r\n b\u0085\u202e\u200f c\u0000"), "a [2J b c");
    assert.equal(displayText(fromHex("61ff62")), "a_b");
  });

  it("cuts long text", () => {
    assert.equal(displayText("x".repeat(5000)).length, 300);
    assert.equal(Array.from(displayText("\u{1f600}".repeat(500))).length, 300);
  });
});
