import { describe, it } from "node:test";
import assert from "node:assert/strict";
import { fromHex, toHex } from "../../src/util/bytes.ts";
import { ProtocolError } from "../../src/util/errors.ts";
import {
  addressBytes,
  addressFamily,
  compactPeer,
  formatEndpoint,
  isLinkLocal,
  isLoopback,
  isPrivateOrLocal,
  isUnspecified,
  isUsablePeer,
  parseCompactPeers,
  parseEndpoint,
  parseHostPort,
} from "../../src/util/compact_address.ts";

describe("compactPeer and parseCompactPeers", () => {
  const list = fromHex("0a0b0c0d1f90" + "100580010539");

  it("write the bytes that they read, IPv4 (BEP 23) and IPv6 (BEP 7)", () => {
    const v4 = { address: "10.11.12.13", port: 8080 };
    const v6 = { address: "1000::ffff", port: 1337 };
    assert.equal(toHex(compactPeer(v4)), "0a0b0c0d1f90");
    assert.equal(toHex(compactPeer(v6)), "1000000000000000000000000000ffff0539");
    assert.deepEqual(parseCompactPeers(compactPeer(v4), 4), [v4]);
    assert.deepEqual(parseCompactPeers(compactPeer(v6), 6), [v6]);
  });

  it("return every entry in order, up to the limit", () => {
    assert.deepEqual(parseCompactPeers(list, 4), [
      { address: "10.11.12.13", port: 8080 },
      { address: "16.5.128.1", port: 1337 },
    ]);
    assert.equal(parseCompactPeers(list, 4, 1).length, 1);
    assert.deepEqual(parseCompactPeers(new Uint8Array(0), 6), []);
  });

  it("refuse lists that end inside an entry", () => {
    for (let length = 1; length < 12; length++) {
      if (length === 6) continue;
      assert.throws(() => parseCompactPeers(list.subarray(0, length), 4), ProtocolError);
    }
    assert.throws(() => parseCompactPeers(list, 6), ProtocolError);
  });

  it("fold an IPv4 address that is dressed up as IPv6", () => {
    const mapped = fromHex("00000000000000000000ffff010203041ae1");
    assert.deepEqual(parseCompactPeers(mapped, 6), [{ address: "1.2.3.4", port: 6881 }]);
  });
});

describe("parseEndpoint and parseHostPort", () => {
  it("read IPv4 and bracketed IPv6 in canonical text", () => {
    assert.deepEqual(parseEndpoint("127.0.0.1:4"), { address: "127.0.0.1", port: 4 });
    assert.deepEqual(parseEndpoint("[0:0::1]:65535"), { address: "::1", port: 65535 });
    assert.deepEqual(parseEndpoint("[::ffff:1.2.3.4]:5"), { address: "1.2.3.4", port: 5 });
  });

  it("read names only as host and port", () => {
    assert.equal(parseEndpoint("Example.com:6881"), null);
    assert.deepEqual(parseHostPort("Example.com:6881"), { host: "example.com", port: 6881 });
  });

  it("refuse invalid end points", () => {
    const wrong = ["", " ", "1.2.3.4", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3:5"];
    wrong.push("::1:5", "[::1]", "[::1]5", "[1.2.3.4]:5", "1.2.3.400:5", "a b:5", "http://a:5");
    wrong.push("01.2.3.4:5", "[::1%eth0]:5", "[g::1]:5", ":5", "1.2.3.4:5 ", "1.2.3.4:0x5");
    for (const text of wrong) assert.equal(parseHostPort(text), null, text);
  });

  it("formatEndpoint is read back", () => {
    for (const text of ["1.2.3.4:5", "[2001:db8::1]:6881"]) {
      assert.equal(formatEndpoint(parseEndpoint(text)!), text);
    }
  });
});

describe("kinds of address", () => {
  it("distinguishes addresses of this machine and its networks from global ones", () => {
    const local = ["127.1.2.3", "::1", "0.0.0.0", "::", "10.0.0.1", "172.16.0.1", "172.31.255.255"];
    local.push("192.168.9.9", "169.254.169.254", "100.64.0.1", "fe80::1", "fc00::1", "fdff::1");
    local.push("::ffff:127.0.0.1");
    for (const address of local) assert.ok(isPrivateOrLocal(address), address);
    const global = ["8.8.8.8", "172.15.0.1", "172.32.0.1", "192.169.0.1", "100.128.0.1", "1.0.0.0"];
    for (const address of [...global, "2001:db8::1", "fb00::1"]) {
      assert.ok(!isPrivateOrLocal(address), address);
    }
  });

  it("distinguishes loopback, unspecified and link-local", () => {
    assert.deepEqual(
      ["127.0.0.1", "0.0.0.0", "169.254.1.1", "::1", "::", "fe80::1"].map((address) => [
        isLoopback(address),
        isUnspecified(address),
        isLinkLocal(address),
      ]),
      [
        [true, false, false],
        [false, true, false],
        [false, false, true],
        [true, false, false],
        [false, true, false],
        [false, false, true],
      ],
    );
  });

  it("isUsablePeer refuses addresses that cannot be dialled", () => {
    assert.ok(isUsablePeer({ address: "127.0.0.1", port: 6881 }));
    assert.ok(isUsablePeer({ address: "2001:db8::1", port: 2 }));
    for (const port of [0, 1, -1, 65536, 1.5, NaN]) {
      assert.ok(!isUsablePeer({ address: "1.2.3.4", port }), String(port));
    }
    for (const address of ["0.0.0.0", "224.0.0.1", "255.255.255.255", "ff02::1", "fe80::1", "x"]) {
      assert.ok(!isUsablePeer({ address, port: 6881 }), address);
    }
  });

  it("addressBytes and addressFamily say 4 or 6, and throw on names", () => {
    assert.equal(toHex(addressBytes("1.2.3.4")), "01020304");
    assert.equal(addressFamily("::2"), 6);
    assert.equal(addressFamily("::ffff:1.2.3.4"), 4);
    assert.throws(() => addressBytes("localhost"), ProtocolError);
  });
});
