import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { concatBytes, fromHex, toHex } from "../../src/util/bytes.ts";
import { ProtocolError } from "../../src/util/errors.ts";
import {
  decodeUdpReply,
  encodeAnnounce,
  encodeConnect,
  encodeScrape,
  MAX_UDP_SCRAPE,
  replyTransactionId,
} from "../../src/tracker/tracker_udp.ts";
import {
  decodeUdpRequest,
  encodeAnnounceReply,
  encodeConnectReply,
  encodeErrorReply,
  encodeScrapeReply,
} from "../harness/udp_tracker_codec.ts";
import type { AnnounceRequest } from "../../src/tracker/tracker_message.ts";
import { randomBytes } from "../harness/random_bytes.ts";

const ID = fromHex("0102030405060708");
const REQUEST: AnnounceRequest = {
  infoHash: new Uint8Array(20).fill(0xaa),
  peerId: new Uint8Array(20).fill(0xbb),
  port: 6881,
  uploaded: 1,
  downloaded: 2 ** 40 + 5,
  left: 2 ** 33,
  event: "started",
  numWant: 50,
  key: 0xdeadbeef,
  trackerId: null,
};

describe("UDP requests (BEP 15)", () => {
  it("encodeConnect is the magic number, action 0 and the transaction id", () => {
    assert.equal(toHex(encodeConnect(0x01020304)), "00000417271019800000000001020304");
  });

  it("encodeAnnounce has every field at its offset and is 98 bytes without a path", () => {
    assert.equal(
      toHex(encodeAnnounce(ID, 7, REQUEST, "")),
      "0102030405060708" + "00000001" + "00000007" + "aa".repeat(20) + "bb".repeat(20) +
        "0000010000000005" + "0000000200000000" + "0000000000000001" + "00000002" + "00000000" +
        "deadbeef" + "00000032" + "1ae1",
    );
  });

  it("encodeAnnounce numbers the events as BEP 15 does", () => {
    const events = [null, "completed", "started", "stopped"] as const;
    const codes = events.map((event) => encodeAnnounce(ID, 7, { ...REQUEST, event }, "")[83]);
    assert.deepEqual(codes, [0, 1, 2, 3]);
  });

  it("encodeAnnounce appends the path as URLData, in chunks of 255 bytes (BEP 41)", () => {
    const packet = encodeAnnounce(ID, 7, REQUEST, "/dir?a=b&c=d");
    assert.equal(toHex(packet.subarray(98)), "020c2f6469723f613d6226633d64");
    const long = encodeAnnounce(ID, 7, REQUEST, "/".repeat(600));
    assert.deepEqual([long[98], long[99], long[98 + 257 + 1]], [2, 255, 255]);
    assert.equal(long.length, 98 + 600 + 3 * 2);
  });

  it("decodeUdpRequest reads back announces, the options included", () => {
    const path = "/announce?" + "x".repeat(500);
    const packet = encodeAnnounce(ID, 7, REQUEST, path);
    const { trackerId: _, ...announce } = REQUEST;
    assert.deepEqual(decodeUdpRequest(packet), {
      kind: "announce",
      transactionId: 7,
      connectionId: ID,
      announce,
      urlData: path,
    });
    const any = encodeAnnounce(ID, 7, { ...REQUEST, numWant: -1 }, "");
    const decoded = decodeUdpRequest(any);
    assert.equal(decoded.kind === "announce" && decoded.announce.numWant, -1);
  });

  it("decodeUdpRequest skips no-ops and unknown options and stops at the end mark", () => {
    const bare = encodeAnnounce(ID, 7, REQUEST, "");
    const packet = concatBytes(bare, fromHex("01" + "0903ffffff" + "02022f61" + "0200" + "00ff"));
    const decoded = decodeUdpRequest(packet);
    assert.equal(decoded.kind === "announce" && decoded.urlData, "/a");
    for (const options of ["02", "0205aabb", "09", "09ff00"]) {
      assert.throws(() => decodeUdpRequest(concatBytes(bare, fromHex(options))), ProtocolError);
    }
  });

  it("encodeScrape asks for up to 74 torrents and no more", () => {
    const hashes = Array.from({ length: MAX_UDP_SCRAPE }, (_, i) => new Uint8Array(20).fill(i));
    const packet = encodeScrape(ID, 9, hashes);
    assert.equal(packet.length, 1496);
    assert.deepEqual(decodeUdpRequest(packet), {
      kind: "scrape",
      transactionId: 9,
      connectionId: ID,
      infoHashes: hashes,
    });
    assert.throws(() => encodeScrape(ID, 9, [...hashes, hashes[0]!]), ProtocolError);
  });

  it("decodeUdpRequest refuses connects without the magic number", () => {
    const packet = encodeConnect(5);
    assert.deepEqual(decodeUdpRequest(packet), { kind: "connect", transactionId: 5 });
    packet[3] = 0;
    assert.throws(() => decodeUdpRequest(packet), ProtocolError);
  });
});

describe("UDP replies (BEP 15)", () => {
  it("decodeUdpReply reads what the encoders write", () => {
    const connect = decodeUdpReply(encodeConnectReply(0xfffffffe, ID), 4);
    assert.deepEqual(connect, { kind: "connect", transactionId: 0xfffffffe, connectionId: ID });
    const error = decodeUdpReply(encodeErrorReply(1, "no such\u001b[31m torrent\n"), 4);
    assert.deepEqual(error, { kind: "error", transactionId: 1, message: "no such [31m torrent" });
    const entry = { seeders: 1, leechers: 2, downloaded: 3, downloaders: null };
    assert.deepEqual(decodeUdpReply(encodeScrapeReply(2, [entry, entry]), 4), {
      kind: "scrape",
      transactionId: 2,
      entries: [entry, entry],
    });
  });

  it("decodeUdpReply takes the length of a peer from the socket's family", () => {
    const peers = [{ address: "1.2.3.4", port: 5 }, { address: "6.7.8.9", port: 10 }];
    const reply = { interval: 1800, leechers: 3, seeders: 4 };
    const v4 = encodeAnnounceReply(1, { ...reply, peers });
    assert.deepEqual(decodeUdpReply(v4, 4), {
      kind: "announce",
      transactionId: 1,
      ...reply,
      peers,
    });
    const peers6 = [{ address: "2001:db8::1", port: 5 }];
    const v6 = decodeUdpReply(encodeAnnounceReply(1, { ...reply, peers: peers6 }), 6);
    assert.deepEqual(v6.kind === "announce" && v6.peers, peers6);
    const wrong = decodeUdpReply(v4, 6);
    assert.deepEqual(wrong.kind === "announce" && wrong.peers, []);
  });

  it("decodeUdpReply accepts longer packets and refuses shorter ones", () => {
    const extra = fromHex("ffff");
    const smallest = {
      connect: encodeConnectReply(1, ID),
      announce: fromHex("00000001".repeat(5)),
    };
    for (const packet of Object.values(smallest)) {
      decodeUdpReply(concatBytes(packet, extra), 4);
      for (let length = 0; length < packet.length; length++) {
        assert.throws(() => decodeUdpReply(packet.subarray(0, length), 4), ProtocolError);
      }
    }
    assert.deepEqual(decodeUdpReply(fromHex("0000000300000001"), 4), {
      kind: "error",
      transactionId: 1,
      message: "",
    });
    assert.throws(() => decodeUdpReply(fromHex("0000000400000001"), 4), ProtocolError);
  });

  it("replyTransactionId is null for stumps", () => {
    assert.equal(replyTransactionId(fromHex("00000000fffffffe")), 0xfffffffe);
    assert.equal(replyTransactionId(fromHex("00000000ffffff")), null);
  });

  it("decoders only throw ProtocolError on random bytes", () => {
    let decoded = 0, refused = 0;
    for (let seed = 0; seed < 4000; seed++) {
      const bytes = randomBytes(seed, seed % 130);
      // Half of them get an action that exists, so that more than the first check runs.
      if (seed % 2 === 0 && bytes.length >= 12) {
        bytes.set([0, 0, 0, seed % 5], seed % 4 < 2 ? 0 : 8);
      }
      for (const decode of [(b: Uint8Array) => decodeUdpReply(b, 6), decodeUdpRequest]) {
        try {
          decode(bytes);
          decoded++;
        } catch (error) {
          assert.ok(error instanceof ProtocolError, String(error));
          refused++;
        }
      }
    }
    assert.ok(decoded > 100 && refused > 100, `${decoded} decoded, ${refused} refused`);
  });
});
